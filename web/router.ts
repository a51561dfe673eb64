/** The address is the state: which view, and what it shows. */
import { useEffect, useState } from 'preact/hooks'

export interface Address {
  path: string
  query: URLSearchParams
}

const CHANGED = 'strandline:address'
const read = (): Address => ({ path: location.pathname, query: new URLSearchParams(location.search) })

/** The address, whenever it changes. */
export function useAddress(): Address {
  const [address, set] = useState(read)
  useEffect(() => {
    const changed = () => set(read())
    addEventListener('popstate', changed)
    addEventListener(CHANGED, changed)
    return () => {
      removeEventListener('popstate', changed)
      removeEventListener(CHANGED, changed)
    }
  }, [])
  return address
}

/** Goes to an address of this page. @param replace the one before is not kept: of what changes while one drags or types */
export function navigate(to: string, replace = false): void {
  if (to === location.pathname + location.search) return
  history[replace ? 'replaceState' : 'pushState'](null, '', to)
  dispatchEvent(new Event(CHANGED))
}

/** The present address with other values of its query; '' and null take one away. */
export function withQuery(changes: Record<string, string | number | null | undefined>): string {
  const query = new URLSearchParams(location.search)
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === '') query.delete(name)
    else query.set(name, String(value))
  }
  return address(location.pathname, query)
}

/** `/path?query`, of parameters that are there. */
export function address(
  path: string,
  query: URLSearchParams | Record<string, string | number | null | undefined>,
): string {
  const found = new URLSearchParams(query instanceof URLSearchParams ? query : undefined)
  if (!(query instanceof URLSearchParams))
    for (const [name, value] of Object.entries(query))
      if (value !== null && value !== undefined && value !== '') found.set(name, String(value))
  const text = found.toString()
  return text ? `${path}?${text}` : path
}

/** Follows links of this page without loading it again. */
export function followLinks(event: MouseEvent): void {
  const link = (event.target as Element).closest?.('a')
  if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return
  const to = new URL(link.href)
  if (to.origin !== location.origin || link.target || link.hasAttribute('download') || to.pathname === '/docs') return
  if (to.hash !== '' && to.pathname + to.search === location.pathname + location.search) return // a place in this view
  event.preventDefault()
  const isOther = to.pathname !== location.pathname
  navigate(to.pathname + to.search)
  if (isOther) beginView()
}

/** Another view begins at its top, for those who read it and for those who hear it. */
function beginView(): void {
  scrollTo(0, 0)
  document.getElementById('view')?.focus({ preventScroll: true })
}

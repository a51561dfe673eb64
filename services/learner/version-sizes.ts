/** How large all sums are: every row counted once, page by page. */
import type { SumsPage, TradesPage, VersionSizeStore } from './version-size-store.ts'

export interface VersionSize {
  /** Trades that it took: rows of its ledger. */
  events: number
  coefficients: number
  /** Its share of ledger and sums on disk, about. */
  bytes: number
}

/** Rows of one request: far from a hosted project's statement timeout of 8 s. */
const PAGE = 500_000

/** By whose they are; what has nothing is missing. `counted` hears how many rows were counted so far. */
export async function readVersionSizes(
  store: VersionSizeStore,
  counted: (rows: number) => void = () => {},
  pageSize = PAGE,
): Promise<Map<number, VersionSize>> {
  const bytes = await store.bytes()
  const sizes = new Map<number, VersionSize & { rows: number }>()
  const sizeOf = (id: number) => {
    const known = sizes.get(id) ?? { events: 0, coefficients: 0, bytes: 0, rows: 0 }
    sizes.set(id, known)
    return known
  }
  let rows = 0
  for (let after: string | null = ''; after !== null; counted(rows)) {
    const page: TradesPage = await store.trades(after, pageSize)
    for (const [id, n] of page.trades) {
      sizeOf(id).events += n
      rows += n
    }
    after = page.next
  }
  for (let after: string | null = ''; after !== null; counted(rows)) {
    const page: SumsPage = await store.sums(after, pageSize)
    for (const [id, coefficients, n] of page.sums) {
      const size = sizeOf(id)
      size.coefficients += coefficients
      size.rows += n
      rows += n
    }
    after = page.next
  }
  const all = [...sizes.values()]
  const total = { events: sum(all, 'events'), rows: sum(all, 'rows') }
  for (const size of all)
    size.bytes = Math.round(share(size.events, total.events) * bytes.trades + share(size.rows, total.rows) * bytes.sums)
  return new Map([...sizes].map(([id, { rows: _, ...size }]) => [id, size]))
}

const sum = <K extends string>(all: Record<K, number>[], name: K) => all.reduce((total, s) => total + s[name], 0)
const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole)

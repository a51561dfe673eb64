/** Which coefficients are shown. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { navigate, withQuery } from '../../router.ts'
import type { Extent } from './answers.ts'
import { ModelOptions } from './model-options.ts'

const SETTLED_MS = 200
const SCOPES = [
  ['lever', 'Levers'],
  ['interaction', 'Interactions'],
  ['all', 'Both'],
] as const

interface FiltersProps {
  query: URLSearchParams
  extent: Extent | undefined
  scope: string
}

export function Filters({ query, extent, scope }: FiltersProps): VNode {
  const set = (name: string) => (event: Event) =>
    navigate(withQuery({ [name]: (event.target as HTMLInputElement).value }))
  const name = query.get('name')
  const names = [
    ...(scope === 'interaction' ? [] : (extent?.levers ?? [])),
    ...(scope === 'lever' ? [] : (extent?.interactions ?? [])),
  ]
  return html`<form class="fields" role="search" aria-label="Coefficients" onSubmit=${(e: Event) => e.preventDefault()}>
    <fieldset class="switch"><legend class="unseen">Levers or interactions</legend>
      ${SCOPES.map(
        ([value, title]) =>
          html`<label class="row"><input type="radio" name="scope" value=${value} checked=${scope === value} onChange=${() => navigate(withQuery({ scope: value === 'lever' ? null : value, name: null }))} /> ${title}</label>`,
      )}
    </fieldset>
    <label>Name
      <select value=${name ?? ''} onChange=${set('name')}>
        <option value="">all</option>
        ${name && !names.includes(name) && html`<option value=${name}>${name}</option>`}
        ${names.map((n) => html`<option key=${n} value=${n}>${n}</option>`)}
      </select>
    </label>
    <${Typed} title="Search" name="search" query=${query} type="search" />
    <${Typed} title="Trades at least" name="min_n" query=${query} type="number" />
    <label>Model
      <select value=${query.get('model') ?? ''} onChange=${set('model')}>
        <option value="">the active one</option>
        <${ModelOptions} models=${extent?.models} chosen=${query.get('model')} />
      </select>
    </label>
  </form>` as VNode
}

/** A field whose text is in the address a moment after it was typed. */
function Typed({
  title,
  name,
  query,
  type,
}: {
  title: string
  name: string
  query: URLSearchParams
  type: string
}): VNode {
  const given = query.get(name) ?? ''
  const [text, setText] = useState(given)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => setText(given), [given])
  useEffect(() => () => clearTimeout(timer.current), [])
  const typed = (event: Event) => {
    const { value } = event.target as HTMLInputElement
    setText(value)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => navigate(withQuery({ [name]: value }), true), SETTLED_MS)
  }
  return html`<label>${title} <input type=${type} min=${type === 'number' ? 0 : undefined} class=${type} value=${text} onInput=${typed} /></label>` as VNode
}

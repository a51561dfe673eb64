/** With which other moment, or other model, what is shown is compared. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { moment as momentIn } from '../../numbers.ts'
import { navigate, withQuery } from '../../router.ts'
import type { Extent } from './answers.ts'
import { ModelOptions } from './model-options.ts'

const DAY_MS = 86_400_000
const second = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`

export function Comparison({ query, extent }: { query: URLSearchParams; extent: Extent | undefined }): VNode {
  const moment = query.get('against_as_of')
  const compared = momentIn(moment)
  const model = query.get('against_model')
  const go = (changes: Record<string, string | null>) => {
    const gone = Object.values(changes).every((v) => v === null)
    navigate(withQuery({ ...changes, ...(gone && query.get('sort') === 'moved' ? { sort: null, order: null } : {}) }))
  }
  const shown = Date.parse(query.get('as_of') ?? extent?.exits?.last ?? '')
  const before = (days: number) => go({ against_as_of: second(shown - days * DAY_MS) })
  const typed = (event: Event) => {
    const ms = Date.parse(`${(event.target as HTMLInputElement).value}Z`)
    if (!Number.isNaN(ms)) go({ against_as_of: second(ms) })
  }
  return html`<details class="compare" open=${Boolean(moment || model)}><summary>Compare with another moment or model</summary><div class="fields">
    <span class="steps" role="group" aria-label="Compare with">
      <span>Compare with</span>
      <button type="button" disabled=${Number.isNaN(shown)} onClick=${() => before(1)}>a day before</button>
      <button type="button" disabled=${Number.isNaN(shown)} onClick=${() => before(7)}>a week before</button>
      <button type="button" disabled=${!query.has('as_of')} onClick=${() => go({ against_as_of: 'now' })}>now</button>
    </span>
    <label>a moment (UTC) <input type="datetime-local" step="1" value=${compared === null ? '' : second(compared).slice(0, 19)} onChange=${typed} /></label>
    <label>another model
      <select value=${model ?? ''} onChange=${(e: Event) => go({ against_model: (e.target as HTMLSelectElement).value || null })}>
        <option value="">the same</option>
        <${ModelOptions} models=${extent?.models} chosen=${model} />
      </select>
    </label>
    ${(moment || model) && html`<button type="button" onClick=${() => go({ against_as_of: null, against_model: null })}>Compare with nothing</button>`}
  </div></details>` as VNode
}

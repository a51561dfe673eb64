/** By what letters are shown: the reasons with how many there are of each, and fields for the rest. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { LetterList } from '../../../services/learner/dead-letter-list.ts'
import { count } from '../../numbers.ts'
import { navigate, withQuery } from '../../router.ts'
import { usePolled } from '../../ui/use-polled.ts'
import { type LetterFilter, listPath } from './filter.ts'

export function Filters({ filter }: { filter: LetterFilter }): VNode {
  const { value } = usePolled<LetterList>(listPath({ ...filter, reason: null }, 0))
  const reasons = Object.entries(value?.by_reason ?? {})
  const total = reasons.reduce((sum, [, n]) => sum + n, 0)
  const shown = filter.reason && !reasons.some(([reason]) => reason === filter.reason)
  const all: [string | null, number][] = [
    [null, total],
    ...reasons,
    ...(shown ? [[filter.reason, 0] as [string, number]] : []),
  ]
  const field = (name: string) => ({
    value: filter[name as 'since'] ?? '',
    onChange: (event: Event) => navigate(withQuery({ [name]: (event.target as HTMLInputElement).value, limit: null })),
  })
  return html`<div>
    <p class="chips" role="group" aria-label="Refused for">
      ${all.map(
        ([reason, n]) =>
          html`<a key=${reason ?? ''} class="chip" href=${withQuery({ reason, limit: null, letter: null })} aria-current=${reason === filter.reason ? 'true' : undefined}><span class="any">${reason ?? 'all reasons'}</span> <b>${count(n)}</b></a>`,
      )}
    </p>
    <div class="fields">
      <label>Refused from (UTC) <input type="datetime-local" ...${field('since')} /></label>
      <label>Refused before (UTC) <input type="datetime-local" ...${field('until')} /></label>
      <label>Partition <input type="number" min="0" step="1" class="short" ...${field('partition')} /></label>
      <label class="row"><input type="checkbox" checked=${filter.all} onChange=${(event: Event) => navigate(withQuery({ all: (event.target as HTMLInputElement).checked ? 'true' : null, limit: null }))} /> Also those that are settled</label>
    </div>
  </div>` as VNode
}

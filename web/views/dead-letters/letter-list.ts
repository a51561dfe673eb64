/** The letters that the address asks for, and what can be done to those that are selected. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { LetterList as Letters } from '../../../services/learner/dead-letter-list.ts'
import { count, counted } from '../../numbers.ts'
import { navigate, withQuery } from '../../router.ts'
import { Answer, Empty } from '../../ui/notice.ts'
import { ReadOnly } from '../../ui/read-only.ts'
import { usePolled } from '../../ui/use-polled.ts'
import { filterIn, listPath, type Selection } from './filter.ts'
import { Filters } from './filters.ts'
import { LetterActions } from './letter-actions.ts'
import { LetterTable } from './letter-table.ts'
import { placeText } from './place.ts'

const PAGE = 200
/** The server gives no more at once. */
const MOST = 1_000

type Listed = Letters & { total: number }

export function LetterList({ query, operate }: { query: URLSearchParams; operate: boolean }): VNode {
  const filter = filterIn(query)
  const limit = Math.min(MOST, Number(query.get('limit')) || PAGE)
  const answered = usePolled<Listed>(listPath(filter, limit))
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const [everything, setEverything] = useState<string | null>(null)
  const question = listPath(filter, 0)
  const isEverything = everything === question
  const select = (place: string, on: boolean) => {
    const next = new Set(selected)
    if (on) next.add(place)
    else next.delete(place)
    setSelected(next)
    setEverything(null)
  }
  const clear = () => {
    setSelected(new Set())
    setEverything(null)
  }
  const table = ({ dead_letters, total }: Listed) => {
    if (total === 0)
      return html`<${Empty}><strong>${filter.all ? 'No dead letter is there.' : 'No dead letter is open.'}</strong><p>${emptyAdvice(filter)}</p><//>`
    const shown = new Set(dead_letters.map(placeText))
    const chosen = isEverything ? shown : new Set([...selected].filter((place) => shown.has(place)))
    const selection: Selection = isEverything ? { filter } : { places: [...chosen] }
    return html`
      <p role="status">${counted(total, 'letter')}${total > dead_letters.length ? `, of which the first ${count(dead_letters.length)} are shown` : ''}${filter.all ? '' : total === 1 ? ' is open' : ' are open'}.</p>
      ${
        operate
          ? html`<${LetterActions} selection=${selection} n=${isEverything ? total : chosen.size} total=${total} letters=${dead_letters} onAll=${() => setEverything(question)} onClear=${clear} onDone=${answered.again} />`
          : html`<${ReadOnly} what="redrive, discard or reopen letters" />`
      }
      <${LetterTable} letters=${dead_letters} selected=${operate ? chosen : null} onSelect=${select} />
      ${
        total > dead_letters.length &&
        (limit < MOST
          ? html`<p><button type="button" onClick=${() => navigate(withQuery({ limit: Math.min(MOST, limit + PAGE) }), true)}>Show more</button></p>`
          : html`<p class="quiet">No more than ${count(MOST)} are shown at once: choose by reason, time or partition.</p>`)
      }
    `
  }
  return html`
    <h1>Dead letters</h1>
    <p class="quiet">Records of the log that could not be applied. They are in no coefficient, and nothing else waits for them.</p>
    <${Filters} filter=${filter} />
    <div class="card"><${Answer} of=${answered}>${table}<//></div>
  ` as unknown as VNode
}

const emptyAdvice = ({ reason, partition, since, until, all }: ReturnType<typeof filterIn>) =>
  reason || partition || since || until
    ? html`There are none by this filter. <a href="/dead-letters">Show all open ones</a>`
    : all
      ? 'Every record of the log could be applied.'
      : html`Every record of the log is applied, or settled. <a href=${withQuery({ all: 'true' })}>Show those that are settled</a>`

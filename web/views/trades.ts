/** The trades that a model learned from, the newest exit first. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { counted, outcomeText, time } from '../numbers.ts'
import { address as addressOf, navigate, withQuery } from '../router.ts'
import { Failure } from '../ui/notice.ts'
import { usePages } from '../ui/pages.ts'
import { type Column, Table } from '../ui/table.ts'
import type { ViewProps } from '../view.ts'
import { modelText, momentText, type Trades } from './coefficients/answers.ts'

type Trade = Trades['trades'][number]
const ASKED = ['model', 'as_of', 'at_time', 'at_offset', 'since', 'lever', 'voided', 'unscored']
const rowsOf = (answer: Trades) => answer.trades

export function TradesView({ address: { query } }: ViewProps): VNode {
  const asked = new URLSearchParams([...query].filter(([name]) => ASKED.includes(name)))
  const pages = usePages<Trades, Trade>(addressOf('/v1/trades', asked), rowsOf)
  const { first, error, asking } = pages
  const which = query.get('voided') === 'true' ? 'voided' : query.get('unscored') === 'true' ? 'unscored' : ''
  const choose = (event: Event) => {
    const { value } = event.target as HTMLSelectElement
    navigate(withQuery({ voided: null, unscored: null, ...(value ? { [value]: 'true' } : {}) }))
  }
  const set = (name: string) => (event: Event) =>
    navigate(withQuery({ [name]: (event.target as HTMLInputElement).value }))
  return html`
    <h1>Trades</h1>
    <form class="fields" aria-label="Trades" onSubmit=${(e: Event) => e.preventDefault()}>
      <label>Which
        <select value=${which} onChange=${choose}>
          <option value="">those that count</option><option value="voided">voided ones</option><option value="unscored">unscored ones</option>
        </select>
      </label>
      <label>Lever <input type="text" placeholder="curator=0xdetweiler" value=${query.get('lever') ?? ''} onChange=${set('lever')} /></label>
      <label>Exits since (UTC) <input type="date" value=${(query.get('since') ?? '').slice(0, 10)} onChange=${set('since')} /></label>
    </form>
    ${error && html`<${Failure} error=${error} />`}
    <div aria-busy=${asking ? 'true' : 'false'}>
      ${
        first
          ? html`<p role="status"><strong>${counted(first.total, 'trade')}</strong> <small class="quiet any">${modelText(first.model)}, ${momentText(first)}</small></p>
            ${
              first.total === 0
                ? html`<p class="notice">No such trade: choose other ones.</p>`
                : html`<${Table} caption="Trades, the newest exit first" columns=${columnsOf(first)} rows=${pages.rows} total=${pages.total} keyOf=${(t: Trade) => `${t.partition}:${t.offset}`} onMissing=${pages.need} />`
            }`
          : !error && html`<p class="quiet" role="status">Reading the log …</p>`
      }
    </div>
  ` as unknown as VNode
}

function columnsOf({ model }: Trades): Column<Trade>[] {
  const outcome = outcomeText(model.outcome)
  const numeric = true
  return [
    { name: 'exit', title: 'Exit (UTC)', cell: (t) => time(t.closed_at) },
    { name: 'symbol', title: 'Symbol', cell: (t) => html`<span class="any">${t.symbol}</span>` },
    { name: 'outcome', title: outcome.title, numeric, cell: (t) => (t.voided ? 'voided' : outcome.value(t.outcome)) },
    { name: 'revision', title: 'Revision', numeric, cell: (t) => t.revision },
    { name: 'by', title: 'By', cell: (t) => html`<span class="any">${t.revised_by ?? t.source}</span>` },
    { name: 'taken', title: 'Taken in (UTC)', cell: (t) => time(t.taken_at) },
    {
      name: 'place',
      title: 'In the log',
      numeric,
      cell: (t) => html`<span class="mono">${t.partition}:${t.offset}</span>`,
    },
    { name: 'position', title: 'Position', cell: (t) => html`<span class="any mono">${t.position_id}</span>` },
  ]
}

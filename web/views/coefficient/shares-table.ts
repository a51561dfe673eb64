/** The trades behind a coefficient, and how much of it each is. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { counted, type OutcomeText, percent, time } from '../../numbers.ts'
import { address, withQuery } from '../../router.ts'
import { type Column, Table } from '../../ui/table.ts'
import { type Explained, momentQuery } from '../coefficients/answers.ts'

type Trade = Explained['trades'][number]

export function SharesTable({
  found,
  outcome,
  chosen,
}: {
  found: Explained
  outcome: OutcomeText
  chosen: string | undefined
}): VNode {
  const { trades, coefficient } = found
  const numeric = true
  const columns: Column<Trade>[] = [
    {
      name: 'exit',
      title: 'Exit (UTC)',
      cell: (t) =>
        html`<a href=${withQuery({ trade: t.event_id })} aria-current=${t.event_id === chosen ? 'true' : undefined}>${time(t.closed_at)}</a>`,
    },
    { name: 'symbol', title: 'Symbol', cell: (t) => html`<span class="any">${t.symbol}</span>` },
    { name: 'outcome', title: outcome.title, numeric, cell: (t) => outcome.value(t.outcome) },
    { name: 'weight_short', title: 'Part, short', numeric, cell: (t) => percent(t.weight_short, 1) },
    { name: 'share_short', title: 'Share', numeric, cell: (t) => outcome.value(t.share_short) },
    { name: 'weight_long', title: 'Part, long', numeric, cell: (t) => percent(t.weight_long, 1) },
    { name: 'share_long', title: 'Share', numeric, cell: (t) => outcome.value(t.share_long) },
    {
      name: 'revision',
      title: 'Revision',
      numeric,
      cell: (t) => (t.revisions ? html`<span class="tag">${t.revision}</span>` : t.revision),
    },
    { name: 'source', title: 'Source', cell: (t) => html`<span class="any">${t.source}</span>` },
    {
      name: 'place',
      title: 'In the log',
      numeric,
      cell: (t) => html`<span class="mono">${t.partition}:${t.offset}</span>`,
    },
  ]
  const rest = coefficient.n - trades.length
  const { name, key } = found.target
  const others = address('/trades', {
    lever: found.target.scope === 'lever' ? `${name}=${key}` : null,
    ...momentQuery(found),
    model: new URLSearchParams(location.search).get('model'),
  })
  return html`<section class="card" aria-label="Its trades">
    <h2>Its trades</h2>
    <p class="quiet">A share is what the trade gives to the ${outcome.title}: all of them together are the coefficient’s. A part is how much of the number it is, whatever its outcome.</p>
    <${Table} caption="Trades behind the coefficient, the largest shares first" columns=${columns} rows=${trades} keyOf=${(t: Trade) => t.event_id} />
    ${found.target.scope !== 'interaction' && html`<p><a href=${others}>The same trades, the newest exit first</a></p>`}
    ${rest > 0 && html`<p>${counted(rest, 'more trade', 'more trades')} with smaller shares: <a href=${withQuery({ all: 1 })}>show all</a>.</p>`}
  </section>` as VNode
}

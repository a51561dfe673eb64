/** The trades behind one factor, those that say most first. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { OutcomeDefinition } from '../../../domain/learning/outcome.ts'
import type { FactorKey } from '../../../domain/sizing/allocation.ts'
import type { Explanation } from '../../../replay/explain.ts'
import { useAnswer } from '../../api.ts'
import { counted, outcomeText, percent, time } from '../../numbers.ts'
import { address } from '../../router.ts'
import { Answer } from '../../ui/notice.ts'
import { coefficientQuery, type Of } from './factor-name.ts'

const MOST = 8

export function TradesBehind({
  factor,
  of,
  n,
  outcome,
}: {
  factor: FactorKey
  of: Of
  n: number
  outcome: OutcomeDefinition | null
}): VNode {
  const query = coefficientQuery(factor, of)
  const answer = useAnswer<Explanation>(address('/v1/explain', { ...query, limit: MOST }))
  const { title, value } = outcomeText(outcome)
  return html`<${Answer} of=${answer}>${({ trades }: Explanation) => html`
    <table>
      <caption>The ${counted(trades.length, 'trade')} of ${n} that ${trades.length === 1 ? 'says' : 'say'} most, by share of the mean</caption>
      <thead><tr>
        <th scope="col">Exit (UTC)</th><th scope="col">Symbol</th><th scope="col" class="numeric">${title}</th>
        <th scope="col" class="numeric">Weight, τ 14 d</th><th scope="col" class="numeric">Weight, τ 90 d</th>
      </tr></thead>
      <tbody>${trades.map(
        (t) => html`<tr key=${t.event_id}>
        <td>${time(t.closed_at)}</td>
        <td><span class="any">${t.symbol}</span></td>
        <td class="numeric">${value(t.outcome)}</td>
        <td class="numeric">${percent(t.weight_short, 1)}</td>
        <td class="numeric">${percent(t.weight_long, 1)}</td>
      </tr>`,
      )}</tbody>
    </table>
    <p><a href=${address('/coefficient', query)}>All of them, and how it went over time</a></p>`}<//>` as VNode
}

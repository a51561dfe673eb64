/** The trades that the log took in last. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { LoopState } from '../../../page/loop/state.ts'
import { count, outcomeText, time } from '../../numbers.ts'

export function NewestTrades({ state: { trades, reading, learned } }: { state: LoopState }): VNode {
  const outcome = outcomeText(learned?.outcome)
  return html`<div class="card">
    <h2>Closed last</h2>
    ${reading && html`<p role="status">${reading.total > 0 ? `Reading the log: ${count(reading.done)} of ${count(reading.total)} records …` : 'Reading the log …'}</p>`}
    ${trades?.length === 0 && html`<p class="quiet">No trade is in the log yet.</p>`}
    ${
      trades &&
      trades.length > 0 &&
      html`<div class="table"><table>
        <caption class="unseen">The newest trades of the log</caption>
        <thead><tr><th scope="col">Exit (UTC)</th><th scope="col">Symbol</th><th scope="col" class="numeric">${outcome.title}</th><th scope="col" class="numeric">Place</th></tr></thead>
        <tbody>${trades.map(
          (t) => html`<tr key=${`${t.partition}:${t.offset}`} class="arrives">
            <td>${time(t.closed_at)}</td>
            <td><span class="any">${t.symbol}</span>${t.revision > 0 ? html` <span class="tag">rev ${t.revision}</span>` : ''}</td>
            <td class="numeric">${t.voided ? 'voided' : outcome.value(t.outcome)}</td>
            <td class="numeric mono">${t.partition}:${t.offset}</td>
          </tr>`,
        )}</tbody>
      </table></div>
      <p><a href="/sizing">How one like the newest would be sized now, and why</a></p>`
    }
  </div>` as VNode
}

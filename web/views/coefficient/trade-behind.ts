/** One trade: what the log has of it, where, and who revised it. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { OutcomeText } from '../../numbers.ts'
import type { Explained } from '../coefficients/answers.ts'

interface TradeProps {
  trade: Explained['trades'][number]
  outcome: OutcomeText
  close(): void
}

const exactly = (iso: string) => iso.slice(0, 19).replace('T', ' ')

export function TradeBehind({ trade, outcome, close }: TradeProps): VNode {
  const box = useRef<HTMLElement>(null)
  useEffect(() => box.current?.scrollIntoView({ block: 'nearest' }), [trade.event_id])
  const { symbol, position_id, event_id, revisions = [trade] } = trade
  return html`<section class="card" aria-label="The trade" ref=${box}>
    <h2>The trade <span class="any">${symbol}</span></h2>
    <dl class="facts">
      <dt>Position</dt><dd class="any mono">${position_id}</dd>
      <dt>Event</dt><dd class="mono">${event_id}</dd>
      <dt>Gives</dt><dd>${outcome.value(trade.share_short)} of late, ${outcome.value(trade.share_long)} over months</dd>
    </dl>
    <h3>What the log has of it</h3>
    <div class="table"><table>
      <caption class="unseen">Revisions of the trade</caption>
      <thead><tr><th scope="col" class="numeric">Revision</th><th scope="col">By</th><th scope="col">Taken in (UTC)</th><th scope="col" class="numeric">Partition</th><th scope="col" class="numeric">Offset</th><th scope="col">Exit (UTC)</th><th scope="col" class="numeric">${outcome.title}</th></tr></thead>
      <tbody>${revisions.map(
        (r) => html`<tr key=${`${r.partition}:${r.offset}`}>
          <td class="numeric">${r.revision}</td>
          <td><span class="any">${r.revised_by ?? r.source}</span></td>
          <td>${exactly(r.taken_at)}</td>
          <td class="numeric mono">${r.partition}</td>
          <td class="numeric mono">${r.offset}</td>
          <td>${exactly(r.closed_at)}</td>
          <td class="numeric">${r.voided ? 'voided' : outcome.value(r.outcome)}</td>
        </tr>`,
      )}</tbody>
    </table></div>
    <p class="actions"><button type="button" onClick=${close}>Close</button></p>
  </section>` as VNode
}

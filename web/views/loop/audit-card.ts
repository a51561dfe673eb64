/** The audit's numbers, and when they were counted. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { Audited } from '../../../page/loop/state.ts'
import { count, duration, time } from '../../numbers.ts'

export function AuditCard({ audit }: { audit: Audited | null }): VNode {
  if (!audit)
    return html`<p class="quiet">The audit counts every store itself; its first answer is on its way.</p>` as VNode
  const sum = (reasons: Record<string, number>) => Object.values(reasons).reduce((a, b) => a + b, 0)
  const rows: [string, number, string?][] = [
    ['closed', audit.closed],
    ['waiting in the outbox', audit.waiting_outbox],
    ['in the log', audit.in_log],
    ['behind', audit.behind],
    ['refused', sum(audit.refused)],
    ['lost', audit.lost, audit.lost > 0 ? 'bad' : 'good'],
  ]
  const further: [string, number][] = [
    ['double', audit.double],
    ['wrong', audit.wrong],
    ['settled by an operator', sum(audit.discarded)],
    ['not for this model', audit.not_for_model],
  ]
  return html`
    <dl class="six">${rows.map(([name, n, tone]) => html`<div><dt>${name}</dt><dd class=${tone}>${count(n)}</dd></div>`)}</dl>
    <p>${further.map(([name, n]) => html`<span class="tag">${name} ${count(n)}</span> `)}</p>
    <p class="quiet">${audit.reconciles ? 'It reconciles' : 'It does not reconcile'}: each store counted, ${count(audit.recomputed.coefficients)} coefficients computed again from the log. ${time(audit.at)} UTC, in ${duration(audit.seconds * 1_000)}.</p>
  ` as unknown as VNode
}

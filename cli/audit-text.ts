/** An audit for a person: one line for each number, then the verdict. */
import type { AuditReport } from '../services/audit/audit.ts'

export function auditText(a: AuditReport): string {
  const rows: [what: string, n: number, note?: string][] = [
    ['closed', a.closed, a.in_other_topics > 0 ? `and ${a.in_other_topics} whose events are in other topics` : ''],
    [
      'waiting in the outbox',
      a.waiting_outbox,
      a.outbox_refused > 0 ? `of them refused by the log: ${a.outbox_refused}` : '',
    ],
    [
      'in the log',
      a.in_log,
      a.published_by_others > 0 ? `and ${a.published_by_others} published by others than this PM` : '',
    ],
    ['behind', a.behind, a.behind > 0 ? 'in the log, to be applied by the learner or the projector' : ''],
    ['refused', ...byReason(a.refused)],
    ['discarded', ...byReason(a.discarded)],
    [`not for ${a.model ?? 'this model'}`, a.not_for_model],
    ['in the ledger', a.in_ledger],
    ['in ad_strands', a.in_ad_strands],
    ['lost', a.lost, a.lost > 0 ? `the first: ${a.lost_ids.join(', ')}` : ''],
    ['double', a.double],
    ['wrong', a.wrong, recomputedText(a)],
  ]
  const width = Math.max(...rows.map(([what]) => what.length))
  const digits = Math.max(...rows.map(([, n]) => String(n).length))
  return [
    ...rows.map(([what, n, note = '']) => `${what.padEnd(width)}  ${String(n).padStart(digits)}  ${note}`.trimEnd()),
    verdict(a),
  ].join('\n')
}

function byReason(counts: Record<string, number>): [n: number, note: string] {
  const all = Object.entries(counts)
  return [all.reduce((sum, [, n]) => sum + n, 0), all.map(([reason, n]) => `${reason} ${n}`).join(', ')]
}

function recomputedText({ recomputed: { coefficients, largest_difference } }: AuditReport): string {
  return `of ${coefficients} coefficients computed again from the log's bytes (largest relative difference ${largest_difference.toExponential(1)})`
}

function verdict(a: AuditReport): string {
  const amiss = (['lost', 'double', 'wrong'] as const).filter((what) => a[what] > 0).map((what) => `${what} ${a[what]}`)
  if (amiss.length > 0) return `THE AUDIT DOES NOT RECONCILE: ${amiss.join(', ')}.`
  const waiting = [
    ...(a.waiting_outbox > 0 ? [`${a.waiting_outbox} in the outbox`] : []),
    ...(a.behind > 0 ? [`${a.behind} in the log`] : []),
  ]
  return waiting.length > 0
    ? `The audit reconciles so far: nothing is lost, double or wrong, and ${waiting.join(' and ')} still to come (--wait waits for it).`
    : 'The audit reconciles: every closed trade is accounted for, once.'
}

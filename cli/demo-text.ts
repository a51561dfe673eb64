/** What the demo found, for a person. */
import type { AuditReport } from '../audit/audit.ts'
import type { DemoReport } from '../demo/demo.ts'
import { number, table } from './table.ts'

const right = 'right' as const

export function demoText(report: DemoReport, seconds: number): string {
  const { learned, allocation, latency_ms } = report
  return [
    'Learned against planted (weights; 1 is the average trade)',
    '',
    ...table(
      [
        { title: 'lever' },
        { title: 'value' },
        { title: 'planted', align: right },
        { title: 'learned', align: right },
        { title: 'off', align: right },
        { title: 'n', align: right },
      ],
      learned.map((r) => [
        r.name,
        r.key,
        number(r.planted),
        r.learned === null ? '–' : number(r.learned),
        r.learned === null
          ? ''
          : `${r.learned >= r.planted ? '+' : ''}${number((r.learned / r.planted - 1) * 100, 1)} %`,
        String(r.n),
      ]),
    ),
    '',
    `The next allocation for ${Object.values(allocation.context).join(', ')} on 1h: ${number(allocation.before)} before, ${number(allocation.after)} after:`,
    '',
    ...table(
      [
        { title: 'factor' },
        { title: 'key' },
        { title: 'weight', align: right },
        { title: 'counts as', align: right },
        { title: 'n', align: right },
      ],
      allocation.factors.map((f) => [f.name, f.key, number(f.weight), number(f.adjusted_weight), String(f.n)]),
    ),
    '',
    `From the close reported to its coefficient read: p50 ${latency_ms.p50} ms, p99 ${latency_ms.p99} ms (seen by a reader that asks every 5 ms).`,
    '',
    auditText(report.audit),
    '',
    `Done in ${number(seconds, 1)} s.`,
  ].join('\n')
}

export function auditText(a: AuditReport): string {
  const ok = a.lost === 0 && a.double === 0 && a.recomputed.different === 0
  const lines = [
    `Audit: closed ${a.closed} = in the log ${a.in_log} = in the ledger ${a.in_ledger} = in ad_strands ${a.in_ad_strands}; lost ${a.lost}, double ${a.double}.`,
    a.recomputed.different === 0
      ? `All ${a.recomputed.coefficients} coefficients, computed again from the log's bytes, are the same (largest relative difference ${a.recomputed.largest_difference.toExponential(1)}).`
      : `${a.recomputed.different} of ${a.recomputed.coefficients} coefficients differ from what the log's bytes give.`,
  ]
  if (a.lost > 0) lines.push(`Missing somewhere, the first of them: ${a.lost_ids.join(', ')}.`)
  if (a.published_by_others > 0)
    lines.push(`${a.published_by_others} events in the log were published by others than this PM.`)
  if (a.not_applicable > 0)
    lines.push(`${a.not_applicable} records cannot be applied; they are in the dead-letter topic with their reasons.`)
  lines.push(ok ? 'The audit closes.' : 'THE AUDIT DOES NOT CLOSE.')
  return lines.join('\n')
}

export const auditCloses = (a: AuditReport): boolean => a.lost === 0 && a.double === 0 && a.recomputed.different === 0

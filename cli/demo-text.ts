/** What the demo found, for a person. */
import type { DemoReport } from '../demo/demo.ts'
import { auditText } from './audit-text.ts'
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

/** What programs have always got: of the audit, these numbers. */
export function demoJson({ audit, ...report }: DemoReport, seconds: number) {
  const { closed, in_log, in_ledger, in_ad_strands, lost, double } = audit
  const { lost_ids, published_by_others, not_applicable, recomputed } = audit
  const counts = { closed, in_log, in_ledger, in_ad_strands, lost, double }
  return {
    audit: { ...counts, lost_ids, published_by_others, not_applicable, recomputed },
    ...report,
    seconds: Math.round(seconds * 10) / 10,
  }
}

/** What made a number, for a person: each trade with its share, where it lies in the log, and what was published of it. */

import type { Factor } from '../domain/sizing/allocation.ts'
import type { ExplainedTrade, Explanation } from '../replay/explain.ts'
import { type AnsweringVersion, versionLines } from './coefficients-text.ts'
import { number, table } from './table.ts'

const right = 'right' as const
const percent = (part: number) => `${number(part * 100, 1)} %`

export type Answering = Omit<AnsweringVersion, 'moment'>

export const answeringLines = (version: Answering, moment: string | undefined): string[] =>
  versionLines({ ...version, moment })

/** @param hidden trades that are not among those given */
export function explanationText(
  { target, coefficient, trades }: Explanation,
  hidden: number,
  model: Answering,
  moment?: string,
): string {
  const { weight, rr_short, rr_long, n } = coefficient
  const what = target.scope === 'global' ? 'baseline' : `${target.name} ${target.key}`
  const of = target.scope === 'global' ? '' : `weight ${number(weight)}, `
  const lines = [
    ...answeringLines(model, moment),
    `${what}: ${of}R/R ${number(rr_short)} over the last weeks (τ 14 d), ${number(rr_long)} over months (τ 90 d), ${n} trades`,
    '',
    ...tradesTable(trades),
  ]
  if (hidden > 0) lines.push('', `… and ${hidden} more: --limit 0 prints all of them.`)
  lines.push('', 'share: what the trade gives to the R/R; all shares together are the R/R. weight: its part of it.')
  return [...lines, ...revisionLines(trades)].join('\n')
}

export function explainedAllocationText(
  {
    multiplier,
    levers_damped,
    factors,
  }: { multiplier: number; levers_damped: boolean; factors: (Factor & { trades: ExplainedTrade[] })[] },
  model: Answering,
  moment?: string,
): string {
  const lines = [...answeringLines(model, moment), `multiplier ${number(multiplier)}`]
  if (levers_damped)
    lines.push('An interaction differs from 1 by 0.1 or more: a fifth of what each lever says is taken back.')
  for (const { name, key, weight, adjusted_weight, n, trades } of factors) {
    lines.push('')
    if (n === 0) lines.push(`× 1  ${name} ${key}: nothing is learned of it`)
    else {
      lines.push(`× ${number(adjusted_weight)}  ${name} ${key}: weight ${number(weight)}, ${n} trades`)
      lines.push(...tradesTable(trades).map((line) => `  ${line}`))
      if (n > trades.length) lines.push(`  … and ${n - trades.length} more`)
    }
  }
  return lines.join('\n')
}

function tradesTable(trades: ExplainedTrade[]): string[] {
  return table(
    [
      { title: 'exit' },
      { title: 'symbol' },
      { title: 'R/R', align: right },
      { title: 'weight', align: right },
      { title: 'share', align: right },
      { title: 'long w.', align: right },
      { title: 'share', align: right },
      { title: 'rev', align: right },
      { title: 'in the log', align: right },
    ],
    trades.map((t) => [
      t.closed_at.slice(0, 16).replace('T', ' '),
      t.symbol,
      number(t.outcome),
      percent(t.weight_short),
      number(t.share_short),
      percent(t.weight_long),
      number(t.share_long),
      String(t.revision),
      `${t.partition}:${t.offset}`,
    ]),
  )
}

function revisionLines(trades: ExplainedTrade[]): string[] {
  return trades.flatMap(({ event_id, revisions }) =>
    revisions
      ? [
          '',
          `Of ${event_id} the log has:`,
          ...revisions.map(
            (r) =>
              `  revision ${r.revision} by ${r.revised_by ?? r.source}, ${r.taken_at.slice(0, 19).replace('T', ' ')}, at ${r.partition}:${r.offset}: ${r.voided ? 'voided' : `R/R ${number(r.outcome)}`}`,
          ),
        ]
      : [],
  )
}

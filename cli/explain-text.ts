/** What made a number, for a person: each trade with its share, where it lies in the log, and what was published of it. */

import type { Weighed } from '../domain/learning/weigher.ts'
import type { Factor } from '../domain/sizing/allocation.ts'
import type { ExplainedTrade, Explanation } from '../replay/explain.ts'
import { type AnsweringVersion, meansText, versionLines } from './coefficients-text.ts'
import { type OutcomeText, outcomeText, signed } from './outcome-text.ts'
import { number, table } from './table.ts'
import { trustText } from './trust-text.ts'

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
  const { weight, n } = coefficient
  const outcome = outcomeText(model.outcome)
  const what = target.scope === 'global' ? 'baseline' : `${target.name} ${target.key}`
  const of = target.scope === 'global' ? '' : `weight ${number(weight)}, `
  const lines = [
    ...answeringLines(model, moment),
    `${what}: ${of}${meansText(outcome, coefficient)}, ${n} trades`,
    ...(target.scope === 'global' ? [] : believedLines(outcome, coefficient)),
    '',
    ...tradesTable(outcome, trades),
  ]
  if (hidden > 0) lines.push('', `… and ${hidden} more: --limit 0 prints all of them.`)
  const { title } = outcome
  lines.push(
    '',
    `share: what the trade gives to the ${title}; all shares together are the ${title}. weight: its part of it.`,
  )
  return [...lines, ...revisionLines(outcome, trades)].join('\n')
}

/** What the rule shrunk makes of it; nothing by a rule that takes every number at its word. */
const believedLines = (outcome: OutcomeText, { edge, trust, error }: Weighed): string[] =>
  error === null && trust === 1
    ? []
    : [
        `edge ${signed(edge, outcome.value(edge))} ± ${outcome.value(error)}: what its trades say beyond the baseline, of which ${trustText(trust)} is believed`,
      ]

export function explainedAllocationText(
  {
    multiplier,
    levers_damped,
    factors,
  }: { multiplier: number; levers_damped: boolean; factors: (Factor & { trades: ExplainedTrade[] })[] },
  model: Answering,
  moment?: string,
): string {
  const outcome = outcomeText(model.outcome)
  const lines = [...answeringLines(model, moment), `multiplier ${number(multiplier)}`]
  if (levers_damped)
    lines.push('An interaction differs from 1 by 0.1 or more: a fifth of what each lever says is taken back.')
  for (const factor of factors) {
    const { name, key, weight, adjusted_weight, n, trades } = factor
    const what = key === '' ? name : `${name} ${key}`
    lines.push('')
    if (n === 0) lines.push(`× 1  ${what}: nothing is learned of it`)
    else {
      lines.push(`× ${number(adjusted_weight)}  ${what}: weight ${number(weight)}, ${n} trades`)
      lines.push(...believedLines(outcome, factor).map((line) => `  ${line}`))
      lines.push(...tradesTable(outcome, trades).map((line) => `  ${line}`))
      if (n > trades.length) lines.push(`  … and ${n - trades.length} more`)
    }
  }
  return lines.join('\n')
}

function tradesTable(outcome: OutcomeText, trades: ExplainedTrade[]): string[] {
  return table(
    [
      { title: 'exit' },
      { title: 'symbol' },
      { title: outcome.heading(), align: right },
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
      outcome.cell(t.outcome),
      percent(t.weight_short),
      outcome.cell(t.share_short),
      percent(t.weight_long),
      outcome.cell(t.share_long),
      String(t.revision),
      `${t.partition}:${t.offset}`,
    ]),
  )
}

function revisionLines(outcome: OutcomeText, trades: ExplainedTrade[]): string[] {
  return trades.flatMap(({ event_id, revisions }) =>
    revisions
      ? [
          '',
          `Of ${event_id} the log has:`,
          ...revisions.map(
            (r) =>
              `  revision ${r.revision} by ${r.revised_by ?? r.source}, ${r.taken_at.slice(0, 19).replace('T', ' ')}, at ${r.partition}:${r.offset}: ${r.voided ? 'voided' : `${outcome.title} ${outcome.value(r.outcome)}`}`,
          ),
        ]
      : [],
  )
}

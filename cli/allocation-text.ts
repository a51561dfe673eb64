/** An allocation for a person: the answer, then every factor with its row, so that it can be computed again by hand. */
import type { Factor, Product } from '../domain/sizing/allocation.ts'
import type { Decision } from '../services/decision/decide.ts'
import { modelLines, nothingLearned, pairHeading } from './coefficients-text.ts'
import { type OutcomeText, outcomeText } from './outcome-text.ts'
import { number, table } from './table.ts'
import { TRUST_LINES, trustCells, trustColumns } from './trust-text.ts'

const right = 'right' as const

/** @param moment of which the answer is, as a line; undefined: of now */
export function allocationText(d: Decision, moment?: string): string {
  const lines: string[] = [...modelLines(d), ...(moment === undefined ? [] : [moment])]
  if (d.global_rr.n === 0) lines.push(nothingLearned(d.outcome), '')
  const bound = d.bounded_by ? `, cut to the ${d.bounded_by === 'max' ? 'greatest' : 'least'} allowed` : ''
  lines.push(
    `allocation ${number(d.allocation)} = base ${d.base} × ${number(d.multiplier)}${bound} (${d.min} to ${d.max}, in the unit of base)`,
  )
  if (d.factors.length > 0) lines.push('', ...factorLines(d, outcomeText(d.outcome ?? 'rr')))
  if (d.levers_damped)
    lines.push('', 'An interaction differs from 1 by 0.1 or more: a fifth of what each lever says is taken back.')
  if (d.unset_levers.length > 0) lines.push('', `Not in the entry context: ${d.unset_levers.join(', ')}.`)
  if (d.timeframes.some((t) => t.allocation !== null))
    lines.push(
      '',
      ...table(
        [
          { title: 'timeframe' },
          { title: 'share', align: right },
          { title: 'allocation', align: right },
          { title: 'weight', align: right },
          { title: 'n', align: right },
        ],
        d.timeframes.map((t) => [
          t.timeframe,
          `${number(t.share * 100, 1)} %`,
          number(t.allocation),
          number(t.weight),
          String(t.n),
        ]),
      ),
    )
  return lines.join('\n')
}

/** Each factor with what it comes from. A model that says how far it believes its trades shows that, and how far off an edge may be. */
export function factorLines({ factors }: Pick<Product, 'factors'>, outcome: OutcomeText): string[] {
  const mark = ({ temperature: t }: Factor) => (t === 'steady' ? '' : t === 'unknown' ? 'not learned: 1' : t)
  if (factors.some((f) => f.scope === 'market'))
    return [
      ...table(
        [{ title: 'name' }, { title: 'key' }, ...trustColumns(outcome)],
        factors.map((f) => [f.name, f.key, ...trustCells(outcome, f, f.known ? mark(f) : 'unknown')]),
      ),
      '',
      `edge, ±, short, long: ${outcome.heading()}.`,
      ...TRUST_LINES,
    ]
  return table(
    [
      { title: 'scope' },
      { title: 'name' },
      { title: 'key' },
      { title: 'weight', align: right },
      { title: 'factor', align: right },
      { title: pairHeading(outcome, 'short'), align: right },
      { title: pairHeading(outcome, 'long'), align: right },
      { title: 'n', align: right },
      { title: '' },
    ],
    factors.map((f) => [
      f.scope,
      f.name,
      f.key,
      number(f.weight),
      number(f.adjusted_weight),
      outcome.cell(f.rr_short),
      outcome.cell(f.rr_long),
      String(f.n),
      mark(f),
    ]),
  )
}

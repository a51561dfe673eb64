/** An allocation for a person: the answer, then every factor with its row, so that it can be computed again by hand. */
import type { Product } from '../domain/sizing/allocation.ts'
import type { Decision } from '../services/decision/decide.ts'
import { modelLines, NOTHING_LEARNED } from './coefficients-text.ts'
import { number, table } from './table.ts'

const right = 'right' as const

/** @param moment of which the answer is, as a line; undefined: of now */
export function allocationText(d: Decision, moment?: string): string {
  const lines: string[] = [...modelLines(d), ...(moment === undefined ? [] : [moment])]
  if (d.global_rr.n === 0) lines.push(NOTHING_LEARNED, '')
  const bound = d.bounded_by ? `, cut to the ${d.bounded_by === 'max' ? 'greatest' : 'least'} allowed` : ''
  lines.push(
    `allocation ${number(d.allocation)} = base ${d.base} × ${number(d.multiplier)}${bound} (${d.min} to ${d.max}, in the unit of base)`,
  )
  if (d.factors.length > 0) lines.push('', ...factorLines(d))
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

/** Each factor with what it comes from. A model that says how far it believes its trades shows that, and how wide of the mark a weight may be. */
export function factorLines({ factors }: Pick<Product, 'factors'>): string[] {
  const believes = factors.some((f) => f.scope === 'market')
  return table(
    [
      { title: 'scope' },
      { title: 'name' },
      { title: 'key' },
      { title: 'weight', align: right },
      ...(believes
        ? [
            { title: 'edge', align: right },
            { title: '±', align: right },
            { title: 'trust', align: right },
          ]
        : [{ title: 'factor', align: right }]),
      { title: believes ? 'short' : 'R/R short', align: right },
      { title: believes ? 'long' : 'R/R long', align: right },
      { title: 'n', align: right },
      { title: '' },
    ],
    factors.map((f) => [
      f.scope,
      f.name,
      f.key,
      number(f.weight),
      ...(believes
        ? [signed(f.edge), f.error === null ? '–' : number(f.error), `${number(f.trust * 100, 0)} %`]
        : [number(f.adjusted_weight)]),
      number(f.rr_short),
      number(f.rr_long),
      String(f.n),
      f.temperature === 'steady' ? '' : f.temperature === 'unknown' ? 'not learned: 1' : f.temperature,
    ]),
  )
}

const signed = (value: number) => `${value > 0 ? '+' : ''}${number(value)}`

/** A coefficient of the rule shrunk in a table: what its trades say beyond the baseline, how far they are believed, and how far off that may be. Pure. */
import type { Weighed } from '../domain/learning/weigher.ts'
import { type OutcomeText, signed } from './outcome-text.ts'
import { type Column, number } from './table.ts'

const right = 'right' as const

/** Behind name and key. The name says whether it is a lever or an interaction: 80 columns have no room for both. */
export const trustColumns = (outcome: OutcomeText): Column[] =>
  ['weight', outcome.heading('edge'), '±', 'trust', outcome.heading('short'), outcome.heading('long'), 'n', ''].map(
    (title) => (title === '' ? { title } : { title, align: right }),
  )

/** @param mark hot, cold, or nothing */
export const trustCells = (
  outcome: OutcomeText,
  row: Weighed & { rr_short: number | null; rr_long: number | null; n: number },
  mark: string,
): string[] => [
  number(row.weight),
  signed(row.edge, outcome.cell(row.edge)),
  outcome.cell(row.error),
  trustText(row.trust),
  outcome.cell(row.rr_short),
  outcome.cell(row.rr_long),
  String(row.n),
  mark,
]

export const trustText = (trust: number): string => `${number(trust * 100, 0)} %`

export const TRUST_LINES = [
  'edge: what its trades say beyond the baseline, believed as far as trust; ±: one standard deviation of it.',
  'weight: what the edge makes of a size.',
]

/** What moved between two moments, and the trades that came, went or changed meanwhile. Pure. */
import { SQUARES } from '../learning/model.ts'
import type { CoefficientRow } from '../learning/offline.ts'
import type { Moment } from './coefficients-at.ts'
import type { TradeHistory } from './trade-history.ts'

type Numbers = Pick<CoefficientRow, 'weight' | 'rr_short' | 'rr_long' | 'n'>

export interface Change {
  scope: string
  name: string
  key: string
  /** null: nothing was learned of it then. */
  before: Numbers | null
  after: Numbers | null
  /** Rows of the history that count at one of the two moments alone. None: it moved with the baseline. */
  rows: number[]
}

/** Relative: below it nothing has moved. */
const MOVED = 1e-9

export function changesBetween(history: TradeHistory, before: Moment, after: Moment): Change[] {
  const rows = new Map<number, number[]>()
  for (let row = 0; row < after.effective.length; row++) {
    if (before.effective[row] === after.effective[row]) continue
    for (const group of history.groupsOf(row)) {
      const known = rows.get(group)
      if (known) known.push(row)
      else rows.set(group, [row])
    }
  }
  const squares = history.groupNumber(SQUARES)
  const changes: Change[] = []
  for (let group = 1; group < history.groupCount; group++) {
    if (group === squares) continue
    const was = before.coefficient(group)
    const is = after.coefficient(group)
    if (!was && !is) continue
    const because = rows.get(group) ?? []
    if (because.length === 0 && was && is && !moved(was, is)) continue
    changes.push({ ...history.group(group), before: was, after: is, rows: because })
  }
  return changes.sort((a, b) => distance(b) - distance(a) || b.rows.length - a.rows.length)
}

/** How far a weight went, as a factor's logarithm; what appeared or vanished goes from or to 1. */
export const distance = ({ before, after }: Pick<Change, 'before' | 'after'>): number =>
  Math.abs(Math.log((after?.weight ?? 1) / (before?.weight ?? 1)))

const moved = (a: Numbers, b: Numbers) =>
  (['weight', 'rr_short', 'rr_long'] as const).some((f) => Math.abs(a[f] - b[f]) > MOVED * Math.max(1, Math.abs(a[f])))

/** What moved between two moments, and the trades that came, went or changed meanwhile. Pure. */
import type { Scope } from '../learning/model.ts'
import type { CoefficientRow, FoldedLog } from '../learning/offline.ts'
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

export function changesBetween(
  history: TradeHistory,
  before: { learned: FoldedLog; effective: Uint8Array },
  after: { learned: FoldedLog; effective: Uint8Array },
): Change[] {
  const id = ({ name, key }: { name: string; key: string }) => `${name}\0${key}`
  const earlier = new Map(before.learned.coefficients.map((c) => [id(c), c]))
  const later = new Map(after.learned.coefficients.map((c) => [id(c), c]))
  const rows = new Map<number, number[]>()
  for (let row = 0; row < after.effective.length; row++) {
    if (before.effective[row] === after.effective[row]) continue
    for (const group of history.groupsOf(row)) {
      const known = rows.get(group)
      if (known) known.push(row)
      else rows.set(group, [row])
    }
  }
  const changes: Change[] = []
  for (const [of, { scope, name, key }] of new Map([...earlier, ...later])) {
    const was = earlier.get(of)
    const is = later.get(of)
    const because = rows.get(history.groupNumber({ scope: scope as Scope, name, key }) ?? -1) ?? []
    if (because.length === 0 && was && is && !moved(was, is)) continue
    changes.push({ scope, name, key, before: numbersOf(was), after: numbersOf(is), rows: because })
  }
  return changes.sort((a, b) => distance(b) - distance(a) || b.rows.length - a.rows.length)
}

/** How far a weight went, as a factor's logarithm; what appeared or vanished goes from or to 1. */
export const distance = ({ before, after }: Pick<Change, 'before' | 'after'>): number =>
  Math.abs(Math.log((after?.weight ?? 1) / (before?.weight ?? 1)))

const moved = (a: Numbers, b: Numbers) =>
  (['weight', 'rr_short', 'rr_long'] as const).some((f) => Math.abs(a[f] - b[f]) > MOVED * Math.max(1, Math.abs(a[f])))

const numbersOf = (row: CoefficientRow | undefined): Numbers | null =>
  row ? { weight: row.weight, rr_short: row.rr_short, rr_long: row.rr_long, n: row.n } : null

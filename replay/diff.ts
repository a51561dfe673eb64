/** What moved between two moments, and because of which trades. */
import { momentAt } from '../domain/history/coefficients-at.ts'
import type { Cut } from '../domain/history/cut.ts'
import { type Change, changesBetween } from '../domain/history/difference.ts'
import type { FoldedLog } from '../domain/learning/offline.ts'
import type { OpenHistory } from './open-history.ts'
import { type TradeRow, tradeRow } from './trade-row.ts'

const NOTHING: FoldedLog['global_rr'] = { rr_short: null, rr_long: null, n: 0 }

export interface ChangedCoefficient extends Omit<Change, 'rows'> {
  /** Those that count at one of the two moments alone, by their revision. None: it moved with the baseline alone. */
  trades: TradeRow[]
}

export interface Difference {
  /** Coefficients that moved, with those beyond the limit. */
  moved: number
  global_rr: { before: FoldedLog['global_rr']; after: FoldedLog['global_rr'] }
  /** What moved furthest first. */
  changed: ChangedCoefficient[]
}

/** @param limit so many changes; 0: all */
export function difference({ history, model, effective }: OpenHistory, from: Cut, to: Cut, limit = 0): Difference {
  const at = (cut: Cut) => momentAt(history, effective(cut), model)
  // one object for a trade, however many coefficients it moved
  const made = new Map<number, TradeRow>()
  const tradeOf = (row: number) => {
    let trade = made.get(row)
    if (!trade) {
      trade = tradeRow(history, row)
      made.set(row, trade)
    }
    return trade
  }
  const before = at(from)
  const after = at(to)
  const changes = changesBetween(history, before, after)
  return {
    moved: changes.length,
    global_rr: { before: meansOf(before.baseline), after: meansOf(after.baseline) },
    changed: (limit === 0 ? changes : changes.slice(0, limit)).map(({ rows, ...change }) => ({
      ...change,
      trades: rows.map(tradeOf),
    })),
  }
}

const meansOf = (baseline: FoldedLog['global_rr'] | null): FoldedLog['global_rr'] => {
  const { rr_short, rr_long, n } = baseline ?? NOTHING
  return { rr_short, rr_long, n }
}

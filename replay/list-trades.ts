/** The trades that a model learned from, the newest exit first. */
import type { Cut } from '../domain/history/cut.ts'
import type { Group } from '../domain/learning/model.ts'
import type { OpenHistory } from './open-history.ts'
import { type TradeRow, tradeRow } from './trade-row.ts'

export interface TradeFilter {
  /** Trades that count in each of these. */
  groups: readonly Group[]
  /** Exits from then on, ms. */
  since?: number
  /** Voided ones alone. */
  voided?: boolean
  /** Unscored ones alone. */
  unscored?: boolean
  /** So many at most; 0: all. */
  limit: number
  /** So many of the newest are passed over. */
  offset?: number
}

export interface TradeList {
  trades: TradeRow[]
  /** How many there are, with those beyond the limit. */
  total: number
}

/** Without `voided` and `unscored`: all that count. */
export function listTrades({ history, newest }: OpenHistory, filter: TradeFilter, cut: Cut): TradeList {
  const chosen = newest(cut)
  const numbers = filter.groups.map((group) => history.groupNumber(group))
  if (numbers.includes(undefined)) return { trades: [], total: 0 }
  const within = numbers.map((number) => history.combinationsWith(number as number))
  const { closed_at, rr, combination } = history.columns()
  const rows: number[] = []
  for (let row = 0; row < chosen.length; row++) {
    if (chosen[row] === 0) continue
    if (!wanted(filter, history.voided(row), Number.isNaN(rr[row] as number))) continue
    if (filter.since !== undefined && (closed_at[row] as number) < filter.since) continue
    if (within.every((of) => of[combination[row] as number] === 1)) rows.push(row)
  }
  const { limit, offset = 0 } = filter
  const end = limit === 0 ? rows.length : offset + limit
  const shown = newestOf(rows, history, end).slice(offset, end)
  return { trades: shown.map((row) => tradeRow(history, row)), total: rows.length }
}

/**
 * The `count` newest of these rows, the newest first; a million of them are not put in order for the sake of a page. Exits of one moment are in the order of
 * their places: which partition was read first is chance.
 */
function newestOf(rows: number[], history: OpenHistory['history'], count: number): number[] {
  const { closed_at } = history.columns()
  const { partition, offset } = history.places()
  const by = (values: ArrayLike<number>, a: number, b: number) => (values[b] as number) - (values[a] as number)
  const byExit = (a: number, b: number) => by(closed_at, a, b) || by(partition, a, b) || by(offset, a, b)
  if (count >= rows.length) return rows.sort(byExit)
  const exits = new Float64Array(rows.map((row) => closed_at[row] as number)).sort()
  const least = exits[rows.length - count] ?? Number.POSITIVE_INFINITY
  return rows.filter((row) => (closed_at[row] as number) >= least).sort(byExit)
}

function wanted({ voided, unscored }: TradeFilter, isVoided: boolean, isUnscored: boolean): boolean {
  if (voided) return isVoided
  if (unscored) return isUnscored && !isVoided
  return !isVoided && !isUnscored
}

/** Where in the sums of a partition the groups of a chunk's trades lie: looked up once, and found again by number when the trades are folded. */
import type { PartitionSums } from '../../domain/learning/fold.ts'
import type { Group } from '../../domain/learning/model.ts'
import { type Decay, periodOf } from '../../domain/learning/sums.ts'
import type { TradeTable } from '../../domain/learning/trade-table.ts'
import type { SumsCache } from './sums-cache.ts'

export interface TradeRows extends PartitionSums {
  readonly cache: SumsCache
  /** Makes the sums available of the trades from `first` to before `end`; what is not here yet must be read: see `cache.missing`. */
  need(first: number, end: number): void
}

/** Of a trade whose rows were not looked up. */
const UNKNOWN = -1
/** Of a trade; there may be more. */
const USUAL_GROUPS = 16

export function createTradeRows(trades: TradeTable, cache: SumsCache, tau: Decay): TradeRows {
  /** The rows of trades, one trade's behind another's; trades of the same groups and period share theirs. */
  let rows = new Int32Array(0)
  let end = 0
  /** Of each trade: where in `rows` its own begin. */
  let starts = new Int32Array(0)
  /** Where in `rows` those of groups begin that several trades share, by period. */
  const known = new Map<number, Map<readonly Group[], number>>()
  /** Of the trade that was asked for last. */
  const found: number[] = []

  function lookUp(groups: readonly Group[], period: number): number {
    const start = end
    rows = withRoom(rows, start + groups.length)
    cache.need(period, groups, rows, start)
    end += groups.length
    return start
  }

  function startOfShared(groups: readonly Group[], period: number): number {
    let ofPeriod = known.get(period)
    if (!ofPeriod) {
      ofPeriod = new Map()
      known.set(period, ofPeriod)
    }
    let start = ofPeriod.get(groups)
    if (start === undefined) {
      start = lookUp(groups, period)
      ofPeriod.set(groups, start)
    }
    return start
  }

  return {
    cache,
    table: cache.table,
    need(first, last) {
      const before = starts.length
      if (last > before) starts = withRoom(starts, trades.length).fill(UNKNOWN, before)
      rows = withRoom(rows, end + USUAL_GROUPS * (last - first))
      for (let trade = first; trade < last; trade++) {
        const groups = trades.groups(trade)
        if (groups.length === 0 || starts[trade] !== UNKNOWN) continue
        const period = periodOf(trades.closedAt(trade), tau)
        starts[trade] = trades.hasSharedGroups(trade) ? startOfShared(groups, period) : lookUp(groups, period)
      }
    },
    rows(trade) {
      const start = starts[trade] ?? UNKNOWN
      if (start === UNKNOWN)
        throw new Error(`the sums of the trade ${trades.id(trade)} were not read before they were changed`)
      const { length } = trades.groups(trade)
      found.length = length
      for (let i = 0; i < length; i++) {
        const row = rows[start + i] as number
        cache.change(row)
        found[i] = row
      }
      return found
    },
  }
}

/** At least twice as long where it grows: whoever asks for one trade after the other must not copy all of them each time. */
function withRoom(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  if (length <= array.length) return array
  const larger = new Int32Array(Math.max(length, 2 * array.length))
  larger.set(array)
  return larger
}

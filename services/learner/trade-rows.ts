/** Where in the sums of a partition the groups of a chunk's trades lie: looked up once, and found again by number when the trades are folded. */
import type { PartitionSums } from '../../domain/learning/fold.ts'
import { type Decay, periodOf } from '../../domain/learning/sums.ts'
import type { Trade } from '../../domain/learning/trade.ts'
import type { SumsCache } from './sums-cache.ts'

export interface TradeRows extends PartitionSums {
  readonly cache: SumsCache
  /** Makes the sums of these trades' groups available; what is not here yet must be read: see `cache.missing`. */
  need(trades: readonly Trade[]): void
}

export function createTradeRows(cache: SumsCache, tau: Decay): TradeRows {
  /** Where the rows of a trade begin in `rows`. */
  const starts = new Map<Trade, number>()
  let rows = new Int32Array(0)
  let end = 0
  /** Of the trade that was asked for last. */
  const found: number[] = []

  function reserve(trades: readonly Trade[]): void {
    let more = 0
    for (const { groups } of trades) more += groups.length
    if (end + more <= rows.length) return
    const larger = new Int32Array(end + more)
    larger.set(rows)
    rows = larger
  }

  return {
    cache,
    table: cache.table,
    need(trades) {
      reserve(trades)
      for (const trade of trades) {
        const { groups, closed_at } = trade
        if (groups.length === 0 || starts.has(trade)) continue
        starts.set(trade, end)
        cache.need(periodOf(closed_at, tau), groups, rows, end)
        end += groups.length
      }
    },
    rows(trade) {
      const start = starts.get(trade)
      if (start === undefined)
        throw new Error(`the sums of the trade ${trade.id} were not read before they were changed`)
      const { length } = trade.groups
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

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
  /** What was asked for already: a chunk that is folded again asks for the same. */
  const lists = new Set<readonly Trade[]>()
  /** Trades whose rows were looked up, and where in `rows` they begin. */
  const known: Trade[] = []
  const starts: number[] = []
  /** Their indexes, once somebody asks in another order than theirs: a map costs more than the rest of it. */
  let indexes: Map<Trade, number> | undefined
  /** Of the trade that is probably asked for next. */
  let next = 0
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

  function indexOf(trade: Trade): number {
    indexes ??= new Map(known.map((t, i) => [t, i]))
    const index = indexes.get(trade)
    if (index === undefined) throw new Error(`the sums of the trade ${trade.id} were not read before they were changed`)
    return index
  }

  return {
    cache,
    table: cache.table,
    need(trades) {
      if (lists.has(trades)) return
      lists.add(trades)
      indexes = undefined
      reserve(trades)
      for (const trade of trades) {
        const { groups, closed_at } = trade
        if (groups.length === 0) continue
        known.push(trade)
        starts.push(end)
        cache.need(periodOf(closed_at, tau), groups, rows, end)
        end += groups.length
      }
    },
    rows(trade) {
      if (known[next] !== trade) next = known[0] === trade ? 0 : indexOf(trade)
      const start = starts[next++] as number
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

/** The state that one chunk works on: its own partition's sums from a cache that lives as long as the claim, other partitions' sums read for it alone. */

import type { LearnerState } from '../../domain/learning/fold.ts'
import type { Decay } from '../../domain/learning/sums.ts'
import type { Trade } from '../../domain/learning/trade.ts'
import { TradeIndex } from '../../domain/learning/trade-index.ts'
import type { TradeSelection, TradeTable } from '../../domain/learning/trade-table.ts'
import type { DirtySums, ForeignState } from './commit.ts'
import type { LearnerStore } from './learner-store.ts'
import { createSumsCache, type SumsCache } from './sums-cache.ts'
import { createTradeRows, type TradeRows } from './trade-rows.ts'

/** What a learner remembers of a claimed partition between chunks. */
export interface ClaimState {
  cache: SumsCache
  /** Chunks for which the ledger is asked beforehand, because a recent one met trades that it has. */
  expectSeen: number
}

export const newClaimState = (): ClaimState => ({ cache: createSumsCache(), expectSeen: 0 })

export interface ChunkState extends LearnerState {
  /** Reads what the chunk's trades and the ledger rows of `ids` need. `ids`: events to look up in the ledger. */
  prepare(ids: string[]): Promise<void>
  /** Trades changed by this chunk: new in the ledger, and higher revisions of what it has (`was`: the revision that it had when it was read). */
  fresh(): TradeSelection
  changedTrades(): (Trade & { was: number })[]
  dirty(): DirtySums[]
  foreign(): ForeignState[]
  rollback(): void
  commit(): void
}

/** From so many groups on that are to be read it is asked first whether the partition has any: one that is learned from its beginning has none. */
const ASK_FIRST = 200

/** @param trades those of the chunk; what is read of the ledger is added behind them */
export function createChunkState(
  store: LearnerStore,
  partition: number,
  cache: SumsCache,
  tau: Decay,
  trades: TradeTable,
): ChunkState {
  const end = trades.length
  const own = createTradeRows(trades, cache, tau)
  /** As the ledger has it. */
  const ledger = new TradeIndex(trades)
  /** As this chunk leaves it. */
  const pending = new TradeIndex(trades)
  /** Corrections of trades that came through another partition: its sums, and the state in which they were read. */
  const others = new Map<number, { sums: TradeRows; state: ForeignState }>()

  const sumsOf = (p: number): TradeRows => {
    if (p === partition) return own
    const other = others.get(p)
    if (!other) throw new Error(`the sums of partition ${p} were not read before they were changed`)
    return other.sums
  }

  async function prepareForeign(p: number, taken: readonly number[]): Promise<void> {
    const other = others.get(p)
    const sums = other?.sums ?? createTradeRows(trades, createSumsCache(), tau)
    for (const trade of taken) sums.need(trade, trade + 1)
    const missing = sums.cache.missing()
    if (other && missing.length === 0) return
    const read = await store.read(p, [], missing)
    sums.cache.load(read.sums)
    if (!other) others.set(p, { sums, state: { partition: p, version: read.version, checkpoint: read.checkpoint } })
  }

  /** Trades of other partitions that the chunk corrects, by partition. */
  function foreignTrades(): Map<number, number[]> {
    const found = new Map<number, number[]>()
    if (ledger.size === 0) return found
    for (let trade = 0; trade < end; trade++) {
      const before = ledger.find(trade)
      if (before < 0 || trades.revision(before) >= trades.revision(trade)) continue
      const p = trades.partition(before)
      if (p === partition) continue
      const others = found.get(p)
      if (others) others.push(before)
      else found.set(p, [before])
    }
    return found
  }

  /** The chunk's changes, the newest of each id: those that the ledger has, or those that it has not. */
  function changesOf(which: 'known' | 'fresh'): number[] {
    const rows: number[] = []
    for (let trade = 0; trade < end; trade++)
      if (pending.find(trade) === trade && ledger.find(trade) >= 0 === (which === 'known')) rows.push(trade)
    return rows
  }

  return {
    trades,
    known(trade) {
      const changed = pending.find(trade)
      return changed >= 0 ? changed : ledger.find(trade)
    },
    remember: (trade) => pending.put(trade),
    sums: sumsOf,
    async prepare(ids) {
      own.need(0, end)
      if (cache.isNew() && cache.missing().length > ASK_FIRST && (await store.read(partition, [], [])).empty)
        cache.startEmpty()
      const missing = cache.missing()
      if (ids.length > 0 || missing.length > 0) {
        const read = await store.read(partition, ids, missing)
        cache.load(read.sums)
        if (read.empty) cache.startEmpty()
        const first = trades.length
        for (const known of read.trades) ledger.put(trades.push(known))
        // what a higher revision takes back lies in the groups of the revision before it
        for (let trade = first; trade < trades.length; trade++)
          if (trades.partition(trade) === partition) own.need(trade, trade + 1)
        const more = cache.missing()
        if (more.length > 0) cache.load((await store.read(partition, [], more)).sums)
      }
      for (const [p, taken] of foreignTrades()) await prepareForeign(p, taken)
    },
    fresh: () => ({ table: trades, rows: changesOf('fresh') }),
    changedTrades: () =>
      changesOf('known').map((trade) => ({ ...trades.read(trade), was: trades.revision(ledger.find(trade)) })),
    dirty: () => cache.changed(partition).concat([...others].flatMap(([p, { sums }]) => sums.cache.changed(p))),
    foreign: () => [...others.values()].filter(({ sums }) => sums.cache.isChanged()).map(({ state }) => state),
    rollback() {
      pending.clear()
      cache.rollback()
      others.clear() // read again in the state of the next attempt
    },
    commit: () => cache.commit(),
  }
}

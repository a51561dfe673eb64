/** The state that one chunk works on: its own partition's sums from a cache that lives as long as the claim, other partitions' sums read for it alone. */

import type { LearnerState } from '../../domain/learning/fold.ts'
import type { Decay } from '../../domain/learning/sums.ts'
import type { LedgerTrade, Trade } from '../../domain/learning/trade.ts'
import type { DirtySums } from './commit.ts'
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
  /** Reads what the trades and the ledger rows of `ids` need. `ids`: events to look up in the ledger. */
  prepare(trades: readonly Trade[], ids: string[]): Promise<void>
  /** Trades changed by this chunk: new in the ledger, and higher revisions of what it has (`was`: the revision that it had when it was read). */
  fresh(): Trade[]
  changedTrades(): (Trade & { was: number })[]
  dirty(): DirtySums[]
  foreign(): { partition: number; version: number }[]
  rollback(): void
  commit(): void
}

/** From so many groups on that are to be read it is asked first whether the partition has any: one that is learned from its beginning has none. */
const ASK_FIRST = 200

export function createChunkState(store: LearnerStore, partition: number, cache: SumsCache, tau: Decay): ChunkState {
  const own = createTradeRows(cache, tau)
  /** As the ledger has it. */
  const ledger = new Map<string, LedgerTrade>()
  /** As this chunk leaves it. */
  const pending = new Map<string, LedgerTrade>()
  /** Corrections of trades that came through another partition: its sums, and the version at which they were read. */
  const others = new Map<number, { sums: TradeRows; version: number }>()

  const sumsOf = (p: number): TradeRows => {
    if (p === partition) return own
    const other = others.get(p)
    if (!other) throw new Error(`the sums of partition ${p} were not read before they were changed`)
    return other.sums
  }

  async function prepareForeign(p: number, trades: Trade[]): Promise<void> {
    const other = others.get(p)
    const sums = other?.sums ?? createTradeRows(createSumsCache(), tau)
    sums.need(trades)
    const missing = sums.cache.missing()
    if (other && missing.length === 0) return
    const read = await store.read(p, [], missing)
    sums.cache.load(read.sums)
    if (!other) others.set(p, { sums, version: read.version })
  }

  return {
    known: (id) => pending.get(id) ?? ledger.get(id),
    remember: (trade) => void pending.set(trade.id, trade),
    sums: sumsOf,
    async prepare(trades, ids) {
      own.need(trades)
      if (cache.isNew() && cache.missing().length > ASK_FIRST && (await store.read(partition, [], [])).empty)
        cache.startEmpty()
      const missing = cache.missing()
      if (ids.length > 0 || missing.length > 0) {
        const read = await store.read(partition, ids, missing)
        cache.load(read.sums)
        if (read.empty) cache.startEmpty()
        for (const trade of read.trades) ledger.set(trade.id, trade)
        // what a higher revision takes back lies in the groups of the revision before it
        own.need(read.trades.filter((t) => t.partition === partition))
        const more = cache.missing()
        if (more.length > 0) cache.load((await store.read(partition, [], more)).sums)
      }
      const foreign = new Map<number, Trade[]>()
      for (const trade of trades) {
        const before = ledger.get(trade.id)
        if (before && before.partition !== partition && before.revision < trade.revision)
          foreign.set(before.partition, [...(foreign.get(before.partition) ?? []), before])
      }
      for (const [p, taken] of foreign) await prepareForeign(p, taken)
    },
    fresh: () => [...pending.values()].filter((t) => !ledger.has(t.id)),
    changedTrades: () =>
      [...pending.values()].flatMap((t) => {
        const before = ledger.get(t.id)
        return before ? [{ ...t, was: before.revision }] : []
      }),
    dirty: () => cache.changed(partition).concat([...others].flatMap(([p, { sums }]) => sums.cache.changed(p))),
    foreign: () =>
      [...others]
        .filter(([, { sums }]) => sums.cache.isChanged())
        .map(([p, { version }]) => ({ partition: p, version })),
    rollback() {
      pending.clear()
      cache.rollback()
      others.clear() // read again with the version of the next attempt
    },
    commit: () => cache.commit(),
  }
}

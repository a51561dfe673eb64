/** The state that one chunk works on: its own partition's sums from a cache that lives as long as the claim, other partitions' sums read for it alone. */

import type { LearnerState } from '../../domain/learning/fold.ts'
import { type Decay, periodOf } from '../../domain/learning/sums.ts'
import type { LedgerTrade, Trade } from '../../domain/learning/trade.ts'
import type { DirtySums } from './commit.ts'
import type { LearnerStore } from './learner-store.ts'
import { createSumsCache, type SumsCache } from './sums-cache.ts'

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

export function createChunkState(store: LearnerStore, partition: number, own: SumsCache, tau: Decay): ChunkState {
  /** As the ledger has it. */
  const ledger = new Map<string, LedgerTrade>()
  /** As this chunk leaves it. */
  const pending = new Map<string, LedgerTrade>()
  /** Corrections of trades that came through another partition: its sums, and the version at which they were read. */
  const others = new Map<number, { cache: SumsCache; version: number }>()

  const cacheOf = (p: number): SumsCache => {
    if (p === partition) return own
    const other = others.get(p)
    if (!other) throw new Error(`the sums of partition ${p} were not read before they were changed`)
    return other.cache
  }

  function need(cache: SumsCache, trades: readonly Trade[]): void {
    for (const { closed_at, groups } of trades) {
      if (groups.length === 0) continue
      const period = periodOf(closed_at, tau)
      for (const group of groups) cache.need(period, group)
    }
  }

  async function prepareForeign(p: number, trades: Trade[]): Promise<void> {
    const other = others.get(p)
    const cache = other?.cache ?? createSumsCache()
    need(cache, trades)
    const missing = cache.missing()
    if (other && missing.length === 0) return
    const read = await store.read(p, [], missing)
    cache.load(read.sums)
    if (!other) others.set(p, { cache, version: read.version })
  }

  return {
    known: (id) => pending.get(id) ?? ledger.get(id),
    remember: (trade) => void pending.set(trade.id, trade),
    sums: cacheOf,
    async prepare(trades, ids) {
      need(own, trades)
      const missing = own.missing()
      if (ids.length > 0 || missing.length > 0) {
        const read = await store.read(partition, ids, missing)
        own.load(read.sums)
        if (read.empty) own.startEmpty()
        for (const trade of read.trades) ledger.set(trade.id, trade)
        // what a higher revision takes back lies in the groups of the revision before it
        need(
          own,
          read.trades.filter((t) => t.partition === partition),
        )
        const more = own.missing()
        if (more.length > 0) own.load((await store.read(partition, [], more)).sums)
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
    dirty: () => [
      ...own.changed().map((c) => ({ ...c, partition })),
      ...[...others].flatMap(([p, { cache }]) => cache.changed().map((c) => ({ ...c, partition: p }))),
    ],
    foreign: () =>
      [...others]
        .filter(([, o]) => o.cache.changed().length > 0)
        .map(([p, { version }]) => ({ partition: p, version })),
    rollback() {
      pending.clear()
      own.rollback()
      others.clear() // read again with the version of the next attempt
    },
    commit: () => own.commit(),
  }
}

/** The state that one chunk works on: its own partition's sums from a cache that lives as long as the claim, other partitions' sums read for it alone. */

import type { LearnerState } from '../../domain/learning/fold.ts'
import { type Decay, type DecayedSums, periodOf } from '../../domain/learning/sums.ts'
import type { LedgerTrade, Trade } from '../../domain/learning/trade.ts'
import type { DirtySums } from './commit.ts'
import type { LearnerRead, LearnerStore } from './learner-store.ts'
import { type Cell, cellId, createSumsCache, type SumsCache } from './sums-cache.ts'

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

  function take(cache: SumsCache, missing: Cell[], read: LearnerRead): void {
    const found = new Map(read.sums.map((s) => [cellId(s.period, s), s.sums]))
    for (const { period, group } of missing) cache.load(period, group, found.get(cellId(period, group)) ?? null)
  }

  /** The cells of the trades that the cache does not have. */
  function missingOf(cache: SumsCache, trades: readonly Trade[]): Cell[] {
    const missing = new Map<string, Cell>()
    for (const { closed_at, groups } of trades) {
      if (groups.length === 0) continue
      const period = periodOf(closed_at, tau)
      for (const group of groups) if (!cache.need(period, group)) missing.set(cellId(period, group), { period, group })
    }
    return [...missing.values()]
  }

  async function prepareForeign(p: number, trades: Trade[]): Promise<void> {
    let other = others.get(p)
    const missing = missingOf(other?.cache ?? createSumsCache(), trades)
    if (other && missing.length === 0) return
    const read = await store.read(p, [], missing)
    if (!other) {
      other = { cache: createSumsCache(), version: read.version }
      others.set(p, other)
    }
    take(other.cache, missing, read)
  }

  return {
    known: (id) => pending.get(id) ?? ledger.get(id),
    remember: (trade) => void pending.set(trade.id, trade),
    sums: (p, period, group): DecayedSums => cacheOf(p).change(period, group),
    async prepare(trades, ids) {
      const missing = missingOf(own, trades)
      if (ids.length > 0 || missing.length > 0) {
        const read = await store.read(partition, ids, missing)
        take(own, missing, read)
        for (const trade of read.trades) ledger.set(trade.id, trade)
        // what a higher revision takes back lies in the groups of the revision before it
        const more = missingOf(
          own,
          read.trades.filter((t) => t.partition === partition),
        )
        if (more.length > 0) take(own, more, await store.read(partition, [], more))
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

/**
 * Sums of one claimed partition: a bounded cache of what the database holds, and on top of it the groups that the running chunk needs.
 * Memory does not grow with the number of coefficients: only the most recently used of each name are kept from chunk to chunk. What a chunk needs
 * is held apart from that cache until it is committed, so that nothing it counts on can be evicted under it. A *cell* is a group in one period (fold.ts).
 */
import { LRUCache } from 'lru-cache'
import type { Group } from '../../domain/learning/model.ts'
import { type DecayedSums, emptySums } from '../../domain/learning/sums.ts'

/** Cells kept for each lever or interaction name of a partition; about 400 bytes each. */
export const CACHE_SIZE = 10_000

export interface Cell {
  period: number
  group: Group
}

interface Entry extends Cell {
  /** As committed; null: the database has no such row. */
  base: DecayedSums | null
  /** As changed by this chunk. */
  sums: DecayedSums | null
}

export interface SumsCache {
  /** Makes the cell available to the chunk; false when it must be read from the database first (see `load`). */
  need(period: number, group: Group): boolean
  /** What the database has of a cell that was needed; null: nothing. */
  load(period: number, group: Group, sums: DecayedSums | null): void
  /** Sums of a needed cell, to change in place. */
  change(period: number, group: Group): DecayedSums
  /** `known`: the database had a row of the cell when it was read, or has been given one since. */
  changed(): (Cell & { sums: DecayedSums; known: boolean })[]
  /** Takes the chunk's changes back; what was read for it stays. */
  rollback(): void
  /** Makes the chunk's changes the state, and ends the chunk. */
  commit(): void
}

export function createSumsCache(size = CACHE_SIZE): SumsCache {
  const cached = new Map<string, LRUCache<string, DecayedSums>>()
  const chunk = new Map<string, Entry>()
  /** The same entries by period and the group's object: a model gives the same one for the same value, most of the time. */
  const known = new Map<number, Map<Group, Entry>>()

  function cacheOf(name: string): LRUCache<string, DecayedSums> {
    let cache = cached.get(name)
    if (!cache) {
      cache = new LRUCache({ max: size })
      cached.set(name, cache)
    }
    return cache
  }

  function knownIn(period: number): Map<Group, Entry> {
    let map = known.get(period)
    if (!map) {
      map = new Map()
      known.set(period, map)
    }
    return map
  }

  function enter(period: number, group: Group, base: DecayedSums | null): void {
    const entry: Entry = { period, group, base, sums: null }
    chunk.set(cellId(period, group), entry)
    knownIn(period).set(group, entry)
  }

  return {
    need(period, group) {
      const map = knownIn(period)
      if (map.has(group)) return true
      const id = cellId(period, group)
      const entry = chunk.get(id)
      if (entry) {
        map.set(group, entry)
        return true
      }
      const base = cacheOf(group.name).get(id)
      if (!base) return false
      enter(period, group, base)
      return true
    },
    load: enter,
    change(period, group) {
      const entry = known.get(period)?.get(group) ?? chunk.get(cellId(period, group))
      if (!entry) throw new Error(`the sums of ${group.name} ${group.key} were not read before they were changed`)
      entry.sums ??= entry.base ? { ...entry.base } : emptySums()
      return entry.sums
    },
    changed() {
      const out: (Cell & { sums: DecayedSums; known: boolean })[] = []
      for (const { period, group, base, sums } of chunk.values())
        if (sums) out.push({ period, group, sums, known: base !== null })
      return out
    },
    rollback() {
      for (const entry of chunk.values()) entry.sums = null
    },
    commit() {
      for (const [id, { group, base, sums }] of chunk) {
        const now = sums ?? base
        if (now) cacheOf(group.name).set(id, now)
      }
      chunk.clear()
      known.clear()
    },
  }
}

export const cellId = (period: number, { name, key }: Group): string => `${name}\0${key}\0${period}`

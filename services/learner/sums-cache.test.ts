import { describe, expect, it } from 'vitest'
import type { Group } from '../../domain/learning/model.ts'
import { type DecayedSums, emptySums } from '../../domain/learning/sums.ts'
import { createSumsCache, type SumsCache } from './sums-cache.ts'

const P = 367
const group = (key: string, name = 'curator'): Group => ({ scope: 'lever', name, key })
const sums = (n: number): DecayedSums => ({ ...emptySums(), n, newest: 1 })
/** The cell's row, needed by the chunk. */
function need(cache: SumsCache, period: number, of: Group): number {
  const rows = new Int32Array(1)
  cache.need(period, [of], rows, 0)
  return rows[0] as number
}
/** The cell's row, about to be changed. */
function change(cache: SumsCache, period: number, of: Group): number {
  const row = need(cache, period, of)
  cache.change(row)
  return row
}
/** Needs a cell and reads it, as the database has it; null: it has none. */
function load(cache: SumsCache, period: number, of: Group, found: DecayedSums | null): void {
  need(cache, period, of)
  cache.load(found ? [{ ...of, period, sums: found }] : [])
}
/** Whether a cell is there; what is not is read, and is empty. */
function has(cache: SumsCache, period: number, of: Group): boolean {
  need(cache, period, of)
  const there = cache.missing().length === 0
  cache.load([])
  return there
}
/** One more trade. */
const add = (cache: SumsCache, key: string, period = P) =>
  cache.table.addTrade(change(cache, period, group(key)), { closed_at: 1, s: 0, l: 0, srr: 0, lrr: 0 })
const read = (cache: SumsCache, key: string, period = P) => cache.table.read(change(cache, period, group(key)))

const changed = (cache: SumsCache) =>
  cache.changed(0).map(({ group: { key }, table, row, known }) => ({ key, n: table.count(row), known }))

describe('a group that a chunk needs', () => {
  it('must be read when nobody knows it', () => {
    expect(has(createSumsCache(), P, group('a'))).toBe(false)
  })

  it('is there once it was read, also for another object of the same name and key', () => {
    const cache = createSumsCache()
    load(cache, P, group('a'), sums(3))
    expect(has(cache, P, group('a'))).toBe(true)
    add(cache, 'a')
    add(cache, 'a')
    expect(changed(cache)).toEqual([{ key: 'a', n: 5, known: true }])
  })

  it('is not the one of the same key under another name', () => {
    const cache = createSumsCache()
    load(cache, P, group('a', 'curator'), sums(3))
    expect(has(cache, P, group('a', 'chain'))).toBe(false)
  })

  it('is not the one of another period', () => {
    const cache = createSumsCache()
    load(cache, P, group('a'), sums(3))
    expect(has(cache, P + 1, group('a'))).toBe(false)
    load(cache, P + 1, group('a'), null)
    add(cache, 'a', P + 1)
    expect(read(cache, 'a', P + 1).n).toBe(1)
    expect(read(cache, 'a').n).toBe(3)
  })

  it('starts empty where the database has none', () => {
    const cache = createSumsCache()
    load(cache, P, group('a'), null)
    expect(read(cache, 'a')).toEqual(emptySums())
  })

  it('cannot be changed before it was read', () => {
    expect(() => change(createSumsCache(), P, group('a'))).toThrow(/were not read/)
  })
})

describe('a cache of a partition without any sums', () => {
  const learn = (cache: SumsCache, key: string) => {
    need(cache, P, group(key))
    add(cache, key)
    cache.commit()
  }

  it('need not read what was never there', () => {
    const cache = createSumsCache()
    cache.startEmpty()
    expect(has(cache, P, group('a'))).toBe(true)
    add(cache, 'a')
    expect(changed(cache)).toEqual([{ key: 'a', n: 1, known: false }])
  })

  it('reads what was learned and evicted since, and nothing else', () => {
    const cache = createSumsCache(2)
    cache.startEmpty()
    for (const key of ['a', 'b', 'c']) learn(cache, key)
    expect(has(cache, P, group('b'))).toBe(true)
    expect(has(cache, P, group('d'))).toBe(true)
    expect(has(cache, P, group('a'))).toBe(false)
  })

  it('does not take for there what was rolled back', () => {
    const cache = createSumsCache(1)
    cache.startEmpty()
    need(cache, P, group('a'))
    add(cache, 'a')
    cache.rollback()
    cache.commit()
    learn(cache, 'b')
    expect(has(cache, P, group('a'))).toBe(true)
  })
})

describe('the changes of a chunk', () => {
  it('are only of what was changed', () => {
    const cache = createSumsCache()
    load(cache, P, group('a'), sums(1))
    load(cache, P, group('b'), sums(1))
    change(cache, P, group('b'))
    expect(changed(cache).map((c) => c.key)).toEqual(['b'])
  })

  it('are the state after a commit', () => {
    const cache = createSumsCache()
    load(cache, P, group('a'), sums(1))
    add(cache, 'a')
    cache.commit()
    expect(changed(cache)).toEqual([])
    expect(has(cache, P, group('a'))).toBe(true)
    expect(read(cache, 'a').n).toBe(2)
  })

  it('are gone after a rollback, which leaves what was read', () => {
    const cache = createSumsCache()
    load(cache, P, group('a'), sums(1))
    cache.commit()
    has(cache, P, group('a'))
    add(cache, 'a')
    cache.rollback()
    expect(changed(cache)).toEqual([])
    expect(read(cache, 'a').n).toBe(1)
  })

  it('do not reach what was committed before they are', () => {
    const cache = createSumsCache()
    const base = sums(1)
    load(cache, P, group('a'), base)
    add(cache, 'a')
    expect(base.n).toBe(1)
  })
})

describe('the memory of a cache', () => {
  it('keeps so many of each name, and reads the others again', () => {
    const cache = createSumsCache(2)
    for (const key of ['a', 'b', 'c']) {
      load(cache, P, group(key), sums(1))
      load(cache, P, group(key, 'chain'), sums(1))
      cache.commit()
    }
    expect(['a', 'b', 'c'].map((key) => has(cache, P, group(key)))).toEqual([false, true, true])
    expect(['a', 'b', 'c'].map((key) => has(cache, P, group(key, 'chain')))).toEqual([false, true, true])
  })

  it('lets go of what was used again after what was not', () => {
    const cache = createSumsCache(2)
    for (const key of ['a', 'b', 'a', 'c']) {
      if (!has(cache, P, group(key))) load(cache, P, group(key), sums(1))
      cache.table.write(need(cache, P, group(key)), sums(1))
      cache.commit()
    }
    expect(['a', 'b', 'c'].map((key) => has(cache, P, group(key)))).toEqual([true, false, true])
  })

  it('never lets go of what the running chunk needs', () => {
    const cache = createSumsCache(2)
    const keys = Array.from({ length: 50 }, (_, i) => `k${i}`)
    for (const key of keys) {
      load(cache, P, group(key), sums(1))
      add(cache, key)
    }
    expect(keys.every((key) => has(cache, P, group(key)) && read(cache, key).n === 2)).toBe(true)
    cache.commit()
    expect(keys.filter((key) => has(cache, P, group(key)))).toHaveLength(2)
  })

  it('does not take the row of a group that was let go for the group’s', () => {
    const cache = createSumsCache(1)
    const [a, b] = [group('a'), group('b')]
    load(cache, P, a, sums(1))
    cache.commit()
    load(cache, P, b, sums(2)) // a goes, and its row is free
    cache.commit()
    load(cache, P, group('c'), sums(3))
    cache.commit()
    expect(has(cache, P, a)).toBe(false)
    load(cache, P, a, sums(4))
    expect(cache.table.count(need(cache, P, a))).toBe(4)
    expect(cache.table.count(need(cache, P, group('c')))).toBe(3)
  })

  it('knows a group by its object from chunk to chunk, however many objects it has', () => {
    const cache = createSumsCache(3)
    const a = group('a')
    load(cache, P, a, sums(1))
    cache.commit()
    const row = need(cache, P, a)
    for (let i = 0; i < 50; i++) {
      expect(need(cache, P, group('a'))).toBe(row)
      cache.commit()
    }
    expect(need(cache, P, a)).toBe(row)
  })

  it('does not keep what the database does not have', () => {
    const cache = createSumsCache()
    load(cache, P, group('a'), null)
    cache.commit()
    expect(has(cache, P, group('a'))).toBe(false)
  })
})

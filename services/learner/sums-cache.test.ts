import { describe, expect, it } from 'vitest'
import type { Group } from '../../domain/learning/model.ts'
import { type DecayedSums, emptySums } from '../../domain/learning/sums.ts'
import { createSumsCache } from './sums-cache.ts'

const P = 367
const group = (key: string, name = 'curator'): Group => ({ scope: 'lever', name, key })
const sums = (n: number): DecayedSums => ({ ...emptySums(), n, newest: 1 })

describe('a group that a chunk needs', () => {
  it('must be read when nobody knows it', () => {
    expect(createSumsCache().need(P, group('a'))).toBe(false)
  })

  it('is there once it was read, also for another object of the same name and key', () => {
    const cache = createSumsCache()
    cache.load(P, group('a'), sums(3))
    expect(cache.need(P, group('a'))).toBe(true)
    cache.change(P, group('a')).n++
    cache.change(P, group('a')).n++
    expect(cache.changed()).toEqual([{ period: P, group: group('a'), sums: sums(5), known: true }])
  })

  it('is not the one of the same key under another name', () => {
    const cache = createSumsCache()
    cache.load(P, group('a', 'curator'), sums(3))
    expect(cache.need(P, group('a', 'chain'))).toBe(false)
  })

  it('is not the one of another period', () => {
    const cache = createSumsCache()
    cache.load(P, group('a'), sums(3))
    expect(cache.need(P + 1, group('a'))).toBe(false)
    cache.load(P + 1, group('a'), null)
    cache.change(P + 1, group('a')).n = 8
    expect(cache.change(P, group('a')).n).toBe(3)
  })

  it('starts empty where the database has none', () => {
    const cache = createSumsCache()
    cache.load(P, group('a'), null)
    expect(cache.change(P, group('a'))).toEqual(emptySums())
  })

  it('cannot be changed before it was read', () => {
    expect(() => createSumsCache().change(P, group('a'))).toThrow(/were not read/)
  })
})

describe('the changes of a chunk', () => {
  it('are only of what was changed', () => {
    const cache = createSumsCache()
    cache.load(P, group('a'), sums(1))
    cache.load(P, group('b'), sums(1))
    cache.change(P, group('b'))
    expect(cache.changed().map((c) => c.group.key)).toEqual(['b'])
  })

  it('are the state after a commit', () => {
    const cache = createSumsCache()
    cache.load(P, group('a'), sums(1))
    cache.change(P, group('a')).n = 7
    cache.commit()
    expect(cache.changed()).toEqual([])
    expect(cache.need(P, group('a'))).toBe(true)
    expect(cache.change(P, group('a')).n).toBe(7)
  })

  it('are gone after a rollback, which leaves what was read', () => {
    const cache = createSumsCache()
    cache.load(P, group('a'), sums(1))
    cache.commit()
    cache.need(P, group('a'))
    cache.change(P, group('a')).n = 7
    cache.rollback()
    expect(cache.changed()).toEqual([])
    expect(cache.change(P, group('a')).n).toBe(1)
  })

  it('do not reach what was committed before they are', () => {
    const cache = createSumsCache()
    const base = sums(1)
    cache.load(P, group('a'), base)
    cache.change(P, group('a')).n = 7
    expect(base.n).toBe(1)
  })
})

describe('the memory of a cache', () => {
  it('keeps the most recently used of each name, and reads the others again', () => {
    const cache = createSumsCache(2)
    for (const key of ['a', 'b', 'c']) {
      cache.load(P, group(key), sums(1))
      cache.load(P, group(key, 'chain'), sums(1))
      cache.commit()
    }
    expect(['a', 'b', 'c'].map((key) => cache.need(P, group(key)))).toEqual([false, true, true])
    expect(['a', 'b', 'c'].map((key) => cache.need(P, group(key, 'chain')))).toEqual([false, true, true])
  })

  it('never lets go of what the running chunk needs', () => {
    const cache = createSumsCache(2)
    const keys = Array.from({ length: 50 }, (_, i) => `k${i}`)
    for (const key of keys) {
      cache.load(P, group(key), sums(1))
      cache.change(P, group(key)).n++
    }
    expect(keys.every((key) => cache.need(P, group(key)) && cache.change(P, group(key)).n === 2)).toBe(true)
    cache.commit()
    expect(keys.filter((key) => cache.need(P, group(key)))).toHaveLength(2)
  })

  it('does not keep what the database does not have', () => {
    const cache = createSumsCache()
    cache.load(P, group('a'), null)
    cache.commit()
    expect(cache.need(P, group('a'))).toBe(false)
  })
})

import { describe, expect, it } from 'vitest'
import { HashSet, hashOf } from './hash-set.ts'

describe('a set of hashes', () => {
  it('has what was added, through every growth, and little else', () => {
    const set = new HashSet()
    const name = (i: number) => `interaction curator=c${i}|chain=solana`
    for (let i = 0; i < 50_000; i++) set.add(hashOf(name(i)))
    for (let i = 0; i < 50_000; i++) expect(set.has(hashOf(name(i)))).toBe(true)
    let others = 0
    for (let i = 50_000; i < 150_000; i++) if (set.has(hashOf(name(i)))) others++
    expect(others).toBeLessThan(50) // 100,000 × 50,000 / 2^32 = 1.2 are to be expected
  })

  it('has a hash of 0 when it was added', () => {
    const set = new HashSet()
    expect(set.has(0)).toBe(false)
    set.add(0)
    expect(set.has(0)).toBe(true)
  })
})

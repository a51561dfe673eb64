import { describe, expect, it } from 'vitest'
import { HashSet, hashOf } from './hash-set.ts'

describe('a set of hashes', () => {
  it('has what was added, through every growth, and little else', () => {
    const set = new HashSet()
    const hash = (i: number) => hashOf('interaction', `curator=c${i}|chain=solana`, 367)
    for (let i = 0; i < 50_000; i++) set.add(hash(i))
    for (let i = 0; i < 50_000; i++) expect(set.has(hash(i))).toBe(true)
    let others = 0
    for (let i = 50_000; i < 150_000; i++) if (set.has(hash(i))) others++
    expect(others).toBeLessThan(50) // 100,000 × 50,000 / 2^32 = 1.2 are to be expected
  })

  it('has a hash of 0 when it was added', () => {
    const set = new HashSet()
    expect(set.has(0)).toBe(false)
    set.add(0)
    expect(set.has(0)).toBe(true)
  })
})

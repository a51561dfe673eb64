import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { interactionEdge, leverEdge, longOf, type ShrunkParameters, shrunkBaseline } from './shrunk.ts'
import type { Evidence } from './sums.ts'

const parameters: ShrunkParameters = {
  shrink: { long: 50, short: 100, market: 16, interaction: 50 },
  scale: { mean: 1, sigma: 0.3, floor: 0.5 },
}
/** So many trades at the newest exit, all alike but for their short and long mean. */
const trades = (n: number, rr_short: number, rr_long = rr_short, left = n): Evidence => ({
  n,
  rr_short,
  rr_long,
  sum_short: left,
  sum_long: left,
})
const all = trades(1000, 1.2, 1)
const base = shrunkBaseline(all, 1 + 4, parameters)

describe('the baseline', () => {
  test('knows how far single trades spread, and by what an edge counts', () => {
    expect(base).toMatchObject({ mean_short: 1.2, mean_long: 1, sigma: 2, scale: 1 })
    const scaleOf = (mean: number, squares: number) => shrunkBaseline(trades(9, mean), squares, parameters).scale
    expect(scaleOf(3, 9)).toBe(3)
    expect(scaleOf(0, 16)).toBeCloseTo(1.2, 12) // 0.3 σ
    expect(scaleOf(-3, 9)).toBe(0.5)
  })

  test('of equal outcomes has no spread, whatever rounding leaves of it', () => {
    for (const squares of [1, 1 + 1e-15, 1 - 1e-15]) {
      const { sigma, market } = shrunkBaseline(trades(3, 1), squares, parameters)
      expect(sigma).toBe(0)
      expect(market.error).toBeNull()
    }
  })

  test('has a market: how all trades go lately, in proportion to how many of them are recent', () => {
    expect(base.market.trust).toBe(2000 / 2016)
    expect(base.market.edge).toBeCloseTo((2000 / 2016) * 0.2, 12)
    expect(base.market.error).toBeCloseTo(2 / Math.sqrt(2016), 12)
    expect(shrunkBaseline(trades(1000, 1.2, 1, 0), 5, parameters).market).toMatchObject({ edge: 0, trust: 0 })
  })
})

describe('a lever value', () => {
  test('of one trade is next to nothing, even if it is the best there can be', () => {
    const one = leverEdge(trades(1, 10), base, parameters)
    expect(one.trust).toBe(1 / 51)
    expect(one.edge).toBeCloseTo((1 / 51) * 9 + (1 / 101) * (8.8 - (1 / 51) * 9), 12)
    expect(one.edge).toBeLessThan(0.3)
    expect(one.error).toBeCloseTo(Math.hypot(2 / Math.sqrt(51), 2 / Math.sqrt(101)), 12)
    expect(one.error!).toBeGreaterThan(one.edge) // it may as well be nothing
  })

  test('of many is what they say', () => {
    const many = leverEdge(trades(1e9, 3, 2), base, parameters)
    expect(many.trust).toBeCloseTo(1, 6)
    expect(many.edge).toBeCloseTo(3 - 1.2, 6)
    expect(many.error!).toBeLessThan(1e-3)
  })

  test('as everything else has no edge', () => {
    expect(leverEdge(trades(70, 1.2, 1), base, parameters).edge).toBeCloseTo(0, 15)
    expect(interactionEdge(trades(70, 1.2, 1), base, 0, parameters).edge).toBeCloseTo(0, 15)
  })

  test('of long ago is believed by what is left of its trades, and never more than there were', () => {
    expect(leverEdge(trades(1000, 3, 3, 5), base, parameters).trust).toBe(10 / 60)
    expect(leverEdge(trades(3, 3, 3, 3), base, parameters).trust).toBe(3 / 53)
    expect(leverEdge(trades(1000, 3, 3, 0), base, parameters)).toMatchObject({ edge: 0, trust: 0 })
  })
})

test('an interaction says only what its lever values do not', () => {
  const group = trades(70, 3)
  const member = longOf(group, base, parameters)
  expect(interactionEdge(group, base, 0, parameters).edge).toBeCloseTo((70 / 120) * 2, 12)
  expect(interactionEdge(group, base, 2 * member, parameters).edge).toBeCloseTo((70 / 120) * (2 - 2 * member), 12)
  expect(interactionEdge(group, base, 2, parameters).edge).toBeCloseTo(0, 12)
})

test('more trades that say the same are believed more, and are less far off', () => {
  const rr = fc.double({ min: -10, max: 10, noNaN: true })
  fc.assert(
    fc.property(fc.nat(1000), fc.nat(1000), rr, rr, (a, b, short, long) => {
      const of = (n: number) => leverEdge(trades(1 + n, short, long), base, parameters)
      const [fewer, more] = [of(Math.min(a, b)), of(Math.max(a, b))]
      expect(more.trust).toBeGreaterThanOrEqual(fewer.trust)
      expect(more.error!).toBeLessThanOrEqual(fewer.error!)
      for (const { edge, trust } of [fewer, more]) {
        expect(trust).toBeGreaterThan(0)
        expect(trust).toBeLessThan(1)
        expect(Math.abs(edge)).toBeLessThanOrEqual(Math.abs(long - 1) + Math.abs(short - 1.2) + Math.abs(long - 1))
      }
    }),
  )
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SHARES_BEFORE_LEARNING, TIMEFRAMES } from '../timeframe.ts'
import {
  allocation as allocate,
  type CoefficientKey,
  type FactorKey,
  type LearnedFactor,
  product,
  type Sizing,
} from './allocation.ts'
import { timeframeShares } from './timeframes.ts'

const lever = (name: string, key: string, weight: number, more: Partial<Omit<LearnedFactor, 'scope'>> = {}) => ({
  scope: 'lever' as const,
  name,
  key,
  weight,
  rr_short: weight,
  rr_long: weight,
  n: 3,
  edge: weight - 1,
  trust: 1,
  error: null,
  temperature: 'steady' as const,
  ...more,
})
const interaction = (weight: number) => ({
  ...lever('interaction', 'cap=1m-2m|chain=base', weight),
  scope: 'interaction' as const,
})
const allocation = (keys: readonly FactorKey[], rows: readonly LearnedFactor[], sizing: Sizing) =>
  allocate(product(keys, rows, { rule: 'v4' }), sizing)
const wide = { base: 5, min: 0, max: 1e12 }

describe('the allocation of an entry context', () => {
  test('is the base while nothing is learned', () => {
    const keys: CoefficientKey[] = [{ scope: 'lever', name: 'chain', key: 'base' }]
    const answer = allocation(keys, [], { base: 5, min: 1, max: 10 })
    expect(answer).toMatchObject({ allocation: 5, multiplier: 1, bounded_by: null, levers_damped: false })
    expect(answer.factors).toEqual([
      {
        scope: 'lever',
        name: 'chain',
        key: 'base',
        known: false,
        edge: 0,
        weight: 1,
        adjusted_weight: 1,
        n: 0,
        trust: 0,
        error: null,
        rr_short: null,
        rr_long: null,
        temperature: 'unknown',
      },
    ])
  })

  test('is the base times the lever weights while the interaction has nothing to say', () => {
    const rows = [lever('chain', 'base', 1.5), lever('cap', '1m-2m', 0.8), interaction(1.05)]
    const answer = allocation(rows, rows, wide)
    expect(answer.levers_damped).toBe(false)
    expect(answer.multiplier).toBeCloseTo(1.5 * 0.8 * 1.05, 12)
  })

  test('takes a fifth of every lever back when the interaction differs from 1 by a tenth', () => {
    const rows = [lever('chain', 'base', 1.5), lever('cap', '1m-2m', 0.8), interaction(1.4)]
    const answer = allocation(rows, rows, wide)
    expect(answer.factors.map((f) => f.adjusted_weight)).toEqual([1.4, 0.8 + 0.2 * (1 - 0.8), 1.4])
    expect(answer.allocation).toBeCloseTo(5 * 1.4 * 0.84 * 1.4, 12)
  })

  test.each([0.9, 1.1])('counts an interaction weight of %d as differing by a tenth, in binary too', (weight) => {
    const rows = [lever('chain', 'base', 2), interaction(weight)]
    expect(allocation(rows, rows, wide).levers_damped).toBe(true)
  })

  test('does not mistake a row of another lever with the same value', () => {
    const keys: CoefficientKey[] = [{ scope: 'lever', name: 'chain', key: 'base' }]
    expect(allocation(keys, [lever('curator', 'base', 2)], wide).multiplier).toBe(1)
  })

  test('says which bound cut it', () => {
    const rows = [lever('chain', 'base', 2)]
    expect(allocation(rows, rows, { base: 5, min: 1, max: 8 })).toMatchObject({ allocation: 8, bounded_by: 'max' })
    expect(allocation(rows, rows, { base: 5, min: 12, max: 20 })).toMatchObject({ allocation: 12, bounded_by: 'min' })
  })

  test.each([
    { base: Number.NaN, min: 1, max: 10 },
    { base: 5, min: -1, max: 10 },
    { base: 5, min: 1, max: Number.POSITIVE_INFINITY },
    { base: 5, min: 11, max: 10 },
  ])('refuses a sizing of $base, $min to $max', (sizing) => {
    expect(() => allocation([], [], sizing)).toThrow(expect.objectContaining({ code: 'USAGE' }))
  })
})

const weight = fc.double({ min: 0.5, max: 2, noNaN: true })
const rowsOf = fc
  .record({ levers: fc.array(weight, { maxLength: 9 }), combined: fc.option(weight) })
  .map(({ levers, combined }) => [
    ...levers.map((w, i) => lever(`lever${i}`, 'value', w)),
    ...(combined === null ? [] : [interaction(combined)]),
  ])

describe('every allocation', () => {
  test('lies within its bounds', () => {
    fc.assert(
      fc.property(rowsOf, fc.nat(1000), fc.nat(1000), fc.nat(1000), (rows, base, a, b) => {
        const { allocation: size } = allocation(rows, rows, { base, min: Math.min(a, b), max: Math.max(a, b) })
        expect(size).toBeGreaterThanOrEqual(Math.min(a, b))
        expect(size).toBeLessThanOrEqual(Math.max(a, b))
      }),
    )
  })

  test('is explained by its factors: their product is the multiplier', () => {
    fc.assert(
      fc.property(rowsOf, (rows) => {
        const answer = allocation(rows, rows, wide)
        expect(answer.allocation).toBeCloseTo(5 * answer.factors.reduce((p, f) => p * f.adjusted_weight, 1), 9)
      }),
    )
  })

  test('never has a lever pushed past 1 or away from it by the interaction', () => {
    fc.assert(
      fc.property(rowsOf, (rows) => {
        for (const f of allocation(rows, rows, wide).factors) {
          expect(Math.abs(f.adjusted_weight - 1)).toBeLessThanOrEqual(Math.abs(f.weight - 1))
          expect((f.adjusted_weight - 1) * (f.weight - 1)).toBeGreaterThanOrEqual(0)
        }
      }),
    )
  })

  test('grows with the weight of a lever', () => {
    fc.assert(
      fc.property(rowsOf, weight, weight, (rows, a, b) => {
        const of = (w: number) => [...rows, lever('one more', 'value', w)]
        const [low, high] = [of(Math.min(a, b)), of(Math.max(a, b))]
        expect(allocation(high, high, wide).allocation).toBeGreaterThanOrEqual(allocation(low, low, wide).allocation)
      }),
    )
  })
})

describe('the split over timeframes', () => {
  test('is the old one with nothing learned', () => {
    expect(timeframeShares([]).map((t) => [t.timeframe, t.share])).toEqual(Object.entries(SHARES_BEFORE_LEARNING))
  })

  test('is the weights normalised to 1, an unknown timeframe weighing 1', () => {
    const shares = timeframeShares([
      lever('timeframe', '1h', 2),
      lever('timeframe', '1m', 0.5),
      lever('chain', '4h', 2),
    ])
    const whole = TIMEFRAMES.length + 0.5
    const weights: Record<string, number> = { '1m': 0.5, '1h': 2 }
    expect(shares.map((t) => t.share)).toEqual(TIMEFRAMES.map((name) => (weights[name] ?? 1) / whole))
  })

  test('adds up to 1', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.constantFrom(...TIMEFRAMES)), fc.infiniteStream(weight), (names, weights) => {
        const rows = names.map((name) => lever('timeframe', name, weights.next().value))
        expect(timeframeShares(rows).reduce((sum, t) => sum + t.share, 0)).toBeCloseTo(1, 12)
      }),
    )
  })
})

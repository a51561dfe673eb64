/** The curve against sums that are made by hand, and against the interval that it must end at. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cumulate, pointsAmong } from './curve.ts'
import { bootstrap, meanInterval } from './statistics.ts'

const trade = fc.record({
  multiplier: fc.double({ min: 0.25, max: 4, noNaN: true }),
  outcome: fc.double({ min: -10, max: 10, noNaN: true }),
  day: fc.integer({ min: 0, max: 8 }),
})

/** In the order of their days, a point after each. */
function courseOf(trades: { multiplier: number; outcome: number; day: number }[]) {
  const sorted = trades.toSorted((a, b) => a.day - b.day)
  const multipliers = Float64Array.from(sorted, (t) => t.multiplier)
  const outcomes = Float64Array.from(sorted, (t) => t.outcome)
  const days = sorted.map((t) => t.day)
  const curve = cumulate(
    multipliers,
    outcomes,
    days,
    sorted.map((_, i) => i),
    sorted.length,
  )
  return { multipliers, outcomes, days, curve }
}

describe('a curve', () => {
  test('is what each unit staked had brought so far', () => {
    const { curve } = courseOf([
      { multiplier: 1, outcome: 2, day: 0 },
      { multiplier: 3, outcome: -1, day: 1 },
    ])
    // 4 units are staked by the model, 2 at equal sizes
    expect(curve.map((p) => [p.equal, p.sized])).toEqual([
      [1, 0.5],
      [0.5, -0.25],
    ])
  })

  test('ends where the verdict’s interval is, whatever the trades', () => {
    fc.assert(
      fc.property(fc.array(trade, { minLength: 2, maxLength: 60 }), (trades) => {
        const { multipliers, outcomes, days, curve } = courseOf(trades)
        const { mean, low, high } = bootstrap(multipliers, outcomes, days)
        const last = curve.at(-1)
        if (!last) throw new Error('there is no point')
        expect(last.sized - last.equal).toBeCloseTo(mean, 9)
        expect(last.low - last.equal).toBeCloseTo(low, 9)
        expect(last.high - last.equal).toBeCloseTo(high, 9)
        for (const point of curve) expect(point.low).toBeLessThanOrEqual(point.high)
      }),
      { numRuns: 30 },
    )
  })

  test('the same trades have the same bands', () => {
    fc.assert(
      fc.property(fc.array(trade, { minLength: 2, maxLength: 30 }), (trades) => {
        expect(courseOf(trades).curve).toEqual(courseOf(trades).curve)
      }),
      { numRuns: 10 },
    )
  })

  test('equal sizes lie on equal sizes, without a band', () => {
    const { curve } = courseOf(Array.from({ length: 40 }, (_, i) => ({ multiplier: 2, outcome: i % 7, day: i % 5 })))
    for (const { equal, sized, low, high } of curve)
      for (const value of [sized, low, high]) expect(value).toBeCloseTo(equal, 9)
  })
})

test('points are spread evenly, and the last trade has one', () => {
  expect(pointsAmong(0, 300)).toEqual([])
  expect(pointsAmong(3, 300)).toEqual([0, 1, 2])
  for (const count of [301, 1_000, 12_345]) {
    const points = pointsAmong(count, 300)
    expect([points.length, points.at(-1), new Set(points).size]).toEqual([300, count - 1, 300])
  }
})

test('the interval of a mean is wide where few days say it, and a point where all trades are alike', () => {
  const outcomes = Float64Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 3 : -1))
  const many = meanInterval(
    outcomes,
    Array.from(outcomes, (_, i) => Math.floor(i / 2)),
  )
  expect(many).toEqual({ mean: expect.closeTo(1), low: expect.closeTo(1), high: expect.closeTo(1) })
  const single = meanInterval(
    outcomes,
    Array.from(outcomes, (_, i) => i),
  )
  expect(single.low).toBeLessThan(0.7)
  expect(single.high).toBeGreaterThan(1.3)
})

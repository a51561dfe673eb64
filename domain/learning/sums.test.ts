import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { exactMean } from '../../test/support/exact-mean.ts'
import { MAX_EXIT_MS } from '../validation.ts'
import { decayOf, emptySums, type Means, mergeSums, periodOf, weigh, weightOf } from './sums.ts'
import { SumsTable } from './sums-table.ts'

const tau = decayOf({ short: 14, long: 90 })
const DAY = 86_400_000
const NOW = Date.UTC(2026, 10, 1)

interface Point {
  t: number
  rr: number
}

/** One group: a table of one row for each period. */
type Periods = Map<number, SumsTable>

function oneRow(): SumsTable {
  const table = new SumsTable(1)
  table.addRow()
  return table
}

function change(periods: Periods, { t, rr }: Point, how: 'addTrade' | 'retractTrade'): void {
  const period = periodOf(t, tau)
  const sums = periods.get(period) ?? oneRow()
  periods.set(period, sums)
  sums[how](0, weigh(t, rr, tau))
}

function sumsOf(points: readonly Point[]): Periods {
  const periods: Periods = new Map()
  for (const point of points) change(periods, point, 'addTrade')
  return periods
}

/** As the database keeps them: what is empty is gone. */
const merged = (...partitions: Periods[]) =>
  mergeSums(
    partitions.flatMap((p) =>
      [...p].filter(([, table]) => table.count(0) > 0).map(([period, table]) => ({ period, sums: table.read(0) })),
    ),
    tau,
  )
const meanOf = (...partitions: readonly (readonly Point[])[]) => merged(...partitions.map(sumsOf))

function without(all: readonly Point[], gone: ReadonlySet<number>): Periods {
  const periods = sumsOf(all)
  for (const i of gone) change(periods, all[i] as Point, 'retractTrade')
  return periods
}

/** Within 1e-9 of the exact mean; where terms cancel, what is left of them has fewer digits. */
function expectExact(actual: Means | null, points: readonly Point[]): void {
  expect(actual?.n).toBe(points.length)
  for (const [got, length] of [
    [actual?.rr_short, tau.short],
    [actual?.rr_long, tau.long],
  ] as const) {
    const { mean, size } = exactMean(points, length)
    expect(Math.abs((got as number) - mean)).toBeLessThanOrEqual(1e-9 * Math.abs(mean) + 1e-12 * size)
  }
}

const rr = fc.oneof(
  fc.double({ min: -10, max: 10, noNaN: true }).map((x) => (Math.abs(x) < 1e-15 ? 0 : x)),
  fc.constantFrom(10, -10, 0),
)
const within = (days: number) => fc.record({ t: fc.integer({ min: NOW - days * DAY, max: NOW }), rr })
const points = (days: number, minLength = 1) => fc.array(within(days), { minLength, maxLength: 40 })

describe('the decayed mean', () => {
  it('is the formula', () => {
    fc.assert(fc.property(points(400), (all) => expectExact(meanOf(all), all)))
  })

  it('is the formula over gaps of years', () => {
    fc.assert(fc.property(points(3_000), (all) => expectExact(meanOf(all), all)))
  })

  it('of one trade is its R/R', () => {
    expect(meanOf([{ t: NOW, rr: -3.25 }])).toEqual({ rr_short: -3.25, rr_long: -3.25, n: 1 })
  })

  it('of two, the older by one τ, weighs it e^-1', () => {
    const mean = meanOf([
      { t: NOW, rr: 0 },
      { t: NOW - 14 * DAY, rr: 1 },
    ])
    expect(mean?.rr_short).toBeCloseTo(Math.exp(-1) / (1 + Math.exp(-1)), 14)
  })

  it('of none is none', () => {
    expect(mergeSums([], tau)).toBeNull()
  })

  it('does not depend on the order of the trades', () => {
    fc.assert(
      fc.property(
        points(1_000).chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
        ([all, shuffled]) => expectExact(meanOf(shuffled), all),
      ),
    )
  })

  it('does not depend on how they are cut into partitions', () => {
    fc.assert(
      fc.property(points(1_000), fc.array(fc.nat(5), { minLength: 40, maxLength: 40 }), (all, where) => {
        const partitions = Array.from({ length: 6 }, (_, p) => all.filter((_, i) => where[i] === p))
        expectExact(meanOf(...partitions), all)
      }),
    )
  })

  it('is a finite number whatever the times', () => {
    const any = fc.record({ t: fc.integer({ min: 1, max: MAX_EXIT_MS }), rr })
    fc.assert(
      fc.property(fc.array(any, { minLength: 1, maxLength: 40 }), fc.nat(), (all, gone) => {
        const left = without(all, new Set([gone % all.length]))
        for (const sums of left.values())
          for (const value of Object.values(sums.read(0))) expect(Number.isFinite(value)).toBe(true)
        if (all.length > 1) expect(Math.abs(merged(left)?.rr_short as number)).toBeLessThanOrEqual(10 + 1e-9)
      }),
    )
  })
})

describe('a trade that is taken back', () => {
  it('leaves what would be without it', () => {
    fc.assert(
      fc.property(points(1_000, 2), fc.array(fc.nat(), { minLength: 1, maxLength: 30 }), (all, picks) => {
        const gone = new Set(picks.map((p) => p % all.length).slice(0, all.length - 1))
        expectExact(
          merged(without(all, gone)),
          all.filter((_, i) => !gone.has(i)),
        )
      }),
    )
  })

  it('and was the only one leaves nothing, not even its time', () => {
    const sums = oneRow()
    sums.addTrade(0, weigh(NOW, 2, tau))
    sums.retractTrade(0, weigh(NOW, 2, tau))
    expect(sums.read(0)).toEqual(emptySums())
  })

  it('and outweighed the others by far leaves their mean to the last bit', () => {
    const old = { t: NOW - 300 * DAY, rr: 1.7 }
    expect(merged(without([old, { t: NOW, rr: 9 }], new Set([1])))).toEqual(meanOf([old]))
  })

  it('with a million others leaves the one that remains', () => {
    const periods = sumsOf([{ t: NOW - 20 * DAY, rr: 1e-6 }])
    const crowd = Array.from({ length: 1_000_000 }, (_, i) => ({ t: NOW - (i % 4_000_000), rr: 10 - (i % 7) }))
    for (const point of crowd) change(periods, point, 'addTrade')
    for (const point of crowd.reverse()) change(periods, point, 'retractTrade')
    expectExact(merged(periods), [{ t: NOW - 20 * DAY, rr: 1e-6 }])
  })

  it('and came back and went, ten thousand times, costs no digit', () => {
    const others = Array.from({ length: 20 }, (_, i) => ({ t: NOW - i * DAY, rr: i / 3 }))
    const periods = sumsOf(others)
    const restless = { t: NOW - 3 * DAY, rr: 9.87 }
    for (let i = 0; i < 10_000; i++) {
      change(periods, restless, 'addTrade')
      change(periods, restless, 'retractTrade')
    }
    expect(merged(periods)).toEqual(meanOf(others))
  })
})

describe('the weight', () => {
  const bounds = { min: 0.5, max: 2 }
  it.each([
    [1, 1, 1],
    [1.5, 1, 1.5],
    [3, 1, 2],
    [0.1, 1, 0.5],
    [-4, 1, 0.5],
    [1, 0, 1],
    [1, -1, 1],
    [1, null, 1],
    [1, undefined, 1],
    [10, 5e-324, 2],
  ])('of rr_short %s against a baseline of %s is %s', (rr_short, baseline, weight) => {
    expect(weightOf(rr_short, baseline, bounds)).toBe(weight)
  })
})

import { describe, expect, test } from 'vitest'
import {
  bootstrap,
  detectableUplift,
  holm,
  kish,
  permutationTest,
  spearman,
  tradesNeeded,
  uplift,
} from './statistics.ts'

const of = (...values: number[]) => Float64Array.from(values)

test('uplift: a unit staked against equal sizes', () => {
  expect(uplift(of(1, 3), of(0, 4))).toBe(3 - 2)
  expect(uplift(of(2, 2), of(0, 4))).toBe(0)
})

test('Kish: equal sizes are all of the bets, one large one is few', () => {
  expect(kish(of(2, 2, 2))).toBe(1)
  expect(kish(of(1, 0, 0, 0))).toBe(0.25)
})

describe('Spearman', () => {
  test('is 1 for any rise, -1 for any fall, and ties share their rank', () => {
    expect(spearman(of(1, 2, 3), of(10, 11, 500))).toBeCloseTo(1, 12)
    expect(spearman(of(1, 2, 3), of(5, 4, -9))).toBeCloseTo(-1, 12)
    expect(spearman(of(1, 1, 2, 3), of(1, 2, 3, 4))).toBeCloseTo(0.9486832980505138, 12) // scipy.stats.spearmanr
  })
  test('says nothing of what is constant', () => expect(spearman(of(1, 1), of(1, 2))).toBeNull())
})

test('Holm', () => {
  expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02]) // R: p.adjust(…, 'holm')
  expect(holm([0.9, 0.8])).toEqual([1, 1])
  expect(holm([])).toEqual([])
})

test('so many trades as are needed would just have shown it', () => {
  const [sizes, outcomes] = [of(1, 2, 1, 2), of(0, 3, -1, 2)]
  const found = uplift(sizes, outcomes)
  const needed = tradesNeeded(found, sizes, outcomes) as number
  expect(detectableUplift(sizes, outcomes) * Math.sqrt(4 / needed)).toBeLessThanOrEqual(found)
  expect(detectableUplift(sizes, outcomes) * Math.sqrt(4 / (needed - 1))).toBeGreaterThan(found)
  expect(tradesNeeded(-1, sizes, outcomes)).toBeNull()
  expect(tradesNeeded(1, of(1, 1), of(1, 2))).toBeNull()
})

test('a shuffle that gives as much counts, and p is never 0', () => {
  expect(permutationTest(of(1, 2, 3, 4), () => 7, 99)).toBe(1)
  expect(permutationTest(of(1, 2, 3, 4, 5, 6, 7, 8), (x) => (x.every((v, i) => v === i + 1) ? 1 : 0), 99)).toBe(0.01)
})

test('days are drawn whole: what goes together on one day is one piece of evidence', () => {
  const sizes = Float64Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? 2 : 1))
  // a day goes well or badly as a whole
  const outcomes = Float64Array.from(
    { length: 400 },
    (_, i) => (Math.floor(i / 40) % 3 === 0 ? 3 : -1) * (i % 2 === 0 ? 1 : 0.2),
  )
  const apart = bootstrap(
    sizes,
    outcomes,
    Array.from({ length: 400 }, (_, i) => i),
  )
  const days = bootstrap(
    sizes,
    outcomes,
    Array.from({ length: 400 }, (_, i) => Math.floor(i / 40)),
  )
  expect(days.mean).toBe(apart.mean)
  expect(days.high - days.low).toBeGreaterThan(2 * (apart.high - apart.low))
})

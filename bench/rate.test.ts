import { expect, test } from 'vitest'
import { checkSameOutcome, rateOf, total } from './rate.ts'

test('the median round counts, with its own processor time and log bytes', () => {
  const round = (seconds: number, learner: number) => ({
    seconds,
    cpu: { learner, lite: null },
    walBytes: learner * 10,
  })
  expect(rateOf([round(2, 20), round(4, 40), round(1, 10)], 1_000)).toEqual({
    events_per_s: 500,
    rounds: [500, 250, 1_000],
    cpu_s: { learner: 20, lite: null },
    cpu_us_per_event: { learner: 20_000, lite: null },
    wal_bytes_per_event: 0.2,
  })
})

test('a process that nobody can tell of leaves the sum unknown rather than too small', () => {
  expect(total({ learner: 3, kafka: 0.5 })).toBe(3.5)
  expect(total({ learner: 3, kafka: null })).toBeNull()
})

test('contenders must come to the same result', () => {
  const learner = { rr_short: 0.5, n: 100, updates: 900 }
  const check = (streams: Partial<typeof learner>) => () =>
    checkSameOutcome({ learner, streams: { ...learner, ...streams } })
  expect(check({ rr_short: 0.5 + 1e-11 })).not.toThrow()
  for (const other of [{ rr_short: 0.5 + 1e-8 }, { rr_short: Number.NaN }, { n: 99 }, { updates: 901 }])
    expect(check(other)).toThrow(/learner and streams do not come to the same result/)
  expect(() => checkSameOutcome({})).not.toThrow()
})

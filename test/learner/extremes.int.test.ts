import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { MAX_EXIT_MS } from '../../domain/validation.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFeed, recordsOf } from '../support/feed.ts'
import { emptyLearner, expectClose, folded, learned } from '../support/learned.ts'
import { createTestLearner, encodeEvent, TOPIC } from '../support/learner.ts'

// PostgreSQL refuses a number that becomes 0 although it is none, and one beyond 1e308. A commit that it refuses for that stops the partition for ever.

let db: TestDatabase
const model = loadModel('lowcap-v4')
const YEAR = 365 * 86_400_000
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())
beforeEach(() => emptyLearner(db))

let ids = 0
const trade = (closed_at: number, rr: number | null, more: Partial<PositionClosed> = {}) =>
  closedTrade({
    event_id: `e${ids++}`,
    closed_at: Math.round(closed_at),
    rr,
    levers: { curator: 'a' },
    measures: {},
    ...more,
  })

/** Learns the logs of the partitions, one chunk each. */
async function learn(partitions: PositionClosed[][]): Promise<string[]> {
  const { runner, dead } = await createTestLearner({ store: db.store, model })
  for (const [partition, events] of partitions.entries()) {
    const records = events.map((e) => ({ key: 'k', value: encodeEvent(e), timestamp: MAX_EXIT_MS }))
    await createFeed(TOPIC, partition, recordsOf(records)).run(runner)
  }
  return dead.map((d) => String(d.headers?.['strandline.reason']))
}

const NOW = Date.UTC(2026, 10, 1)

describe('trades that no sum can hold together', () => {
  it.each<[string, PositionClosed[][]]>([
    ['half a century apart, in two partitions', [[trade(1, 2)], [trade(NOW, 3)]]],
    ['half a century apart, in two partitions, with an R/R of next to nothing', [[trade(1, 1e-30)], [trade(NOW, 3)]]],
    ['with the smallest R/R there is, a year apart', [[trade(NOW, 5e-324)], [trade(NOW + YEAR, 3)]]],
    ['with the smallest R/R there is, alone', [[trade(NOW, 5e-324), trade(NOW, 5e-324), trade(NOW, 5e-324)]]],
    [
      '28 years apart in one partition, nothing won since',
      [[trade(NOW - 28 * YEAR, 1), trade(NOW, 0)], [trade(NOW + YEAR, 0)]],
    ],
    ['27 to 29 years apart', [27, 27.5, 28, 28.5, 29].map((y) => [trade(NOW - y * YEAR, 1), trade(NOW, 0)])],
    ['with a baseline of next to nothing', [[trade(NOW, 1e-300, { levers: {} }), trade(NOW - 20 * YEAR, 10)]]],
    ['at both ends of time', [[trade(1, -10)], [trade(MAX_EXIT_MS, 10)]]],
  ])('%s are learned all the same', async (_, partitions) => {
    expect(await learn(partitions)).toEqual([])
    const state = await learned(db)
    expect(state.global_rr.n).toBe(partitions.flat().length)
    const expected = await folded(model, partitions)
    for (const [i, c] of state.coefficients.entries()) {
      expect(c.rr_short).toBeCloseTo(expected.coefficients[i]!.rr_short, 9)
      expect(c.rr_long).toBeCloseTo(expected.coefficients[i]!.rr_long, 9)
    }
  })

  it('are as they were when the newest of them is taken back', async () => {
    const old = [trade(1, 1e-30), trade(NOW - 28 * YEAR, 5e-324), trade(NOW - 10 * YEAR, 1e-200)]
    const newest = trade(NOW, 3)
    expect(await learn([[...old, newest, { ...newest, revision: 1, voided: true }], [trade(NOW, 0)]])).toEqual([])
    expect((await learned(db)).global_rr.n).toBe(4)
  })

  it('of any time and R/R are learned, in any partition', async () => {
    const number = fc.oneof(
      fc.double({ min: -10, max: 10, noNaN: true }),
      fc.constantFrom(0, 5e-324, -5e-324, 1e-310, 1e-200, -1e-100, 1e-17, 10, -10),
    )
    const exit = fc.oneof(
      fc.integer({ min: 1, max: MAX_EXIT_MS }),
      fc.constantFrom(1, NOW, NOW - 28 * YEAR, MAX_EXIT_MS),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.tuple(exit, number, fc.nat(3)), { maxLength: 8 }), { minLength: 1, maxLength: 3 }),
        async (logs) => {
          await emptyLearner(db)
          const partitions = logs.map((log) =>
            log.flatMap(([t, rr, kind]) => {
              const event = trade(t, rr)
              return kind === 0 ? [event, { ...event, revision: 1, voided: true }] : [event]
            }),
          )
          expect(await learn(partitions)).toEqual([])
          const expected = await folded(model, partitions)
          expect((await learned(db)).global_rr.n).toBe(expected.global_rr.n)
        },
      ),
      { numRuns: 30 },
    )
  })
})

describe('a lever value', () => {
  it('of any text is a key of its own, as it is but for spaces around it', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 40 }).map((s) => s.toWellFormed().replaceAll('\0', ''))
    const odd = [
      '"',
      '\\',
      '{a,b}',
      'NULL',
      "'); drop table learner_ledger; --",
      '%7C',
      'a|b=c',
      '\u2028',
      '😀',
      '\\"',
      'é',
      'e\u0301',
    ]
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.oneof(text, fc.constantFrom(...odd)), { minLength: 1, maxLength: 20 }),
        async (texts) => {
          await emptyLearner(db)
          const events = texts.map((curator, i) => trade(NOW, (i % 9) + 1, { levers: { curator } }))
          expect(await learn([events])).toEqual([])
          expectClose(await learned(db), await folded(model, [events]))
        },
      ),
      { numRuns: 25 },
    )
  })
})

describe('what is learned from trades years apart', () => {
  it('is the formula, to the last of nine digits, as long as it is a number worth knowing', async () => {
    const partitions = [
      [trade(NOW - 3 * YEAR, 4), trade(NOW - 2 * YEAR, 1)],
      [trade(NOW - YEAR, -2), trade(NOW - 5 * YEAR, 3)],
      [trade(NOW - 1.5 * YEAR, 0.5)],
    ]
    await learn(partitions)
    expectClose(await learned(db), await folded(model, partitions))
  })
})

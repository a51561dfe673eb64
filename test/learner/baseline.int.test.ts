/** The copy of the baseline in `learning_configs`: written by few commits while there is much to learn, and exact whenever there is nothing left. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Clock } from '../../core/clock.ts'
import { loadModel } from '../../core/load-model.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFeed, recordsOf } from '../support/feed.ts'
import { emptyLearner, expectClose, folded, learned } from '../support/learned.ts'
import { createTestLearner, encodeEvent, TOPIC } from '../support/learner.ts'

let db: TestDatabase
const model = loadModel('lowcap-v4')
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())
beforeEach(() => emptyLearner(db))

const events = (prefix: string, count: number): PositionClosed[] =>
  Array.from({ length: count }, (_, i) => closedTrade({ position_id: `${prefix}${i}`, rr: (i % 7) - 2 }))
const feedOf = (partition: number, all: PositionClosed[]) =>
  createFeed(TOPIC, partition, recordsOf(all.map((e) => ({ key: e.position_id, value: encodeEvent(e) }))))
const exact = async (...partitions: PositionClosed[][]) =>
  expectClose(await learned(db), await folded(model, partitions))

/**
 * A learner on a clock of its own, on which a commit takes `ms`; it dies at commit number `dies`. `baselines`: which of its commits wrote the baseline.
 */
async function learnerOf({ ms = 0, dies = Number.POSITIVE_INFINITY, maxChunk = 1 } = {}) {
  const baselines: boolean[] = []
  const clock: Clock = {
    now: () => baselines.length * ms,
    monotonic: () => baselines.length * ms,
    sleep: async () => {},
  }
  const { runner } = await createTestLearner({
    store: db.store,
    model,
    maxChunk,
    clock,
    wrapStore: (store) => ({
      ...store,
      async commit(c) {
        if (baselines.length === dies) throw new Error('killed')
        baselines.push(c.baseline === true)
        return store.commit(c)
      },
    }),
  })
  return { runner, baselines }
}

test('is written four times a second at most while there is more to learn, and by the last commit', async () => {
  const all = events('a', 30)
  const { runner, baselines } = await learnerOf({ ms: 50 })
  await feedOf(0, all).run(runner)
  expect(baselines.flatMap((wrote, i) => (wrote ? [i] : []))).toEqual([0, 5, 10, 15, 20, 25, 29])
  await exact(all)
})

test('is never older than a quarter of a second', async () => {
  const all = events('a', 12)
  const { runner, baselines } = await learnerOf({ ms: 300 })
  await feedOf(0, all).run(runner)
  expect(baselines).toEqual(all.map(() => true))
})

test('is exact although a partition that had nothing left was the first to end', async () => {
  const [short, long] = [events('a', 4), events('b', 9)]
  const { runner } = await learnerOf()
  await Promise.all([feedOf(0, short).run(runner), feedOf(1, long).run(runner)])
  await exact(short, long)
})

test('is exact after any two last commits that come at once', async () => {
  const { runner } = await learnerOf({ maxChunk: 10 })
  const partitions: PositionClosed[][] = [[], []]
  for (let round = 0; round < 20; round++) {
    await Promise.all(
      partitions.map(async (known, partition) => {
        const from = known.length
        known.push(...events(`${partition}-${round}-`, 3))
        const committed = from === 0 ? null : from
        await feedOf(partition, known).run(runner, { committed, assign: round === 0 })
      }),
    )
    await exact(...partitions)
  }
})

test('is exact once somebody else has done what a learner left that died before its turn', async () => {
  const all = events('a', 8)
  const doomed = await learnerOf({ dies: 5 })
  await expect(feedOf(0, all).run(doomed.runner)).rejects.toThrow('killed')
  expect(doomed.baselines).toEqual([true, false, false, false, false])
  expect((await learned(db)).global_rr.n).toBe(1) // what it committed is not in the copy yet: there is more to learn
  const heir = await learnerOf({ maxChunk: 100 })
  await feedOf(0, all).run(heir.runner)
  await exact(all)
})

test('is exact after a replay, of which what lies behind is known and is committed no more', async () => {
  const all = events('a', 3)
  const bad = feedOf(0, all)
  for (const record of bad.records.slice(0, 2)) record.value = Buffer.from('bad')
  const { runner, baselines } = await learnerOf({ ms: 50 })
  await bad.run(runner)
  await feedOf(0, all).run(runner, { committed: 0 })
  expect(baselines).toEqual([true, false, true, true, true])
  await exact(all)
})

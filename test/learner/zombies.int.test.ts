import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import type { BatchControl } from '../../core/log/log.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFeed, recordsOf } from '../support/feed.ts'
import { emptyLearner, expectClose, folded, learned } from '../support/learned.ts'
import { createTestLearner, encodeEvent, TOPIC } from '../support/learner.ts'
import { removeGuard } from '../support/unguarded.ts'

const model = loadModel('lowcap-v4')
let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())
beforeEach(() => emptyLearner(db))

const events = Array.from({ length: 12 }, (_, i) => closedTrade({ position_id: `p${i}`, rr: (i % 5) - 1 }))
const records = recordsOf(events.map((e) => ({ key: e.position_id, value: encodeEvent(e) })))
const batchOf = (from: number, to = records.length) => ({
  topic: TOPIC,
  partition: 0,
  fetchedOffset: from,
  nextOffset: to,
  highWatermark: records.length,
  records: records.slice(from, to),
})

const REVOKED = 'the group has another generation'
/** A zombie's broker does not know it any more: its heartbeat fails. */
const zombie: BatchControl = {
  heartbeat: async () => {
    throw new Error(REVOKED)
  },
  isActive: () => true,
  seek: () => {},
  commitOffset: async () => {},
}

/** A learner that stops right before a commit, as a process that is paused does, until it is resumed. */
async function pausable(database = db, copyFrom = 1) {
  let reached = () => {}
  let resume = () => {}
  const paused = new Promise<void>((resolve) => {
    reached = resolve
  })
  const resumed = new Promise<void>((resolve) => {
    resume = resolve
  })
  let fences = 0
  const { runner } = await createTestLearner({
    store: database.store,
    model,
    copyFrom,
    wrapStore: (s) => ({
      ...s,
      async commit(c) {
        reached()
        await resumed
        return s.commit(c)
      },
    }),
    events: { fenced: () => void fences++ },
  })
  return { runner, paused, resume, fences: () => fences }
}

const ordinary = async (database = db) => (await createTestLearner({ store: database.store, model })).runner

async function expectAll(): Promise<void> {
  expectClose(await learned(db), await folded(model, [events]))
  expect(await db.sql('select count(*)::int as n from learner_ledger')).toEqual([{ n: events.length }])
}

/** One is paused in its first chunk; another takes over, and has done some of the same trades when the first one comes back. */
async function overtaken(database: TestDatabase, copyFrom?: number): Promise<number> {
  const first = await pausable(database, copyFrom)
  await first.runner.assigned(0, null)
  const work = first.runner.batch(batchOf(0, 8), zombie).catch((error: Error) => error.message)
  await first.paused
  const second = await ordinary(database)
  await second.assigned(0, null)
  await second.batch(batchOf(0, 4), { ...zombie, heartbeat: async () => {} })
  first.resume()
  await work
  await second.batch(batchOf(4), { ...zombie, heartbeat: async () => {} })
  return first.fences()
}

describe('a learner that was paused while another one took its partition', () => {
  it('commits nothing when it comes back', async () => {
    expect(await overtaken(db)).toBe(1)
    await expectAll()
  })

  it('spoils the sums, with the fence taken out of the database: this test can fail', async () => {
    const open = await createTestDatabase()
    await removeGuard(open, 'fence')
    // rows of sums that are copied in would be stopped by their key
    await overtaken(open, Number.POSITIVE_INFINITY)
    expect((await learned(open)).global_rr.n).not.toBe(events.length)
    await open.drop()
  })

  it('finds out by the heartbeat that it is not wanted, and does not claim the partition again', async () => {
    const first = await pausable()
    await first.runner.assigned(0, null)
    const work = first.runner.batch(batchOf(0), zombie).catch((error: Error) => error.message)
    await first.paused
    const second = await ordinary()
    await second.assigned(0, null)
    first.resume()
    expect(await work).toBe(REVOKED)
    expect(await db.sql('select epoch::int from consumer_checkpoints')).toEqual([{ epoch: 2 }])
    await createFeed(TOPIC, 0, records).run(second, { assign: false, committed: 0 })
    await expectAll()
  })
})

describe('a learner that claims late, when the partition is not its own any more', () => {
  it('fences the rightful one, which claims again and goes on where it was', async () => {
    const rightful = await ordinary()
    await rightful.assigned(0, null)
    const seeks: number[] = []
    const control = { ...zombie, heartbeat: async () => {}, seek: (offset: number) => void seeks.push(offset) }
    await rightful.batch(batchOf(0, 5), control)
    await (await ordinary()).assigned(0, null)
    await rightful.batch(batchOf(5), control)
    expect(seeks).toEqual([5])
    await rightful.batch(batchOf(5), control)
    await expectAll()
    expect(await db.sql('select epoch::int from consumer_checkpoints')).toEqual([{ epoch: 3 }])
  })
})

describe('two learners on one partition', () => {
  it.each([1, 3, 12])('that both believe in their right, in batches of %i, count every trade once', async (batch) => {
    const feed = () => createFeed(TOPIC, 0, records)
    await Promise.all([feed().run(await ordinary(), { batch }), feed().run(await ordinary(), { batch })])
    await expectAll()
  })

  it('that come and go, each with what it remembers, count every trade once', async () => {
    const [a, b] = [await ordinary(), await ordinary()]
    const control = { ...zombie, heartbeat: async () => {} }
    for (let at = 0; at < records.length; at += 2) {
      const one = at % 4 === 0 ? a : b
      await one.assigned(0, at)
      await one.batch(batchOf(at, at + 2), control)
    }
    await expectAll()
  })
})

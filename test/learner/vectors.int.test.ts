import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFeed, recordsOf } from '../support/feed.ts'
import { bits, emptyLearner, learned } from '../support/learned.ts'
import { createTestLearner, encodeEvent, TOPIC } from '../support/learner.ts'
import { partitionsOf, readVectors } from '../support/vectors.ts'

const vectors = readVectors()
const model = loadModel('lowcap-v4')
let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())
beforeEach(() => emptyLearner(db))

/** Learns the logs of the partitions in batches of the given size, each partition by a learner of its own. */
async function learn(partitions: PositionClosed[][], batch: number): Promise<void> {
  for (const [partition, events] of partitions.entries()) {
    const { runner, dead } = await createTestLearner({ store: db.store, model })
    const records = recordsOf(events.map((e) => ({ key: e.position_id, value: encodeEvent(e) })))
    await createFeed(TOPIC, partition, records).run(runner, { batch })
    expect(dead).toEqual([])
  }
}

describe.skipIf(vectors === null)('the reference vectors, learned by the database', () => {
  for (const { name, events, check } of vectors ?? [])
    it.each([1, 3, 6])(`${name} in %i partitions`, async (count) => {
      await learn(partitionsOf(events, count), 500)
      check(await learned(db))
    })
})

describe.skipIf(vectors === null)('the state to the last bit', () => {
  for (const { name, events } of vectors ?? []) {
    // A transaction for each record takes a while: the larger cases in one cut only, each in another, and not record by record.
    const sizes = events.length < 250 ? [500, 7, 1] : [500, 7]
    const cuts = events.length < 10 ? [1, 3, 6] : events.length < 250 ? [1] : events.length < 350 ? [6] : [3]
    it.each(cuts)(`of ${name} in %i partitions does not depend on the size of the batches`, async (count) => {
      const states: unknown[][] = []
      for (const batch of sizes) {
        await emptyLearner(db)
        await learn(partitionsOf(events, count), batch)
        states.push(await bits(db))
      }
      expect(states[0]?.length).toBeGreaterThan(0)
      for (const state of states) expect(state).toEqual(states[0])
    })
  }
})

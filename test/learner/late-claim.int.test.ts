/** A member that was slow claims a partition in the database after its successor has: that one hears of it at its next commit, and where nothing comes there is none. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { createStage } from '../support/kafka-learner.ts'
import { PATIENT } from '../support/patience.ts'

let db: TestDatabase
let kafka: TestKafka
beforeAll(async () => {
  ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
})
afterAll(async () => {
  await kafka?.close()
  await db?.drop()
})

test('a late claim of another on a partition where nothing happens is answered by a claim of the one that the group gave it to', async () => {
  const stage = await createStage(db, kafka, { partitions: 2 })
  const learner = await stage.start()
  await vi.waitFor(async () => expect(await learner.ready()).toEqual({ ok: true }), PATIENT)
  await db.sql(
    `select strandline_claim(consumer, topic, partition, 'slow/1') from consumer_checkpoints where topic = $1 and partition = 1`,
    [stage.topic],
  )
  const holders = () =>
    db.sql<{ holder: string }>('select holder from consumer_checkpoints where topic = $1', [stage.topic])
  await vi.waitFor(async () => expect(await holders()).not.toContainEqual({ holder: 'slow/1' }), PATIENT)
  await vi.waitFor(async () => expect(await learner.ready()).toEqual({ ok: true }), PATIENT)
  await stage.publish([closedTrade({ position_id: 'p' })], 1)
  await stage.caughtUp()
  await learner.stop()
})

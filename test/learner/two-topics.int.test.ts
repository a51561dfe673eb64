/** Two topics at the same time: each has learners of its own, also where they are of one model, and so in one group. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { createStage } from '../support/kafka-learner.ts'

let db: TestDatabase
let kafka: TestKafka
beforeAll(async () => {
  ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
})
afterAll(async () => {
  await kafka.close()
  await db.drop()
})
const running: { stop(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.stop()))
})

it('regression: learners of one model on two topics, which share a group, leave no partition of either unread', async () => {
  const stages = await Promise.all([1, 2].map(() => createStage(db, kafka, { partitions: 4 })))
  for (const stage of stages) running.push(await stage.start({ seen: false }))
  for (const stage of stages)
    for (const partition of [0, 1, 2, 3])
      await stage.publish([closedTrade({ position_id: `${stage.topic}-${partition}` })], partition)
  for (const stage of stages) await stage.caughtUp()
  const learned = await db.sql<{ topic: string; n: number }>(
    `select topic, count(*)::int as n from learner_ledger join model_versions using (model_version) group by topic`,
  )
  expect(new Map(learned.map((r) => [r.topic, r.n]))).toEqual(new Map(stages.map((s) => [s.topic, 4])))
})

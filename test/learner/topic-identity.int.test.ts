import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { EventLog } from '../../core/log/log.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { createStage, type Stage } from '../support/kafka-learner.ts'
import { emptyLearner, learned } from '../support/learned.ts'

let db: TestDatabase
let kafka: TestKafka
/** kafkajs' admin is of no use once a topic that it knows is gone: each test has a client of its own. */
beforeAll(async () => {
  db = await createTestDatabase()
})
beforeEach(async () => {
  await emptyLearner(db)
  kafka = await createTestKafka()
  return () => kafka.close()
})
afterAll(() => db.drop())

const trades = (from: number, count: number): PositionClosed[] =>
  Array.from({ length: count }, (_, i) => closedTrade({ position_id: `p${from + i}`, rr: ((from + i) % 7) - 2 }))

async function learnAll(stage: Stage, options: Parameters<Stage['start']>[0] = {}): Promise<void> {
  const learner = await stage.start(options)
  await stage.caughtUp()
  await learner.stop()
}

/** Another topic under the name of the stage's. */
async function makeAnew({ topic }: Stage): Promise<void> {
  const other = await createTestKafka()
  const old = await other.log.topicId(topic)
  const admin = other.client.admin()
  await admin.connect()
  await admin.deleteTopics({ topics: [topic] })
  await admin.disconnect()
  await expect
    .poll(async () => {
      await other.log.ensureTopics([{ topic, partitions: 1, config: { 'retention.ms': '-1' } }]).catch(() => undefined)
      const id = await other.log.topicId(topic)
      return id !== null && id !== old
    })
    .toBe(true)
  await other.close()
}

async function deleteBelow({ topic }: Stage, offset: string): Promise<void> {
  const admin = kafka.client.admin()
  await admin.connect()
  await admin.fetchTopicOffsets(topic) // which tells it where the topic lies
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset }] })
  await admin.disconnect()
}

const withoutIds = (log: EventLog): EventLog => ({ ...log, topicId: async () => null })
const said = async (stage: Stage, reason: RegExp, log: EventLog = kafka.log) => {
  const learner = await stage.start({ log })
  await expect.poll(async () => (await learner.ready()).reason).toMatch(reason)
  await learner.stop()
}

it('a topic has an id, which is the same every time, and another one when it is made anew', async () => {
  const stage = await createStage(db, kafka)
  const id = await kafka.log.topicId(stage.topic)
  expect(id).toMatch(/^[0-9a-f-]{36}$/)
  expect(await kafka.log.topicId(stage.topic)).toBe(id)
  await makeAnew(stage)
  expect(await kafka.log.topicId(stage.topic)).not.toBe(id)
  expect(await kafka.log.topicId('no-such-topic')).toBeNull()
})

it.each([
  ['by its id', (log: EventLog) => log, /belongs to another topic of the same name: its id is/],
  ['by its records, where the broker has no ids', withoutIds, /is not the log that .* has read: at offset 3 it has/],
])(
  'regression: a topic that was made anew and has grown past our checkpoint is noticed %s',
  async (_, logOf, reason) => {
    const stage = await createStage(db, kafka)
    await stage.publish(trades(0, 4))
    await learnAll(stage, { log: logOf(kafka.log) })
    await makeAnew(stage)
    const other = await createTestKafka()
    const records = await stage.records(trades(10, 9))
    await other.log.produce(stage.topic, records)
    await said(stage, reason, logOf(other.log))
    await other.close()
    expect((await learned(db)).global_rr.n).toBe(4)
  },
)

it('the checkpoint of an older version is taken as it is, and completed by the next commit', async () => {
  const stage = await createStage(db, kafka)
  await stage.publish(trades(0, 4))
  await learnAll(stage)
  await db.sql('update consumer_checkpoints set topic_id = null, last_record = null')
  await stage.publish(trades(4, 2))
  await learnAll(stage)
  const [row] = await db.sql('select topic_id, last_record from consumer_checkpoints')
  expect(row).toEqual({
    topic_id: await kafka.log.topicId(stage.topic),
    last_record: {
      offset: 5,
      time: expect.any(Number),
      digest: expect.stringMatching(/^[0-9a-f]{32}$/),
      event_id: null,
    },
  })
  await learnAll(stage) // and agrees with what lies there
})

it('regression: a learner without a checkpoint does not begin a log whose first records are gone, unless that is accepted', async () => {
  const stage = await createStage(db, kafka)
  await stage.publish(trades(0, 6))
  await deleteBelow(stage, '2')
  await said(stage, new RegExp(`${stage.topic}/0 begins at offset 2: the records before it are gone`))
  expect((await learned(db)).global_rr.n).toBe(0)
  await learnAll(stage, { config: { acceptTruncatedLog: true } })
  expect((await learned(db)).global_rr.n).toBe(4)
  await learnAll(stage) // which has a checkpoint now
})

it('regression: a topic that forgets is not learned from until it is put right, and then without a restart', async () => {
  const stage = await createStage(db, kafka, { config: { 'retention.ms': '86400000' } })
  await stage.publish(trades(0, 3))
  const learner = await stage.start()
  await expect
    .poll(async () => (await learner.ready()).reason)
    .toMatch(
      `The topic ${stage.topic} does not keep every record: retention.ms is 86400000, so records are deleted when they are that old`,
    )
  expect((await stage.checkpoints())[0]?.checkpoint ?? null).toBeNull()
  await keepAll(stage.topic)
  await stage.caughtUp()
  await learner.stop()
  expect((await learned(db)).global_rr.n).toBe(3)
})

async function keepAll(topic: string): Promise<void> {
  const admin = kafka.client.admin()
  await admin.connect()
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: 2, name: topic, configEntries: [{ name: 'retention.ms', value: '-1' }] }],
  })
  await admin.disconnect()
}

/** `lag` against what the broker itself says, on a real Kafka, with a learner's and a projector's real checkpoints. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { lagText } from '../../cli/lag-text.ts'
import { systemClock } from '../../core/clock.ts'
import { createLagStore } from '../../core/lag/lag-store.ts'
import { readLag } from '../../core/lag/read-lag.ts'
import type { OutgoingRecord } from '../../core/log/log.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'

let db: TestDatabase
let kafka: TestKafka
beforeAll(async () => {
  ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
})
afterAll(async () => {
  await kafka?.close()
  await db?.drop()
})

const CONSUMER = 'projector'
const GROUP = 'strandline-projector'
const records = (partition: number, count: number, from: number): OutgoingRecord[] =>
  Array.from({ length: count }, (_, i) => ({
    key: 'k',
    value: Buffer.from('v'),
    partition,
    timestamp: from + i * 1_000,
  }))
const report = async (topic: string) =>
  readLag({ ...db, lag: createLagStore(db.store), log: kafka.log, clock: systemClock }, topic)

/** As a commit of the projector does it. */
async function stand(topic: string, partition: number, checkpoint: number): Promise<void> {
  const at = { p_consumer: CONSUMER, p_topic: topic, p_partition: partition }
  await db.store.rpc('strandline_claim', { ...at, p_holder: 'here/1' })
  await db.sql('select strandline.advance($1, $2, $3, $4)', [CONSUMER, topic, partition, checkpoint])
}

test('lag counts from the database, ages from the records themselves, and names who reads', async () => {
  const topic = await kafka.createTopic({ partitions: 3 })
  const written = Date.now() - 600_000
  await kafka.log.produce(topic, [...records(0, 20, written), ...records(1, 5, written)])
  await stand(topic, 0, 12)
  await stand(topic, 1, 5)
  const subscription = await kafka.log.consume(
    { group: GROUP, topic },
    {
      assigned: async () => null,
      batch: async ({ partition }, control) => (partition === 0 ? control.commitOffset(10) : undefined),
      revoked: async () => {},
    },
  )
  await expect.poll(async () => (await kafka.log.committed(GROUP, topic)).get(0)).toBe(10)
  expect([subscription.partitions(), subscription.joined()]).toEqual([[0, 1, 2], true])
  const reading = (await report(topic)).groups[0]!
  await subscription.stop()
  expect(reading.state).toBe('Stable')
  expect(reading.partitions.map((p) => p.member?.client)).toEqual(['strandline', 'strandline', 'strandline'])

  const [group, ...others] = (await report(topic)).groups
  expect(others).toEqual([])
  expect(group).toMatchObject({ group: GROUP, consumer: CONSUMER, state: 'Empty', lag_records: 8, dead_letters: 0 })
  expect(group!.partitions).toMatchObject([
    {
      log_start: 0,
      log_end: 20,
      committed: 10,
      checkpoint: 12,
      lag_records: 8,
      holder: 'here/1',
      epoch: 1,
      member: null,
    },
    { log_end: 5, committed: null, checkpoint: 5, lag_records: 0, lag_seconds: 0 },
    { log_end: 0, checkpoint: null, lag_records: 0, lag_seconds: 0, holder: null },
  ])
  // Record 12 was written 12 s after record 0, in the middle of a batch.
  const age = (Date.now() - (written + 12_000)) / 1_000
  expect(group!.partitions[0]!.lag_seconds).toBeGreaterThan(age - 5)
  expect(group!.partitions[0]!.lag_seconds).toBeLessThanOrEqual(age)
  expect(lagText(await report(topic))).toMatch(/8 records behind, oldest 9 min; 0 dead letters/)
})

test('dead letters are counted by their reasons', async () => {
  const topic = await kafka.createTopic()
  await stand(topic, 0, 0)
  await db.sql(
    `insert into dead_letters (consumer, topic, partition, "offset", reason)
     select $1, $2, 0, n, case when n < 2 then 'truncated' else 'null_key' end from generate_series(0, 4) n`,
    [CONSUMER, topic],
  )
  expect((await report(topic)).groups[0]).toMatchObject({
    dead_letters: 5,
    dead_letters_by_reason: { truncated: 2, null_key: 3 },
  })
})

test('where nobody has read, lag says so', async () => {
  const topic = await kafka.createTopic()
  expect(lagText(await report(topic))).toContain(`Nobody has read ${topic} yet`)
})

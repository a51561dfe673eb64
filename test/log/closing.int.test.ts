/** A log that is closed stays closed: a connection that anything opens afterwards would keep its process alive for ever. */
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createKafkaLog } from '../../core/log/kafka-log.ts'
import type { EventLog, PartitionHandler } from '../../core/log/log.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'

let kafka: TestKafka
beforeAll(async () => {
  kafka = await createTestKafka()
})
afterAll(() => kafka.close())

const LATE: [string, (log: EventLog, topic: string) => Promise<unknown>][] = [
  ['offsets', (log, topic) => log.offsets(topic)],
  ['committed', (log, topic) => log.committed('nobody', topic)],
  ['timestamps', (log, topic) => log.timestamps(topic, new Map([[0, 0]]))],
  ['produce', (log, topic) => log.produce(topic, [{ key: 'k', value: null }])],
  ['ensureTopics', (log, topic) => log.ensureTopics([{ topic, partitions: 1 }])],
  ['consume', (log, topic) => log.consume({ group: 'nobody', topic }, {} as PartitionHandler)],
]

it.each(LATE)('regression: %s after close opens no connection', async (_, work) => {
  const topic = await kafka.createTopic()
  const log = createKafkaLog({ kafka: { brokers: [kafka.brokers] } }, pino({ level: 'silent' }))
  expect(await log.offsets(topic)).toHaveLength(1)
  await log.close()
  await expect(work(log, topic)).rejects.toMatchObject({ code: 'LOG_CLOSED' })
})

const sockets = () => process.getActiveResourcesInfo().filter((r) => r === 'TCPSocketWrap').length

it('regression: work that is under way at close leaves no connection behind', async () => {
  const topic = await kafka.createTopic({ partitions: 6 })
  const before = sockets()
  for (let ms = 0; ms < 40; ms += 2) {
    const log = createKafkaLog({ kafka: { brokers: [kafka.brokers] } }, pino({ level: 'silent' }))
    const underWay = LATE.filter(([name]) => name !== 'consume').map(([, work]) => work(log, topic))
    const settled = Promise.allSettled(underWay)
    await sleep(ms)
    await log.close()
    await settled
  }
  // A connection is gone when the broker has closed its end as well: as soon as it gets round to it. What leaks is there for ever.
  await expect.poll(sockets).toBeLessThanOrEqual(before)
})

it('regression: questions of the same moment, on a log that is new, leave no connection behind', async () => {
  const topic = await kafka.createTopic({ partitions: 6 })
  const partitions = [0, 1, 2, 3, 4, 5]
  await kafka.log.produce(
    topic,
    partitions.map((partition) => ({ key: 'k', value: Buffer.from('v'), partition })),
  )
  const before = sockets()
  for (let i = 0; i < 20; i++) {
    const log = createKafkaLog({ kafka: { brokers: [kafka.brokers] } }, pino({ level: 'silent' }))
    await Promise.all(
      // as a learner that is given all partitions at once
      partitions.map(async (partition) => {
        expect(await log.offsets(topic)).toHaveLength(6)
        expect((await log.recordsAt(topic, new Map([[partition, 0]]))).get(partition)).toMatchObject({ offset: 0 })
      }),
    )
    await log.close()
  }
  await expect.poll(sockets).toBeLessThanOrEqual(before)
})

/** A topic that gets more partitions while it is written to: what is acknowledged lies where it is said to lie. */
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createKafkaLog } from '../../core/log/kafka-log.ts'
import type { EventLog } from '../../core/log/log.ts'
import { readAll } from '../../core/log/read-all.ts'
import { addToOutbox } from '../../core/store/outbox-store.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { type OutboxRecord, testCodec, testRelay, until } from '../support/pm.ts'

const GROWTH = [2, 3, 4, 6, 9, 12]
/** On a machine that is busy with other things. */
/** The age at which metadata was once thrown away by us, and not yet by kafkajs: each growth is so much later. */
const LATER_MS = 31_000

let kafka: TestKafka
beforeAll(async () => {
  kafka = await createTestKafka()
})
afterAll(() => kafka.close())
afterEach(() => {
  vi.restoreAllMocks()
})

/** Lets the clock of this process run ahead, a step at a time. */
function timeLapse(): () => void {
  const real = Date.now.bind(Date)
  let ahead = 0
  vi.spyOn(Date, 'now').mockImplementation(() => real() + ahead)
  return () => {
    ahead += LATER_MS
  }
}

/** Grows the topic step by step; before each step, and after the last, `enough` is waited for. */
async function growing(topic: string, pass: () => void, enough: () => Promise<void>): Promise<void> {
  const admin = kafka.client.admin()
  await admin.connect()
  for (const count of GROWTH) {
    await enough()
    await admin.createPartitions({ topicPartitions: [{ topic, count }] })
    pass()
  }
  await enough()
  await admin.disconnect()
}

const newLog = () => createKafkaLog({ kafka: { brokers: [kafka.brokers] } }, pino({ level: 'silent' }))

/** What the log holds, as text by place. Read by another client, which has seen the topic at no other size. */
async function contents<T>(topic: string, of: (value: Buffer, headers: object) => T): Promise<Map<string, T>> {
  const found = new Map<string, T>()
  const reader: EventLog = newLog()
  await readAll(reader, topic, ({ offset, value, headers }, partition) => {
    found.set(`${partition}/${offset}`, of(value as Buffer, headers))
  })
  await reader.close()
  return found
}

describe('regression: a topic that grows six times under load', () => {
  it('has every acknowledged record at the place that was said', async () => {
    const topic = await kafka.createTopic()
    const log = newLog()
    const pass = timeLapse()
    const acknowledged: { place: string; text: string }[] = []
    let writing = true
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let i = 0; writing; i++) {
        const texts = Array.from({ length: 10 }, (_, k) => `${writer}-${i}-${k}`)
        const placed = await log.produce(
          topic,
          texts.map((text) => ({ key: text, value: Buffer.from(text) })),
        )
        for (const [k, { partition, offset }] of placed.entries())
          acknowledged.push({ place: `${partition}/${offset}`, text: texts[k] as string })
      }
    })
    await growing(topic, pass, async () => {
      const before = acknowledged.length
      await until(
        async () => acknowledged.length - before,
        (n) => n >= 500,
      )
    })
    // a broker may tell of the last ones a moment after it has made them: then they are asked after once more
    const reached = () => new Set(acknowledged.map(({ place }) => Number(place.split('/')[0])))
    for (const _ of GROWTH) {
      if (reached().size === 12) break
      pass()
      const before = acknowledged.length
      await until(
        async () => acknowledged.length - before,
        (n) => n >= 500,
      )
    }
    writing = false
    await Promise.all(writers)
    await log.close()

    const log2 = await contents(topic, String)
    const wrong = acknowledged.filter(({ place, text }) => log2.get(place) !== text)
    expect(wrong.length, `of ${acknowledged.length} acknowledged, e.g. ${JSON.stringify(wrong[0])}`).toBe(0)
    expect([...reached()].sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, p) => p))
  })

  it('has every event that the relay marked as published, and none is left', async () => {
    const db = await createTestDatabase()
    const topic = await kafka.createTopic()
    const log = newLog()
    const pass = timeLapse()
    const relay = testRelay(db, log, { topic, pollMs: 100 })
    const rows = () => db.sql<OutboxRecord>('select * from pm_outbox order by id')
    const waiting = async () =>
      (await db.sql<{ n: number }>('select count(*)::int as n from pm_outbox where published_at is null'))[0]?.n
    let closed = 0
    let round = 0
    await growing(topic, pass, async () => {
      const trades = Array.from({ length: 100 }, (_, i) => closedTrade({ position_id: `g${round}-${i}` }))
      round++
      closed += trades.length
      await addToOutbox(db.store, trades)
      await until(waiting, (n) => n === 0)
    })
    await relay.stop()
    await log.close()

    const inLog = await contents(topic, (value) => testCodec.decode(value))
    const lost: string[] = []
    for (const row of await rows()) {
      const event = await inLog.get(`${row.partition}/${row.offset}`)
      if (event?.event_id !== row.event_id) lost.push(`${row.partition}/${row.offset}`)
    }
    expect(lost.length, `of ${closed} closed, marked as published at e.g. ${lost[0]}`).toBe(0)
    await db.drop()
  })
})

describe('regression: a partition that is asked for', () => {
  it('is refused by name where the topic does not have it, and what others write is written', async () => {
    const topic = await kafka.createTopic({ partitions: 2 })
    const [missing, good] = await Promise.allSettled([
      kafka.log.produce(topic, [{ key: 'a', value: null, partition: 7 }]),
      kafka.log.produce(topic, [{ key: 'b', value: null, partition: 1 }]),
    ])
    expect(missing).toMatchObject({ status: 'rejected', reason: { code: 'LOG_PARTITION_MISSING' } })
    expect(good).toEqual({ status: 'fulfilled', value: [{ partition: 1, offset: 0 }] })
  })

  it('is found though it was added only now', async () => {
    const topic = await kafka.createTopic()
    await kafka.log.produce(topic, [{ key: 'a', value: null }])
    const admin = kafka.client.admin()
    await admin.connect()
    await admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] })
    await admin.disconnect()
    expect(await kafka.log.produce(topic, [{ key: 'a', value: null, partition: 3 }])).toEqual([
      { partition: 3, offset: 0 },
    ])
  })
})

describe('regression: a topic that was made again with fewer partitions', () => {
  it('gets what is written to it, and each answer says where it lies', async () => {
    const topic = await kafka.createTopic({ partitions: 12 })
    const log = newLog()
    const records = Array.from({ length: 100 }, (_, i) => ({ key: `k${i}`, value: Buffer.from(`v${i}`) }))
    await log.produce(topic, records)
    const admin = kafka.client.admin()
    await admin.connect()
    await admin.deleteTopics({ topics: [topic] })
    await until(
      () => admin.listTopics(),
      (all) => !all.includes(topic),
    )
    await admin.createTopics({ topics: [{ topic, numPartitions: 3 }], waitForLeaders: false })
    await admin.disconnect()
    const placed = await until(
      // a broker that has just made a topic may still refuse it
      () => log.produce(topic, records).catch(() => []),
      (all) => all.length > 0,
    )
    await log.close()
    const found = await contents(topic, String)
    expect(placed.map(({ partition, offset }) => found.get(`${partition}/${offset}`))).toEqual(
      records.map((r) => String(r.value)),
    )
  })
})

describe('regression: partitions that were added a moment ago', () => {
  it('have offsets and times, though the topic was asked after before', async () => {
    const topic = await kafka.createTopic()
    const log = newLog()
    expect(await log.offsets(topic)).toEqual([{ partition: 0, start: 0, end: 0 }])
    expect(await log.timestamps(topic, new Map([[0, 0]]))).toEqual(new Map([[0, null]]))
    const admin = kafka.client.admin()
    await admin.connect()
    await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] })
    await admin.disconnect()
    await kafka.log.produce(topic, [{ key: 'a', value: null, partition: 2, timestamp: 1_700_000_000_000 }])
    expect(await log.offsets(topic)).toEqual([
      { partition: 0, start: 0, end: 0 },
      { partition: 1, start: 0, end: 0 },
      { partition: 2, start: 0, end: 1 },
    ])
    expect(await log.timestamps(topic, new Map([[2, 0]]))).toEqual(new Map([[2, 1_700_000_000_000]]))
    await log.close()
  })
})

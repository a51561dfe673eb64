import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import type { LogRecord } from '../../core/log/log.ts'
import { addToOutbox } from '../../core/store/outbox-store.ts'
import { checkEvent } from '../../domain/validation.ts'
import { type Portfolio, reportExecution, tick } from '../../services/pm/index.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import {
  fullExit,
  insertBars,
  type OutboxRecord,
  openedPosition,
  testCodec,
  testPortfolio,
  testRelay,
  until,
} from '../support/pm.ts'

let db: TestDatabase
let kafka: TestKafka
let pm: Portfolio
beforeAll(async () => {
  ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
  pm = testPortfolio(db)
})
afterAll(async () => {
  await kafka?.close()
  await db?.drop()
})

const rows = () => db.sql<OutboxRecord>('select * from pm_outbox order by id')

/** Everything that the topic holds, by partition. */
async function contents(topic: string): Promise<{ partition: number; record: LogRecord }[]> {
  const ends = await kafka.log.offsets(topic)
  const found: { partition: number; record: LogRecord }[] = []
  const total = ends.reduce((n, e) => n + e.end - e.start, 0)
  const subscription = await kafka.log.consume(
    { group: kafka.name('reader'), topic },
    {
      assigned: async () => 0,
      batch: async ({ partition, records }) => void found.push(...records.map((record) => ({ partition, record }))),
      revoked: async () => {},
    },
  )
  await until(
    async () => found.length,
    (n) => n >= total,
  )
  await subscription.stop()
  return found
}

test('what closes is in the log: key, value, headers, and the outbox knows its partition and offset', async () => {
  const topic = await kafka.createTopic({ partitions: 3 })
  const relay = testRelay(db, kafka.log, { topic })
  const ids: string[] = []
  for (let i = 0; i < 20; i++) ids.push(await openedPosition(pm))
  await Promise.all(ids.map((id) => reportExecution({ ...pm, relay }, id, fullExit(id))))
  await relay.stop()
  const records = await contents(topic)
  expect(records).toHaveLength(20)
  const outbox = await rows()
  for (const { partition, record } of records) {
    const event = await testCodec.decode(record.value!)
    const row = outbox.find((r) => r.event_id === event.event_id)
    expect(row).toMatchObject({ topic, partition, offset: String(record.offset), payload: event })
    expect(record.key!.toString()).toBe(event.position_id)
    expect(String(record.headers.ce_id)).toBe(`${event.event_id}/0`)
    expect(String(record.headers.traceparent)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/)
  }
  expect(new Set(records.map((r) => r.partition)).size).toBeGreaterThan(1)
})

test('SIGKILL between publishing and marking: another relay publishes again, nothing is lost', async () => {
  await db.sql('truncate pm_outbox')
  const topic = await kafka.createTopic()
  await addToOutbox(
    db.store,
    Array.from({ length: 10 }, (_, i) => closedTrade({ position_id: `k${i}` })),
  )
  const script = fileURLToPath(new URL('../support/hung-relay.ts', import.meta.url))
  const child = spawn(process.execPath, [script, kafka.brokers, topic, db.supabaseUrl, db.key, '500'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  try {
    expect(String((await once(child.stdout, 'data'))[0])).toBe('published 10\n')
  } finally {
    child.kill('SIGKILL')
    await exited
  }
  expect((await rows()).every((r) => r.published_at === null)).toBe(true)

  const heir = testRelay(db, kafka.log, { topic, id: 'heir', pollMs: 50 })
  await until(rows, (all) => all.every((r) => r.published_at !== null))
  await heir.stop()
  const ids = (await contents(topic)).map(({ record }) => String(record.headers.ce_id))
  expect(ids).toHaveLength(20)
  expect(new Set(ids).size).toBe(10)
})

test.each(['before', 'after'])(
  'SIGKILL %s the transaction that scores a provisional trade again: the log has that revision, once',
  async (where) => {
    await db.sql('truncate pm_outbox, pm_provisional')
    const topic = await kafka.createTopic({ partitions: 1 })
    const relay = testRelay(db, kafka.log, { topic, id: 'heir', pollMs: 50 })
    // Given a trade that closed before its last bar was stored
    const id = await openedPosition(pm)
    await insertBars(db, id, [[0, 95, 105]])
    expect((await reportExecution({ ...pm, relay }, id, fullExit(id))).closed).toMatchObject({
      rr: 2,
      provisional: true,
    })
    await insertBars(db, id, [[15, 90, 120]])
    // When a PM dies while it scores it again
    const script = fileURLToPath(new URL('../support/doomed-tick.ts', import.meta.url))
    const child = spawn(process.execPath, [script, db.supabaseUrl, db.key, where], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(child, 'exit')
    try {
      expect(String((await once(child.stdout, 'data'))[0])).toBe(`${where}\n`)
    } finally {
      child.kill('SIGKILL')
      await exited
    }
    // Then the next tick does what is left to do
    expect(await tick({ ...pm, relay }, '15m')).toMatchObject({ scored: where === 'before' ? 1 : 0, provisional: 0 })
    expect((await tick({ ...pm, relay }, '15m')).scored).toBe(0)
    await until(rows, (all) => all.length === 2 && all.every((r) => r.published_at !== null))
    await relay.stop()
    const records = await contents(topic)
    const events = await Promise.all(records.map(({ record }) => testCodec.decode(record.value!)))
    expect(events.map((e) => [e.revision, e.rr, e.provisional])).toEqual([
      [0, 2, true],
      [1, 1, false],
    ])
    expect(records.map(({ record }) => record.headers.strandline_revised_by?.toString())).toEqual([
      undefined,
      encodeURI('pm: scored again when its last bar was stored'),
    ])
  },
)

test('an event that is too large for the broker does not keep the others', async () => {
  await db.sql('truncate pm_outbox')
  const topic = await kafka.createTopic({ config: { 'max.message.bytes': '20000' } })
  const relay = testRelay(db, kafka.log, { topic })
  const large = closedTrade({
    position_id: 'large',
    regime_context: {
      text: Array.from({ length: 30_000 }, (_, i) => String.fromCharCode(33 + ((i * i) % 90))).join(''),
    },
  })
  await addToOutbox(db.store, [closedTrade({ position_id: 'a' }), large, closedTrade({ position_id: 'b' })])
  await relay.poll()
  await relay.stop()
  expect((await rows()).map((r) => [r.payload.position_id, r.published_at !== null])).toEqual([
    ['a', true],
    ['large', false],
    ['b', true],
  ])
  expect((await rows())[1]!.last_error).toMatch(/larger|too large/i)
})

test('a topic that is missing is created before the first publication', async () => {
  await db.sql('truncate pm_outbox')
  const topic = kafka.name('made-by-pm')
  const relay = testRelay(db, kafka.log, { topic, prepare: () => kafka.log.ensureTopics([{ topic, partitions: 2 }]) })
  await addToOutbox(db.store, [closedTrade()])
  await relay.poll()
  await relay.stop()
  expect(await contents(topic)).toHaveLength(1)
})

test.each([
  ['CreateTime', null],
  ['LogAppendTime', 'exit_in_future'],
])(
  'regression: a database ten minutes ahead of the PM and its broker, topic of %s: readers say %s',
  async (type, refusal) => {
    await db.sql('truncate pm_outbox')
    const topic = await kafka.createTopic({ partitions: 1, config: { 'message.timestamp.type': type } })
    const recorded = Date.now() + 600_000
    // one batch: an exit that the database has just recorded, between two that are long over
    const exits = [Date.now() - 600_000, recorded, Date.now() - 600_000]
    await addToOutbox(
      db.store,
      exits.map((closed_at, i) => closedTrade({ position_id: `z${i}`, closed_at })),
    )
    await db.sql(`update pm_outbox set created_at = $1 where payload ->> 'position_id' = 'z1'`, [new Date(recorded)])
    const relay = testRelay(db, kafka.log, { topic })
    await relay.poll()
    await relay.stop()
    const found = await Promise.all(
      (await contents(topic)).map(async ({ record: { key, value, timestamp } }) => {
        const { reason } = checkEvent(await testCodec.decode(value!), key, timestamp) ?? { reason: null }
        return [String(key), reason]
      }),
    )
    expect(found).toEqual([
      ['z0', null],
      ['z1', refusal],
      ['z2', null],
    ])
    // what readers refuse is not taken for published
    expect((await rows()).map((r) => r.published_at !== null)).toEqual([true, refusal === null, true])
  },
)

test('a broker that has not reached the exit yet: what its acknowledgement shows is not marked, and waits', async () => {
  // Given a relay that has heard nothing of the broker, and whose own clock is ahead
  const topic = await kafka.createTopic({ partitions: 1, config: { 'message.timestamp.type': 'LogAppendTime' } })
  const clock = { ...systemClock, now: () => Date.now() + 600_000 }
  const relay = testRelay(db, kafka.log, { topic, clock })
  const event = (position_id: string, minutes: number) =>
    closedTrade({ position_id, closed_at: Date.now() + minutes * 60_000 })
  await addToOutbox(db.store, [event('ahead-1', 8)])
  const rowOf = async (id: string) => (await rows()).find((r) => r.payload.position_id === id)

  // When it publishes an exit that lies eight minutes ahead
  await relay.poll()
  expect(await contents(topic)).toHaveLength(1)
  expect(await rowOf('ahead-1')).toMatchObject({
    published_at: null,
    last_error: expect.stringContaining('clock of the log'),
  })

  // Then the next one is not sent at all before its time, and one of the past is
  await addToOutbox(db.store, [event('ahead-2', 8), event('past', -8)])
  await relay.poll()
  await relay.stop()
  expect((await contents(topic)).map((c) => c.record.key?.toString())).toEqual(['ahead-1', 'past'])
  expect((await rowOf('past'))?.published_at).not.toBeNull()
  expect(await rowOf('ahead-2')).toMatchObject({ published_at: null, refused: false })
})

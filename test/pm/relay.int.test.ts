import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { StrandlineError } from '../../core/errors.ts'
import { addToOutbox } from '../../core/store/outbox-store.ts'
import { type Portfolio, reportExecution } from '../../services/pm/index.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createMemoryLog } from '../support/memory-log.ts'
import {
  fullExit,
  type OutboxRecord,
  openedPosition,
  outboxOf,
  testCodec,
  testPortfolio,
  testRelay,
  until,
} from '../support/pm.ts'

let db: TestDatabase
let pm: Portfolio
let log: ReturnType<typeof createMemoryLog>
const relays: ReturnType<typeof testRelay>[] = []
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())
beforeEach(async () => {
  await db.sql('truncate pm_outbox, pm_provisional')
  log = createMemoryLog()
  pm = testPortfolio(db)
})
afterEach(async () => {
  await Promise.all(relays.splice(0).map((r) => r.stop()))
})

const relayOn = (...args: Parameters<typeof testRelay> extends [unknown, unknown, ...infer Rest] ? Rest : never) => {
  const relay = testRelay(db, log, ...args)
  relays.push(relay)
  return relay
}
const trades = (n: number, change = {}) =>
  Array.from({ length: n }, (_, i) => closedTrade({ position_id: `bulk-${i}`, ...change }))
const rows = () => db.sql<OutboxRecord>('select * from pm_outbox order by id')
const unreachable = () => {
  throw new StrandlineError('LOG_UNREACHABLE', 'Kafka at 127.0.0.1:1 failed to write: refused.')
}

test('a close in the relay’s own process is published without a poll, and marked with its place', async () => {
  const relay = relayOn()
  const id = await openedPosition(pm)
  const { closed } = await reportExecution({ ...pm, relay }, id, fullExit(id))
  const [row] = await until(
    () => outboxOf(db, id),
    ([r]) => r!.published_at !== null,
  )
  expect(row).toMatchObject({
    topic: 'closed',
    partition: 0,
    offset: '0',
    attempts: 1,
    last_error: null,
    claimed_by: null,
  })
  expect(log.records).toHaveLength(1)
  expect(log.records[0]!.key).toBe(id)
  expect(await testCodec.decode(log.records[0]!.value!)).toEqual(closed)
  expect(log.records[0]!.headers).toMatchObject({
    ce_id: `${closed!.event_id}/0`,
    traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/),
  })
})

test('a row that this relay is about to publish is not taken by another one', async () => {
  const [mine, other] = [relayOn({ id: 'mine' }), relayOn({ id: 'other' })]
  let release = () => {}
  log.before = () =>
    new Promise<void>((resolve) => {
      release = resolve
    })
  const id = await openedPosition(pm)
  await reportExecution({ ...pm, relay: mine }, id, fullExit(id))
  expect(await other.poll()).toBe(0)
  release()
  await until(
    () => outboxOf(db, id),
    ([r]) => r!.published_at !== null,
  )
  expect(log.records).toHaveLength(1)
})

test('rows of others are found by the poll, whatever their ids and when they were committed', async () => {
  const relay = relayOn()
  const late = await db.sql<{ id: string }>(
    `insert into pm_outbox (event_id, revision, payload, published_at, topic, partition, "offset")
     values ('late', 0, $1, now(), 'closed', 0, 0) returning id`,
    [JSON.stringify(closedTrade({ event_id: 'late' }))],
  )
  await addToOutbox(db.store, trades(3))
  await until(
    () => relay.poll(),
    () => log.records.length === 3,
  )
  await db.sql('update pm_outbox set published_at = null where id = $1', [late[0]!.id]) // as if it were visible only now, below the others
  await until(
    () => relay.poll(),
    () => log.records.length === 4,
  )
})

test('two relays that poll at once share the rows: each is published once', async () => {
  const [a, b] = [relayOn({ id: 'a', pollMs: 5 }), relayOn({ id: 'b', pollMs: 5 })]
  for (let i = 0; i < 10; i++) await addToOutbox(db.store, trades(200, { trade_id: `t${i}` }))
  await until(rows, (all) => all.length === 2_000 && all.every((r) => r.published_at !== null))
  expect(log.records).toHaveLength(2_000)
  expect(new Set(log.records.map((r) => r.headers!.ce_id)).size).toBe(2_000)
  expect([a.failure(), b.failure()]).toEqual([undefined, undefined])
})

test('a relay that dies between publishing and marking: another one publishes again, and only then is it marked', async () => {
  const dead = relayOn({ id: 'dead' })
  log.after = () => new Promise(() => {}) // the answer never arrives
  await addToOutbox(db.store, trades(1))
  void dead.poll()
  await until(
    async () => log.records.length,
    (n) => n === 1,
  )
  relays.length = 0 // it is gone: nobody stops it
  const [row] = await rows()
  expect(row).toMatchObject({ published_at: null, claimed_by: 'dead' })

  log.after = () => {}
  const heir = relayOn({ id: 'heir' })
  expect(await heir.poll()).toBe(0) // the lease still holds
  await db.sql('update pm_outbox set claimed_until = now()') // and now it has run out
  await until(
    () => heir.poll(),
    () => log.records.length === 2,
  )
  expect(log.records.map((r) => r.headers!.ce_id)).toEqual([`${row!.event_id}/0`, `${row!.event_id}/0`])
  await until(rows, ([r]) => r!.published_at !== null)
})

test('an acknowledgement that arrives after the lease was lost does not move the mark of the heir', async () => {
  let answer = () => {}
  log.after = () =>
    new Promise<void>((resolve) => {
      answer = resolve
    })
  const slow = relayOn({ id: 'slow', leaseMs: 100 })
  await addToOutbox(db.store, trades(1))
  const polling = slow.poll()
  await until(
    async () => log.records.length,
    (n) => n === 1,
  )
  log.after = () => {}
  const heir = relayOn({ id: 'heir' })
  await until(
    () => heir.poll(),
    () => log.records.length === 2,
  )
  answer()
  await polling
  await slow.stop() // its mark, too late, has been made
  expect((await rows())[0]).toMatchObject({ offset: '1' })
})

test('no broker: rows stay with the reason and their attempts; when it is back the work goes on', async () => {
  const relay = relayOn({ pollMs: 20 })
  log.before = unreachable
  log.reachable = unreachable
  const id = await openedPosition(pm)
  await reportExecution({ ...pm, relay }, id, fullExit(id))
  const waiting = await until(
    () => outboxOf(db, id),
    ([r]) => r!.attempts >= 2,
  )
  expect(waiting[0]).toMatchObject({
    published_at: null,
    last_error: expect.stringContaining('Kafka at 127.0.0.1:1 failed'),
  })
  expect(relay.failure()).toContain('Kafka at 127.0.0.1:1')
  const second = await openedPosition(pm)
  await reportExecution({ ...pm, relay }, second, fullExit(second)) // closing does not wait for the broker

  log.before = () => {}
  log.reachable = () => {}
  await until(rows, (all) => all.every((r) => r.published_at !== null))
  expect(new Set(log.records.map((r) => r.key))).toEqual(new Set([id, second]))
  expect(relay.failure()).toBeUndefined()
})

test('an event that cannot be encoded rests, named, and does not keep the others', async () => {
  const relay = relayOn()
  const events = trades(5)
  const before = Date.now() // the database's clock is this machine's
  await addToOutbox(db.store, [
    ...events.slice(0, 2),
    { ...events[2]!, closed_at: 'soon' as never },
    ...events.slice(3),
  ])
  await until(
    () => relay.poll(),
    () => log.records.length === 4,
  )
  const bad = (await until(rows, (all) => all.filter((r) => r.published_at).length === 4)).filter(
    (r) => r.published_at === null,
  )
  expect(bad).toMatchObject([
    {
      event_id: events[2]!.event_id,
      refused: true,
      last_error: expect.stringContaining('does not fit the schema'),
    },
  ])
  // it is tried again after a rest, which may have been over before we looked: each one is longer
  const { attempts, claimed_until } = bad[0]!
  expect(attempts).toBeGreaterThanOrEqual(1)
  expect(claimed_until!.getTime() - before).toBeGreaterThanOrEqual(500 * 2 ** (attempts - 1))
  expect(relay.failure()).toBeUndefined()
})

test('an event that the broker refuses (too large) does not keep the others of its batch', async () => {
  const relay = relayOn()
  log.before = (records) => {
    if (records.some((r) => r.key === 'bulk-2'))
      throw new StrandlineError('LOG_UNREACHABLE', 'failed to write', {
        cause: Object.assign(new Error('too large'), { type: 'MESSAGE_TOO_LARGE' }),
      })
  }
  await addToOutbox(db.store, trades(5))
  await until(
    () => relay.poll(),
    () => log.records.length === 4,
  )
  expect(log.records.map((r) => r.key)).toEqual(['bulk-0', 'bulk-1', 'bulk-3', 'bulk-4'])
  const bad = await until(
    rows,
    (all) => all.filter((r) => r.published_at).length === 4 && all.some((r) => r.refused && !r.published_at),
  )
  expect(bad.filter((r) => r.published_at === null)).toMatchObject([{ refused: true }])
  expect(relay.failure()).toBeUndefined()
})

test('the registry is away: nothing is lost, and nothing is taken for a bad event', async () => {
  let away = true
  const codec = {
    ...testCodec,
    encode: (event: Parameters<typeof testCodec.encode>[0]) =>
      away
        ? Promise.reject(new StrandlineError('REGISTRY_UNREACHABLE', 'No answer from the registry.'))
        : testCodec.encode(event),
  }
  const relay = relayOn({ pollMs: 20, codec })
  await addToOutbox(db.store, trades(3))
  await until(rows, (all) => all.some((r) => r.last_error !== null))
  away = false
  await until(rows, (all) => all.every((r) => r.published_at !== null))
  expect(log.records).toHaveLength(3)
  expect(relay.failure()).toBeUndefined()
})

test('stopping publishes what was handed over, and gives back what it cannot', async () => {
  const relay = relayOn()
  const ids: string[] = []
  for (let i = 0; i < 5; i++) ids.push(await openedPosition(pm))
  await Promise.all(ids.map((id) => reportExecution({ ...pm, relay }, id, fullExit(id))))
  await relay.stop()
  expect((await rows()).every((r) => r.published_at !== null)).toBe(true)
  expect(log.records).toHaveLength(5)

  const other = relayOn()
  log.before = unreachable
  const id = await openedPosition(pm)
  await reportExecution({ ...pm, relay: other }, id, fullExit(id))
  await other.stop()
  const [row] = await outboxOf(db, id)
  expect(row).toMatchObject({ published_at: null, claimed_by: null })
})

test('adding events twice changes nothing, and a higher revision is added', async () => {
  expect(await addToOutbox(db.store, trades(3))).toEqual({ added: 3, known: 0 })
  expect(await addToOutbox(db.store, trades(4))).toEqual({ added: 1, known: 3 })
  expect(await addToOutbox(db.store, trades(4, { revision: 1 }))).toEqual({ added: 4, known: 0 })
})

test('regression: an acknowledgement without an offset marks nothing, and the event is published again', async () => {
  const { produce } = log
  let calls = 0
  log.produce = async (topic, records) => {
    const placed = await produce(topic, records)
    return calls++ === 0 ? placed.map((p, i) => (i === 1 ? { ...p, offset: Number.NaN } : p)) : placed
  }
  const relay = relayOn()
  await addToOutbox(db.store, trades(3))
  await relay.poll() // or its own, which it begins with, has them
  const tried = await until(rows, (all) => all.every((r) => r.published_at !== null || r.last_error !== null))
  expect(tried.map((r) => [r.offset, r.published_at !== null, r.last_error !== null])).toEqual([
    ['0', true, false],
    [null, false, true],
    ['2', true, false],
  ])
  await until(
    () => relay.poll().then(rows),
    (all) => all.every((r) => r.published_at !== null),
  )
  expect((await rows())[1]).toMatchObject({ partition: 0, offset: '3', last_error: null })
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { StrandlineError } from '../../core/errors.ts'
import { loadModel } from '../../core/load-model.ts'
import type { ServiceDeps } from '../../core/service.ts'
import { addToOutbox, createOutbox } from '../../core/store/outbox-store.ts'
import { type PositionClosed, UNSAID } from '../../domain/event.ts'
import { readFreqtrade } from '../../services/pm/sources/freqtrade.ts'
import { importEvents } from '../../services/pm/sources/import-events.ts'
import { readJsonl } from '../../services/pm/sources/jsonl.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createMemoryLog } from '../support/memory-log.ts'
import { logger, type OutboxRecord, testCodec, testRelay, until } from '../support/pm.ts'
import { sharedData } from '../support/shared-data.ts'

let db: TestDatabase
let log: ReturnType<typeof createMemoryLog>
const dir = mkdtempSync(join(tmpdir(), 'strandline-import-'))
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(async () => {
  rmSync(dir, { recursive: true })
  await db.drop()
})
beforeEach(async () => {
  await db.sql('truncate pm_outbox')
  log = createMemoryLog()
})

const deps = (): ServiceDeps => ({
  config: { topic: 'closed', deadLetterTopic: 'dead', partitions: 1 } as ServiceDeps['config'],
  log,
  store: db.store,
  codec: testCodec,
  clock: systemClock,
  logger,
  metrics: new Registry(),
})
const rows = () => db.sql<OutboxRecord>('select * from pm_outbox order by id')
const trades = (n: number, change: Partial<PositionClosed> = {}) =>
  Array.from({ length: n }, (_, i) => closedTrade({ position_id: `i${i}`, ...change }))

test('every event is in the log when the import is done, and importing again changes nothing', async () => {
  const seen: number[] = []
  expect(await importEvents(deps(), trades(1_200), { progress: (done) => seen.push(done) })).toEqual({
    new: 1_200,
    already_known: 0,
    rescored: 0,
  })
  expect(log.records).toHaveLength(1_200)
  expect(seen).toEqual([500, 1_000, 1_200])
  expect(await importEvents(deps(), trades(1_200))).toEqual({ new: 0, already_known: 1_200, rescored: 0 })
  expect(log.records).toHaveLength(1_200)
})

test('an outbox row of the time before the second version of the schema is published, with what it has not as null', async () => {
  const [event] = trades(1, { net_return: 0.4, stake: 2 })
  const { provisional: _p, net_return: _n, fees: _f, stake: _s, risk_at_entry: _r, ...first } = event!
  expect(await importEvents(deps(), [first as PositionClosed])).toMatchObject({ new: 1 })
  expect(await testCodec.decode(log.records[0]!.value!)).toEqual({ ...event, ...UNSAID })
})

test('two imports of one file at the same time are one', async () => {
  const both = await Promise.all([importEvents(deps(), trades(300)), importEvents(deps(), trades(300))])
  expect(both[0].new + both[1].new).toBe(300)
  expect((await rows()).every((r) => r.published_at !== null)).toBe(true)
  expect(log.records).toHaveLength(300)
})

test('rows that the relay of a running PM takes are not waited for in vain', async () => {
  const pm = testRelay(db, log, { id: 'pm', pollMs: 1 })
  expect((await importEvents(deps(), trades(500))).new).toBe(500)
  await pm.stop()
  expect(log.records).toHaveLength(500)
})

test('an import that broke off for want of a broker goes on when it is repeated', async () => {
  log.before = () => {
    throw new StrandlineError('LOG_UNREACHABLE', 'Kafka at 127.0.0.1:1 failed to write.')
  }
  await expect(importEvents(deps(), trades(10))).rejects.toThrow(/cannot be published. Kafka at 127.0.0.1:1/)
  log.before = () => {}
  await until(
    () => importEvents(deps(), trades(10)),
    () => log.records.length === 10,
  )
  expect((await rows()).every((r) => r.published_at !== null)).toBe(true)
})

test('an event that cannot be encoded ends the import with its reason, not in a wait without end', async () => {
  await expect(
    importEvents(deps(), [closedTrade(), closedTrade({ position_id: 'bad', closed_at: 1.5 })]),
  ).rejects.toThrow(/1 of the events cannot be published.*does not fit the schema/)
})

test('regression: a file whose revisions come in any order, of which one says another entry, has the trade that the log has without an id', async () => {
  const named = closedTrade({ position_id: 'ordered', trade_id: 'T' })
  const nameless = { ...named, trade_id: `entry-${named.opened_at}`, event_id: 'nameless' }
  await importEvents(deps(), [nameless])
  const later = { ...named, revision: 1, opened_at: named.opened_at + 5 }
  const others = trades(600).map((e) => ({
    ...e,
    position_id: `other-${e.position_id}`,
    event_id: `other-${e.event_id}`,
  }))
  await importEvents(deps(), [later, ...others, named])
  expect(
    await db.sql(`select event_id, revision from pm_outbox where payload ->> 'position_id' = 'ordered' order by id`),
  ).toEqual([
    { event_id: 'nameless', revision: 0 },
    { event_id: 'nameless', revision: 1 },
  ])
})

describe('an import that waits says every ten seconds for what', () => {
  /** A second for each look. */
  const hasty = (): ServiceDeps['clock'] => {
    let ahead = 0
    return {
      ...systemClock,
      now: () => systemClock.now() + ahead,
      sleep: (ms, signal) => {
        ahead += 1_000
        return systemClock.sleep(ms, signal)
      },
    }
  }
  /** What is said before somebody else's relay has published the rows. */
  async function saidBy(events: PositionClosed[], answer = () => {}): Promise<string[]> {
    const said: string[] = []
    const done = importEvents({ ...deps(), clock: hasty() }, events, { waiting: (sentence) => said.push(sentence) })
    const heard = until(
      async () => said,
      () => said.length >= 2,
    )
    await Promise.race([heard, done.then(() => Promise.reject(new Error('it did not wait')))])
    answer()
    await db.sql(
      `update pm_outbox set published_at = now(), topic = 'closed', partition = 0, "offset" = id, claimed_until = null`,
    )
    await done
    return said
  }

  test('rows of a PM that was killed, until its lease is over', async () => {
    await addToOutbox(db.store, trades(3))
    await createOutbox(db.store, 'killed', 60_000).claim(3)
    expect((await saidBy(trades(3)))[0]).toMatch(/^3 events wait in the outbox\. .*free within half a minute/)
  })

  test('exits that the clock of the broker has not reached', async () => {
    const { produce } = log
    log.produce = async (topic, records) =>
      (await produce(topic, records)).map((place) => ({ ...place, appendedAt: Date.now() - 600_000 }))
    const [first] = await saidBy(trades(2, { closed_at: Date.now() }))
    expect(first).toMatch(
      /^2 events wait in the outbox\. Its exit \(2\S+Z\) lies in the future by the clock of the log/,
    )
  })

  test('a log that does not answer', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    log.before = () => promise
    expect((await saidBy(trades(1), resolve))[0]).toMatch(/^1 event waits in the outbox\. .*Kafka has not answered/)
  })
})

test('trades that had no candles get their score as the next revision, and others nothing', async () => {
  const unscored = trades(3, { rr: null, max_drawdown: null, max_gain: null, unscored_reason: 'no_ohlcv' })
  await importEvents(deps(), unscored, { rescore: true })
  const scored = [...trades(2), unscored[2]!]
  expect(await importEvents(deps(), scored, { rescore: true })).toEqual({ new: 2, already_known: 1, rescored: 2 })
  expect(await importEvents(deps(), scored, { rescore: true })).toEqual({ new: 0, already_known: 3, rescored: 0 })
  expect((await rows()).map((r) => [r.payload.position_id, r.revision, r.payload.revision, r.payload.rr])).toEqual([
    ['i0', 0, 0, null],
    ['i1', 0, 0, null],
    ['i2', 0, 0, null],
    ['i0', 1, 1, 1.25],
    ['i1', 1, 1, 1.25],
  ])
  expect(log.records).toHaveLength(5)
})

test('trades that an earlier version imported without money get it as the next revision, and are learned for it', async () => {
  const first = trades(3).map(({ net_return: _n, fees: _f, stake: _s, risk_at_entry: _r, ...event }) => event)
  await importEvents(deps(), first as PositionClosed[], { rescore: true })
  const now = [...trades(2, { net_return: 0.04, fees: 0.001, stake: 2 }), first[2] as PositionClosed]
  expect(await importEvents(deps(), now, { rescore: true })).toEqual({ new: 2, already_known: 1, rescored: 2 })
  expect(await importEvents(deps(), now, { rescore: true })).toEqual({ new: 0, already_known: 3, rescored: 0 })
  const [, , , ...revised] = await Promise.all(log.records.map((record) => testCodec.decode(record.value!)))
  const numbers = revised.map(({ position_id, revision, net_return, rr }) => [position_id, revision, net_return, rr])
  expect(numbers).toEqual([
    ['i0', 1, 0.04, 1.25],
    ['i1', 1, 0.04, 1.25],
  ])
  expect(loadModel('freqtrade-return').outcomeOf({ ...revised[0]!, measure: () => undefined })).toBe(0.04)
})

describe('import jsonl', () => {
  const line = {
    event_id: 'e1',
    exit_ts: '2026-05-19T16:38:26Z',
    timeframe: '4h',
    rr: 1.5,
    entry_context: { curator: 'x' },
  }
  const write = (...lines: unknown[]) => {
    const file = join(dir, 'events.jsonl')
    writeFileSync(file, lines.map((l) => (typeof l === 'string' ? l : JSON.stringify(l))).join('\n'))
    return file
  }
  const now = Date.parse('2026-11-01T00:00:00Z')

  test('events of our own shape, corrections included', async () => {
    const events = await readJsonl(
      write(line, { ...line, revision: 1, rr: 2 }, '', { ...line, event_id: 'e2', voided: true, rr: null }),
      now,
    )
    expect(await importEvents(deps(), events)).toMatchObject({ new: 3 })
    expect((await rows()).map((r) => [r.event_id, r.revision])).toEqual([
      ['e1', 0],
      ['e2', 0],
      ['e1', 1],
    ])
  })

  test.each([
    ['{', 'Line 2: not JSON'],
    [{ ...line, rr: 'x' }, 'Line 2: rr is "x"'],
    [{ ...line, rr: 50 }, 'Line 2: rr is 50, beyond'],
    [{ ...line, exit_ts: '2099-01-01T00:00:00Z' }, 'Line 2: closed_at is'],
    [{ ...line, entry_context: { curator: 'a\0b' } }, 'Line 2: a NUL character'],
    [{ ...line, symbol: '\ud800' }, 'Line 2: a text that is not well-formed'],
  ])('a bad line is named, and nothing of the file is taken: %j', async (bad, sentence) => {
    await expect(readJsonl(write(line, bad, line), now)).rejects.toThrow(sentence)
  })

  test('a file that is not there is named', async () => {
    await expect(readJsonl(join(dir, 'nowhere'), now)).rejects.toThrow(/nowhere cannot be read: there is no such file/)
  })
})

const backtest = sharedData('data/freqtrade-backtest-result.json')
const candles = sharedData('data/candles')
test.skipIf(!backtest || !candles)('94 real trades are imported, and twice imported is once', async () => {
  const { events } = readFreqtrade({ file: backtest!, candles: candles! })
  expect(await importEvents(deps(), events, { rescore: true })).toEqual({ new: 94, already_known: 0, rescored: 0 })
  expect(await importEvents(deps(), events, { rescore: true })).toEqual({ new: 0, already_known: 94, rescored: 0 })
  expect(log.records).toHaveLength(94)
  const trips = await Promise.all(log.records.map((r) => testCodec.decode(r.value!)))
  expect(new Set(trips.map((t) => t.rr))).toEqual(new Set(events.map((e) => e.rr)))
})

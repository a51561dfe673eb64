/** What docs/operations.md says of restoring and of more partitions, done. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { createCodec, frame, positionClosedSchema, positionClosedType } from '../../core/codec/position-closed-codec.ts'
import { readConfig } from '../../core/config.ts'
import { loadModel } from '../../core/load-model.ts'
import { createKafkaLog } from '../../core/log/kafka-log.ts'
import { ensureLoopTopics } from '../../core/log/loop-topics.ts'
import type { Logger } from '../../core/logger.ts'
import type { Service, ServiceDeps } from '../../core/service.ts'
import { addToOutbox } from '../../core/store/outbox-store.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { startLearner } from '../../services/learner/index.ts'
import { startPm } from '../../services/pm/index.ts'
import { startProjector } from '../../services/projector/index.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { expectClose, folded, learned } from '../support/learned.ts'

let db: TestDatabase
let kafka: TestKafka
let deps: ServiceDeps
let running: Service[] = []
beforeEach(async () => {
  ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
  const config = readConfig({
    KAFKA_BROKERS: kafka.brokers,
    SCHEMA_REGISTRY_URL: kafka.registryUrl,
    SCHEMA_REGISTRY_UNKNOWN_AFTER_SECONDS: '0.3',
    SUPABASE_URL: db.supabaseUrl,
    SUPABASE_SERVICE_ROLE_KEY: db.key,
    STRANDLINE_TOPIC: kafka.name('closed'),
    STRANDLINE_PARTITIONS: '3',
  })
  const logger = pino({ level: process.env.TEST_LOG ?? 'silent' }) as Logger
  const codec = createCodec(config)
  deps = { config, log: kafka.log, store: db.store, codec, clock: systemClock, logger, metrics: new Registry() }
  await ensureLoopTopics(kafka.log, config)
})
afterEach(async () => {
  await stop()
  await kafka?.close()
  await db?.drop()
})

async function start(): Promise<void> {
  const log = createKafkaLog(deps.config, deps.logger)
  running.push({ name: 'log', ready: async () => ({ ok: true }), stop: () => log.close() })
  for (const service of [startPm, startLearner, startProjector])
    running.unshift(await service({ ...deps, log, metrics: new Registry() }))
}

async function stop(): Promise<void> {
  for (const service of running) await service.stop()
  running = []
}

const DAY = 86_400_000
const trade = (i: number, change: Partial<PositionClosed> = {}) =>
  closedTrade({
    position_id: `p${i}`,
    event_id: `event-${i}`,
    closed_at: Date.parse('2026-10-01T00:00:00Z') + i * 0.1 * DAY,
    rr: (i % 7) - 2,
    levers: { curator: `c${i % 4}`, chain: i % 2 ? 'base' : 'solana' },
    measures: {},
    ...change,
  })
const trades = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => trade(from + i))
const count = async (what: string) => Number((await db.sql(`select count(*) as n from ${what}`))[0]!.n)

/** Until everything of the outbox is in the log and applied by both consumers. */
async function settled(total: number): Promise<void> {
  await expect.poll(() => count('pm_outbox where published_at is null')).toBe(0)
  const ends = () => deps.log.offsets(deps.config.topic).then((all) => all.reduce((sum, o) => sum + o.end, 0))
  await expect
    .poll(async () => {
      const rows = await db.sql<{ at: string }>(
        'select coalesce(sum(checkpoint), 0) as at from consumer_checkpoints group by consumer',
      )
      const end = await ends()
      return rows.length === 2 && rows.every((r) => Number(r.at) === end)
    })
    .toBe(true)
  expect(await count('learner_ledger')).toBe(total)
  expect(await count('position_closed_strands')).toBe(total)
}

async function expectLearned(events: PositionClosed[]): Promise<void> {
  expectClose(await learned(db), await folded(loadModel('lowcap-v4'), [events]))
}

test('the database is restored to an older state: learner and projector catch up from the log by themselves', async () => {
  await start()
  await addToOutbox(db.store, trades(0, 40))
  await settled(40)
  await stop()
  const tables = await db.sql<{ s: string; t: string }>(
    `select schemaname as s, tablename as t from pg_tables where schemaname in ('public', 'strandline')`,
  )
  await db.sql('create schema backup')
  for (const { s, t } of tables) await db.sql(`create table backup.${t} as table ${s}.${t}`)

  await start()
  await addToOutbox(db.store, trades(40, 90))
  await settled(90)
  await stop()

  await db.sql(`truncate ${tables.map(({ s, t }) => `${s}.${t}`).join(', ')}`)
  await db.sql('set session_replication_role = replica')
  for (const { s, t } of tables) {
    const columns = (
      await db.sql<{ c: string }>(
        `select quote_ident(column_name) as c from information_schema.columns
         where table_schema = $1 and table_name = $2 and is_generated = 'NEVER'`,
        [s, t],
      )
    )
      .map((r) => r.c)
      .join(', ')
    await db.sql(
      `set session_replication_role = replica; insert into ${s}.${t} (${columns}) overriding system value select ${columns} from backup.${t}`,
    )
  }
  expect(await count('learner_ledger')).toBe(40)

  await start()
  await settled(90)
  await expectLearned(trades(0, 90))
})

const operations = () => readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')

/** The statements that the operator is told to type where the topic is lost, for our topic. */
function lostTopicStatements(): string {
  const text = operations()
  const found = /\n {4}begin;\n((?: {4}.*\n)+?) {4}commit;\n/.exec(text)?.[0]
  if (!found) throw new Error('docs/operations.md has no such statements')
  return found.replaceAll('pm.position-closed.v1', deps.config.topic)
}

const run = promisify(execFile)
const CLI = new URL('../../cli/main.ts', import.meta.url).pathname

/** What the operator is told to do about dead letters before that, once the topic is there. */
async function saveLetters(): Promise<void> {
  const before = /makes the topic([\s\S]*?)\n {4}begin;\n/.exec(operations())?.[1] ?? ''
  for (const [, line] of before.matchAll(/^ {4}(\S.*)$/gm)) {
    const command = (line as string).replaceAll('pm.position-closed.v1', deps.config.topic)
    if (command.startsWith('./strandline ')) await strandline(...command.split(' ').slice(1))
    else await db.sql(command)
  }
}

async function strandline(...args: string[]): Promise<void> {
  const { brokers, registryUrl } = kafka
  const engines = { KAFKA_BROKERS: brokers, SCHEMA_REGISTRY_URL: registryUrl, STRANDLINE_TOPIC: deps.config.topic }
  await run(process.execPath, [CLI, ...args], { env: { ...process.env, ...db.env, ...engines } })
}

/** Under the same name; a broker may go on showing the old one for a moment. */
async function makeTopicAnew(partitions: number): Promise<void> {
  const old = await deps.log.topicId(deps.config.topic)
  const admin = kafka.client.admin()
  await admin.connect()
  await admin.deleteTopics({ topics: [deps.config.topic] })
  await admin.disconnect()
  await expect
    .poll(async () => {
      await ensureLoopTopics(deps.log, { ...deps.config, partitions }).catch(() => undefined)
      const id = await deps.log.topicId(deps.config.topic)
      return id !== null && id !== old
    })
    .toBe(true)
}

test('the topic is lost: the learner stops and says so; published from the outbox again, all that the new log explains counts once, and nothing else', async () => {
  await start()
  await addToOutbox(db.store, trades(0, 60))
  await settled(60)
  // published by somebody else: what the outbox does not have is lost with the topic
  const others = trades(100, 131)
  await deps.log.produce(
    deps.config.topic,
    await Promise.all(others.map(async (e) => ({ key: e.position_id, value: await deps.codec.encode(e) }))),
  )
  await settled(91)
  await stop()
  await makeTopicAnew(2)

  const learner = await startLearner({ ...deps, metrics: new Registry() })
  await expect.poll(async () => (await learner.ready()).reason).toMatch(/not the log that the database knows/)
  await learner.stop()
  expect(await count('learner_ledger')).toBe(91)

  // what went into another topic lies there as before
  await db.sql(`insert into pm_outbox (event_id, revision, payload, published_at, topic, partition, "offset")
    values ('elsewhere', 0, '{}', now(), 'another.topic', 0, 0)`)
  await db.sql(lostTopicStatements())
  expect(await db.sql('delete from pm_outbox where published_at is not null returning event_id')).toEqual([
    { event_id: 'elsewhere' },
  ])
  await start()
  await settled(60)
  await expectLearned(trades(0, 60))

  // a correction of a trade that lay in a partition that is no more
  const corrected = trades(0, 60).map((t) => ({ ...t, revision: 1, rr: (t.rr ?? 0) + 1 }))
  await addToOutbox(db.store, corrected)
  await expect.poll(() => count('learner_ledger where revision = 1')).toBe(60)
  await settled(60)
  await expectLearned(corrected)
})

test('regression: the topic is lost: a strand of the old system that only the bridge can tie to its trade, as it has no id, is no second one afterwards', async () => {
  await db.sql(
    `insert into ad_strands (id, module, kind, timeframe, position_id, content) values ('old', 'pm', 'position_closed', '1h', 'old-1', $1)`,
    [
      JSON.stringify({
        entry_context: { curator: 'c' },
        completed_trades: [
          {
            entry_price: 100,
            exit_price: 110,
            entry_timestamp: '2026-10-01T00:00:00Z',
            exit_timestamp: '2026-10-01T02:00:00Z',
            rr: 2,
          },
        ],
      }),
    ],
  )
  await start()
  await expect.poll(() => count('pm_outbox')).toBe(1)
  await settled(1)
  expect(await db.sql('select strand_id, adopted, revision from strands')).toEqual([
    { strand_id: 'old', adopted: true, revision: 0 },
  ])
  await stop()
  await makeTopicAnew(2)
  await db.sql(lostTopicStatements())
  await start()
  await settled(1)
  expect(await db.sql('select id, revision from position_closed_strands')).toEqual([{ id: 'old', revision: 0 }])
  expect(await db.store.rpc('strandline_strands_event_count', {})).toMatchObject({ events: 1, rows: 1, adopted: 1 })
})

test('regression: the topic is lost: what is in no outbox, and was refused, counts by its copy in the dead-letter topic, also where its partition is no more', async () => {
  const post = async (schema: object) => {
    const response = await fetch(`${kafka.registryUrl}/subjects/${deps.config.topic}-ahead/versions`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      body: JSON.stringify({ schema: JSON.stringify(schema) }),
    })
    return ((await response.json()) as { id: number }).id
  }
  const ours = JSON.parse(positionClosedSchema)
  const field = (n: number) => ({
    name: `venue_${deps.config.topic.replace(/\W/g, '_')}_${n}`,
    type: 'string',
    default: '',
  })
  const schema = (n: number) => ({ ...ours, fields: [...ours.fields, field(n)] })
  const refused = trades(200, 203)
  await start()
  await addToOutbox(db.store, trades(0, 20))
  await settled(20)
  const unknown = (await post(schema(0))) + 1 // ours is registered by now
  for (const [partition, event] of refused.entries()) {
    const value = frame(unknown, Buffer.concat([positionClosedType.toBuffer(event), Buffer.from([2, 0x78])]))
    await deps.log.produce(deps.config.topic, [{ key: event.position_id, value, partition }])
  }
  await expect.poll(() => count('dead_letters')).toBe(3)
  await settled(20)
  await stop()
  // one of them was redriven, and counted, before the topic is lost
  expect(await post(schema(1))).toBe(unknown)
  const [{ place } = { place: '' }] = await db.sql<{ place: string }>(
    `select partition || ':' || "offset" as place from dead_letters where partition = 1`,
  )
  await strandline('dead-letters', 'redrive', place)
  await start()
  await settled(21)
  await stop()

  await makeTopicAnew(2)
  await saveLetters()
  await db.sql(lostTopicStatements())
  await start()
  await expect.poll(() => count('learner_ledger')).toBe(23)
  await settled(23)
  expect(await count('dead_letters')).toBe(0)
  await expectLearned([...trades(0, 20), ...refused])
})

test('partitions are added while it runs: corrections that arrive in another partition than the trade count once', async () => {
  await start()
  await addToOutbox(db.store, trades(0, 60))
  await settled(60)
  const admin = kafka.client.admin()
  await admin.connect()
  await admin.createPartitions({ topicPartitions: [{ topic: deps.config.topic, count: 8 }] })
  await admin.disconnect()
  await stop() // clients notice within 30 s; starting again is quicker
  await start()
  const corrected = trades(0, 60).map((t) => ({ ...t, revision: 1, rr: (t.rr ?? 0) + 1 }))
  await addToOutbox(db.store, corrected)
  await expect.poll(() => count('learner_ledger where revision = 1')).toBe(60)
  await settled(60)
  expect(await count(`(select distinct partition from pm_outbox where revision = 1) x`)).toBeGreaterThan(3)
  await expectLearned(corrected)
})

/**
 * A rebuild beside what readers see, a switch to it and back, under load, through a SIGKILL of the rebuild and of PostgreSQL: a reader that looks every 10 ms
 * never sees anything missing, empty, or of two versions at once.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import { type Config, readConfig } from '../../core/config.ts'
import { findStrandlineError } from '../../core/errors.ts'
import { loadModel } from '../../core/load-model.ts'
import { NODE_FLAGS } from '../../core/node-flags.ts'
import { groupOf, learnerConsumer } from '../../core/runner/consumer-names.ts'
import type { Service, ServiceDeps } from '../../core/service.ts'
import { withClient } from '../../core/store/client.ts'
import { createCoefficientStore } from '../../core/store/coefficient-store.ts'
import { migrate } from '../../core/store/migrate.ts'
import { createModelVersionStore } from '../../core/store/model-versions.ts'
import { createPostgresStore, type PostgresStore } from '../../core/store/postgres-store.ts'
import type { Store } from '../../core/store/store.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { createDecisionMaker } from '../../services/decision/decide.ts'
import { drop } from '../../services/learner/drop.ts'
import { startLearners } from '../../services/learner/learners.ts'
import { listVersions } from '../../services/learner/list-versions.ts'
import { planPromotion } from '../../services/learner/plan-promotion.ts'
import { promote, rollback } from '../../services/learner/promote.ts'
import { rebuild } from '../../services/learner/rebuild.ts'
import { prepareOwnCluster } from '../../services/supabase/api-role.ts'
import { closedTrade } from '../support/closed-trade.ts'
import type { TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { expectClose, folded, learned } from '../support/learned.ts'
import { type OwnPostgres, startOwnPostgres } from '../support/own-postgres.ts'
import { PATIENCE_MS } from '../support/patience.ts'

const PARTITIONS = 3
const FIRST = 3_000
const DOOMED = fileURLToPath(new URL('../support/doomed-rebuild.ts', import.meta.url))
let postgres: OwnPostgres
let store: PostgresStore
let kafka: TestKafka
let dir: string
/** The same name, another definition: weights between 0.9 and 1.1 tell its coefficients from those of the other, and bounds that no trade reaches keep their sums apart. */
let narrowFile: string
let topic: string
let config: Config
const wide = loadModel('lowcap-v4')

beforeAll(async () => {
  ;[postgres, kafka, dir] = await Promise.all([
    startOwnPostgres(),
    createTestKafka(),
    mkdtemp(join(tmpdir(), 'strandline-rebuild-')),
  ])
  await withClient(postgres.url, (client) => prepareOwnCluster(client, 'test-run-only'))
  await migrate(postgres.url)
  store = createPostgresStore({ url: postgres.url, timeoutMs: 10_000 })
  narrowFile = join(dir, 'narrow.json')
  const shipped = fileURLToPath(new URL('../../models/lowcap-v4.json', import.meta.url))
  const definition = JSON.parse(await readFile(shipped, 'utf8'))
  await writeFile(
    narrowFile,
    JSON.stringify({ ...definition, weight: { min: 0.9, max: 1.1 }, clamp: { min: -9, max: 9 } }),
  )
})
afterAll(async () => {
  await store?.close()
  await kafka?.close()
  await postgres?.remove()
  await rm(dir, { recursive: true, force: true })
})

const sql = async <Row>(text: string) => {
  const client = new pg.Client({ connectionString: postgres.url, options: '-c search_path=public,strandline' })
  await client.connect()
  try {
    return (await client.query(text)).rows as Row[]
  } finally {
    await client.end()
  }
}
const db = { sql } as unknown as TestDatabase
const env = () => ({
  KAFKA_BROKERS: kafka.brokers,
  SCHEMA_REGISTRY_URL: kafka.registryUrl,
  DATABASE_URL: postgres.url,
  STRANDLINE_TOPIC: topic,
})

/** What runs in this process, and is stopped after each test. */
const parts: { stop(): Promise<unknown> }[] = []
beforeEach(async () => {
  await sql(
    'truncate model_versions, learner_ledger, learner_partials, consumer_checkpoints, learning_configs restart identity',
  )
  topic = await kafka.createTopic({ partitions: PARTITIONS })
  config = readConfig(env())
})
afterEach(async () => {
  for (const part of parts.splice(0).reverse()) await part.stop()
})

const deps = (changes: Partial<Config> = {}, over: Store = store): ServiceDeps => ({
  config: { ...config, ...changes },
  log: kafka.log,
  store: over,
  codec: createCodec(config),
  clock: systemClock,
  logger: pino({ level: process.env.TEST_LOG ?? 'silent' }),
  metrics: new Registry(),
})

/** Every event that was published, by partition, in the order of the log. */
let published: PositionClosed[][]
beforeEach(() => {
  published = Array.from({ length: PARTITIONS }, () => [])
})
let number = 0
async function publish(count: number, changes: Partial<PositionClosed> = {}): Promise<void> {
  const codec = createCodec(config)
  const events = Array.from({ length: count }, () =>
    closedTrade({
      position_id: `p${++number}`,
      rr: 0.5 + (number % 4),
      levers: { curator: `c${number % 4}` },
      ...changes,
    }),
  )
  const records = events.map(async (e, i) => ({
    key: e.position_id,
    value: await codec.encode(e),
    partition: i % PARTITIONS,
  }))
  await kafka.log.produce(topic, await Promise.all(records))
  for (const [i, event] of events.entries()) published[i % PARTITIONS]!.push(event)
}

/** Closes keep coming; `stop` resolves when the last one is in the log. */
function startLoad(): { stop(): Promise<unknown> } {
  let going = true
  const work = (async () => {
    while (going) {
      await publish(6)
      await sleep(40)
    }
  })()
  return {
    stop() {
      going = false
      return work
    },
  }
}

/** A clock of somebody without patience. */
let hurried = Date.now()
const impatient = { ...systemClock, now: () => (hurried += 20_000) }

/** Looks every 10 ms at what an allocation is made of; every answer must be whole, and of one version. */
function startReader(bounds: Map<string, { min: number; max: number }>) {
  const maker = createDecisionMaker(createCoefficientStore(store))
  const coefficients = createCoefficientStore(store)
  const wrong: string[] = []
  /** Each look: when it began, and which version it saw. */
  const seen: { hash: string; began: number }[] = []
  let unanswered = 0
  let going = true
  const curators = [0, 1, 2, 3]
  const keys = curators.map((n) => ({ scope: 'lever' as const, name: 'curator', key: `c${n}` }))

  async function look(): Promise<void> {
    const began = performance.now()
    const { hash, global_rr, rows, active } = await coefficients.read(keys, null)
    const allowed = bounds.get(String(hash))
    if (!allowed) return void wrong.push(`a version that is none: ${hash}`)
    if (!active) wrong.push('a version that is not active')
    if (global_rr === null || global_rr.n < FIRST) wrong.push(`a baseline of ${global_rr?.n} trades`)
    if (rows.length !== keys.length) wrong.push(`${rows.length} of ${keys.length} coefficients`)
    seen.push({ hash: String(hash), began })
    const decision = await maker.allocate({ entry_context: { curator: 'c3' }, base: 5, min: 0, max: 100 })
    if (!decision.active || decision.global_rr.n < FIRST) wrong.push('an allocation of nothing')
    const [{ weight, rr_short, n } = { weight: 0, rr_short: 0, n: 0 }] = decision.factors
    const weights = [...bounds.values()].map(({ min, max }) =>
      Math.min(max, Math.max(min, rr_short! / decision.global_rr.rr_short!)),
    )
    if (n === 0) wrong.push('a factor that is missing')
    else if (!weights.some((is) => Math.abs(weight - is) <= 1e-9)) wrong.push(`c3 weighs ${weight}, not ${weights}`)
  }
  const work = (async () => {
    while (going) {
      await look().catch((error) => {
        if (findStrandlineError(error)?.code === 'STORE_UNREACHABLE') unanswered++
        else wrong.push(String(error))
      })
      await sleep(10)
    }
  })()
  return {
    wrong,
    seen,
    unanswered: () => unanswered,
    async stop() {
      going = false
      await work
    },
  }
}

const until = (what: () => Promise<boolean>) => expect.poll(what, { timeout: PATIENCE_MS, interval: 50 }).toBe(true)
const listed = () => createModelVersionStore(store).list()
const caughtUp = async (hash: string) => {
  const versions = await listVersions(deps()).catch(() => [])
  return versions.some((v) => v.hash === hash && v.lag === 0)
}

test('rebuild, promote and rollback under load: a reader sees one whole version or the other, through a SIGKILL of the rebuild and of PostgreSQL', async () => {
  const narrow = loadModel(narrowFile)
  await publish(FIRST)
  const learners = await startLearners(deps())
  parts.push(learners)
  await until(() => caughtUp(wide.hash))
  await sql('create table if not exists flushed ()') // waits for the disk, and so for all before it
  const reader = startReader(
    new Map([wide, narrow].map(({ hash, definition }) => [hash, definition.weight as { min: number; max: number }])),
  )
  parts.push(reader)
  const load = startLoad()
  parts.push(load)

  // the rebuild is killed in the midst of it
  const child = spawn(process.execPath, [...NODE_FLAGS, DOOMED, JSON.stringify({ env: env(), model: narrowFile })], {
    stdio: 'inherit',
  })
  const [, signal] = await once(child, 'exit')
  expect(signal).toBe('SIGKILL')
  const half = (await listed()).find((v) => v.hash === narrow.hash)!
  expect(half).toMatchObject({ active: false, building: true })
  expect(half.n).toBeGreaterThan(0)
  const behind = promote({ ...deps(), clock: impatient }, { name: narrow.hash })
  await expect(behind).rejects.toMatchObject({ code: 'MODEL_BEHIND', message: expect.stringContaining('to go') })

  // it goes on, and PostgreSQL is killed under it, under the learners and the reader
  let killed: Promise<void> | undefined
  const killing = deps(
    {},
    {
      async rpc<T>(fn: string, args: Record<string, unknown>): Promise<T> {
        if (fn === 'strandline_learner_commit') killed ??= postgres.kill().then(() => postgres.restart())
        return store.rpc<T>(fn, args)
      },
    },
  )
  const done = await rebuild(killing, narrow)
  await killed
  expect(killed).toBeDefined()
  expect(done).toMatchObject({ begun: true, complete: true, active: false, hash: narrow.hash, build: 1 })
  expect(reader.unanswered()).toBeGreaterThan(0)
  expect(new Set(reader.seen.map((s) => s.hash))).toEqual(new Set([wide.hash]))

  // a preview first: the same trades, weights cut closer
  const plan = await planPromotion(deps(), {})
  expect(plan).toMatchObject({ from: { hash: wide.hash }, to: { hash: narrow.hash }, appear: 0, vanish: 0 })
  expect(plan.move).toBeGreaterThan(0)
  // of a curator, or of the interaction that has the same trades
  expect(plan.largest[0]?.key).toMatch(/\bc\d/)

  // learners keep both up to date: forth and back, with no pause in between
  for (let i = 0; i < 6; i++) {
    const to = i % 2 === 0 ? await promote(deps(), {}) : await rollback(deps())
    const at = performance.now()
    expect(to.hash).toBe(i % 2 === 0 ? narrow.hash : wide.hash)
    const after = () => reader.seen.filter((s) => s.began >= at)
    await until(async () => after().length >= 5)
    expect(after().map((s) => s.hash)).toEqual(after().map(() => to.hash)) // the very next look
  }
  await promote(deps(), {})
  await load.stop()
  await until(() => caughtUp(narrow.hash))
  await until(() => caughtUp(wide.hash))
  await reader.stop()
  expect(reader.wrong).toEqual([])
  expect((await learned(db)).global_rr.n).toBe(published.flat().length)
  expectClose(await learned(db), await folded(narrow, published))
  await rollback(deps())
  expectClose(await learned(db), await folded(wide, published))

  // what is not seen is taken away under the learners, which let go of it; what is seen is not
  await expect(drop(deps(), { name: wide.hash })).rejects.toMatchObject({ code: 'USAGE' })
  const group = groupOf(learnerConsumer({ model: 'lowcap-v4', hash: narrow.hash, build: 1 }))
  expect((await kafka.log.group(group, topic)).state).toBe('Stable')
  expect(await drop(deps(), { name: narrow.hash })).toMatchObject({ hash: narrow.hash })
  expect((await kafka.log.group(group, topic)).state).toBe('Dead')
  expect(
    await sql(
      'select distinct model_version from learner_ledger union select distinct model_version from learner_partials',
    ),
  ).toEqual(await sql('select model_version from model_versions'))
  expectClose(await learned(db), await folded(wide, published))
})

test('the same definition is folded again beside itself: the same to the last bit, and it is the one that is kept up to date once it is promoted', async () => {
  await publish(300)
  const learners = await startLearners(deps())
  parts.push(learners)
  await until(() => caughtUp(wide.hash))
  // the live state is damaged: nothing but another fold can tell
  await sql(
    `update learner_partials set weighted_rr_short = weighted_rr_short + 50 where name = 'curator' and key = 'c1'`,
  )
  expect(await rebuild(deps(), wide)).toMatchObject({ build: 2, complete: true, begun: false })
  const plan = await planPromotion(deps(), {})
  expect(plan).toMatchObject({ appear: 0, vanish: 0, largest: [{ name: 'curator', key: 'c1' }] })
  expect(await promote(deps(), {})).toMatchObject({ build: 2, previous: { build: 1 } })
  await publish(30)
  await until(async () => (await learned(db)).global_rr.n === 330)
  expectClose(await learned(db), await folded(wide, published))
})

test('learners of two models on one log, started and stopped in any order, never change what readers see', async () => {
  await publish(40)
  await publish(20, { source: 'import:freqtrade', levers: { pair: 'ETH/BTC', enter_tag: 'dip' }, measures: {} })
  const MODELS = ['lowcap-v4', 'freqtrade'] as const
  const running = new Map<string, Service>()
  const start = async (model: string) => running.set(model, await startLearners(deps({ model }), { only: true }))
  const stop = async (model: string) => {
    await running.get(model)?.stop()
    running.delete(model)
  }
  parts.push({ stop: () => Promise.all([...running.keys()].map(stop)) })
  await start('lowcap-v4')
  await until(() => caughtUp(wide.hash))
  const before = await learned(db)
  expect(before.global_rr.n).toBe(40)
  for (const step of [
    '+freqtrade',
    '-lowcap-v4',
    '+lowcap-v4',
    '-freqtrade',
    '-lowcap-v4',
    '+freqtrade',
    '+lowcap-v4',
  ]) {
    const model = step.slice(1)
    await (step.startsWith('+') ? start(model) : stop(model))
    expect(await learned(db), step).toEqual(before)
    expect((await listed())[0], step).toMatchObject({ model: 'lowcap-v4', active: true })
  }
  await until(() => caughtUp(loadModel('freqtrade').hash))
  expect((await listed()).map((v) => [v.model, v.active, v.n])).toEqual([
    ['lowcap-v4', true, 40],
    ['freqtrade', false, 20],
  ])
  expect(MODELS.filter((m) => running.has(m))).toEqual([...MODELS])
  expect(await learned(db)).toEqual(before)
})

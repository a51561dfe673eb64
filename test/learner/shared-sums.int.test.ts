/**
 * Two rules over the same sums: what is folded for the one is there for the other, each trade is kept once, and readers of either see what its own fold of the
 * log gives. Whoever opens first, whoever is promoted, whatever is dropped.
 */
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import { type Config, readConfig } from '../../core/config.ts'
import { loadModel } from '../../core/load-model.ts'
import type { Service, ServiceDeps } from '../../core/service.ts'
import { createCoefficientStore } from '../../core/store/coefficient-store.ts'
import { readLearned } from '../../core/store/learned.ts'
import { createModelVersionStore } from '../../core/store/model-versions.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { createOfflineFold } from '../../domain/learning/offline.ts'
import { verify } from '../../replay/verify.ts'
import { drop } from '../../services/learner/drop.ts'
import { createDropStore } from '../../services/learner/drop-store.ts'
import { namedModel } from '../../services/learner/learner-store.ts'
import { startLearners } from '../../services/learner/learners.ts'
import { listVersions } from '../../services/learner/list-versions.ts'
import { promote, rollback } from '../../services/learner/promote.ts'
import { rebuild } from '../../services/learner/rebuild.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'

const v4 = loadModel('lowcap-v4')
const v5 = loadModel('lowcap-v5')
const PARTITIONS = 2

let db: TestDatabase
let kafka: TestKafka
let config: Config
let published: PositionClosed[]
let running: Service[]

beforeAll(async () => {
  ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
})
afterAll(async () => {
  await kafka?.close()
  await db?.drop()
})
beforeEach(async () => {
  await db.sql(
    'truncate model_versions, learner_ledger, learner_partials, consumer_checkpoints, learning_configs restart identity',
  )
  config = readConfig({
    KAFKA_BROKERS: kafka.brokers,
    SCHEMA_REGISTRY_URL: kafka.registryUrl,
    SUPABASE_URL: 'http://127.0.0.1:1',
    SUPABASE_SERVICE_ROLE_KEY: 'not used: the store is given',
    STRANDLINE_TOPIC: await kafka.createTopic({ partitions: PARTITIONS }),
  })
  published = []
  running = []
})
afterEach(async () => {
  for (const service of running) await service.stop()
})

const deps = (model = 'lowcap-v4'): ServiceDeps => ({
  config: { ...config, model },
  log: kafka.log,
  store: db.store,
  codec: createCodec(config),
  clock: systemClock,
  logger: pino({ level: process.env.TEST_LOG ?? 'silent' }),
  metrics: new Registry(),
})

async function learnersOf(model: string): Promise<void> {
  running.push(await startLearners(deps(model)))
}

/** Trades, and a correction and a retraction of what was published before. */
async function publish(count: number): Promise<void> {
  const codec = createCodec(config)
  const first = published.length
  const fresh = Array.from({ length: count }, (_, i) =>
    closedTrade({
      position_id: `p${first + i}`,
      rr: ((first + i) % 7) - 2,
      levers: { curator: `c${i % 4}`, chain: i % 2 ? 'base' : 'solana' },
    }),
  )
  const [one, other] = published
  const changed =
    one && other
      ? [
          { ...one, revision: one.revision + 1, rr: 5 },
          { ...other, revision: other.revision + 1, voided: true },
        ]
      : []
  const events = [...fresh, ...changed]
  const records = events.map(async (e) => ({ key: e.position_id, value: await codec.encode(e) }))
  await kafka.log.produce(config.topic, await Promise.all(records))
  published = [...changed, ...published.slice(changed.length), ...fresh]
}

const caughtUp = (name: string) =>
  expect
    .poll(async () => (await listVersions(deps())).find((v) => v.name === name))
    .toMatchObject({ lag: 0, events: published.length })

/** What readers of a model see is what a fold of the log by that model alone gives. */
async function expectFolded(model: typeof v4): Promise<void> {
  const fold = createOfflineFold(model)
  expect(await fold.add(published)).toEqual([])
  const should = new Map(fold.result().coefficients.map((row) => [`${row.name} ${row.key}`, row]))
  const { rows, global_rr } = await readLearned(createCoefficientStore(db.store), { model: model.definition.name })
  expect(rows.map((row) => `${row.name} ${row.key}`).sort()).toEqual([...should.keys()].sort())
  for (const row of rows) {
    const { weight, rr_short, n } = should.get(`${row.name} ${row.key}`) as (typeof rows)[number]
    expect(row.n).toBe(n)
    expect(row.weight).toBeCloseTo(weight, 9)
    expect(row.rr_short).toBeCloseTo(rr_short, 9)
  }
  expect(global_rr.n).toBe(published.filter((e) => !e.voided).length)
}

const writtenBaseline = async () =>
  (
    await db.sql<{ n: number }>(
      `select (config_data -> 'global_rr' ->> 'n')::int as n from learning_configs where module = 'decision_maker'`,
    )
  )[0]?.n

test('a second rule is there at once, follows every trade, is promoted and dropped, and each trade is kept once', async () => {
  await learnersOf('lowcap-v4')
  await publish(120)
  await caughtUp('lowcap-v4')
  expect(await rebuild(deps(), v5)).toMatchObject({ complete: true, begun: false, sums_of: { name: 'lowcap-v4' } })
  await expectFolded(v4)
  await expectFolded(v5)

  // both follow, and what is promoted is what the readers' copy of the baseline says
  await publish(40)
  await caughtUp('lowcap-v5')
  expect(await promote(deps(), { name: 'lowcap-v5' })).toMatchObject({ name: 'lowcap-v5', n: 159, lag_records: 0 })
  await publish(10)
  await caughtUp('lowcap-v5')
  await expectFolded(v5)
  await expectFolded(v4)
  await expect.poll(writtenBaseline).toBe(published.filter((e) => !e.voided).length)
  for (const name of ['lowcap-v5', 'lowcap-v4'])
    expect(await verify(deps(), name)).toMatchObject({ model: { name }, differences: [] })
  expect(
    await db.sql('select count(*)::int as n, count(distinct event_id)::int as trades from learner_ledger'),
  ).toEqual([{ n: 170, trades: 170 }])
  expect(await listVersions(deps())).toMatchObject([
    { name: 'lowcap-v5', state: 'active', events: 170, size_bytes: 0, sums_of: { name: 'lowcap-v4' } },
    { name: 'lowcap-v4', state: 'kept', events: 170, sums_of: null },
  ])

  await expect(drop(deps(), { name: 'lowcap-v4' })).rejects.toThrow(/lowcap-v5 \(\w+\) reads the sums of lowcap-v4/)
  await expect(drop(deps(), { name: 'lowcap-v5' })).rejects.toThrow(/is what readers see/)
  await rollback(deps())
  expect(await drop(deps(), { name: 'lowcap-v5' })).toMatchObject({ name: 'lowcap-v5', rows: 0 })
  await publish(10)
  await caughtUp('lowcap-v4')
  await expectFolded(v4)
})

test('learners of both share the log in one group, whichever comes first, and one goes on for both', async () => {
  await publish(60)
  await learnersOf('lowcap-v5')
  await learnersOf('lowcap-v4')
  await caughtUp('lowcap-v4')
  await caughtUp('lowcap-v5')
  expect((await listVersions(deps())).map((v) => [v.name, v.active, v.sums_of?.name])).toEqual([
    ['lowcap-v5', true, undefined],
    ['lowcap-v4', false, 'lowcap-v5'],
  ])
  await running.shift()?.stop()
  await publish(30)
  await caughtUp('lowcap-v5')
  await expectFolded(v5)
  await expectFolded(v4)
})

test('where nobody learns, a rebuild of a second rule goes on with the sums that are there', async () => {
  await publish(20)
  const { sums } = await createModelVersionStore(db.store).open(namedModel(v4, config.topic))
  expect(await rebuild(deps(), v5)).toMatchObject({ complete: true, sums_of: { name: 'lowcap-v4' } })
  expect(await promote(deps(), { name: 'lowcap-v5' })).toMatchObject({ n: 20, lag_records: 0 })
  await expectFolded(v5)
  expect(await db.sql('select distinct model_version from learner_ledger')).toEqual([{ model_version: sums }])
})

test('a drop that was begun is not taken back by one that finds a learner: rows may be gone already', async () => {
  await learnersOf('lowcap-v4')
  await rebuild(deps(), loadModel('lowcap-return'))
  let now = 0
  const busy = {
    store: db.store,
    clock: { ...systemClock, now: () => (now += 15_000) },
    log: {
      ...kafka.log,
      group: async () => ({
        state: 'Stable',
        members: [{ id: 'm', client: 'c', host: 'h', partitions: [0] }],
        offsets: [],
      }),
    } as unknown as typeof kafka.log,
  }
  const dropping = async () => (await createModelVersionStore(db.store).list()).map((v) => [v.model, v.dropping])
  await expect(drop(busy, { name: 'lowcap-return' })).rejects.toMatchObject({ code: 'MODEL_IN_USE' })
  expect(await dropping()).toEqual([
    ['lowcap-v4', false],
    ['lowcap-return', false],
  ])
  expect(await createDropStore(db.store).mark(2, true)).toBe('ok')
  await expect(drop(busy, { name: 'lowcap-return' })).rejects.toMatchObject({ code: 'MODEL_IN_USE' })
  expect(await dropping()).toEqual([
    ['lowcap-v4', false],
    ['lowcap-return', true],
  ])
})

test('what is folded once more has sums of its own, and goes with them alone', async () => {
  await learnersOf('lowcap-v4')
  await publish(50)
  await caughtUp('lowcap-v4')
  await rebuild(deps(), v5)
  expect(await rebuild(deps(), v5)).toMatchObject({ build: 2, complete: true, sums_of: null })
  await publish(10)
  await expect
    .poll(async () => (await listVersions(deps())).map((v) => [v.name, v.build, v.events, v.lag]))
    .toEqual([
      ['lowcap-v4', 1, 60, 0],
      ['lowcap-v5', 2, 60, 0],
      ['lowcap-v5', 1, 60, 0],
    ])
  expect(await drop(deps(), { name: 'lowcap-v5.r2' })).toMatchObject({ build: 2 })
  await expectFolded(v5)
})

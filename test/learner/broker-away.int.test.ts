import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { StrandlineError } from '../../core/errors.ts'
import { loadModel } from '../../core/load-model.ts'
import { freePort } from '../../core/ports.ts'
import type { Service } from '../../core/service.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { type Kafka, startKafka } from '../../embedded/kafka.ts'
import { type Registry, startRegistry } from '../../services/registry/index.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type TestKafka, testKafkaAt } from '../support/kafka.ts'
import { createStage, type Stage } from '../support/kafka-learner.ts'
import { emptyLearner, expectClose, folded, learned } from '../support/learned.ts'

const model = loadModel('lowcap-v4')
let dir: string
let broker: Kafka
let registry: Registry
let kafka: TestKafka
let db: TestDatabase
let ports: { port: number; controllerPort: number }

const start = () =>
  startKafka({
    dataDir: join(dir, 'kafka'),
    logFile: join(dir, 'kafka.log'),
    logger: pino({ level: 'silent' }),
    ...ports,
  })

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'strandline-broker-'))
  ports = { port: await freePort(), controllerPort: await freePort() }
  ;[broker, db] = await Promise.all([start(), createTestDatabase()])
  registry = await startRegistry({ brokers: [broker.brokers], port: 0 })
  kafka = testKafkaAt({ brokers: broker.brokers, registryUrl: registry.url })
})
afterAll(async () => {
  await kafka.close()
  await registry.stop()
  await broker.stop()
  await db.drop()
  await rm(dir, { recursive: true, force: true })
})
beforeEach(() => emptyLearner(db))

const trades = (from: number, count: number): PositionClosed[] =>
  Array.from({ length: count }, (_, i) => closedTrade({ position_id: `p${from + i}`, rr: ((from + i) % 7) - 2 }))

async function kill(): Promise<void> {
  process.kill(broker.pid, 'SIGKILL')
  await broker.exited
}

const untilReady = (learner: Service, ok: boolean) => expect.poll(() => learner.ready()).toMatchObject({ ok })

/** Insists, as the outbox does, until the events are in the log. */
async function publish(stage: Stage, events: PositionClosed[]): Promise<void> {
  for (let i = 0; ; i++) {
    try {
      await stage.publish(events)
      return
    } catch (error) {
      if (i === 20) throw error
    }
  }
}

it('a learner goes on by itself after its broker was killed and came back', async () => {
  const stage = await createStage(db, kafka, { partitions: 2 })
  await stage.publish(trades(0, 6))
  const learner = await stage.start({ maxChunk: 2 })
  await stage.caughtUp()
  await untilReady(learner, true)

  await kill()
  await untilReady(learner, false)
  broker = await start()
  await publish(stage, trades(6, 6))

  await stage.caughtUp()
  await untilReady(learner, true)
  await learner.stop()
  const partitions = [await learnedIn(0), await learnedIn(1)]
  expectClose(await learned(db), await folded(model, partitions))
  expect(partitions.flat()).toHaveLength(12)
})

it('a learner whose broker is killed while it joins its group starts once it is back', async () => {
  const stage = await createStage(db, kafka, { partitions: 2 })
  await stage.publish(trades(0, 6))
  let asked = () => {}
  const joining = new Promise<void>((resolve) => {
    asked = resolve
  })
  // Given a broker that dies when the partitions have been assigned, and nothing has been read
  const learner = await stage.start({
    store: {
      rpc: async (fn, args) => {
        if (fn === 'strandline_claim') asked()
        return db.store.rpc(fn, args)
      },
    },
  })
  await joining
  await kill()
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  broker = await start()

  await stage.caughtUp()
  await untilReady(learner, true)
  await learner.stop()
  expect((await learned(db)).global_rr.n).toBe(6)
})

it('a learner that is told to stop while its database is away stops', async () => {
  const stage = await createStage(db, kafka)
  await stage.publish(trades(0, 3))
  const learner = await stage.start({
    store: {
      rpc: async (fn, args) =>
        /^strandline_(claim|checkpoint)$/.test(fn) ? Promise.reject(unreachable()) : db.store.rpc(fn, args),
    },
  })
  await untilReady(learner, false)
  await learner.stop()
  expect((await learned(db)).global_rr.n).toBe(0)
})

const unreachable = () => new StrandlineError('STORE_UNREACHABLE', 'away')

/** The trades whose effect lies in a partition's sums. */
async function learnedIn(partition: number): Promise<PositionClosed[]> {
  const rows = await db.sql<{ event_id: string }>(
    'select event_id from learner_ledger where partition = $1 order by "offset"',
    [partition],
  )
  const all = new Map(trades(0, 12).map((t) => [t.event_id, t]))
  return rows.map((r) => all.get(r.event_id) as PositionClosed)
}

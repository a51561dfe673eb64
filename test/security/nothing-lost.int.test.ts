/** Closed trades while the broker refuses us or the registry is away: said in one sentence, kept in the outbox or the log, counted once afterwards. */
import { Registry } from 'prom-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import { readConfig } from '../../core/config.ts'
import { createKafkaLog } from '../../core/log/kafka-log.ts'
import { createLogger, type Logger } from '../../core/logger.ts'
import { freePort } from '../../core/ports.ts'
import type { Service, ServiceDeps, StartService } from '../../core/service.ts'
import { addToOutbox } from '../../core/store/outbox-store.ts'
import { startLearner } from '../../services/learner/index.ts'
import { startPm } from '../../services/pm/index.ts'
import { startRegistry } from '../../services/registry/index.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Env, type SecuredKafka, startSecuredKafka } from './secured-kafka.ts'

const WRONG = 'wr0ng-Pa55word'
let db: TestDatabase
let kafka: SecuredKafka
let registryPort: number
const lines: string[] = []
const logger = createLogger({ level: 'trace', pretty: false, destination: { write: (line) => void lines.push(line) } })

beforeAll(async () => {
  ;[db, kafka, registryPort] = await Promise.all([createTestDatabase(), startSecuredKafka(), freePort()])
})
afterAll(async () => {
  await kafka?.stop()
  await db?.drop()
})

const registryUp = () => {
  const { kafka: config } = configOf(kafka.saslTls('SCRAM-SHA-256'))
  const { brokers, ...security } = config
  return startRegistry({ brokers, security, port: registryPort })
}

const configOf = (env: Env) =>
  readConfig({
    SCHEMA_REGISTRY_URL: `http://127.0.0.1:${registryPort}`,
    SUPABASE_URL: db.supabaseUrl,
    SUPABASE_SERVICE_ROLE_KEY: db.key,
    STRANDLINE_PARTITIONS: '2',
    ...env,
  })

async function start(service: StartService, env: Env): Promise<Service> {
  const config = configOf(env)
  const log = createKafkaLog(config, logger)
  const deps: ServiceDeps = {
    config,
    log,
    store: db.store,
    codec: createCodec(config),
    clock: systemClock,
    logger: logger as Logger,
    metrics: new Registry(),
  }
  const started = await service(deps)
  return {
    ...started,
    async stop() {
      await started.stop()
      await log.close()
    },
  }
}

const close = (id: string) =>
  addToOutbox(db.store, [closedTrade({ position_id: id, event_id: `event-${id}`, rr: 1, levers: { curator: 'a' } })])
const waiting = async () =>
  Number((await db.sql('select count(*) as n from pm_outbox where published_at is null'))[0]!.n)
const counted = async () => Number((await db.sql('select count(*) as n from learner_ledger'))[0]!.n)
const reasonOf = async (service: Service) => (await service.ready()).reason

test('a wrong password, then the registry away, before and after the trade is in the log: each trade counts once', async () => {
  let registry = await registryUp()
  await close('first')
  const refused = await start(startPm, kafka.saslTls('SCRAM-SHA-256', WRONG))
  await expect.poll(() => reasonOf(refused)).toMatch(/wait in the outbox: .*refused our user name or password/)
  expect(await waiting()).toBe(1)
  await refused.stop()

  const pm = await start(startPm, kafka.saslTls('SCRAM-SHA-256'))
  await expect.poll(waiting).toBe(0)
  expect(await pm.ready()).toEqual({ ok: true })

  // A learner that has never asked the registry yet cannot read what is in the log: it waits, and takes nothing for damaged.
  await registry.stop()
  const learner = await start(startLearner, kafka.saslTls('SCRAM-SHA-512'))
  await expect.poll(() => reasonOf(learner)).toMatch(/registry/)
  expect(await counted()).toBe(0)
  registry = await registryUp()
  await expect.poll(counted).toBe(1)
  await expect.poll(() => learner.ready()).toEqual({ ok: true })

  // A PM that has never asked it keeps the trade in the outbox.
  await pm.stop()
  await registry.stop()
  const second = await start(startPm, kafka.tls)
  await close('second')
  await expect.poll(() => reasonOf(second)).toMatch(/wait in the outbox: .*registry/)
  expect(await waiting()).toBe(1)
  registry = await registryUp()
  await expect.poll(waiting).toBe(0)
  await expect.poll(counted).toBe(2)

  await second.stop()
  await learner.stop()
  await registry.stop()
  expect(await db.sql('select * from dead_letters')).toEqual([])
  for (const secret of [WRONG, 'r1ght-Pa55word', db.key]) expect(lines.join('')).not.toContain(secret)
})

/** PM, learner, projector and decision maker behind their HTTP hosts, on a Kafka and a Supabase of their own, which a test may take away. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { systemClock } from '../../core/clock.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import { readConfig } from '../../core/config.ts'
import { type Host, startHost } from '../../core/host.ts'
import { createKafkaLog } from '../../core/log/kafka-log.ts'
import type { EventLog } from '../../core/log/log.ts'
import { createLogger } from '../../core/logger.ts'
import { freePort } from '../../core/ports.ts'
import type { StartService } from '../../core/service.ts'
import { openStore } from '../../core/store/open-store.ts'
import { apiUrl } from '../../embedded/database.ts'
import { startKafka } from '../../embedded/kafka.ts'
import { startDecision } from '../../services/decision/index.ts'
import { startLearner } from '../../services/learner/index.ts'
import { startPm } from '../../services/pm/index.ts'
import { startProjector } from '../../services/projector/index.ts'
import { startRegistry } from '../../services/registry/index.ts'
import { startSupabase } from '../../services/supabase/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { PASSWORD } from '../support/engine-desk.ts'

const STARTS = { pm: startPm, learner: startLearner, projector: startProjector, decision: startDecision }
export type Name = keyof typeof STARTS

export interface Hosted {
  db: TestDatabase
  topic: string
  /** A client of the test's own. */
  log: EventLog
  url(name: Name): string
  ready(name: Name): Promise<{ status: number; reason?: string }>
  metrics(name: Name): Promise<string>
  database: Switch
  kafka: Switch
  stop(): Promise<void>
}

export interface Switch {
  off(): Promise<void>
  on(): Promise<void>
}

export async function startHosted(): Promise<Hosted> {
  const db = await createTestDatabase()
  const dir = await mkdtemp(join(tmpdir(), 'strandline-hosted-'))
  const logger = createLogger({ level: process.env.TEST_LOG ?? 'silent' })
  const kafkaOptions = {
    dataDir: join(dir, 'kafka'),
    port: await freePort(),
    controllerPort: await freePort(),
    logFile: join(dir, 'kafka.log'),
    logger,
  }
  let kafka = await startKafka(kafkaOptions)
  const registry = await startRegistry({ brokers: [kafka.brokers], port: 0, logger })
  const front = (port: number) =>
    startSupabase({ databaseUrl: apiUrl(db.databaseUrl, PASSWORD), port, serviceRoleKey: db.key, poolSize: 12 })
  let supabase = await front(0)
  const { port, url } = supabase
  const config = readConfig({
    KAFKA_BROKERS: kafka.brokers,
    SCHEMA_REGISTRY_URL: registry.url,
    SUPABASE_URL: url,
    SUPABASE_SERVICE_ROLE_KEY: db.key,
    STRANDLINE_PARTITIONS: '2',
  })
  const log = createKafkaLog(config, logger)
  await log.ensureTopics([config.topic, config.deadLetterTopic].map((topic) => ({ topic, partitions: 2 })))

  const hosts = {} as Record<Name, Host>
  const logs: EventLog[] = []
  for (const [name, start] of Object.entries(STARTS) as [Name, StartService][]) {
    const metrics = new Registry()
    const own = createKafkaLog(config, logger)
    logs.push(own)
    const store = openStore(config)
    const codec = createCodec(config)
    const service = await start({ config, log: own, store, codec, clock: systemClock, logger, metrics })
    hosts[name] = await startHost({ service, port: 0, metrics, logger })
  }

  const get = (name: Name, path: string) => fetch(`${hosts[name].url}${path}`)
  return {
    db,
    topic: config.topic,
    log,
    url: (name) => hosts[name].url,
    async ready(name) {
      const answer = await get(name, '/readyz')
      return { status: answer.status, reason: ((await answer.json()) as { reason?: string }).reason }
    },
    metrics: async (name) => (await get(name, '/metrics')).text(),
    database: {
      off: () => supabase.stop(),
      on: async () => {
        supabase = await front(port)
      },
    },
    kafka: {
      off: () => kafka.stop(),
      on: async () => {
        kafka = await startKafka(kafkaOptions)
      },
    },
    async stop() {
      for (const host of Object.values(hosts)) await host.stop()
      for (const part of [...logs, log]) await part.close()
      await registry.stop()
      await kafka.stop()
      await supabase.stop()
      await db.drop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

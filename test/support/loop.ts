/** The whole loop in this process: PM, learner, projector and decision maker on a real Kafka and a real database, with a topic of its own. */
import fastify, { type FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import { systemClock } from '../../core/clock.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import { type Config, readConfig } from '../../core/config.ts'
import { createKafkaLog } from '../../core/log/kafka-log.ts'
import { createLogger } from '../../core/logger.ts'
import type { Service, ServiceDeps, StartService } from '../../core/service.ts'
import { createPastSizing } from '../../replay/past-sizing.ts'
import { startDecision } from '../../services/decision/index.ts'
import { startLearner } from '../../services/learner/index.ts'
import { startPm } from '../../services/pm/index.ts'
import { startProjector } from '../../services/projector/index.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'
import { createTestKafka } from './kafka.ts'

export interface Loop {
  db: TestDatabase
  deps: ServiceDeps
  /** The PM's and the decision maker's HTTP routes. Answers with the body; throws on any other status than 2xx. */
  post<T = Record<string, unknown>>(url: string, body: object): Promise<T>
  get<T = Record<string, unknown>>(url: string): Promise<T>
  /** To be hosted as well, where a test needs a real port. */
  services: { pm: Service; decision: Service }
  stop(): Promise<void>
}

/**
 * @param made the database to run on; one of its own where none is given
 * @param env settings of the loop
 */
export async function startLoop(
  made: TestDatabase | Promise<TestDatabase> = createTestDatabase(),
  env: Record<string, string> = {},
): Promise<Loop> {
  const [db, kafka] = await Promise.all([made, createTestKafka()])
  const config: Config = readConfig({
    KAFKA_BROKERS: kafka.brokers,
    SCHEMA_REGISTRY_URL: kafka.registryUrl,
    SUPABASE_URL: db.supabaseUrl,
    SUPABASE_SERVICE_ROLE_KEY: db.key,
    STRANDLINE_TOPIC: kafka.name('pm.position-closed'),
    STRANDLINE_PARTITIONS: '3',
    ...env,
  })
  const logger = createLogger({ level: process.env.TEST_LOG ?? 'silent' })
  const log = createKafkaLog(config, logger)
  const deps: ServiceDeps = {
    config,
    log,
    store: db.store,
    codec: createCodec(config),
    clock: systemClock,
    logger,
    metrics: new Registry(),
  }
  await log.ensureTopics(
    [config.topic, config.deadLetterTopic].map((topic) => ({
      topic,
      partitions: config.partitions,
      config: { 'retention.ms': '-1' },
    })),
  )
  const services: Service[] = []
  const apps: FastifyInstance[] = []
  const start = async (service: StartService) => {
    const running = await service({ ...deps, metrics: new Registry() })
    services.push(running)
    const app = fastify()
    running.routes?.(app)
    apps.push(app)
    return { app, running }
  }
  const { app: pm, running: pmService } = await start(startPm)
  await start(startLearner)
  await start(startProjector)
  const { app: decision, running: decisionService } = await start((of) =>
    startDecision(of, undefined, createPastSizing(of)),
  )

  async function call<T>(method: 'GET' | 'POST', url: string, payload?: object): Promise<T> {
    const app = /^\/v1\/(allocations|timeframes)/.test(url) ? decision : pm
    const answer = await app.inject({ method, url, payload })
    if (answer.statusCode >= 300) throw new Error(`${method} ${url}: ${answer.statusCode} ${answer.body}`)
    return answer.json() as T
  }

  return {
    db,
    deps,
    post: (url, body) => call('POST', url, body),
    get: (url) => call('GET', url),
    services: { pm: pmService, decision: decisionService },
    async stop() {
      for (const service of services.reverse()) await service.stop()
      for (const app of apps) await app.close()
      await log.close()
      await kafka.close()
      await db.drop()
    },
  }
}

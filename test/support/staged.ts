/** A database, a topic and the services that a test starts and stops one by one. */
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { expect } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import { readConfig } from '../../core/config.ts'
import { createKafkaLog } from '../../core/log/kafka-log.ts'
import { ensureLoopTopics } from '../../core/log/loop-topics.ts'
import type { Logger } from '../../core/logger.ts'
import type { Service, ServiceDeps, StartService } from '../../core/service.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'
import { createTestKafka, type TestKafka } from './kafka.ts'

export interface Stage {
  db: TestDatabase
  kafka: TestKafka
  deps: ServiceDeps
  /** What points a program at it. */
  env: Record<string, string>
  start(service: StartService): Promise<Service>
  /** Stops these, or all that run. */
  stop(...services: Service[]): Promise<void>
  /** Until every record is below the consumer's checkpoints. */
  applied(consumer: 'learner' | 'projector'): Promise<void>
  /** Until the outbox holds nothing that is not published. */
  published(): Promise<void>
  close(): Promise<void>
}

export async function setStage(partitions = 3): Promise<Stage> {
  const [db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
  const env = {
    KAFKA_BROKERS: kafka.brokers,
    SCHEMA_REGISTRY_URL: kafka.registryUrl,
    SUPABASE_URL: db.supabaseUrl,
    SUPABASE_SERVICE_ROLE_KEY: db.key,
    STRANDLINE_TOPIC: kafka.name('closed'),
    STRANDLINE_PARTITIONS: String(partitions),
  }
  const config = readConfig(env)
  const logger = pino({ level: process.env.TEST_LOG ?? 'silent' }) as Logger
  const log = createKafkaLog(config, logger)
  const codec = createCodec(config)
  const deps = { config, log, store: db.store, codec, clock: systemClock, logger, metrics: new Registry() }
  await ensureLoopTopics(log, config)
  let running: Service[] = []

  async function stop(...services: Service[]): Promise<void> {
    for (const service of services.length > 0 ? services : [...running].reverse()) {
      running = running.filter((s) => s !== service)
      await service.stop()
    }
  }

  return {
    db,
    kafka,
    deps,
    env,
    stop,
    async start(service) {
      const started = await service({ ...deps, metrics: new Registry() })
      running.push(started)
      return started
    },
    async applied(consumer) {
      await expect
        .poll(async () => {
          const ends = await log.offsets(config.topic)
          const rows = await db.sql<{ partition: number; checkpoint: string | null }>(
            'select partition, checkpoint from consumer_checkpoints where topic = $1 and consumer like $2',
            [config.topic, `${consumer}%`],
          )
          const at = new Map(rows.map((r) => [r.partition, Number(r.checkpoint ?? 0)]))
          return ends.every((o) => o.end === o.start || (at.get(o.partition) ?? 0) >= o.end)
        })
        .toBe(true)
    },
    async published() {
      await expect
        .poll(async () => (await db.sql('select 1 from pm_outbox where published_at is null limit 1')).length)
        .toBe(0)
    },
    async close() {
      await stop()
      await log.close()
      await kafka.close()
      await db.drop()
    },
  }
}

/** A learner that can be stopped and started, its topic, registry and database, and a Redpanda Console over them. */
import { Registry } from 'prom-client'
import { vi } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import { readConfig } from '../../core/config.ts'
import { writtenEnd } from '../../core/log/log.ts'
import { ensureLoopTopics } from '../../core/log/loop-topics.ts'
import { createLogger } from '../../core/logger.ts'
import type { Service, ServiceDeps } from '../../core/service.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { startLearner } from '../../services/learner/index.ts'
import { eventHeaders } from '../../services/pm/headers.ts'
import { closedTrade } from './closed-trade.ts'
import { openConsole } from './console.ts'
import { createTestDatabase } from './database.ts'
import { createTestKafka } from './kafka.ts'
import { learnerGroup } from './learner-group.ts'
import { PATIENT } from './patience.ts'

export const GROUP = learnerGroup('lowcap-v4')

export type ConsoleStage = Awaited<ReturnType<typeof openConsoleStage>>

export async function openConsoleStage() {
  const [db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
  const name = kafka.name('pm.position-closed')
  const config = readConfig({
    KAFKA_BROKERS: kafka.brokers,
    SCHEMA_REGISTRY_URL: kafka.registryUrl,
    SCHEMA_REGISTRY_UNKNOWN_AFTER_SECONDS: '0.3',
    SUPABASE_URL: db.supabaseUrl,
    SUPABASE_SERVICE_ROLE_KEY: db.key,
    STRANDLINE_TOPIC: name,
    STRANDLINE_DEAD_LETTER_TOPIC: `${name}.dead-letter`,
    STRANDLINE_PARTITIONS: '3',
  })
  const { topic } = config
  const codec = createCodec(config)
  const deps: ServiceDeps = {
    config,
    log: kafka.log,
    store: db.store,
    codec,
    clock: systemClock,
    logger: createLogger({ level: process.env.TEST_LOG ?? 'silent' }),
    metrics: new Registry(),
  }
  await ensureLoopTopics(kafka.log, config)
  const redpandaConsole = await openConsole(kafka)
  let learner: Service | undefined

  const checkpoints = async () =>
    new Map(
      (
        await db.sql<{ partition: number; checkpoint: string | null }>(
          'select partition, checkpoint from consumer_checkpoints order by partition',
        )
      ).map((r) => [r.partition, Number(r.checkpoint ?? 0)]),
    )

  return {
    db,
    kafka,
    config,
    deps,
    topic,
    console: redpandaConsole,
    checkpoints,
    async start() {
      learner = await startLearner({ ...deps, metrics: new Registry() })
    },
    async stop() {
      await learner?.stop()
      learner = undefined
    },
    /** Trades on checkpoints of these names, as the PM's relay publishes them. */
    async publish(...trades: Partial<PositionClosed>[]) {
      const events = trades.map((changes) => closedTrade(changes))
      return kafka.log.produce(
        topic,
        await Promise.all(
          events.map(async (event) => ({
            key: event.position_id,
            value: await codec.encode(event),
            headers: eventHeaders(event, null),
          })),
        ),
      )
    },
    /** Resolves once the database stands at the end of every partition that has records. */
    caughtUp: () =>
      vi.waitFor(async () => {
        const at = await checkpoints()
        // what is written: a transaction that Console has just committed can be read a moment later only
        const behind = (await kafka.log.offsets(topic)).filter((o) => writtenEnd(o) > (at.get(o.partition) ?? o.start))
        if (behind.length > 0) throw new Error(`not applied yet: ${JSON.stringify(behind)}`)
      }, PATIENT),
    /** All that is learned, to the last bit. */
    learned: () =>
      db.sql(
        'select name, key, partition, period, n, weight_short, weighted_rr_short, weight_long, weighted_rr_long, newest_ms from learner_partials order by name, key, partition, period',
      ),
    /** The baseline: how many trades count, and their decayed mean. */
    async baseline() {
      const [row] = await db.sql<{ n: string; rr_short: number }>(
        "select n, rr_short from learner_groups where name = 'global'",
      )
      return { n: Number(row?.n ?? 0), rr_short: row?.rr_short ?? null }
    },
    deadLetters: () =>
      db.sql<{ partition: number; offset: string; reason: string }>(
        'select partition, "offset", reason from dead_letters order by partition, "offset"',
      ),
    async close() {
      await learner?.stop()
      await redpandaConsole.close()
      await kafka.close()
      await db.drop()
    },
  }
}

/** The real learner on a real Kafka and a real database, in this process, on a topic and in a group that nobody else uses. */
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { systemClock } from '../../core/clock.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import { type Config, readConfig } from '../../core/config.ts'
import { type EventLog, writtenEnd } from '../../core/log/log.ts'
import type { Service, ServiceDeps } from '../../core/service.ts'
import type { Store } from '../../core/store/store.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { type CaughtUp, learnUntilCaughtUp } from '../../services/learner/catch-up.ts'
import { type LearnerOptions, startLearner } from '../../services/learner/index.ts'
import type { TestDatabase } from './database.ts'
import type { TestKafka } from './kafka.ts'
import { activate } from './learned.ts'
import { learnerGroup } from './learner-group.ts'
import { PATIENCE_MS } from './patience.ts'

export interface Stage {
  config: Config
  topic: string
  /** Publishes events as a producer does; resolves to where each one lies. */
  publish(events: PositionClosed[], partition?: number): Promise<{ partition: number; offset: number }[]>
  records(events: PositionClosed[], partition?: number): Promise<{ key: string; value: Buffer; partition?: number }[]>
  start(
    options?: LearnerOptions & { store?: Store; config?: Partial<Config>; log?: EventLog; seen?: boolean },
  ): Promise<Service>
  /** Until every partition's checkpoint is at the end of the log. */
  caughtUp(): Promise<void>
  /** Learns to the end of the log and stops, as an import does. */
  catchUp(waiting?: (sentence: string) => void): Promise<CaughtUp>
  /** The database's checkpoint and the group's offset of each partition. */
  checkpoints(): Promise<{ partition: number; checkpoint: number | null; group: number | null }[]>
}

export interface StageOptions {
  partitions?: number
  /** Settings of the topic, and of the dead-letter topic. */
  config?: Record<string, string>
  deadLetters?: Record<string, string>
}

export async function createStage(
  db: TestDatabase,
  kafka: TestKafka,
  { partitions = 1, config: topicConfig = {}, deadLetters = {} }: StageOptions = {},
): Promise<Stage> {
  const topic = await kafka.createTopic({ partitions, config: topicConfig })
  const config = readConfig({
    KAFKA_BROKERS: kafka.brokers,
    SCHEMA_REGISTRY_URL: kafka.registryUrl,
    SCHEMA_REGISTRY_UNKNOWN_AFTER_SECONDS: '0.3',
    SUPABASE_URL: db.supabaseUrl,
    SUPABASE_SERVICE_ROLE_KEY: db.key,
    STRANDLINE_TOPIC: topic,
  })
  await kafka.log.ensureTopics([{ topic: config.deadLetterTopic, partitions: 1, config: deadLetters }])
  const codec = createCodec(config)
  const deps = (): ServiceDeps => ({
    config,
    log: kafka.log,
    store: db.store,
    codec,
    clock: systemClock,
    logger: pino({ level: process.env.TEST_LOG ?? 'silent' }),
    metrics: new Registry(),
  })
  const stage: Stage = {
    config,
    topic,
    records: (events, partition) =>
      Promise.all(events.map(async (e) => ({ key: e.position_id, value: await codec.encode(e), partition }))),
    publish: async (events, partition) => kafka.log.produce(topic, await stage.records(events, partition)),
    async start({ store = db.store, config: changes = {}, log = kafka.log, seen = true, ...options } = {}) {
      const learner = await startLearner({ ...deps(), config: { ...config, ...changes }, log, store }, options)
      if (seen) await activate(db, topic) // tests of one database have topics of their own, and look at what readers see
      return learner
    },
    async catchUp(waiting) {
      const caughtUp = await learnUntilCaughtUp(deps(), config.model, waiting)
      await activate(db, topic)
      return caughtUp
    },
    async checkpoints() {
      const rows = await db.sql<{ partition: number; checkpoint: string | null }>(
        `select partition, checkpoint from consumer_checkpoints where topic = $1 and consumer like 'learner/%' order by partition`,
        [topic],
      )
      const group = await kafka.log.committed(learnerGroup('lowcap-v4'), topic)
      return rows.map(({ partition, checkpoint }) => ({
        partition,
        checkpoint: checkpoint === null ? null : Number(checkpoint),
        group: group.get(partition) ?? null,
      }))
    },
    async caughtUp() {
      // what is written, not what can be read: a transaction that was just committed can be read only once its markers are there
      const ranges = (await kafka.log.offsets(topic)).map((r) => ({ ...r, end: writtenEnd(r) }))
      const ends = ranges.filter((e) => e.end > e.start)
      const deadline = Date.now() + PATIENCE_MS
      for (;;) {
        const now = await stage.checkpoints().catch(() => []) // a broker that has just come back still loads its groups
        if (ends.every((e) => (now.find((p) => p.partition === e.partition)?.checkpoint ?? 0) >= e.end)) return
        if (Date.now() > deadline)
          throw new Error(`The learner does not catch up: ${JSON.stringify({ ends, checkpoints: now })}`)
        await new Promise((resolve) => setTimeout(resolve, 30))
      }
    },
  }
  return stage
}

export interface ReadDeadLetter {
  key: Buffer | null
  value: Buffer | null
  headers: Record<string, string>
}

/** All that lies in the stage's dead-letter topic, in its order. */
export async function deadLettersOf(stage: Stage, kafka: TestKafka): Promise<ReadDeadLetter[]> {
  const topic = stage.config.deadLetterTopic
  const [{ end } = { end: 0 }] = await kafka.log.offsets(topic)
  const found: ReadDeadLetter[] = []
  if (end === 0) return found
  const consumer = kafka.client.consumer({ groupId: kafka.name('reader'), maxBytesPerPartition: 16 << 20 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        async eachMessage({ message: { offset, key, value, headers = {} } }) {
          const texts = Object.entries(headers).map(([name, text]) => [name, String(text)])
          found.push({ key, value, headers: Object.fromEntries(texts) })
          if (Number(offset) === end - 1) resolve()
        },
      })
      .catch(reject)
  })
  await consumer.disconnect()
  return found
}

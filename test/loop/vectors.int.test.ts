/** The reference vectors through the broker and a real learner, cut into partitions in several ways, read back from learning_coefficients. */
import { readFileSync } from 'node:fs'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, beforeEach, describe, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import { readConfig } from '../../core/config.ts'
import type { Logger } from '../../core/logger.ts'
import type { FoldedLog } from '../../domain/learning/offline.ts'
import { parseOfflineLine } from '../../domain/offline-log.ts'
import { learnUntilCaughtUp } from '../../services/learner/catch-up.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { activate, emptyLearner, expectClose, learned } from '../support/learned.ts'
import { sharedData } from '../support/shared-data.ts'

interface Vectors {
  tolerance: number
  model: string
  cases: Record<string, { log: object[]; expect: FoldedLog }>
}

const file = sharedData('vectors/coefficients.json')
const vectors: Vectors = file ? JSON.parse(readFileSync(file, 'utf8')) : { tolerance: 0, model: '', cases: {} }

describe.skipIf(!file)('the reference vectors through the broker', () => {
  let db: TestDatabase
  let kafka: TestKafka
  beforeAll(async () => {
    ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
  })
  afterAll(async () => {
    await kafka?.close()
    await db?.drop()
  })
  beforeEach(() => emptyLearner(db))

  const runs = Object.entries(vectors.cases).flatMap(([name, { log, expect }]) =>
    [1, 3, 6].map((partitions) => ({ name, partitions, log, expect })),
  )
  test.each(runs)('$name in $partitions partitions', async ({ log, expect: expected, partitions }) => {
    const topic = await kafka.createTopic({ partitions })
    const config = readConfig({
      KAFKA_BROKERS: kafka.brokers,
      SCHEMA_REGISTRY_URL: kafka.registryUrl,
      SUPABASE_URL: db.supabaseUrl,
      SUPABASE_SERVICE_ROLE_KEY: db.key,
      STRANDLINE_TOPIC: topic,
    })
    const codec = createCodec(config)
    const events = log.map((line, i) => parseOfflineLine(JSON.stringify(line), i + 1))
    const records = await Promise.all(
      events.map(async (event) => ({ key: event.position_id, value: await codec.encode(event) })),
    )
    await kafka.log.produce(topic, records)
    await learnUntilCaughtUp(
      {
        config,
        codec,
        log: kafka.log,
        store: db.store,
        clock: systemClock,
        logger: pino({ level: 'silent' }) as Logger,
        metrics: new Registry(),
      },
      vectors.model,
    )
    await activate(db, topic)
    expectClose(await learned(db), expected, vectors.tolerance)
  })
})

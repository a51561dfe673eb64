/** What sizes follow from a log by the rule shrunk: through the broker and a real learner, cut into partitions in several ways, and asked of the decision maker. */
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, beforeEach, describe, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import { readConfig } from '../../core/config.ts'
import type { Logger } from '../../core/logger.ts'
import { createCoefficientStore } from '../../core/store/coefficient-store.ts'
import { readAllCoefficients } from '../../core/store/learned.ts'
import { createDecisionMaker } from '../../services/decision/decide.ts'
import { learnUntilCaughtUp } from '../../services/learner/catch-up.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { emptyLearner } from '../support/learned.ts'
import { expectSizes, expectWeights, readSizingCases, type SizingCase } from '../support/sizing-vectors.ts'

const cases = readSizingCases()

describe.skipIf(!cases)('sizes through the broker', () => {
  let db: TestDatabase
  let kafka: TestKafka
  beforeAll(async () => {
    ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
  })
  afterAll(async () => {
    await kafka?.close()
    await db?.drop()
  })
  beforeEach(async () => {
    await emptyLearner(db)
    await db.sql('truncate model_versions')
  })

  const runs = (cases ?? []).flatMap((of) => [1, 3, 6].map((partitions) => ({ ...of, partitions })))
  test.each(runs)('$name in $partitions partitions', async ({ events, contexts, expect: expected, partitions }) => {
    const topic = await kafka.createTopic({ partitions })
    const config = readConfig({
      KAFKA_BROKERS: kafka.brokers,
      SCHEMA_REGISTRY_URL: kafka.registryUrl,
      SUPABASE_URL: db.supabaseUrl,
      SUPABASE_SERVICE_ROLE_KEY: db.key,
      STRANDLINE_TOPIC: topic,
    })
    const codec = createCodec(config)
    await kafka.log.produce(
      topic,
      await Promise.all(events.map(async (event) => ({ key: event.position_id, value: await codec.encode(event) }))),
    )
    const logger = pino({ level: 'silent' }) as Logger
    const deps = { config, codec, log: kafka.log, store: db.store, clock: systemClock, logger, metrics: new Registry() }
    const store = createCoefficientStore(db.store)
    const maker = createDecisionMaker(store)
    for (const [model, of] of Object.entries(expected) as [string, SizingCase['expect'][string]][]) {
      await learnUntilCaughtUp(deps, model)
      expectWeights(await readAllCoefficients(store, { model }), of)
      const sizes = []
      for (const context of contexts)
        sizes.push(await maker.allocate({ ...context, model, base: 1, min: 0, max: Number.MAX_VALUE }))
      expectSizes(sizes, of)
    }
  })
})

/** The learner: a consumer group that turns closed trades into coefficients, exactly once (docs/exactly-once.md). */
import { hostname } from 'node:os'
import { createDecoder } from '../../core/codec/decoder.ts'
import { projectionOf } from '../../core/codec/position-closed-codec.ts'
import { createRegistryClient } from '../../core/codec/registry.ts'
import { schemaPatience } from '../../core/codec/unknown-schemas.ts'
import { watchConsumer } from '../../core/lag/consumer-watch.ts'
import { loadModel } from '../../core/load-model.ts'
import { checkLogSettings } from '../../core/log/log-settings.ts'
import { createConsumerMetrics } from '../../core/runner/metrics.ts'
import { createPartitionRunner } from '../../core/runner/partition-runner.ts'
import { traced } from '../../core/runner/traced-processor.ts'
import type { Service, ServiceDeps } from '../../core/service.ts'
import { isActive } from '../../core/store/model-versions.ts'
import type { CheckedEvent } from '../../domain/validation.ts'
import { createDeadLetters } from './dead-letter.ts'
import { createLearnerStore, openVersion } from './learner-store.ts'
import { createLearnerMetrics } from './metrics.ts'
import { createLearnerProcessor } from './processor.ts'

/** All that the learner reads of an event; the rest is skipped, not decoded. */
export const FIELDS = [
  'event_id',
  'revision',
  'voided',
  'timeframe',
  'closed_at',
  'rr',
  'levers',
  'measures',
  'source',
] as const

export interface LearnerOptions {
  /** Partitions worked on at the same time. */
  concurrency?: number
  /** Most records of one transaction: more cost memory, fewer cost a transaction each. */
  maxChunk?: number
}

/** The consumer group of a model's learner: two models never share one. */
export const learnerGroup = (model: string) => `strandline-learner-${model}`

export async function startLearner(deps: ServiceDeps, options: LearnerOptions = {}): Promise<Service> {
  const { config, log, store, clock, logger } = deps
  const { concurrency = 3, maxChunk = 10_000 } = options
  const model = loadModel(config.model)
  const modelVersion = await openVersion(store, model, config.topic)
  const group = learnerGroup(model.definition.name)
  const metrics = createConsumerMetrics(deps.metrics, clock, group)
  const holder = `${hostname()}/${process.pid}`
  const processor = createLearnerProcessor({
    model,
    store: createLearnerStore(store, model, modelVersion, config.topic),
    decode: createDecoder<CheckedEvent>(createRegistryClient(config.registry), projectionOf([...FIELDS]), {
      patience: schemaPatience(config.registry.unknownAfterMs),
      now: () => clock.now(),
    }),
    deadLetters: createDeadLetters({
      store,
      log,
      consumer: modelVersion.consumer,
      topic: config.topic,
      deadLetterTopic: config.deadLetterTopic,
      active: () => isActive(store, modelVersion.id),
    }),
    logger,
    events: createLearnerMetrics(deps.metrics, logger),
  })
  const runner = createPartitionRunner({
    consumer: modelVersion.consumer,
    topic: config.topic,
    holder,
    store,
    log,
    clock,
    logger,
    processor: traced('learner', processor),
    maxChunk,
    acceptTruncated: config.acceptTruncatedLog,
    admit: () => checkLogSettings(log, config, logger),
    events: metrics.events,
  })
  const subscription = await log.consume({ group, topic: config.topic, concurrency }, runner)
  const watch = watchConsumer({
    consumer: modelVersion.consumer,
    group,
    topic: config.topic,
    holder,
    store,
    log,
    clock,
    subscription,
    retrying: runner.retrying,
    lag: metrics.lag,
    measured: metrics.measured,
    liveness: deps.liveness,
  })
  logger.info(
    { model: model.definition.name, model_version: modelVersion.id },
    `learning from ${config.topic} under ${model.definition.name}${modelVersion.active ? '' : ', which is not the active model'}`,
  )
  return {
    name: 'learner',
    async ready() {
      const reason = watch.reason()
      return reason === null ? { ok: true } : { ok: false, reason }
    },
    async stop() {
      await watch.stop()
      await subscription.stop()
    },
  }
}

/** The learner: a consumer group that turns closed trades into coefficients, exactly once (docs/exactly-once.md). */
import { createFlatReader } from '../../core/codec/flat-event.ts'
import { loadModel } from '../../core/load-model.ts'
import { startConsumer } from '../../core/runner/consumer.ts'
import { groupOf } from '../../core/runner/consumer-names.ts'
import type { Service, ServiceDeps } from '../../core/service.ts'
import { type CheckpointStore, createCheckpointStore } from '../../core/store/checkpoint-store.ts'
import { createModelVersionStore, type ModelVersionStore, type OpenedVersion } from '../../core/store/model-versions.ts'
import type { Model } from '../../domain/learning/model.ts'
import { createDeadLetters } from './dead-letter.ts'
import { createDeadLetterStore, type DeadLetterStore } from './dead-letter-store.ts'
import { createLearnerStore, type LearnerStore, openVersion } from './learner-store.ts'
import { createLearnerMetrics } from './metrics.ts'
import { createLearnerProcessor } from './processor.ts'

export interface LearnerOptions {
  concurrency?: number
  /** More cost memory, fewer cost a transaction each. */
  maxChunk?: number
}

export interface LearnerStores {
  checkpoints: CheckpointStore
  versions: ModelVersionStore
  letters: DeadLetterStore
  /** Of a model version. */
  learner(model: Model, version: OpenedVersion): LearnerStore
}

export const databaseStores = ({ store, config }: ServiceDeps): LearnerStores => ({
  checkpoints: createCheckpointStore(store),
  versions: createModelVersionStore(store),
  letters: createDeadLetterStore(store),
  learner: (model, version) => createLearnerStore(store, model, version, config.topic, { sync: config.sync }),
})

/** A learner of the configured model. */
export async function startLearner(
  deps: ServiceDeps,
  options: LearnerOptions = {},
  stores: LearnerStores = databaseStores(deps),
): Promise<Service> {
  const model = loadModel(deps.config.model)
  return startVersion(deps, model, await openVersion(stores.versions, model, deps.config.topic), options, stores)
}

/** A learner of one model version. */
export async function startVersion(
  deps: ServiceDeps,
  model: Model,
  version: OpenedVersion,
  { concurrency = 3, maxChunk = 25_000 }: LearnerOptions = {},
  { checkpoints, versions, letters, learner }: LearnerStores = databaseStores(deps),
): Promise<Service> {
  const { config, log, logger } = deps
  const { topic, deadLetterTopic } = config
  const { model_version, sums, consumer } = version
  const deadLetters = createDeadLetters({
    store: letters,
    log,
    consumer,
    topic,
    deadLetterTopic,
    active: () => versions.isActive(sums),
  })
  const events = createLearnerMetrics(deps.metrics, logger)
  const store = learner(model, version)
  const service = await startConsumer(deps, {
    service: 'learner',
    consumer,
    group: groupOf(consumer),
    reads: createFlatReader(),
    concurrency,
    maxChunk,
    checkpoints,
    processor: (decode) =>
      createLearnerProcessor({ model, store, decode, deadLetters, logger, events, now: deps.clock.monotonic }),
  })
  const inactive = version.active ? '' : ', which readers do not see'
  const { name } = model.definition
  logger.info({ model: name, model_version, consumer }, `learning from ${topic} under ${name}${inactive}`)
  return service
}

/** The learner: a consumer group that turns closed trades into coefficients, exactly once (docs/exactly-once.md). */
import { createFlatReader } from '../../core/codec/flat-event.ts'
import { loadModel } from '../../core/load-model.ts'
import { startConsumer } from '../../core/runner/consumer.ts'
import type { Service, ServiceDeps } from '../../core/service.ts'
import { isActive } from '../../core/store/model-versions.ts'
import { createDeadLetters } from './dead-letter.ts'
import { createLearnerStore, openVersion } from './learner-store.ts'
import { createLearnerMetrics } from './metrics.ts'
import { createLearnerProcessor } from './processor.ts'

export interface LearnerOptions {
  concurrency?: number
  /** More cost memory, fewer cost a transaction each. */
  maxChunk?: number
}

export const learnerGroup = (model: string) => `strandline-learner-${model}`

export async function startLearner(
  deps: ServiceDeps,
  { concurrency = 3, maxChunk = 10_000 }: LearnerOptions = {},
): Promise<Service> {
  const { config, log, store, logger } = deps
  const { topic, deadLetterTopic } = config
  const model = loadModel(config.model)
  const { name } = model.definition
  const version = await openVersion(store, model, topic)
  const { id, consumer } = version
  const deadLetters = createDeadLetters({
    store,
    log,
    consumer,
    topic,
    deadLetterTopic,
    active: () => isActive(store, id),
  })
  const events = createLearnerMetrics(deps.metrics, logger)
  const learnerStore = createLearnerStore(store, model, version, topic, { sync: config.sync })
  const service = await startConsumer(deps, {
    service: 'learner',
    consumer,
    group: learnerGroup(name),
    reads: createFlatReader(),
    concurrency,
    maxChunk,
    processor: (decode) => createLearnerProcessor({ model, store: learnerStore, decode, deadLetters, logger, events }),
  })
  const inactive = version.active ? '' : ', which is not the active model'
  logger.info({ model: name, model_version: id }, `learning from ${topic} under ${name}${inactive}`)
  return service
}

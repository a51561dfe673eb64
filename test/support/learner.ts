/** A learner without a broker: its real processor and runner on a real database; the log is fed by the test. */

import { pino } from 'pino'
import { type Clock, systemClock } from '../../core/clock.ts'
import { createDecoder } from '../../core/codec/decoder.ts'
import { createFlatReader } from '../../core/codec/flat-event.ts'
import { frame, positionClosedType } from '../../core/codec/position-closed-codec.ts'
import type { RegistryClient } from '../../core/codec/registry.ts'
import { AT_ONCE } from '../../core/codec/unknown-schemas.ts'
import type { EventLog, OutgoingRecord } from '../../core/log/log.ts'
import { type ChunkProcessor, createPartitionRunner, type RunnerEvents } from '../../core/runner/partition-runner.ts'
import { createCheckpointStore } from '../../core/store/checkpoint-store.ts'
import { createModelVersionStore } from '../../core/store/model-versions.ts'
import type { Store } from '../../core/store/store.ts'
import type { PositionClosed } from '../../domain/event.ts'
import type { Model } from '../../domain/learning/model.ts'
import { createDeadLetters } from '../../services/learner/dead-letter.ts'
import { createDeadLetterStore } from '../../services/learner/dead-letter-store.ts'
import type { LearnerStores } from '../../services/learner/index.ts'
import {
  createLearnerStore,
  type LearnerStore,
  type LearnerStoreOptions,
  openVersion,
} from '../../services/learner/learner-store.ts'
import { createLearnerProcessor, type LearnerEvents } from '../../services/learner/processor.ts'

export const SCHEMA_ID = 7
export const TOPIC = 'pm.position-closed.v1'

/** The Confluent bytes of an event, as a producer with schema id 7 writes them. */
export const encodeEvent = (event: PositionClosed): Buffer => frame(SCHEMA_ID, positionClosedType.toBuffer(event))

export interface TestLearnerOptions {
  /** The database, or stores of another one. */
  store: Store | LearnerStores
  model: Model
  maxChunk?: number
  /** Commits wait for the disk; default: they do. */
  sync?: boolean
  /** Where the database is reached without PostgREST: new trades of a chunk from which on it is copied in; default: every one. */
  copyFrom?: number
  /** Log range that the runner sees; default: everything. */
  range?: { start: number; end: number }
  /** Of the topic, as the broker tells it; default: none. */
  topicId?: string | null
  wrap?: (processor: ChunkProcessor) => ChunkProcessor
  /** Stands between the processor and the database. */
  wrapStore?: (store: LearnerStore) => LearnerStore
  /** The dead-letter topic; default: takes everything. */
  deadLetterLog?: Pick<EventLog, 'produce'>
  /** The schema registry; default: knows our schema as number 7. */
  registry?: RegistryClient
  clock?: Clock
  events?: LearnerEvents & RunnerEvents
}

const databaseStores = (store: Store, options: LearnerStoreOptions): LearnerStores => ({
  checkpoints: createCheckpointStore(store),
  versions: createModelVersionStore(store),
  letters: createDeadLetterStore(store),
  learner: (model, version) => createLearnerStore(store, model, version, TOPIC, options),
})

export async function createTestLearner({
  store,
  model,
  maxChunk,
  sync,
  copyFrom = 1,
  range = { start: 0, end: Number.MAX_SAFE_INTEGER },
  topicId = null,
  wrap = (p) => p,
  wrapStore = (s) => s,
  deadLetterLog,
  registry = {
    register: async () => SCHEMA_ID,
    writerType: async (id) => (id === SCHEMA_ID ? positionClosedType : null),
  },
  clock = systemClock,
  events = {},
}: TestLearnerOptions) {
  const { checkpoints, versions, letters, learner } = 'rpc' in store ? databaseStores(store, { sync, copyFrom }) : store
  const modelVersion = await openVersion(versions, model, TOPIC)
  await versions.activate(modelVersion.model_version)
  const logger = pino({ level: process.env.TEST_LOG ?? 'silent' })
  const dead: OutgoingRecord[] = []
  const learnerStore = wrapStore(learner(model, modelVersion))
  const processor = createLearnerProcessor({
    model,
    store: learnerStore,
    decode: createDecoder(registry, createFlatReader(), { unknownSchemas: AT_ONCE }),
    deadLetters: createDeadLetters({
      store: letters,
      log: deadLetterLog ?? {
        produce: async (_topic, records) => {
          dead.push(...records)
          return records.map((_, i) => ({ partition: 0, offset: dead.length - records.length + i }))
        },
      },
      consumer: modelVersion.consumer,
      topic: TOPIC,
      deadLetterTopic: `${TOPIC}.dead-letter`,
      active: async () => true,
    }),
    logger,
    events,
    now: clock.now,
  })
  const runner = createPartitionRunner({
    consumer: modelVersion.consumer,
    topic: TOPIC,
    holder: 'test',
    checkpoints,
    log: {
      offsets: async () => Array.from({ length: 12 }, (_, partition) => ({ partition, ...range })),
      topicId: async () => topicId,
      recordsAt: async () => new Map(),
    },
    clock,
    logger,
    processor: wrap(processor),
    maxChunk,
    events,
  })
  return { runner, dead, modelVersion, learnerStore }
}

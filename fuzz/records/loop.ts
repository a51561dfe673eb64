/** The real learner and projector over stores in memory, fed with records; what they leave can be looked at. */
import { pino } from 'pino'
import type { Clock } from '../../core/clock.ts'
import type { BatchControl, EventLog, LogRecord, PartitionHandler } from '../../core/log/log.ts'
import { PROJECTOR_CONSUMER } from '../../core/runner/consumer-names.ts'
import { createPartitionRunner } from '../../core/runner/partition-runner.ts'
import { createMemoryCheckpoints } from '../../core/store/memory/checkpoints.ts'
import { createMemoryDatabase, type MemoryDatabase } from '../../core/store/memory/database.ts'
import type { Model } from '../../domain/learning/model.ts'
import { createDeadLetters } from '../../services/learner/dead-letter.ts'
import { openVersion } from '../../services/learner/learner-store.ts'
import { createMemoryLearnerStores } from '../../services/learner/memory-stores.ts'
import { createLearnerProcessor } from '../../services/learner/processor.ts'
import { createMemoryStrands } from '../../services/projector/memory-strands.ts'
import { createProjection } from '../../services/projector/projection.ts'
import type { Decoders } from './reading.ts'

export const TOPIC = 'pm.position-closed.v1'
const CHUNK = 250
const BATCH = 1_000
/** A batch that is sent back more often than this goes nowhere. */
const MOST_SEEKS = 50

export interface Loop {
  db: MemoryDatabase
  /** Whose sums they are. */
  sums: number
  /** Letters that were sent to the dead-letter topic. */
  sent(): number
  /** Until all are applied, by both. Error (any): a record that stops them. */
  feed(records: LogRecord[]): Promise<void>
}

/** Time passes only while somebody waits. */
export function createWaitingClock(start: number): Clock {
  let now = start
  return {
    now: () => now,
    monotonic: () => now,
    async sleep(ms) {
      now += ms
    },
  }
}

export async function createLoop(model: Model, { flat, whole }: Decoders, clock: Clock): Promise<Loop> {
  const db = createMemoryDatabase({ now: clock.now })
  const stores = createMemoryLearnerStores(db, TOPIC)
  const version = await openVersion(stores.versions, model, TOPIC)
  await stores.versions.activate(version.model_version)
  const logger = pino({ level: 'silent' })
  let sent = 0
  let end = 0
  const log: Pick<EventLog, 'produce' | 'offsets' | 'topicId' | 'recordsAt'> = {
    produce: async (_, records) => records.map(() => ({ partition: 0, offset: sent++ })),
    offsets: async () => [{ partition: 0, start: 0, end }],
    topicId: async () => null,
    recordsAt: async () => new Map(),
  }
  const processors = {
    [version.consumer]: createLearnerProcessor({
      model,
      store: stores.learner(model, version),
      decode: flat,
      deadLetters: createDeadLetters({
        store: stores.letters,
        log,
        consumer: version.consumer,
        topic: TOPIC,
        deadLetterTopic: `${TOPIC}.dead-letter`,
        active: async () => true,
      }),
      logger,
      now: clock.monotonic,
    }),
    [PROJECTOR_CONSUMER]: createProjection(createMemoryStrands(db, PROJECTOR_CONSUMER), whole),
  }
  const runners = Object.entries(processors).map(([consumer, processor]) =>
    createPartitionRunner({
      consumer,
      topic: TOPIC,
      holder: 'fuzz',
      checkpoints: createMemoryCheckpoints(db),
      log,
      clock,
      logger,
      processor,
      maxChunk: CHUNK,
    }),
  )
  return {
    db,
    sums: version.sums,
    sent: () => sent,
    async feed(records) {
      end = records.length
      for (const runner of runners) await run(runner, records)
    },
  }
}

async function run(runner: PartitionHandler, records: LogRecord[]): Promise<void> {
  let at = (await runner.assigned(0, null)) ?? 0
  for (let seeks = 0; at < records.length; ) {
    const taken = records.slice(at, at + BATCH)
    let sought: number | undefined
    const control: BatchControl = {
      heartbeat: async () => {},
      isActive: () => sought === undefined,
      seek: (offset) => {
        sought = offset
      },
      commitOffset: async () => {},
    }
    const nextOffset = at + taken.length
    await runner.batch(
      { topic: TOPIC, partition: 0, fetchedOffset: at, nextOffset, highWatermark: records.length, records: taken },
      control,
    )
    if (sought !== undefined && ++seeks > MOST_SEEKS) throw new Error(`the records from ${at} on are never applied`)
    if (sought === undefined) seeks = 0
    at = sought ?? nextOffset
  }
}

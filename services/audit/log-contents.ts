/** What the log holds, read from its own bytes: which events at which revisions, what nobody can apply, and the fold of what the learner has applied. */
import { DecodeError } from '../../core/codec/codec.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import { AT_ONCE } from '../../core/codec/unknown-schemas.ts'
import type { EventLog, LogRecord, PartitionOffsets } from '../../core/log/log.ts'
import { readAll, readRanges } from '../../core/log/read-all.ts'
import type { ServiceDeps } from '../../core/service.ts'
import { eventUuid, type PositionClosed } from '../../domain/event.ts'
import type { Model } from '../../domain/learning/model.ts'
import { createOfflineFold, type FoldedLog } from '../../domain/learning/offline.ts'
import { checkEvent, type RejectReason } from '../../domain/validation.ts'
import { type Checkpoints, type Letter, placeOf } from './stores.ts'

/** A record of an event that can be applied. */
export interface TailRecord {
  id: string
  revision: number
  partition: number
  offset: number
}

/** A record that cannot be applied. */
export interface BadRecord {
  /** null: its bytes are no event. */
  id: string | null
  partition: number
  offset: number
  reason: RejectReason
}

export interface LogContents {
  /** Highest revision of each event, also of those that cannot be applied. */
  revisions: Map<string, number>
  /** Highest revision of what can be applied and lies below every checkpoint that the reading began with. */
  below: Map<string, number>
  /** What can be applied and lies at or above one of them. */
  tail: TailRecord[]
  /** Events that the model does not learn from. */
  notForModel: Set<string>
  bad: BadRecord[]
  /** Id of the event at each place that has a letter, and is one. */
  lettered: Map<string, string>
}

export interface LogReading {
  contents: LogContents
  /** Folds on, up to these offsets (next to be applied, by partition), and answers with what it amounts to there. */
  foldedUpTo(checkpoints: Map<number, number>): Promise<FoldedLog>
}

const NOTHING: FoldedLog = { global_rr: { rr_short: null, rr_long: null, n: 0 }, coefficients: [] }

/**
 * Reads the whole topic once. What lies below the learner's checkpoint is folded on the way, the rest only when it is asked for: nothing that waits is
 * kept in memory. Errors: those of the log and the registry.
 */
export async function readLog(
  { log, config }: Pick<ServiceDeps, 'log' | 'config'>,
  model: Model | null,
  checkpoints: Checkpoints,
  letters: ReadonlyMap<string, Letter>,
): Promise<LogReading> {
  const { topic } = config
  const codec = createCodec(config, undefined, AT_ONCE)
  const fold = model && createOfflineFold(model)
  const folded = new Map(checkpoints.learner)
  const contents: LogContents = {
    revisions: new Map(),
    below: new Map(),
    tail: [],
    notForModel: new Set(),
    bad: [],
    lettered: new Map(),
  }
  const lowest = (partition: number) =>
    Math.min(checkpoints.learner.get(partition) ?? 0, checkpoints.projector.get(partition) ?? 0)

  async function read(record: LogRecord): Promise<PositionClosed | RejectReason> {
    try {
      return record.value === null ? 'empty_value' : await codec.decode(record.value)
    } catch (error) {
      if (error instanceof DecodeError) return error.reason
      throw error
    }
  }

  async function take(record: LogRecord, partition: number): Promise<void> {
    const { offset } = record
    const event = await read(record)
    if (typeof event === 'string') {
      contents.bad.push({ id: null, partition, offset, reason: event })
      return
    }
    const id = eventUuid(event.event_id)
    const { revision } = event
    raise(contents.revisions, id, revision)
    const place = placeOf(partition, offset)
    const letter = letters.has(place)
    if (letter) contents.lettered.set(place, id)
    const reason = checkEvent(event, record.key, record.timestamp)?.reason ?? null
    if (reason) contents.bad.push({ id, partition, offset, reason })
    if (reason || letter) return
    if (model && !model.accepts(event.source)) contents.notForModel.add(id)
    if (offset < lowest(partition)) raise(contents.below, id, revision)
    else contents.tail.push({ id, revision, partition, offset })
    if (offset < (folded.get(partition) ?? 0)) await fold?.add([event], partition)
  }

  await readAll(log, topic, take)

  let result = fold?.result() ?? NOTHING
  return {
    contents,
    async foldedUpTo(checkpoints) {
      if (!fold) return result
      const more = [...checkpoints]
        .map(([partition, end]) => ({ partition, start: folded.get(partition) ?? 0, end }))
        .filter((r) => r.end > r.start)
      if (more.length === 0) return result
      await readWhatIsLeft(log, topic, more, async (record, partition) => {
        const event = await read(record)
        if (typeof event === 'string' || letters.has(placeOf(partition, record.offset))) return
        if (!checkEvent(event, record.key, record.timestamp)) await fold.add([event], partition)
      })
      for (const { partition, end } of more) folded.set(partition, end)
      result = fold.result()
      return result
    },
  }
}

/** Reads parts of a topic, as far as its records are still there. */
async function readWhatIsLeft(
  log: EventLog,
  topic: string,
  ranges: PartitionOffsets[],
  visit: (record: LogRecord, partition: number) => Promise<void>,
): Promise<void> {
  const start = new Map((await log.offsets(topic)).map((o) => [o.partition, o.start]))
  const there = ranges.map((r) => ({ ...r, start: Math.max(r.start, start.get(r.partition) ?? r.start) }))
  await readRanges(log, topic, there, visit)
}

function raise(revisions: Map<string, number>, id: string, revision: number): void {
  if ((revisions.get(id) ?? Number.NEGATIVE_INFINITY) < revision) revisions.set(id, revision)
}

/** The history of a log as one model reads it: from the cache as far as that holds, the rest from the log. */
import { type Codec, DecodeError } from '../core/codec/codec.ts'
import type { EventLog, LogRecord, PartitionOffsets } from '../core/log/log.ts'
import { readRanges } from '../core/log/read-all.ts'
import { lastRecordOf, recordOf } from '../core/runner/last-record.ts'
import { eventUuid, type PositionClosed } from '../domain/event.ts'
import { TradeHistory } from '../domain/history/trade-history.ts'
import type { Model } from '../domain/learning/model.ts'
import { outcomeSource } from '../domain/learning/outcome.ts'
import { revisedBy } from '../domain/revision.ts'
import { checkEvent } from '../domain/validation.ts'
import { historyFile, loadHistory, type ReadPartition, storeHistory } from './history-file.ts'

export interface ReadHistory {
  history: TradeHistory
  /** Where reading ended, by partition. */
  ends: Map<number, number>
  /** Records that were read now, and not found in the cache. */
  read: number
}

export interface HistorySource {
  log: EventLog
  /** Of a registry that says at once what it does not know (AT_ONCE). */
  codec: Pick<Codec, 'decode'>
  topic: string
  /** What names the cluster, where it gives its topics no id. */
  cluster: string
  /** Where caches lie; default: cacheDir()/history. */
  dir?: string
  /** Hears how far reading is, in records. */
  progress?(done: number, total: number): void
}

/** New records that are worth writing the file again. */
const WORTH_STORING = 1_000

/** Errors: those of the log and the registry. */
export async function readHistory(source: HistorySource, model: Model): Promise<ReadHistory> {
  const { file, history, partitions, ranges } = await loadStored(source, model)
  const { read, certain } = await readOn(source, model, history, partitions, ranges)
  if (certain && read >= WORTH_STORING) await storeHistory(file, { partitions, state: history.state() })
  return { history, ends: endsOf(partitions), read }
}

export interface StoredPart {
  /** Where the cache lies. */
  file: string
  history: TradeHistory
  /** How far it goes: from there on it is read. */
  partitions: ReadPartition[]
  /** What the log has now. */
  ranges: PartitionOffsets[]
}

/** What the cache has of the log, as far as the log still has it too; nothing else. */
export async function loadStored({ log, topic, cluster, dir }: HistorySource, model: Model): Promise<StoredPart> {
  const topicId = await log.topicId(topic)
  const file = historyFile(topicId ?? `${cluster} ${topic}`, model.hash, dir)
  const stored = await loadHistory(file) // first: somebody may write it who has read further than the log goes now
  const ranges = await log.offsets(topic)
  const usable = stored !== null && (await holds(log, topic, stored.partitions, ranges))
  const known = new Map(usable ? stored.partitions.map((p) => [p.partition, p]) : [])
  return {
    file,
    history: new TradeHistory(usable ? stored.state : undefined),
    partitions: ranges.map(
      ({ partition, start }) => known.get(partition) ?? { partition, start, next: start, last: null },
    ),
    ranges,
  }
}

export const endsOf = (partitions: readonly ReadPartition[]): Map<number, number> =>
  new Map(partitions.map((p) => [p.partition, p.next]))

/** Whether the log still has what was read of it, all of it: nothing was cut off at either end, and the last records are the same ones. */
export async function holds(
  log: EventLog,
  topic: string,
  stored: readonly ReadPartition[],
  ranges: readonly PartitionOffsets[],
): Promise<boolean> {
  for (const { partition, start, next, last } of stored) {
    const range = ranges.find((r) => r.partition === partition)
    if (!range || range.start !== start || range.end < next) return false
    if (last === null) continue
    const found = await recordOf(log, topic, partition, last, range)
    if (!found || lastRecordOf({ ...found, headers: {} }).digest !== last.digest || found.timestamp !== last.time)
      return false
  }
  return true
}

/** Adds what lies behind `partitions[…].next`, and moves that on. `certain`: no record was passed over that may be read another time. */
async function readOn(
  source: HistorySource,
  model: Model,
  history: TradeHistory,
  partitions: ReadPartition[],
  ranges: readonly PartitionOffsets[],
): Promise<{ read: number; certain: boolean }> {
  const { log, topic, progress } = source
  const of = new Map(partitions.map((p) => [p.partition, p]))
  const missing = ranges.map((r) => ({ ...r, start: Math.max(r.start, of.get(r.partition)?.next ?? r.start) }))
  const total = missing.reduce((sum, r) => sum + r.end - r.start, 0)
  const last = new Map<number, LogRecord>()
  let read = 0
  let certain = true

  const add = createRecordAdder(source.codec, model, history)
  await readRanges(log, topic, missing, async (record, partition) => {
    last.set(partition, record)
    if (++read % 1_000 === 0) progress?.(read, total)
    if (!(await add(record, partition))) certain = false
  })
  if (read > 0) progress?.(total, total)
  for (const { partition, end } of ranges) {
    const mine = of.get(partition) as ReadPartition
    mine.next = Math.max(mine.next, end)
    const record = last.get(partition)
    if (record) mine.last = lastRecordOf(record)
  }
  return { read, certain }
}

/**
 * Adds one record to the history, if the model learns from it. Resolves to false where that is not certain: the registry does not know the schema now and
 * may another time.
 */
export function createRecordAdder(codec: Pick<Codec, 'decode'>, model: Model, history: TradeHistory) {
  return async (record: LogRecord, partition: number): Promise<boolean> => {
    if (record.value === null) return true
    let event: PositionClosed
    try {
      event = await codec.decode(record.value)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return error.reason !== 'unknown_schema'
    }
    if (!model.accepts(event.source) || checkEvent(event, record.key, record.timestamp)) return true
    history.add(
      {
        ...event,
        event_id: eventUuid(event.event_id),
        rr: model.outcomeOf(outcomeSource(event)),
        partition,
        offset: record.offset,
        taken_at: record.timestamp,
        revised_by: revisedBy(record.headers),
      },
      model.combination(model.leverValues(event)),
    )
    return true
  }
}

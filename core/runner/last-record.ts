/**
 * Which log a checkpoint belongs to: the topic's id, and the last record that was applied. A checkpoint alone does not say: a topic that was made anew, or a
 * log that was cut and has grown again, has that offset as well, and whoever went on there would have a gap that nobody sees.
 */
import { createHash } from 'node:crypto'
import { startOf } from '../../domain/limits.ts'
import { timeText } from '../../domain/time.ts'
import { StrandlineError } from '../errors.ts'
import type { EventLog, LogRecord, PartitionOffsets, PlacedRecord } from '../log/log.ts'
import type { Chunk, Claim } from './chunk-processor.ts'

export interface LastRecord {
  offset: number
  /** The record's own time in the log, ms. */
  time: number
  /** Of key and value. */
  digest: string
  /** From the record's headers (CloudEvents), for a person; null where it has none. */
  event_id: string | null
}

/** What a commit says of the log that it read (`p_seen` of the database's functions), as JSON. */
export function seenOf(claim: Claim, chunk: Chunk): string {
  const last = chunk.records.at(-1) // a gap has none: the one before it stays noted
  return JSON.stringify({ topic_id: claim.topicId ?? null, record: last && lastRecordOf(last) })
}

export const lastRecordOf = (last: LogRecord): LastRecord => ({
  offset: last.offset,
  time: last.timestamp,
  digest: digestOf(last),
  // what anybody may write: a text that the database refuses would stop the partition for ever
  event_id: last.headers.ce_id === undefined ? null : startOf(String(last.headers.ce_id), 100),
})

export const digestOf = ({ key, value }: Pick<LogRecord, 'key' | 'value'>): string =>
  createHash('sha256')
    .update(`${key?.length ?? -1} `)
    .update(key ?? '')
    .update(value ?? '')
    .digest('hex')
    .slice(0, 32)

/** Whether what lies there is what was applied from there. */
export const isRecord = (found: PlacedRecord, last: LastRecord): boolean =>
  found.timestamp === last.time && digestOf(found) === last.digest

export interface LogCheckpoint {
  checkpoint: number | null
  topic_id?: string | null
  last_record?: LastRecord | null
}

/** The record that lies in the log where the checkpoint's last one should; undefined where that cannot be compared: it is gone, or was never noted. */
export async function recordOf(
  log: Pick<EventLog, 'recordsAt'>,
  topic: string,
  partition: number,
  last: LastRecord | null | undefined,
  range: PartitionOffsets,
): Promise<PlacedRecord | undefined> {
  if (!last || last.offset < range.start || last.offset >= range.end) return undefined
  const found = (await log.recordsAt(topic, new Map([[partition, last.offset]]))).get(partition)
  return found?.offset === last.offset ? found : undefined // compaction takes single records: a hole says nothing
}

const ACCEPT =
  'Restore the topic, or publish the outbox again (docs/operations.md, "The topic is lost"). If it was restored and holds the same records, ' +
  'tell the consumers so: update strandline.consumer_checkpoints set topic_id = null, last_record = null.'

/** Is it the log that the checkpoint was made on? Error: LOG_CHECKPOINT_LOST. */
export function checkIdentity(
  where: string,
  consumer: string,
  { topic_id, last_record }: LogCheckpoint,
  topicId: string | null,
  found: PlacedRecord | undefined,
): void {
  if (topic_id && topicId && topic_id !== topicId)
    throw new StrandlineError(
      'LOG_CHECKPOINT_LOST',
      `${where} belongs to another topic of the same name: its id is ${topicId}, and ${consumer} has read the one with the id ${topic_id}; this is not the log that the database knows.`,
      { todo: ACCEPT },
    )
  if (!last_record || !found) return
  if (!isRecord(found, last_record))
    throw new StrandlineError(
      'LOG_CHECKPOINT_LOST',
      `${where} is not the log that ${consumer} has read: at offset ${last_record.offset} it has a record of ${timeText(found.timestamp)}${keyOf(found)}, ` +
        `and what was applied from there is ${last_record.event_id ? `the event ${last_record.event_id}` : 'another record'} of ${timeText(last_record.time)}.`,
      { todo: ACCEPT },
    )
}

/** A log whose beginning is gone does not hold all that is to be learned of. Error: LOG_TRUNCATED. */
export function checkBeginning(where: string, consumer: string, range: PartitionOffsets): void {
  if (range.start === 0) return
  throw new StrandlineError(
    'LOG_TRUNCATED',
    `${where} begins at offset ${range.start}: the records before it are gone, and ${consumer}, which has read nothing yet, would know only what is left.`,
    {
      todo: 'Restore the topic (docs/operations.md), or accept the loss: STRANDLINE_ACCEPT_TRUNCATED_LOG=yes.',
    },
  )
}

const keyOf = ({ key }: PlacedRecord) => (key ? ` (key ${JSON.stringify(key.toString('utf8').slice(0, 60))})` : '')

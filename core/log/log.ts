/**
 * The event log as Strandline sees it: a narrow port. `kafka-log.ts` puts kafkajs behind it; a simulation can put an array behind it.
 * Offsets are JavaScript numbers (exact up to 2^53). Times are milliseconds since 1970-01-01 UTC.
 */
export interface LogRecord {
  offset: number
  /** CreateTime or LogAppendTime of the record, as the topic is configured; a safe integer (log-time.ts). */
  timestamp: number
  key: Buffer | null
  value: Buffer | null
  headers: Record<string, Buffer | string | (Buffer | string)[] | undefined>
  /** Why nobody can read it, where that is so: the rest of it is empty. */
  unreadable?: string
}

export interface LogBatch {
  topic: string
  partition: number
  /** The offset that was asked for; the first record may lie above it, offsets are sparse. */
  fetchedOffset: number
  /** The log passed over what lies right before `fetchedOffset`, as nobody may read it: aborted transactions, control records, compaction. */
  afterGap?: boolean
  /** Where reading goes on after this batch, control records included. */
  nextOffset: number
  /** The partition's end when the batch was fetched. */
  highWatermark: number
  records: LogRecord[]
}

export interface BatchControl {
  heartbeat(): Promise<void>
  /** false: the partition was revoked, or the consumer is stopping; abandon what is not committed. */
  isActive(): boolean
  /** Abandon the batch; the next fetch of this partition starts here. */
  seek(offset: number): void
  /** Advisory: tells the broker the offset up to which the work is durable. Never throws. */
  commitOffset(offset: number): Promise<void>
}

/** Between these offsets lies nothing that anybody may read: aborted transactions, control records. */
export interface LogGap {
  partition: number
  from: number
  /** Where reading goes on. */
  next: number
}

export interface PartitionHandler {
  /**
   * A partition was given to us; `committed` is the group's offset: a number, `null` (none, or reset to the latest), or 'earliest' (reset to the
   * earliest). Resolves to the offset to start from; `null` leaves the choice to the log.
   */
  assigned(partition: number, committed: number | null | 'earliest'): Promise<number | null>
  batch(batch: LogBatch, control: BatchControl): Promise<void>
  /** A fetch brought nothing but a gap. The next batch does not wait for it. */
  passed?(gap: LogGap, control: Omit<BatchControl, 'heartbeat'>): Promise<void>
  revoked(partition: number): Promise<void>
}

export interface Subscription {
  /** Finishes or abandons the running chunks, leaves the group. */
  stop(): Promise<void>
  /** The next fetch of a partition that is held starts here. */
  seek(partition: number, offset: number): void
  /** Partitions held now. */
  partitions(): number[]
  /** false before the group is joined, and while it is being joined again. */
  joined(): boolean
  /** undefined while consuming; the error that ended it otherwise. */
  failure(): Error | undefined
}

export interface ProducedRecord {
  partition: number
  offset: number
  /** When the broker appended it, by its own clock (ms), where the topic's records carry that time (LogAppendTime). */
  appendedAt?: number
}

export interface OutgoingRecord {
  key: string | Buffer | null
  value: Buffer | null
  /** A name that occurs several times has a list. */
  headers?: Record<string, string | Buffer | (string | Buffer)[]>
  partition?: number
  /** CreateTime, ms; undefined: now. A topic of LogAppendTime passes over it. */
  timestamp?: number
}

export interface PartitionOffsets {
  partition: number
  start: number
  /** As far as the partition can be read now: Kafka's last stable offset. */
  end: number
  /** Where it ends, if that is beyond `end`: a transaction is open, or was closed a moment ago, and nobody may read on yet. */
  written?: number
}

/** Where the partition ends, whether all of it can be read already or not. */
export const writtenEnd = (range: PartitionOffsets): number => range.written ?? range.end

/** One record that was looked at by its place. */
export type PlacedRecord = LogRecord

/** A consumer group as the broker knows it now. */
export interface GroupState {
  /** `Stable`, `PreparingRebalance`, `CompletingRebalance`, `Empty` (nobody reads) or `Dead` (there is no such group). */
  state: string
  members: { id: string; client: string; host: string; partitions: number[] }[]
}

export interface EventLog {
  /**
   * Idempotent, acks=all. Resolves when every record is durable, with where each one went, in the order given. When it rejects, some may have been
   * written. Errors: LOG_RECORD_TOO_LARGE, LOG_TOPIC_MISSING, LOG_PARTITION_MISSING (a partition that was asked for), LOG_UNACKNOWLEDGED, LOG_UNREACHABLE.
   */
  produce(topic: string, records: OutgoingRecord[]): Promise<ProducedRecord[]>
  consume(
    options: {
      group: string
      topic: string
      concurrency?: number
      /** While records keep coming, the log is asked for more only so often, ms; default: at once. */
      paceMs?: number
    },
    handler: PartitionHandler,
  ): Promise<Subscription>
  /** Of all partitions that the topic has now, in their order. */
  offsets(topic: string): Promise<PartitionOffsets[]>
  /** The group's committed offset by partition; null where there is none. */
  committed(group: string, topic: string): Promise<Map<number, number | null>>
  /** Who reads the topic under a group. */
  group(group: string, topic: string): Promise<GroupState>
  /** The broker forgets a group, and what it committed; one that it does not know is no error. Errors: LOG_GROUP_IN_USE (it has members), LOG_UNREACHABLE, LOG_AUTH. */
  deleteGroup(group: string): Promise<void>
  /** Time (ms) of the first record at or above each partition's offset; null where there is none. */
  timestamps(topic: string, offsets: Map<number, number>): Promise<Map<number, number | null>>
  /** The first record at or above each partition's offset; null where there is none, or only control records within reach. */
  recordsAt(topic: string, offsets: Map<number, number>): Promise<Map<number, PlacedRecord | null>>
  /** What makes the topic another one than an earlier one of its name; null where the broker has no ids, or, unless an answer is required, gives none. Error: LOG_UNREACHABLE. */
  topicId(topic: string, required?: boolean): Promise<string | null>
  /** The settings of those of the topics that exist, by topic and name; null where we may not know them. Errors: LOG_UNREACHABLE. */
  topicSettings(topics: string[]): Promise<Map<string, Record<string, string>> | null>
  /** Creates what is missing; an existing topic is left as it is. */
  ensureTopics(topics: { topic: string; partitions: number; config?: Record<string, string> }[]): Promise<void>
  close(): Promise<void>
}

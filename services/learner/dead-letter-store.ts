/** What is kept of records that could not be applied: port, and its adapter over the database's functions. In memory: memory-dead-letters.ts. */
import type { ConsumerPartition } from '../../core/store/checkpoint-store.ts'
import type { Store } from '../../core/store/store.ts'

export interface Place {
  partition: number
  offset: number
}

/** With its topic's id ('': it has none, or the row is of an older version) and its own time, ms: what records of several topics at one place differ in. */
export interface NotedRecord {
  offset: number
  topic_id: string
  record_ms: number
}

export interface DeadLetterRecord extends Place {
  topic_id: string
  record_ms: number
  reason: string
  detail: string
  consumer: string
  recorded_at: string
  /** Its place in the dead-letter topic; null where only the table has it. */
  dead_topic: string | null
  dead_partition: number | null
  dead_offset: number | null
  /** Published again, and where. */
  redriven_at: string | null
  redriven_partition: number | null
  redriven_offset: number | null
  /** A redrive was begun and not noted as done: where the partition ended then. */
  redriving_from: number | null
  /** Of a record that is a copy itself: how often it had been published again, and the offset (of its own partition) that it is a copy of. */
  redrives: number
  redrive_of: number | null
  /** A later replay could read it. */
  applied_at: string | null
  /** Settled by an operator, who and why. */
  discarded_at: string | null
  discarded_by: string | null
  discard_reason: string | null
}

/** Which letters a person asks for. Times are those of the refusal, ms. */
export interface LetterFilter {
  reasons?: readonly string[]
  partitions?: readonly number[]
  since?: number
  /** Before then. */
  until?: number
}

/** A commit writes them (learner-store.ts). Errors of each: STORE_UNREACHABLE, STORE_REJECTED, STORE_SCHEMA. */
export interface DeadLetterStore {
  /** Which of these places have letters of the consumer. */
  at(of: ConsumerPartition, offsets: readonly number[]): Promise<NotedRecord[]>
  /** A replay read the records from `from` to below `next` again, and refused only these. topicId null: unknown. */
  applied(
    of: ConsumerPartition,
    range: { from: number; next: number; refused: readonly number[] },
    topicId: string | null,
  ): Promise<void>
  /** Of a topic, by place, behind one; where several consumers refused a record, the newest refusal. all: also those that were dealt with. */
  page(topic: string, all: boolean, after: Place, limit: number, filter?: LetterFilter): Promise<DeadLetterRecord[]>
  /** How many of them there are, by reason. */
  count(topic: string, all: boolean, filter?: LetterFilter): Promise<[reason: string, n: number][]>
  /**
   * The letters of the record at a place, of those that it is a copy of, and of the copies that became letters again: by place, the newest refusal first.
   * None where there is no letter at the place.
   */
  chain(topic: string, at: Place, limit: number): Promise<DeadLetterRecord[]>
  /**
   * A redrive begins, of these records as `page` has shown them. Answers with those that are open, each with where the partition ended when the first redrive of it began that was not noted as done.
   * @param end where the partition ends now
   */
  redriving(
    topic: string,
    partition: number,
    records: readonly NotedRecord[],
    end: number,
  ): Promise<[offset: number, from: number][]>
  /** Notes where records of a partition were published again. */
  redriven(topic: string, partition: number, placed: readonly (NotedRecord & { to: Place })[]): Promise<void>
  /** Settles the open letters of these records without applying them. Answers with their offsets. @param by who, for a person */
  discard(topic: string, partition: number, records: readonly NotedRecord[], by: string, why: string): Promise<number[]>
  /** Discarded letters are open again. Answers with their offsets. */
  reopen(topic: string, partition: number, records: readonly NotedRecord[]): Promise<number[]>
}

export function createDeadLetterStore(store: Store): DeadLetterStore {
  const args = ({ consumer, topic, partition }: ConsumerPartition) => ({
    p_consumer: consumer,
    p_topic: topic,
    p_partition: partition,
  })
  const named = (topic: string, partition: number, records: readonly NotedRecord[]) => ({
    p_topic: topic,
    p_partition: partition,
    p_records: JSON.stringify(records.map(recordOf)),
  })
  return {
    async at(of, offsets) {
      const rows = await store.rpc<[offset: number, topicId: string, ms: number][]>('strandline_dead_letters_at', {
        ...args(of),
        p_offsets: `{${offsets.join(',')}}`,
      })
      return rows.map(([offset, topic_id, ms]) => ({ offset: Number(offset), topic_id, record_ms: Number(ms) }))
    },
    applied: (of, { from, next, refused }, topicId) =>
      store.rpc('strandline_dead_letters_applied', {
        ...args(of),
        p_from: from,
        p_next: next,
        p_refused: `{${refused.join(',')}}`,
        p_topic_id: topicId,
      }),
    page: (topic, all, after, limit, filter) =>
      store.rpc('strandline_dead_letters_page', {
        p_topic: topic,
        p_all: all,
        p_partition: after.partition,
        p_offset: after.offset,
        p_limit: limit,
        p_filter: filterJson(filter),
      }),
    count: (topic, all, filter) =>
      store.rpc('strandline_dead_letters_count', { p_topic: topic, p_all: all, p_filter: filterJson(filter) }),
    chain: (topic, { partition, offset }, limit) =>
      store.rpc('strandline_dead_letters_chain', {
        p_topic: topic,
        p_partition: partition,
        p_offset: offset,
        p_limit: limit,
      }),
    redriving: (topic, partition, records, end) =>
      store.rpc('strandline_dead_letters_redriving', { ...named(topic, partition, records), p_end: end }),
    redriven: (topic, partition, placed) =>
      store.rpc('strandline_dead_letters_redriven', {
        p_topic: topic,
        p_partition: partition,
        p_placed: JSON.stringify(
          placed.map(({ to, ...of }) => ({ ...recordOf(of), to_partition: to.partition, to_offset: to.offset })),
        ),
      }),
    discard: (topic, partition, records, by, why) =>
      store.rpc('strandline_dead_letters_discard', {
        ...named(topic, partition, records),
        p_by: by,
        p_reason: why,
      }),
    reopen: (topic, partition, records) =>
      store.rpc('strandline_dead_letters_reopen', named(topic, partition, records)),
  }
}

const recordOf = ({ offset, topic_id, record_ms }: NotedRecord): NotedRecord => ({ offset, topic_id, record_ms })

const filterJson = ({ reasons, partitions, since, until }: LetterFilter = {}) =>
  JSON.stringify({ reasons, partitions, since: isoOf(since), until: isoOf(until) })

const isoOf = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString())

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
  /** A later replay could read it. */
  applied_at: string | null
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
  page(topic: string, all: boolean, after: Place, limit: number): Promise<DeadLetterRecord[]>
  /** Notes where records of a partition were published again. */
  redriven(topic: string, partition: number, placed: readonly { offset: number; to: Place }[]): Promise<void>
}

export function createDeadLetterStore(store: Store): DeadLetterStore {
  const args = ({ consumer, topic, partition }: ConsumerPartition) => ({
    p_consumer: consumer,
    p_topic: topic,
    p_partition: partition,
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
    page: (topic, all, after, limit) =>
      store.rpc('strandline_dead_letters_page', {
        p_topic: topic,
        p_all: all,
        p_partition: after.partition,
        p_offset: after.offset,
        p_limit: limit,
      }),
    redriven: (topic, partition, placed) =>
      store.rpc('strandline_dead_letters_redriven', {
        p_topic: topic,
        p_partition: partition,
        p_placed: JSON.stringify(
          placed.map(({ offset, to }) => ({ offset, to_partition: to.partition, to_offset: to.offset })),
        ),
      }),
  }
}

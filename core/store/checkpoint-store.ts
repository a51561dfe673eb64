/** Where each consumer of the log stands: port, and its adapter over the database's functions. In memory: memory/checkpoints.ts. */
import type { LogCheckpoint } from '../runner/last-record.ts'
import type { Store } from './store.ts'

/** A consumer's partition of a topic. */
export interface ConsumerPartition {
  consumer: string
  topic: string
  partition: number
}

export interface Standing {
  epoch: number
  version: number
  checkpoint: number | null
  last_commit: string | null
  /** Who claimed it last. */
  holder?: string | null
}

export interface Claimed extends LogCheckpoint {
  epoch: number
  version: number
}

export interface ListedCheckpoint {
  partition: number
  checkpoint: number | null
  holder: string | null
  /** Kafka's id of the topic that was read; null: the broker has none, or nothing of it was applied yet. */
  topic_id: string | null
}

/** Errors of each: STORE_UNREACHABLE, STORE_SCHEMA. */
export interface CheckpointStore {
  /** Takes the partition: every earlier claim of it is fenced from here on. */
  claim(of: ConsumerPartition, holder: string): Promise<Claimed>
  /** How it stands now; null when nobody ever claimed it, or its row was deleted since. */
  read(of: ConsumerPartition): Promise<Standing | null>
  /** Where a consumer stands in each partition of a topic that it has claimed, by partition; null before its first commit. */
  list(consumer: string, topic: string): Promise<ListedCheckpoint[]>
}

export function createCheckpointStore(store: Pick<Store, 'rpc'>): CheckpointStore {
  return {
    claim: ({ consumer, topic, partition }, holder) =>
      store.rpc('strandline_claim', { p_consumer: consumer, p_topic: topic, p_partition: partition, p_holder: holder }),
    read: ({ consumer, topic, partition }) =>
      store.rpc('strandline_checkpoint', { p_consumer: consumer, p_topic: topic, p_partition: partition }),
    async list(consumer, topic) {
      const rows = await store.rpc<[number, number | null, string | null, string | null][]>(
        'strandline_consumer_checkpoints',
        {
          p_consumer: consumer,
          p_topic: topic,
        },
      )
      return rows.map(([partition, checkpoint, holder, topic_id]) => ({ partition, checkpoint, holder, topic_id }))
    },
  }
}

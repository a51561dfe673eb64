/** Where a consumer stands in each partition, in the database; and where the log allows it to stand. */
import { StrandlineError } from '../errors.ts'
import { type PartitionOffsets, writtenEnd } from '../log/log.ts'
import type { Store } from '../store/store.ts'
import type { LogCheckpoint } from './last-record.ts'

export interface Standing {
  epoch: number
  version: number
  checkpoint: number | null
  last_commit: string | null
}

export interface Claimed extends LogCheckpoint {
  epoch: number
  version: number
}

export interface Checkpoints {
  /** Takes the partition: every earlier claim of it is fenced from here on. */
  claim(partition: number): Promise<Claimed>
  /** How it stands now; null when nobody ever claimed it, or its row was deleted since. */
  read(partition: number): Promise<Standing | null>
}

export function createCheckpoints(store: Store, consumer: string, topic: string, holder: string): Checkpoints {
  return {
    claim: (partition) =>
      store.rpc('strandline_claim', {
        p_consumer: consumer,
        p_topic: topic,
        p_partition: partition,
        p_holder: holder,
      }),
    read: (partition) =>
      store.rpc('strandline_checkpoint', { p_consumer: consumer, p_topic: topic, p_partition: partition }),
  }
}

/** Where a consumer stands in each partition of a topic that it has claimed; null before its first commit. Errors: STORE_UNREACHABLE, STORE_SCHEMA. */
export async function listCheckpoints(
  store: Pick<Store, 'rpc'>,
  consumer: string,
  topic: string,
): Promise<{ partition: number; checkpoint: number | null; holder: string | null }[]> {
  const rows = await store.rpc<[number, number | null, string | null][]>('strandline_consumer_checkpoints', {
    p_consumer: consumer,
    p_topic: topic,
  })
  return rows.map(([partition, checkpoint, holder]) => ({ partition, checkpoint, holder }))
}

/** The log must still have what is needed next: a gap would be a silent loss. Error: LOG_CHECKPOINT_LOST. */
export function checkBounds(where: string, consumer: string, checkpoint: number, range: PartitionOffsets): void {
  if (checkpoint < range.start)
    throw new StrandlineError(
      'LOG_CHECKPOINT_LOST',
      `${where} starts at offset ${range.start}, but ${consumer} stands at ${checkpoint}: records are gone from the log.`,
      { todo: 'Restore the topic, or move the checkpoint on by hand if the loss is accepted (docs/operations.md).' },
    )
  if (checkpoint > writtenEnd(range))
    throw new StrandlineError(
      'LOG_CHECKPOINT_LOST',
      `${where} ends at offset ${writtenEnd(range)}, but ${consumer} stands at ${checkpoint}: this is not the log that the database knows.`,
      { todo: 'Check KAFKA_BROKERS and SUPABASE_URL, or restore the topic (docs/operations.md).' },
    )
}

/** Whether a checkpoint (null: nothing applied) lies before one that was known. */
export const wentBack = (known: number | null, now: number | null): boolean => known !== null && (now ?? -1) < known

/**
 * Where to read from: the database's checkpoint; lower when the group's offset was moved back; never below what the log has.
 * Without a checkpoint everything is new, wherever the group stands.
 */
export function startOf(checkpoint: number | null, committed: number | null | 'earliest', logStart: number): number {
  if (checkpoint === null || committed === 'earliest') return logStart
  return Math.max(logStart, Math.min(committed ?? checkpoint, checkpoint))
}

/** Where the log allows a consumer to stand, whose checkpoint is kept in the database (core/store/checkpoint-store.ts). */
import { StrandlineError } from '../errors.ts'
import { type PartitionOffsets, writtenEnd } from '../log/log.ts'

/** The log must still have what is needed next: a gap would be a silent loss. Error: LOG_CHECKPOINT_LOST. */
export function checkBounds(where: string, consumer: string, checkpoint: number, range: PartitionOffsets): void {
  if (checkpoint < range.start)
    throw new StrandlineError(
      'LOG_CHECKPOINT_LOST',
      `${where} starts at offset ${range.start}, but ${consumer} stands at ${checkpoint}: records are gone from the log.`,
      {
        todo: 'Restore the topic, or move the checkpoint on by hand if the loss is accepted (docs/operations.md, "The beginning of the log is gone").',
      },
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

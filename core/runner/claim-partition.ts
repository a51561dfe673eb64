/**
 * Takes a partition: a claim raises its epoch, so that whoever held it before can commit nothing any more; only then are checkpoint and state read, and the
 * log compared with what was applied of it last (last-record.ts).
 */
import type { PartitionOffsets } from '../log/log.ts'
import { checkBounds, startOf } from './checkpoints.ts'
import type { Claim } from './chunk-processor.ts'
import { checkBeginning, checkIdentity, type LogCheckpoint, recordOf } from './last-record.ts'
import type { Retry } from './retry.ts'
import type { RunnerOptions } from './runner-options.ts'

export interface ClaimRequest {
  partition: number
  /** Where we stood, or the group's offset: null where it has none, or 'earliest' where it was reset to that. */
  from: number | null | 'earliest'
  active(): boolean
  heartbeat(): Promise<void>
  /** Told while an answer is missing. */
  failed(message: string): void
}

export interface ClaimedPartition {
  claim: Claim
  /** Where reading starts. */
  start: number
}

/** What it returns resolves to undefined when the partition is not ours any more. Errors: LOG_CHECKPOINT_LOST, LOG_TRUNCATED. */
export function createClaimer(
  { consumer, topic, holder, checkpoints, log, logger, acceptTruncated = false, admit = async () => {} }: RunnerOptions,
  untilAnswered: Retry,
) {
  /** What the log has of a partition, once it is seen to be the log that the checkpoint was made on. */
  async function compared(
    partition: number,
    known: LogCheckpoint,
    topicId: string | null,
  ): Promise<PartitionOffsets | null> {
    const where = `${topic}/${partition}`
    const range = (await log.offsets(topic)).find((o) => o.partition === partition)
    if (!range) return null
    const { checkpoint, last_record } = known
    if (checkpoint !== null) {
      checkBounds(where, consumer, checkpoint, range)
      const found = await recordOf(log, topic, partition, last_record, range)
      checkIdentity(where, consumer, known, topicId, found)
    } else if (!acceptTruncated) checkBeginning(where, consumer, range)
    else if (range.start > 0)
      logger.warn(
        { partition, start: range.start },
        `${where} begins at offset ${range.start}; what was before it is not known to ${consumer}, which is accepted (STRANDLINE_ACCEPT_TRUNCATED_LOG)`,
      )
    return range
  }

  return async ({
    partition,
    from,
    active,
    heartbeat,
    failed,
  }: ClaimRequest): Promise<ClaimedPartition | undefined> => {
    const where = `${topic}/${partition}`
    const ask = <T>(what: string, question: () => Promise<T>) =>
      untilAnswered(
        what,
        async () => {
          try {
            return await question()
          } catch (error) {
            failed((error as Error).message)
            throw error
          }
        },
        active,
        heartbeat,
      )
    const claimed = await ask(`claim ${where}`, () => checkpoints.claim({ consumer, topic, partition }, holder))
    if (!claimed || !active()) return undefined
    const topicId = await log.topicId(topic)
    const range = await ask(`read ${where}`, async () => {
      await admit()
      return compared(partition, claimed, topicId)
    })
    if (range === undefined || !active()) return undefined
    const { epoch, version, checkpoint } = claimed
    const start = startOf(checkpoint, from, range?.start ?? 0)
    if (checkpoint !== null && start < checkpoint)
      logger.info(
        { partition, from: start, checkpoint },
        `${where}: the group's offset lies below the database's checkpoint; reading again from ${start}`,
      )
    return { claim: { topic, partition, epoch, version, checkpoint, topicId }, start }
  }
}

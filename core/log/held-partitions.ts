/**
 * The partitions that a member of a group holds, each under one assignment, and on its way to the handler what was fetched of it (partition-feed.ts). The
 * consumer of Kafka and that of the simulation run on this.
 *
 * The client fetches ahead: when the handler sends reading back, or the partition is assigned anew, what waits is of a past that counts no more. It is forgotten,
 * and what is still under way is told that it is not active.
 */
import { createLimit } from './limit.ts'
import type { BatchControl, PartitionHandler } from './log.ts'
import { createPartitionFeed, type Item, type PartitionFeed } from './partition-feed.ts'

export interface HeldPartition {
  readonly feed: PartitionFeed
  /** Settles when the handler knows where to start. */
  ready: Promise<void>
  /** Where the log went on after a fetch of which it handed over nothing (aborted transactions, control records, compaction). */
  gapEnd?: number
}

/** What a member is to the broker. */
export interface Member {
  /** The next fetch of the partition starts here. */
  seek(partition: number, offset: number): void
  /** Rejects with an error whose name begins with KafkaJS. */
  heartbeat(): Promise<void>
  commitOffset(partition: number, offset: number): void
  /** Nothing is worked on any more: it stops, or has failed. */
  ended(): boolean
  /** The handler has failed for good. */
  fail(error: Error): void
}

export interface HeldPartitions {
  /** A new assignment of a partition; what waits under an earlier one is forgotten. */
  hold(partition: number): HeldPartition
  /** Lets go of partitions: what still runs for them gives up. */
  release(partitions: number[]): Promise<void>[]
  get(partition: number): HeldPartition | undefined
  /** In ascending order. */
  partitions(): number[]
  /** Resolves once no handler is at work. */
  idle(): Promise<void>
}

/** @param concurrency partitions worked on at the same time */
export function createHeldPartitions(handler: PartitionHandler, member: Member, concurrency: number): HeldPartitions {
  const held = new Map<number, HeldPartition>()
  const limit = createLimit(concurrency)

  /** One item of a partition's feed, in its turn. */
  async function handle(partition: number, mine: HeldPartition, item: Item): Promise<void> {
    let hasSought = false
    const control: BatchControl = {
      heartbeat: member.heartbeat,
      isActive: () => !hasSought && !member.ended() && held.get(partition) === mine,
      seek(offset) {
        hasSought = true
        mine.feed.clear()
        member.seek(partition, offset)
      },
      commitOffset: async (offset) => member.commitOffset(partition, offset),
    }
    if (!control.isActive()) return
    try {
      if ('batch' in item) await handler.batch(item.batch, control)
      else await handler.passed?.(item.gap, control)
    } catch (error) {
      // A heartbeat failed. Where that was a rebalance the partition starts anew; where it was not, the client must go back itself: it is beyond already.
      if ((error as Error).name.startsWith('KafkaJS')) {
        if (control.isActive()) control.seek('batch' in item ? item.batch.fetchedOffset : item.gap.from)
      } else if (!member.ended()) member.fail(error as Error)
      throw error
    }
  }

  return {
    hold(partition) {
      held.get(partition)?.feed.clear()
      const feed = createPartitionFeed((item) => handle(partition, mine, item), limit)
      const mine: HeldPartition = { feed, ready: Promise.resolve() }
      held.set(partition, mine)
      return mine
    },
    release: (partitions) =>
      partitions.map((partition) => {
        held.get(partition)?.feed.clear()
        held.delete(partition)
        return handler.revoked(partition)
      }),
    get: (partition) => held.get(partition),
    partitions: () => [...held.keys()].sort((a, b) => a - b),
    idle: async () => void (await Promise.all([...held.values()].map(({ feed }) => feed.idle()))),
  }
}

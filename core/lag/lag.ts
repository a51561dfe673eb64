/** Consumer lag as a person asks for it: pure, from what the log, the group and the database say. Offsets in records, times in ms, ages in seconds. */
import type { GroupState, PartitionOffsets } from '../log/log.ts'
import { groupOf, isLearner } from '../runner/consumer-names.ts'

/** What the database says (`strandline_lag`). */
export interface StoredLag {
  checkpoints: StoredCheckpoint[]
  dead_letters: { consumer: string; partition: number; reason: string; count: number }[]
  /** The learner whose coefficients readers see. */
  active: string | null
}

export interface StoredCheckpoint {
  consumer: string
  partition: number
  /** Next offset to apply; null before the first commit. */
  checkpoint: number | null
  epoch: number
  /** host/pid of whoever claimed the partition last. */
  holder: string | null
  committed_at: string | null
}

/** What the broker says about one group. */
export interface BrokerLag {
  state: GroupState
  committed: Map<number, number | null>
  /** When the first record that is not applied was written; null: there is none. */
  oldest: Map<number, number | null>
}

export interface PartitionLag {
  partition: number
  log_start: number
  log_end: number
  /** The group's offset at the broker: what Console, Burrow and kcat count from. Advisory; null where there is none. */
  committed: number | null
  /** The database's checkpoint: what is applied. null: nothing yet. */
  checkpoint: number | null
  /** Records from the database's checkpoint (from the log's start where there is none) to the log's end. */
  lag_records: number
  /** Age of the oldest record that is not applied; 0 when all are. null: it cannot be read. */
  lag_seconds: number | null
  dead_letters: number
  /** Who claimed the partition in the database last, as host/pid, and how often it was claimed. */
  holder: string | null
  epoch: number
  committed_at: string | null
  /** The group's member that the broker has given the partition to; null: nobody. */
  member: { id: string; client: string; host: string } | null
}

export interface ConsumerLag {
  group: string
  /** Name of the checkpoints in the database: learner/<model>/<hash of the model, with .r2 for a further build>, or projector. */
  consumer: string
  /** A learner whose coefficients readers do not see is not active. */
  active: boolean
  /** The group's state at the broker. */
  state: string
  lag_records: number
  lag_seconds: number | null
  dead_letters: number
  dead_letters_by_reason: Record<string, number>
  partitions: PartitionLag[]
}

export interface LagReport {
  topic: string
  /** ISO 8601. */
  at: string
  groups: ConsumerLag[]
}

/** Where a consumer reads on: its checkpoint, or the log's start where it has none. */
export const readsFrom = (checkpoint: number | null | undefined, range: PartitionOffsets): number =>
  checkpoint ?? range.start

/**
 * @param ranges read after the checkpoints: a lag is never negative then
 * @param broker by consumer
 * @param now ms
 */
export function lagReport(
  topic: string,
  stored: StoredLag,
  ranges: PartitionOffsets[],
  broker: Map<string, BrokerLag>,
  now: number,
): LagReport {
  const consumers = [...new Set(stored.checkpoints.map((p) => p.consumer))]
  const groups = consumers.map((consumer) => {
    const known = broker.get(consumer)
    const partitions = ranges.map((range) => {
      const row = stored.checkpoints.find((p) => p.consumer === consumer && p.partition === range.partition)
      return partitionLag(range, row, deadLetters(stored, consumer, range.partition), known, now)
    })
    return {
      group: groupOf(consumer),
      consumer,
      active: !isLearner(consumer) || consumer === stored.active,
      state: known?.state.state ?? 'Dead',
      lag_records: partitions.reduce((sum, p) => sum + p.lag_records, 0),
      lag_seconds: oldest(partitions),
      dead_letters: partitions.reduce((sum, p) => sum + p.dead_letters, 0),
      dead_letters_by_reason: byReason(stored, consumer),
      partitions,
    }
  })
  return { topic, at: new Date(now).toISOString(), groups }
}

function partitionLag(
  range: PartitionOffsets,
  row: StoredCheckpoint | undefined,
  dead_letters: number,
  broker: BrokerLag | undefined,
  now: number,
): PartitionLag {
  const { partition } = range
  const lag_records = Math.max(0, range.end - readsFrom(row?.checkpoint, range))
  const written = broker?.oldest.get(partition)
  const member = broker?.state.members.find((m) => m.partitions.includes(partition))
  return {
    partition,
    log_start: range.start,
    log_end: range.end,
    committed: broker?.committed.get(partition) ?? null,
    checkpoint: row?.checkpoint ?? null,
    lag_records,
    lag_seconds:
      lag_records === 0 ? 0 : written === undefined || written === null ? null : Math.max(0, now - written) / 1000,
    dead_letters,
    holder: row?.holder ?? null,
    epoch: row?.epoch ?? 0,
    committed_at: row?.committed_at ?? null,
    member: member ? { id: member.id, client: member.client, host: member.host } : null,
  }
}

function oldest(partitions: PartitionLag[]): number | null {
  const known = partitions.map((p) => p.lag_seconds).filter((s) => s !== null)
  return known.length === 0 ? null : Math.max(...known)
}

function deadLetters(stored: StoredLag, consumer: string, partition: number): number {
  return stored.dead_letters
    .filter((d) => d.consumer === consumer && d.partition === partition)
    .reduce((sum, d) => sum + d.count, 0)
}

function byReason(stored: StoredLag, consumer: string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const d of stored.dead_letters) if (d.consumer === consumer) counts[d.reason] = (counts[d.reason] ?? 0) + d.count
  return counts
}

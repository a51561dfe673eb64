/**
 * The lag of the partitions that one consumer holds, from what was last measured. Pure: times are handed in, in ms.
 *
 * It moves on while nothing is consumed: the ends come from the log, not from what was fetched, and the age of the oldest record that is not applied
 * grows by itself, also while the log does not answer.
 */
import type { PartitionOffsets } from '../log/log.ts'
import { readsFrom } from './lag.ts'

interface Held {
  checkpoint: number
  end: number
  /** When the first record that is not applied was written; null: unknown, or there is none. */
  oldest: number | null
  /** false: `oldest` is a lower bound, or not known. */
  exact: boolean
  /** Last time at which the checkpoint moved, or nothing was waiting. */
  movedAt: number
}

export interface HeldLag {
  /** @param checkpoints of the database; @param held what the group has given us */
  measured(held: number[], checkpoints: Map<number, number | null>, ranges: PartitionOffsets[], now: number): void
  /** Where each partition that is behind reads on, as far as the time of its oldest record is not known exactly. */
  unknown(): Map<number, number>
  written(timestamps: Map<number, number | null>): void
  /** A chunk was committed: `next` is the checkpoint now, `timestamp` the time of its last record. */
  applied(chunk: { partition: number; next: number; end: number; timestamp: number | null; now: number }): void
  partitions(): number[]
  records(partition: number): number
  /** Age of the oldest record that is not applied; 0 where all are, or where it is not known. */
  seconds(partition: number, now: number): number
  /** Partitions whose readable records have waited without any progress for longer than `ms`. */
  stuck(now: number, ms: number): { partition: number; records: number; seconds: number }[]
}

export function createHeldLag(): HeldLag {
  const all = new Map<number, Held>()
  const records = (p: Held) => Math.max(0, p.end - p.checkpoint)

  return {
    measured(held, checkpoints, ranges, now) {
      for (const partition of [...all.keys()]) if (!held.includes(partition)) all.delete(partition)
      for (const range of ranges) {
        if (!held.includes(range.partition)) continue
        const before = all.get(range.partition)
        // What was applied while this was measured is newer than the measurement.
        const checkpoint = Math.max(readsFrom(checkpoints.get(range.partition), range), before?.checkpoint ?? 0)
        const end = Math.max(range.end, before?.end ?? 0)
        const still = before !== undefined && before.checkpoint === checkpoint && end > checkpoint
        all.set(range.partition, {
          checkpoint,
          end,
          oldest: still ? before.oldest : null,
          exact: still && before.exact,
          movedAt: still && before.end > before.checkpoint ? before.movedAt : now,
        })
      }
    },
    unknown: () => new Map([...all].filter(([, p]) => records(p) > 0 && !p.exact).map(([n, p]) => [n, p.checkpoint])),
    written(timestamps) {
      for (const [partition, timestamp] of timestamps) {
        const p = all.get(partition)
        if (!p || records(p) === 0) continue
        p.oldest = timestamp
        p.exact = timestamp !== null
      }
    },
    applied({ partition, next, end, timestamp, now }) {
      const p = all.get(partition)
      if (!p || next <= p.checkpoint) return // a replay: the database's checkpoint stays
      p.checkpoint = next
      p.end = Math.max(p.end, end)
      p.movedAt = now
      // What waits now was written after what was just applied.
      p.oldest = records(p) > 0 ? timestamp : null
      p.exact = false
    },
    partitions: () => [...all.keys()],
    records: (partition) => {
      const p = all.get(partition)
      return p ? records(p) : 0
    },
    seconds: (partition, now) => {
      const p = all.get(partition)
      return p && p.oldest !== null && records(p) > 0 ? Math.max(0, now - p.oldest) / 1000 : 0
    },
    stuck: (now, ms) =>
      [...all]
        .filter(([, p]) => records(p) > 0 && p.oldest !== null && now - p.movedAt > ms)
        .map(([partition, p]) => ({ partition, records: records(p), seconds: Math.round((now - p.movedAt) / 1000) })),
  }
}

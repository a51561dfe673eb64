/** Checkpoints in memory: the rules of `strandline_claim`, `strandline.fence` and `strandline.advance`. */
import type { LastRecord } from '../../runner/last-record.ts'
import type { CheckpointStore, ConsumerPartition } from '../checkpoint-store.ts'
import { asJson, fromJsonb, keyOf, type MemoryDatabase } from './database.ts'

export interface CheckpointRow extends ConsumerPartition {
  epoch: number
  version: number
  checkpoint: number | null
  last_commit: string | null
  holder: string | null
  /** ISO 8601. */
  committed_at: string | null
  topic_id: string | null
  last_record: LastRecord | null
}

export const checkpointsOf = (db: MemoryDatabase) => db.table<CheckpointRow>('consumer_checkpoints')

export const placeOf = ({ consumer, topic, partition }: ConsumerPartition) => keyOf(consumer, topic, partition)

/** A partition that nobody has claimed. */
export const unclaimed = ({ consumer, topic, partition }: ConsumerPartition): CheckpointRow => ({
  consumer,
  topic,
  partition,
  epoch: 0,
  version: 0,
  checkpoint: null,
  last_commit: null,
  holder: null,
  committed_at: null,
  topic_id: null,
  last_record: null,
})

export function createMemoryCheckpoints(db: MemoryDatabase): CheckpointStore {
  const rows = checkpointsOf(db)
  return {
    claim: async (of, holder) =>
      db.transaction(() => {
        const before = rows.get(placeOf(of)) ?? unclaimed(of)
        const now = { ...before, epoch: before.epoch + 1, holder }
        rows.put(placeOf(of), now)
        const { epoch, version, checkpoint, topic_id, last_record } = now
        return asJson({ epoch, version, checkpoint, topic_id, last_record })
      }),
    async read(of) {
      const row = rows.get(placeOf(of))
      if (!row) return null
      const { epoch, version, checkpoint, last_commit, holder } = row
      return { epoch, version, checkpoint, last_commit, holder }
    },
    list: async (consumer, topic) =>
      rows
        .rows()
        .filter((r) => r.consumer === consumer && r.topic === topic)
        .map(({ partition, checkpoint, holder, topic_id }) => ({ partition, checkpoint, holder, topic_id }))
        .sort((a, b) => a.partition - b.partition),
  }
}

/** What whoever commits takes the partition for; checkpoint null: nothing was applied. */
export interface HeldClaim extends ConsumerPartition {
  epoch: number
  version: number
  checkpoint: number | null
}

/** Checks a claim: 'ok', 'fenced' (someone claimed it since) or 'stale' (its state changed since it was read). */
export function fence(db: MemoryDatabase, claim: HeldClaim): 'ok' | 'fenced' | 'stale' {
  const held = checkpointsOf(db).get(placeOf(claim))
  if (held?.epoch !== claim.epoch) return 'fenced'
  if (held.version !== claim.version || (held.checkpoint ?? -1) !== (claim.checkpoint ?? -1)) return 'stale'
  return 'ok'
}

export interface Advance {
  next: number
  commitId: string
  /** JSON, as `seenOf` writes it (core/runner/last-record.ts). */
  seen: string | null
}

/** Moves a checkpoint forward (a replay below it leaves it where it is) and counts the change. */
export function advance(db: MemoryDatabase, of: ConsumerPartition, { next, commitId, seen }: Advance): void {
  const rows = checkpointsOf(db)
  const row = rows.get(placeOf(of))
  if (!row) return
  const read = seen === null ? {} : fromJsonb<{ topic_id?: string | null; record?: LastRecord }>(seen)
  const onward = next >= (row.checkpoint ?? next)
  rows.put(placeOf(of), {
    ...row,
    checkpoint: Math.max(row.checkpoint ?? next, next),
    version: row.version + 1,
    last_commit: commitId,
    committed_at: new Date(db.now()).toISOString(),
    topic_id: read.topic_id ?? row.topic_id,
    last_record: read.record !== undefined && onward ? read.record : row.last_record,
  })
}

/** What the projector writes: port, and its adapter over the database's functions. In memory: memory-strands.ts. */
import type { Claim } from '../../core/runner/chunk-processor.ts'
import type { Store } from '../../core/store/store.ts'
import type { StrandRow } from '../../domain/strand.ts'

export interface StrandCommit {
  claim: Claim
  commitId: string
  next: number
  /** Of several revisions of a trade the highest counts; of equal ones the first. */
  rows: StrandRow[]
  /** Which log was read, and how far (core/runner/last-record.ts). */
  seen: string | null
}

export type StrandsCommitted =
  | {
      status: 'ok'
      /** Strands that were made or changed. */
      written: number
      /** Strands of somebody else that are shown for our trades, and changed with them. */
      adopted: number
      /** Trades of the time before `ad_strands` was adopted: they get no row there. */
      kept: number
      /** Strands that `ad_strands` refuses. */
      set_aside: number
    }
  /** Nothing was changed. */
  | { status: 'fenced' | 'stale' }

export interface StrandStore {
  /** Strands and checkpoint in one transaction. Errors: STORE_UNREACHABLE (outcome unknown), STORE_REJECTED, STORE_SCHEMA. */
  commit(commit: StrandCommit): Promise<StrandsCommitted>
}

/** @param sync commits wait for the disk; otherwise a crash may take the newest ones along, with the checkpoint */
export function createStrandStore(store: Store, consumer: string, sync = true): StrandStore {
  return {
    commit: ({ claim, commitId, next, rows, seen }) =>
      store.rpc('strandline_projector_commit', {
        p_consumer: consumer,
        p_topic: claim.topic,
        p_partition: claim.partition,
        p_epoch: claim.epoch,
        p_version: claim.version,
        p_next: next,
        p_commit: commitId,
        p_rows: JSON.stringify(rows),
        p_seen: seen,
        p_checkpoint: claim.checkpoint ?? -1,
        p_sync: sync,
      }),
  }
}

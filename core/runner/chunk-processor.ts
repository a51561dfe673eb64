/** What a partition runner hands to whoever turns records into a transaction, and what it gets back. */
import type { StrandlineError } from '../errors.ts'
import type { LogRecord } from '../log/log.ts'

export interface Claim {
  readonly topic: string
  readonly partition: number
  readonly epoch: number
  /** Of the topic that is read; null where the broker has none. */
  readonly topicId?: string | null
  /** Version of the partition's state that we know: a commit names it, and raises it by one. */
  version: number
  /** The database's checkpoint: next offset to apply; null before the first commit. */
  checkpoint: number | null
}

export interface Chunk {
  records: LogRecord[]
  /** Where reading goes on once all records are applied. */
  next: number
  /** Below the database's checkpoint: what is in the ledger already is likely. */
  replay: boolean
  /** Id to commit under. */
  commitId: string
  /** More of the partition is in hand: another commit follows before it is applied to its end. Default: false. */
  more?: boolean
}

export type Applied =
  | {
      status: 'ok' | 'fenced' | 'stale'
      /** false: there was nothing to write and the checkpoint was beyond already; no transaction took place. Default: true. */
      committed?: boolean
    }
  | Waits

/** Nothing was applied: the record at `offset` is the first of the chunk that cannot be read yet, and why. What lies before it need not wait. */
export interface Waits {
  status: 'waits'
  offset: number
  error: StrandlineError
}

export interface ChunkProcessor {
  /** Applies the records in one transaction that checks the claim, writes the effect and advances the checkpoint. STORE_UNREACHABLE: outcome unknown. */
  apply(claim: Claim, chunk: Chunk): Promise<Applied>
  /** What is cached under this claim may be out of date: read it again. */
  forget(claim: Claim): void
}

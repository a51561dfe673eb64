/** What only grows, made small once it is old: port, and its adapter over the database's functions (…_retention.sql). In memory: memory-retention.ts. */
import type { Store } from '../../core/store/store.ts'

export const RETAINED_TABLES = ['pm_outbox', 'pm_executions', 'learning_queue', 'dead_letters'] as const
export type RetainedTable = (typeof RETAINED_TABLES)[number]

export interface RetentionPiece {
  /** Rows that were made small or deleted. */
  done: number
  /** Where the next piece begins; null after the last. */
  next: string | null
}

export interface RetentionStore {
  /**
   * Rows older than so many days, behind `after` ('' at first): so many looked at. What recognises a trade stays.
   * Errors: STORE_UNREACHABLE, STORE_REJECTED, STORE_SCHEMA.
   */
  shrink(table: RetainedTable, days: number, after: string, limit: number): Promise<RetentionPiece>
}

export const createRetentionStore = (store: Store): RetentionStore => ({
  shrink: (table, days, after, limit) =>
    store.rpc('strandline_retain', { p_table: table, p_days: days, p_after: after, p_limit: limit }),
})

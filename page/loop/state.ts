/** The loop at one moment, as the page shows it. Times are ISO 8601 in UTC, durations milliseconds. */
import type { ConsumerLag } from '../../core/lag/lag.ts'
import type { Severity } from '../../doctor/finding.ts'
import type { OutcomeDefinition } from '../../domain/learning/outcome.ts'
import type { TradeRow } from '../../replay/trade-row.ts'
import type { AuditReport } from '../../services/audit/audit.ts'

export interface Problem {
  severity: Exclude<Severity, 'info'>
  /** What is wrong, as a sentence. */
  what: string
  /** What to do about it, as a sentence; null: nothing. */
  todo: string | null
}

/** From the close in the database to the transaction that learned it: of the newest record of each commit that was seen. */
export interface Latency {
  p50: number
  p99: number
  /** Commits that were seen, of the last hour. */
  samples: number
}

/** The last hours, a sample every so often. */
export interface Course {
  at: string[]
  /** By consumer: records that it had not applied; null: there was no such consumer. */
  lag: Record<string, (number | null)[]>
}

export interface Audited extends AuditReport {
  /** When it was begun. */
  at: string
  seconds: number
}

export interface LoopState {
  /** When it was looked at. */
  at: string
  topic: string
  /** Rows of the outbox that are not in the log yet. null: the database did not say. */
  outbox: number | null
  log: { records: number; partitions: number } | null
  consumers: ConsumerLag[]
  latency: Latency | null
  /** Trades in the baseline of the active model. */
  learned: { model: string; outcome: OutcomeDefinition; n: number } | null
  /** Open ones of the learner that readers see. */
  dead_letters: number
  /** The newest records of the log, newest first, as the active model reads them. null: not read yet. */
  trades: TradeRow[] | null
  /** While the log is read for the first time, in records. */
  reading: { done: number; total: number } | null
  /** What is wrong, the worst first. */
  problems: Problem[]
  /** The last audit; null: none has been made yet. */
  audit: Audited | null
}

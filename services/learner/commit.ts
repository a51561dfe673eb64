/** What one chunk changes, and what the database answers. */
import type { Claim } from '../../core/runner/partition-runner.ts'
import type { Group } from '../../domain/learning/model.ts'
import type { SumsTable } from '../../domain/learning/sums-table.ts'
import type { Trade } from '../../domain/learning/trade.ts'
import type { TradeSelection } from '../../domain/learning/trade-table.ts'

/** A group in one period: its sums are a row of a table. */
export interface Cell {
  period: number
  group: Group
}

/** A cell whose sums a chunk has changed: row `row` of `table`, until the commit is answered. */
export interface DirtySums extends Cell {
  partition: number
  table: SumsTable
  row: number
  /** Whether the database may have a row of the cell; false: it has none. */
  known: boolean
}

export interface DeadLetterRow {
  offset: number
  /** The record's own time: with the topic's id it tells records of several topics at one place apart. */
  record_ms: number
  reason: string
  detail: string
  dead_topic: string | null
  dead_partition: number | null
  dead_offset: number | null
  /** Of a record that was redriven (redrive-headers.ts): how often, and the offset that it is a copy of. */
  redrives: number
  redrive_of: number | null
}

/** Another partition when its sums were read. A crash may repeat a version, but not with the checkpoint that it had. */
export interface ForeignState {
  partition: number
  version: number
  checkpoint: number | null
}

export interface LearnerCommit {
  claim: Claim
  commitId: string
  next: number
  /** Events that the ledger does not have. */
  fresh: TradeSelection
  /** Higher revisions of events that it has, with the revision that was read: what was taken out of the sums. Another one by now: stale. */
  changed: (Trade & { was: number })[]
  dirty: DirtySums[]
  /** Other partitions whose sums change, with the state that was read. */
  foreign: ForeignState[]
  dead: DeadLetterRow[]
  /** Whether the baseline is written along (baseline-turns.ts). Default: true. */
  baseline?: boolean
  /** Where the chunk's records begin, and which of them are letters still: the letters of the others are settled. */
  settles?: { from: number; refused: number[] }
  /** Which log was read, and how far (core/runner/last-record.ts). */
  seen: string
}

export type CommitAnswer = { status: 'ok' | 'fenced' | 'stale' } | { status: 'seen'; ids: string[] }

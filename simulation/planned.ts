/** What happens in one schedule, as plain data: what fails can be made smaller. */
import type { CallFault, Engine } from './network.ts'

export interface PlannedBar {
  /** ms */
  start: number
  low: number
  high: number
}

export interface PlannedExecution {
  id: string
  kind: 'buy' | 'add' | 'trim' | 'emergency_exit'
  /** null: all that is held. */
  quantity: number | null
  size_frac: number | null
  price: number
  /** ms; null: when it is reported. */
  at: number | null
}

export interface PlannedTrade {
  position_id: string
  side: 'long' | 'short'
  timeframe: '1m' | '15m'
  context: Record<string, string | number>
  executions: PlannedExecution[]
  bars: PlannedBar[]
  /** When they are written, ms after the begin; null: never. */
  bars_at: number | null
  /** Those from this one on are written at another time; null: all are written at once. */
  late_bars: { from: number; at: number } | null
  /** ms after the begin. */
  begins: number
  /** ms between two of its requests. */
  pause: number
}

/** A closed trade that a bot posts. */
export interface PlannedPost {
  /** As a position that is bought and sold whole, with its times; its id is the trade's. */
  trade: PlannedTrade
  /** What the bot says of the R/R; null: nothing, the bars do. */
  rr: number | null
  /** In their order; `again`: which of them are posted once more behind it. */
  revisions: { exit_price: number; voided: boolean; again: number[] }[]
}

export const POISON = [
  'empty_value',
  'bad_magic',
  'truncated',
  'not_avro',
  'null_key',
  'id_invalid',
  'text_invalid',
  'revision_invalid',
  'rr_not_finite',
  'rr_out_of_range',
  'measure_not_finite',
  'exit_time_invalid',
  'exit_in_future',
  'unknown_schema',
] as const
export type Poison = (typeof POISON)[number]

/** What others write into the log, into the outbox, or into the database. `trade`: which one, by its number. */
export type Edit = { at: number; partition: number | null } & (
  | { kind: 'correction'; trade: number; revision: number; rr: number | null; later: number; curator: string | null }
  | { kind: 'void'; trade: number; revision: number }
  | { kind: 'duplicate'; trade: number }
  | { kind: 'poison'; poison: Poison; number: number }
  /** As `correct` does, or, with an R/R of null, `void`: the revision behind the newest of the log, through the outbox. */
  | { kind: 'desk'; trade: number; rr: number | null }
  /** The entry price of its position is corrected so often, every so many ms, while it is open; `at`: after the trade begins. */
  | { kind: 'repricing'; trade: number; times: number; every: number }
)

/** Times in ms, after the begin. */
export type Fault = { at: number; ms: number } & (
  | { kind: 'kill' | 'freeze' | 'stop'; process: string }
  | { kind: 'database-crash' | 'database-away' | 'disk-full' | 'database-restored' }
  | { kind: 'log-away' | 'registry-away' | 'registry-denies' }
  | { kind: 'rebalance'; consumer: number }
  | { kind: 'offset-moved'; consumer: number; partition: number; to: number | 'earliest' | 'latest' }
  | { kind: 'transaction'; partition: number; records: number; committed: boolean; trade: number }
  | { kind: 'partitions-added'; count: number }
  | { kind: 'clock-jump'; clock: string; by: number }
  | { kind: 'calls'; engine: Engine; fault: CallFault; rate: number; seed: number }
)

export interface Plan {
  seed: number
  partitions: number
  /** How far each clock is ahead, ms. */
  clocks: Record<string, number>
  trades: PlannedTrade[]
  posts: PlannedPost[]
  edits: Edit[]
  faults: Fault[]
}

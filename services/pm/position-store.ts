/** Positions, what was executed of them, and closing them: port, and its adapter over the database's functions. In memory: memory-positions.ts. */

import type { EventKey, OutboxRow } from '../../core/store/outbox-store.ts'
import type { Store } from '../../core/store/store.ts'
import type { BarRow, Closing, FlatTrade } from '../../domain/closing/closing.ts'
import type { Execution } from '../../domain/closing/execution.ts'
import type { ExitBars } from '../../domain/closing/final-bars.ts'
import type { Score, Side } from '../../domain/closing/rr.ts'
import type { PositionClosed } from '../../domain/event.ts'
import type { PositionRow } from './position-row.ts'

/** The relay that publishes a new outbox row at once; null: whoever polls. Nobody else takes the row before the lease is over. */
export interface RelayClaim {
  relay: string | null
  leaseMs: number
}

/** An execution as it is recorded: the id of the trade that it would begin, and how far a clock may be ahead, ms. */
export interface RecordedExecution extends Execution {
  trade_id: string
  max_skew_ms: number
}

export type OpenAnswer =
  /** 'exists': a position with this id was there; it is returned as it is. */
  { status: 'opened' | 'exists'; position: PositionRow } | { status: 'invalid'; reason: string }

export type RecordAnswer =
  | {
      status: 'recorded' | 'duplicate'
      trade_id: string
      size_frac: number | null
      /** Held after it, in tokens. */
      left: number
      /** What is over and not closed. */
      trade: FlatTrade | null
    }
  | { status: 'close_first'; trade: FlatTrade }
  | { status: 'more_than_held'; held: number }
  | { status: 'before_entry'; entry: string }
  | { status: 'in_future'; executed_at: string; now: string }
  | { status: 'invalid'; reason: string }
  | { status: 'conflict' | 'unknown_position' | 'nothing_held' }

/** close: of the trade that the exit left; absent where nothing was recorded. */
export type ExitAnswer = RecordAnswer & { close?: CloseAnswer }

/** A trade that was scored as it was read: closed only while that is so. */
export interface ScoredTrade extends Closing {
  position_id: string
  trade_id: string
  fingerprint: string
  traceparent: string | null
}

export type CloseAnswer =
  | { status: 'closed'; outbox: OutboxRow }
  /** The trade was in the outbox before, perhaps under another name. */
  | { status: 'closed'; outbox: null; event: PositionClosed }
  | { status: 'already_closed'; event: PositionClosed }
  | { status: 'changed' | 'not_flat' | 'unknown_position' | 'invalid' }

/** A trade that closed before all of its bars were there, and of which there is something new. */
export interface LateTrade extends ExitBars {
  event_id: string
  position_id: string
  /** The latest revision that the outbox has. */
  event: PositionClosed
  side: Side
  /** The revision whose score is provisional; null: it has none. */
  revision: number | null
  /** null: too many to travel with it. */
  bars: BarRow[] | null
  /** Nobody waits any longer for bars that are not there. */
  over: boolean
  /** Somebody else scored, corrected or retracted it; it is noted no more. */
  settled: boolean
}

export interface LateTrades {
  trades: LateTrade[]
  /** How many trades of the timeframe have a provisional score. */
  provisional: number
}

export interface LateScore {
  /** The next revision. */
  event: PositionClosed
  score: Score
}

export type ScoreAnswer = { status: 'scored'; outbox: OutboxRow | null } | { status: 'superseded' }

/** Each is one transaction. Errors: STORE_UNREACHABLE (outcome unknown), STORE_REJECTED, STORE_SCHEMA. */
export interface PositionStore {
  /** @param position {id?, token_chain, token_contract, token_ticker, timeframe, side, entry_context, regime_context} */
  open(position: object): Promise<OpenAnswer>
  read(positionId: string): Promise<PositionRow | null>
  /** Records an execution and moves quantities and averages, once per id. */
  record(execution: RecordedExecution): Promise<RecordAnswer>
  /** The trade that an exit would leave to be closed; nothing is written. Null: it leaves something, was reported before, or is refused. */
  tradeAfter(execution: RecordedExecution): Promise<FlatTrade | null>
  /** Records an exit that leaves nothing, and closes what was scored for it. The exit is recorded also where another trade is found. */
  exit(execution: RecordedExecution, trade: ScoredTrade, claim: RelayClaim): Promise<ExitAnswer>
  /** A position whose trade is over, as a trade to be closed; null: it is not, or it is closed already. */
  flatTrade(positionId: string): Promise<FlatTrade | null>
  /** All of a timeframe, by position, behind one ('': from the first). */
  flatTrades(timeframe: string, after: string, limit: number): Promise<FlatTrade[]>
  /** Closes a trade: position, outbox row and the note to score it again. */
  close(trade: ScoredTrade, claim: RelayClaim): Promise<CloseAnswer>
  /** By event, behind one ('': from the first). */
  lateTrades(timeframe: string, after: string, limit: number): Promise<LateTrades>
  /** Publishes the score of all bars and takes the note away; 'superseded': someone else scored, corrected or retracted the trade. */
  scoreLate(score: LateScore, claim: RelayClaim): Promise<ScoreAnswer>
  /** Takes the note from trades whose provisional score is that of all bars. */
  confirmScores(notes: EventKey[]): Promise<void>
  /** Timeframes beyond these, of trades that run or are not scored for good ('': they have none), and of positions that are set aside. */
  otherTimeframes(known: readonly string[]): Promise<string[]>
  /** What a tick could not close, in place of what it named before; an id comes once. */
  setAside(timeframe: string, positions: [id: string, reason: string][]): Promise<void>
  /** The newest revision of an event, also by a trade's other name; null: the outbox has none. */
  event(eventId: string): Promise<PositionClosed | null>
}

const claimArgs = ({ relay, leaseMs }: RelayClaim) => ({ p_relay: relay, p_lease_ms: leaseMs })

export function createPositionStore(store: Store): PositionStore {
  const page = (fn: string, timeframe: string, after: string, limit: number) =>
    store.rpc<never>(fn, { p_timeframe: timeframe, p_after: after, p_limit: limit })
  return {
    open: (position) => store.rpc('strandline_pm_open_position', { p_position: JSON.stringify(position) }),
    read: (positionId) => store.rpc('strandline_pm_position', { p_position_id: positionId }),
    record: (execution) => store.rpc('strandline_pm_record_execution', { p_execution: JSON.stringify(execution) }),
    tradeAfter: (execution) => store.rpc('strandline_pm_trade_after', { p_execution: JSON.stringify(execution) }),
    exit: (execution, trade, claim) =>
      store.rpc('strandline_pm_exit', {
        p_execution: JSON.stringify(execution),
        p_close: JSON.stringify(trade),
        ...claimArgs(claim),
      }),
    flatTrade: (positionId) => store.rpc('strandline_pm_flat_trade', { p_position_id: positionId }),
    flatTrades: (timeframe, after, limit) => page('strandline_pm_flat_trades', timeframe, after, limit),
    close: (trade, claim) => store.rpc('strandline_pm_close', { p_close: JSON.stringify(trade), ...claimArgs(claim) }),
    lateTrades: (timeframe, after, limit) => page('strandline_pm_late_trades', timeframe, after, limit),
    scoreLate: (score, claim) =>
      store.rpc('strandline_pm_score_late', {
        p_score: JSON.stringify({ ...score, traceparent: null }),
        ...claimArgs(claim),
      }),
    confirmScores: (notes) => store.rpc('strandline_pm_confirm_scores', { p_notes: JSON.stringify(notes) }),
    otherTimeframes: (known) => store.rpc('strandline_pm_other_timeframes', { p_known: JSON.stringify(known) }),
    setAside: (timeframe, positions) =>
      store.rpc('strandline_pm_set_aside_positions', {
        p_timeframe: timeframe,
        p_rows: JSON.stringify(positions),
      }),
    event: (eventId) => store.rpc('strandline_pm_outbox_event', { p_event_id: eventId }),
  }
}

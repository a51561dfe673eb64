/** A flat position becomes a closed trade: its score, its event, its entry in completed_trades. Pure. */
import { StrandlineError } from '../../core/errors.ts'
import { eventId, type PositionClosed, splitEntryContext } from '../../core/event.ts'
import { MAX_CLOCK_SKEW_MS } from '../../core/validation.ts'
import { isObject, textMap } from './context.ts'
import { type Bar, type Score, type Side, scoreTrade } from './rr.ts'
import { timeframeMs } from './timeframe.ts'

/** A bar as the database hands it out: start (ms), low, high. What is no finite number there arrives as null or a text. */
export type BarRow = [number, number | string | null, number | string | null]

/** A position that holds nothing and is not closed yet (`pm_trade` in the database). Times in ms. */
export interface FlatTrade {
  position_id: string
  trade_id: string
  /** What the close depends on; the database refuses the close when it has changed. */
  fingerprint: string
  symbol: string
  token_contract: string
  chain: string
  timeframe: string
  side: Side
  decision_type: string
  entry_price: number | string | null
  exit_price: number | string | null
  quantity: number
  opened_at: number
  closed_at: number
  entry_context: unknown
  regime_context: unknown
  bars: BarRow[]
}

/** An element of `lowcap_positions.completed_trades`. */
export type CompletedTrade = Score & {
  trade_id: string
  event_id: string
  revision: number
  side: Side
  decision_type: string
  entry_price: number
  exit_price: number
  entry_timestamp: string
  exit_timestamp: string
  quantity: number
}

export interface Closing {
  event: PositionClosed
  completed_trade: CompletedTrade
  /** No bars yet: a tick scores it when they arrive. */
  score_later: boolean
}

export const NO_BARS = 'no_ohlcv'

/**
 * @param now ms
 * Errors: POSITION_INVALID when a price is missing or nonsense, or the exit lies in the future (the log's readers would refuse such an event
 * for good); the position stays open.
 */
export function closingOf(trade: FlatTrade, now: number): Closing {
  if (trade.closed_at > now + MAX_CLOCK_SKEW_MS)
    throw new StrandlineError(
      'POSITION_INVALID',
      `Position ${trade.position_id} holds nothing, but its exit lies in the future (${new Date(trade.closed_at).toISOString()}).`,
      { todo: 'Correct its closed_at; it is not closed before.' },
    )
  const prices = { entry_price: price(trade, 'entry_price'), exit_price: price(trade, 'exit_price') }
  const times = { opened_at: trade.opened_at, closed_at: trade.closed_at }
  const score = scoreTrade({ side: trade.side, ...prices, ...times }, barsOf(trade.bars), timeframeMs(trade.timeframe))
  const identity = { event_id: eventId(trade.position_id, trade.trade_id), revision: 0 }
  return {
    event: {
      ...identity,
      voided: false,
      position_id: trade.position_id,
      trade_id: trade.trade_id,
      symbol: trade.symbol,
      token_contract: trade.token_contract,
      chain: trade.chain,
      timeframe: trade.timeframe,
      decision_type: trade.decision_type,
      ...times,
      ...prices,
      ...score,
      ...splitEntryContext(isObject(trade.entry_context) ? trade.entry_context : {}),
      regime_context: textMap(trade.regime_context),
      source: 'pm',
    },
    completed_trade: {
      trade_id: trade.trade_id,
      ...identity,
      side: trade.side,
      decision_type: trade.decision_type,
      ...prices,
      entry_timestamp: new Date(trade.opened_at).toISOString(),
      exit_timestamp: new Date(trade.closed_at).toISOString(),
      quantity: trade.quantity,
      ...score,
    },
    score_later: score.unscored_reason === NO_BARS,
  }
}

/** The event's next revision with the score of bars that arrived late, or null where still none of them counts. */
export function rescored(
  event: PositionClosed,
  side: Side,
  bars: BarRow[],
): { event: PositionClosed; score: Score } | null {
  const score = scoreOn(event, side, bars)
  if (score.unscored_reason === NO_BARS) return null
  return { event: { ...event, ...score, revision: event.revision + 1 }, score }
}

/** The score of an event's trade on these bars. Errors: POSITION_INVALID. */
export function scoreOn(event: PositionClosed, side: Side, bars: BarRow[]): Score {
  return scoreTrade({ side, ...event }, barsOf(bars), timeframeMs(event.timeframe))
}

function* barsOf(rows: BarRow[]): Iterable<Bar> {
  for (const [start, low, high] of rows) yield { start, low: Number(low), high: Number(high) }
}

function price(trade: FlatTrade, name: 'entry_price' | 'exit_price'): number {
  const value = trade[name]
  if (value === null)
    throw new StrandlineError(
      'POSITION_INVALID',
      `Position ${trade.position_id} holds nothing, but has no ${name.replace('_', ' ')}.`,
      {
        todo: `Set its avg_${name} (or report the execution); it is not closed before.`,
      },
    )
  const number = Number(value)
  if (!(Number.isFinite(number) && number > 0))
    throw new StrandlineError(
      'POSITION_INVALID',
      `Position ${trade.position_id} holds nothing, but its ${name.replace('_', ' ')} is ${value}.`,
      {
        todo: `Correct its avg_${name} to a finite number above 0; it is not closed before.`,
      },
    )
  return number
}

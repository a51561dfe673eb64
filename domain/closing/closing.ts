/** A flat position becomes a closed trade: its score, its event, its entry in completed_trades. Pure. */
import { findStrandlineError, StrandlineError } from '../../core/errors.ts'
import { textMap } from '../context.ts'
import { eventId, type PositionClosed, UNSAID } from '../event.ts'
import { isObject } from '../is-object.ts'
import { fitContext, fitEvent, MAX_ID_BYTES } from '../limits.ts'
import { timeText } from '../time.ts'
import { timeframeMs } from '../timeframe.ts'
import { MAX_CLOCK_SKEW_MS, MAX_EXIT_MS, MIN_ENTRY_MS } from '../validation.ts'
import { barsAreFinal, type ExitBars, waitsUntil } from './final-bars.ts'
import { type Bar, type Score, type Side, scoreTrade } from './rr.ts'

/** A bar as the database hands it out: start (ms), low, high. What is no finite number there arrives as null or a text. */
export type BarRow = [number, number | string | null, number | string | null]

/** A position that holds nothing and is not closed yet (`pm_trade` in the database). Times in ms. */
export interface FlatTrade extends ExitBars {
  position_id: string
  trade_id: string
  /** What the close depends on; the database refuses the close when it has changed. */
  fingerprint: string
  /** Why the database could not read the row as a trade; then there is nothing but the two ids. */
  problem?: string | null
  /** The database's clock when it was read: the one that decides what lies in the future. */
  now: number
  symbol: string | null
  token_contract: string | null
  chain: string | null
  timeframe: string
  /** `long`, `short`, or what somebody else wrote there. */
  side: string | null
  decision_type: string
  entry_price: number | string | null
  exit_price: number | string | null
  /** All that was bought, in tokens. */
  quantity: number | string | null
  /** A text where it is infinite. */
  opened_at: number | string
  closed_at: number | string
  entry_context: unknown
  regime_context: unknown
  /** null: too many to travel with the trade (bars.ts). */
  bars: BarRow[] | null
}

export type BarredFlatTrade = FlatTrade & { bars: BarRow[] }

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
  quantity: number | string | null
  left_out?: string[]
}

export interface Closing {
  side: Side
  event: PositionClosed
  completed_trade: CompletedTrade
  /** No bars yet: a tick scores it when they arrive. */
  score_later: boolean
  /** Its bars are not all there: until then (ms) a tick waits for the others, and scores it again. null: the score is final. */
  waits_until: number | null
}

export const NO_BARS = 'no_ohlcv'

/**
 * What of a context is too long for an event is left out and named; the trade is not.
 * Errors: POSITION_INVALID when a price, a time or an identity is missing or nonsense, or the exit lies in the future (the log's readers would
 * refuse such an event for good); the position stays open.
 */
export function closingOf(trade: BarredFlatTrade): Closing {
  if (trade.problem) throw unreadable(trade, trade.problem)
  const times = timesOf(trade)
  const prices = { entry_price: price(trade, 'entry_price'), exit_price: price(trade, 'exit_price') }
  const side = sideOf(trade)
  const identity = { event_id: eventId(trade.position_id, trade.trade_id), revision: 0 }
  const context = isObject(trade.entry_context) ? fitContext(trade.entry_context) : null
  const excess = context ? context.excess.map((e) => e.field) : trade.entry_context === null ? [] : ['entry_context']
  const score = scoreTrade({ side, ...prices, ...times }, barsOf(trade.bars), timeframeMs(trade.timeframe))
  const score_later = score.unscored_reason === NO_BARS
  const final = !score_later && barsAreFinal({ ...times, timeframe: trade.timeframe }, trade)
  const event = fitted(trade, {
    ...identity,
    voided: false,
    position_id: trade.position_id,
    trade_id: trade.trade_id,
    symbol: trade.symbol ?? '',
    token_contract: trade.token_contract ?? '',
    chain: trade.chain ?? '',
    timeframe: trade.timeframe,
    decision_type: trade.decision_type,
    ...times,
    ...prices,
    ...score,
    ...UNSAID, // no execution says its fees
    provisional: !final,
    stake: stakeOf(prices.entry_price, trade.quantity),
    risk_at_entry: context?.measures.risk_at_entry ?? null,
    levers: context?.levers ?? {},
    measures: context?.measures ?? {},
    regime_context: textMap(trade.regime_context),
    source: 'pm',
    ...(excess.length > 0 ? { left_out: excess } : {}),
  })
  return {
    side,
    event,
    completed_trade: {
      trade_id: trade.trade_id,
      ...identity,
      side,
      decision_type: event.decision_type,
      ...prices,
      entry_timestamp: new Date(times.opened_at).toISOString(),
      exit_timestamp: new Date(times.closed_at).toISOString(),
      quantity: trade.quantity,
      ...score,
      ...(event.left_out ? { left_out: event.left_out } : {}),
    },
    score_later,
    waits_until: final ? null : waitsUntil({ ...times, timeframe: trade.timeframe }, trade.now),
  }
}

/** What was paid for all that was bought; null where the row does not say how much that was. */
function stakeOf(entry_price: number, quantity: FlatTrade['quantity']): number | null {
  const stake = quantity === null ? Number.NaN : entry_price * Number(quantity)
  return stake > 0 && Number.isFinite(stake) ? stake : null
}

const unreadable = (trade: FlatTrade, problem: string) =>
  new StrandlineError('POSITION_INVALID', `Position ${shown(trade.position_id)} holds nothing, but ${problem}.`, {
    todo: 'Correct its row in lowcap_positions; it is not closed before.',
  })

const shown = (id: string) => (id === '' ? "''" : id.slice(0, MAX_ID_BYTES).toWellFormed())

function fitted(trade: FlatTrade, event: PositionClosed): PositionClosed {
  try {
    return fitEvent(event).event
  } catch (error) {
    const known = findStrandlineError(error)
    if (known?.code !== 'EVENT_INVALID') throw error
    throw unreadable(trade, `it cannot be an event: ${known.message.replace(/\.$/, '')}`)
  }
}

function timesOf(trade: FlatTrade): { opened_at: number; closed_at: number } {
  const { opened_at, closed_at, now } = trade
  if (!isTime(opened_at, MIN_ENTRY_MS)) throw unreadable(trade, `its first_entry_timestamp is ${shownTime(opened_at)}`)
  if (!isTime(closed_at, 1)) throw unreadable(trade, `its exit is at ${shownTime(closed_at)}`)
  if (closed_at > now + MAX_CLOCK_SKEW_MS)
    throw new StrandlineError(
      'POSITION_INVALID',
      `Position ${trade.position_id} holds nothing, but its exit lies in the future (${shownTime(closed_at)}; by the database's clock it is ${shownTime(now)}).`,
      { todo: 'Correct its closed_at, or the clock of whoever wrote it; it is not closed before that time has come.' },
    )
  return { opened_at, closed_at }
}

const isTime = (ms: unknown, from: number): ms is number =>
  typeof ms === 'number' && Number.isSafeInteger(ms) && ms >= from && ms <= MAX_EXIT_MS

const shownTime = (time: number | string): string => (typeof time === 'number' ? timeText(time) : time)

/** The column of an older table may hold anything, or nothing. */
function sideOf(trade: FlatTrade): Side {
  const text = (trade.side ?? '').trim().toLowerCase()
  if (text === '' || text === 'long') return 'long'
  if (text === 'short') return 'short'
  throw unreadable(trade, `its side is ${JSON.stringify(text.slice(0, 64))}, neither long nor short`)
}

/**
 * The event's next revision with the score of the bars that are there now; null: it is the same score to the last bit, or none of them counts.
 * @param by who makes it and why
 */
export function rescored(
  event: PositionClosed,
  side: Side,
  bars: BarRow[],
  by: string,
): { event: PositionClosed; score: Score } | null {
  const score = scoreOn(event, side, bars)
  if (score.unscored_reason === NO_BARS || isScore(event, score)) return null
  const revision = event.revision + 1
  return { event: { ...event, ...score, provisional: false, revision, revised_by: by }, score }
}

const isScore = (event: PositionClosed, score: Score): boolean =>
  (Object.keys(score) as (keyof Score)[]).every((field) => event[field] === score[field])

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

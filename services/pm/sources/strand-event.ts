/** A `position_closed` strand that somebody else wrote, as the event of its trade. Pure. */
import { StrandlineError } from '../../../core/errors.ts'
import { eventId, type PositionClosed, splitEntryContext } from '../../../core/event.ts'
import { isObject } from '../../../core/is-object.ts'
import { fitEvent, wellFormed } from '../../../core/limits.ts'
import { parseTime } from '../../../core/time.ts'
import { checkEvent, MAX_EXIT_MS, MAX_RR, MIN_ENTRY_MS } from '../../../core/validation.ts'
import { textMap } from '../context.ts'
import type { Side } from '../rr.ts'

/** A row of ad_strands. */
export type ForeignStrand = Record<string, unknown> & { id: string }

export interface StrandTrade {
  event: PositionClosed
  side: Side
  /** The strand has prices and times but no R/R: it can be scored on bars, like any close of our own. */
  unscored: boolean
}

const DAY_MS = 86_400_000

type Fields = Record<string, unknown>

/**
 * Reads a strand. Its ids and symbol are columns, or lie in `content`; the trade is the last of `content.completed_trades`, or
 * `content.trade_summary`. An R/R beyond ±10 is the same ratio under another bound, and is clamped. What of it is too long for an event is left
 * out and named (`left_out`).
 * @param now ms; an exit up to a day later comes back as it is (somebody's clock is ahead: wait), anything beyond is no exit time
 * Errors: EVENT_INVALID, naming what is missing.
 */
export function tradeOfStrand(strand: ForeignStrand, now: number): StrandTrade {
  const content = objectOf(strand.content)
  if (!content) throw invalid('the strand has no content')
  const trades = listOf(content.completed_trades)
  const summary = objectOf(content.trade_summary) ?? {}
  const trade = objectOf(trades.at(-1)) ?? summary
  const inTrade = (...names: string[]) => pick([trade, summary], names)

  const position_id = text(strand.position_id) || text(content.position_id)
  if (!position_id) throw invalid('the strand has no position_id')
  const timeframe = text(strand.timeframe) || text(content.timeframe)
  if (!timeframe) throw invalid('the strand has no timeframe')
  const closed_at = time(
    inTrade('exit_timestamp', 'closed_at', 'exit_time') ?? content.ts ?? strand.created_at,
    'exit time',
  )
  if (closed_at === null) throw invalid('the strand has no exit time')
  const entered = time(
    inTrade('entry_timestamp', 'opened_at', 'entry_time', 'first_entry_timestamp') ?? null,
    'entry time',
  )
  const trade_id =
    text(strand.trade_id) ||
    text(content.trade_id) ||
    text(inTrade('trade_id', 'id')) ||
    (entered === null ? '' : `entry-${entered}`)
  if (!trade_id) throw invalid('the strand has neither a trade_id nor an entry time')

  const entry_price = price(inTrade('entry_price', 'avg_entry_price'), 'entry price')
  const exit_price = price(inTrade('exit_price', 'avg_exit_price'), 'exit price')
  const rr = ratio(inTrade('rr'), 'rr')
  const unscored = rr === null && entry_price !== null && exit_price !== null
  if (rr === null && !unscored) throw invalid('the strand has neither an R/R nor the prices for one')

  const event: PositionClosed = {
    event_id: eventId(position_id, trade_id),
    revision: 0,
    voided: false,
    position_id,
    trade_id,
    symbol: text(strand.symbol) || text(content.symbol) || text(content.token_ticker),
    token_contract: text(content.token_contract) || text(content.token),
    chain: text(content.chain) || text(content.token_chain),
    timeframe,
    decision_type: text(content.decision_type) || text(inTrade('decision_type')),
    opened_at: entered ?? closed_at,
    closed_at,
    entry_price: entry_price ?? 0,
    exit_price: exit_price ?? 0,
    rr: rr === null ? null : Math.min(MAX_RR, Math.max(-MAX_RR, rr)),
    return: ratio(inTrade('return'), 'return'),
    max_drawdown: ratio(inTrade('max_drawdown'), 'max_drawdown'),
    max_gain: ratio(inTrade('max_gain'), 'max_gain'),
    unscored_reason: null,
    ...splitEntryContext(objectOf(content.entry_context) ?? objectOf(inTrade('entry_context')) ?? {}),
    regime_context: textMap(objectOf(strand.regime_context) ?? {}),
    source: 'learning-queue',
  }
  const fitted = fitEvent(event).event
  const rejection = checkEvent(fitted, Buffer.from(position_id), Math.max(now, Math.min(closed_at, now + DAY_MS)))
  if (rejection) throw invalid(rejection.detail)
  if (!(event.opened_at >= MIN_ENTRY_MS && event.opened_at <= MAX_EXIT_MS))
    throw invalid(`the entry time is ${event.opened_at}, not a time in milliseconds`)
  return { event: fitted, side: inTrade('side') === 'short' ? 'short' : 'long', unscored }
}

const invalid = (what: string) => new StrandlineError('EVENT_INVALID', `${what[0]!.toUpperCase()}${what.slice(1)}.`)

/** The first of these fields that is there, looking through the places in order. */
function pick(places: Fields[], names: string[]): unknown {
  for (const place of places)
    for (const name of names) if (place[name] !== undefined && place[name] !== null) return place[name]
  return undefined
}

/** An object, also one that a writer put in as JSON text. */
function objectOf(value: unknown): Fields | null {
  const decoded = decodedText(value)
  return isObject(decoded) ? decoded : null
}

function listOf(value: unknown): unknown[] {
  const decoded = decodedText(value)
  return Array.isArray(decoded) ? decoded : isObject(decoded) ? [decoded] : []
}

function decodedText(value: unknown): unknown {
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value)
  } catch {
    return null
  }
}

function text(value: unknown): string {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && wellFormed(value) ? value : ''
}

/** Python writes Decimals as texts. */
function ratio(value: unknown, name: string): number | null {
  if (value === undefined || value === null) return null
  const number =
    typeof value === 'number' ? value : typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN
  if (!Number.isFinite(number))
    throw invalid(`${name} is ${String(JSON.stringify(value)).slice(0, 80)}, not a finite number`)
  return number
}

function price(value: unknown, name: string): number | null {
  const number = ratio(value, name)
  if (number !== null && number <= 0) throw invalid(`${name} is ${number}, not above 0`)
  return number
}

/** ISO 8601 (UTC where it names no zone: Python's utcnow() does not), or seconds or milliseconds since 1970. */
function time(value: unknown, name: string): number | null {
  if (value === undefined || value === null) return null
  const ms =
    typeof value === 'number'
      ? Math.trunc(value < 1e11 ? value * 1000 : value)
      : typeof value === 'string'
        ? (parseTime(value) ?? parseTime(`${value}Z`))
        : null
  if (ms === null || !Number.isFinite(ms))
    throw invalid(`the ${name} is ${String(JSON.stringify(value)).slice(0, 80)}, not a time`)
  return ms
}

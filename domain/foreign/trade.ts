/**
 * A closed trade as the old system recorded it, in a strand or in `lowcap_positions.completed_trades`, as the event of it. Pure.
 *
 * Its identity is the old system's: position and trade id. Where it gave the trade no id, the trade is named after its entry, `entry-<ms>`, as our
 * own PM names a trade that others opened (strandline.pm_trade_id): a position runs one trade at a time, so that is one trade. Some places have the id
 * and others not; that the two names are one trade is known where both entry times are: trade-names.ts.
 */

import type { Side } from '../closing/rr.ts'
import { textMap } from '../context.ts'
import { eventId, type PositionClosed, splitEntryContext } from '../event.ts'
import { isObject } from '../is-object.ts'
import { fitEvent } from '../limits.ts'
import { timeText } from '../time.ts'
import { finiteOrNull } from '../trade-numbers.ts'
import { checkEvent, MAX_EXIT_MS, MAX_RR, MIN_ENTRY_MS } from '../validation.ts'
import { canonicalId } from './canonical-id.ts'
import { type Fields, firstText, invalid, listOf, numberOf, objectOf, pick, priceOf, shown, textOf } from './json.ts'
import { timeOf } from './time.ts'

/** What the place where a trade was found says of it. */
export interface TradePlace {
  /** How a sentence names it: "the strand". */
  what: string
  position_id: string
  /** Its id where the place has one; it goes before the trade's own. */
  trade_id?: string
  timeframe: string
  symbol: string
  token_contract: string
  chain: string
  decision_type?: string
  /** Where the trade says no exit time; undefined: it must. */
  closed_at?: unknown
  entry_context: unknown
  regime_context: unknown
  side?: unknown
  source: string
}

export interface ForeignTrade {
  event: PositionClosed
  side: Side
  /** It has prices and times but no R/R: it can be scored on bars, like any close of our own. */
  unscored: boolean
}

const DAY_MS = 86_400_000
const EXIT = ['exit_timestamp', 'closed_at', 'exit_time', 'close_timestamp']
const ENTRY = ['entry_timestamp', 'opened_at', 'entry_time', 'first_entry_timestamp', 'open_timestamp']
const AT = ['timestamp', 'ts', 'executed_at', 'created_at', 'time']

/**
 * @param parts what the trade's fields are looked up in, in this order: the trade, its summary, the strand's summary
 * @param now ms; an exit up to a day later comes back as it is (somebody's clock is ahead: wait), anything beyond is no exit time
 * An R/R beyond ±10 is the same ratio under another bound, and is clamped. What of it is too long for an event, or no number
 * where it can do without, is left out and named (`left_out`).
 * Errors: EVENT_INVALID, naming what is missing.
 */
export function foreignTrade(parts: Fields[], place: TradePlace, now: number): ForeignTrade {
  const of = (...names: string[]) => pick(parts, names)
  const { what, position_id } = place
  if (!position_id) throw invalid(`${what} has no position_id`)
  const timeframe = place.timeframe || textOf(of('timeframe'))
  if (!timeframe) throw invalid(`${what} has no timeframe`)
  const actions = parts.flatMap((part) => listOf(part.actions)).filter(isObject)
  const closed_at = timeOf(of(...EXIT) ?? place.closed_at ?? pick(actions.toReversed(), AT), 'exit time')
  if (closed_at === null) throw invalid(`${what} has no exit time`)
  const entered = timeOf(of(...ENTRY) ?? pick(actions, AT), 'entry time')
  const trade_id =
    canonicalId(firstText(place.trade_id, of('trade_id'), of('id'))) || (entered === null ? '' : `entry-${entered}`)
  if (!trade_id) throw invalid(`${what} has neither a trade_id nor an entry time`)

  const entry_price = priceOf(of('entry_price', 'avg_entry_price'), 'entry price')
  const exit_price = priceOf(of('exit_price', 'avg_exit_price'), 'exit price')
  const rr = numberOf(of('rr'), 'rr')
  const unscored = rr === null && entry_price !== null && exit_price !== null
  if (rr === null && !unscored) throw invalid(`${what} has neither an R/R nor the prices for one`)

  const gained = numberOf(of('return'), 'return')
  const said = firstText(of('side'))
  const [byReturn, byRr] = [sideBy(gained, entry_price, exit_price), sideBy(rr, entry_price, exit_price)]
  // what it came to goes before its position's side, which may be the column's default
  const known = said ? sideOf(said) : (byReturn ?? byRr ?? sideOfPlace(textOf(place.side), unscored))
  const side = known ?? 'long'
  const gross = known && returnOf(known, entry_price, exit_price)
  // after fees, or as nothing, it may show another side than is said; not where the R/R agrees with it
  const misleads =
    gained !== null && entry_price !== exit_price && byReturn !== known && (byReturn === null || byReturn !== byRr)
  const context = splitEntryContext(withNumbers(objectOf(place.entry_context) ?? objectOf(of('entry_context')) ?? {}))
  const event: PositionClosed = {
    event_id: eventId(position_id, trade_id),
    revision: 0,
    voided: false,
    position_id,
    trade_id,
    symbol: place.symbol,
    token_contract: place.token_contract,
    chain: place.chain,
    timeframe,
    decision_type: place.decision_type || textOf(of('decision_type')),
    opened_at: entered ?? closed_at,
    closed_at,
    entry_price: entry_price ?? 0,
    exit_price: exit_price ?? 0,
    rr: rr === null ? null : Math.min(MAX_RR, Math.max(-MAX_RR, rr)),
    return: gained === null || misleads ? (gross ?? gained) : gained,
    max_drawdown: numberOf(of('max_drawdown'), 'max_drawdown'),
    max_gain: numberOf(of('max_gain'), 'max_gain'),
    unscored_reason: null,
    provisional: null,
    net_return: optional(of('net_return')),
    fees: optional(of('fees')),
    stake: optional(of('stake')),
    risk_at_entry: optional(of('risk_at_entry') ?? context.measures.risk_at_entry),
    ...context,
    regime_context: textMap(objectOf(place.regime_context) ?? objectOf(of('regime_context')) ?? {}),
    source: place.source,
  }
  const fitted = fitEvent(event).event
  if (closed_at > now + DAY_MS) throw invalid(`the exit time is ${timeText(closed_at)}, which lies in the future`)
  const rejection = checkEvent(fitted, Buffer.from(position_id), Math.max(now, closed_at))
  if (rejection) throw invalid(rejection.detail)
  if (!(event.opened_at >= MIN_ENTRY_MS && event.opened_at <= MAX_EXIT_MS))
    throw invalid(`the entry time is ${event.opened_at}, not a time in milliseconds`)
  return { event: fitted, side, unscored }
}

/** Which side gained or lost like this; null: they do not say. */
function sideBy(gain: number | null, entry: number | null, exit: number | null): Side | null {
  if (gain === null || entry === null || exit === null || gain === 0 || exit === entry) return null
  return gain > 0 === exit > entry ? 'long' : 'short'
}

/** Of a trade that is scored, its prices say it; and it says to whoever scores the trade again which side it was. */
function returnOf(side: Side, entry: number | null, exit: number | null): number | null {
  if (entry === null || exit === null) return null
  return finiteOrNull((side === 'long' ? exit - entry : entry - exit) / entry)
}

/** A number that a trade can do without: NaN where it is none, which is left out and named. */
function optional(value: unknown): number | null {
  if (value === undefined || value === null) return null
  return typeof value === 'number' || (typeof value === 'string' && value.trim() !== '') ? Number(value) : Number.NaN
}

/** Measures are named so, and Decimals came as texts. */
const MEASURE = /_at_entry$/

function withNumbers(context: Fields): Fields {
  return Object.fromEntries(
    Object.entries(context).map(([name, value]) => {
      const isNumber =
        typeof value === 'string' && MEASURE.test(name) && value.trim() !== '' && Number.isFinite(Number(value))
      return [name, isNumber ? Number(value) : value]
    }),
  )
}

/** The column of an older table may hold anything: it matters to a trade that is scored by it. null: it says nothing. */
function sideOfPlace(said: string, scored: boolean): Side | null {
  return said.trim() === '' ? null : scored ? sideOf(said) : sideIn(said)
}

function sideIn(said: string): Side | null {
  const text = said.trim().toLowerCase()
  return text === 'long' || text === 'short' ? text : null
}

function sideOf(said: string): Side {
  const side = sideIn(said)
  if (side) return side
  throw invalid(`the side is ${shown(said)}, neither long nor short`)
}

/** A closed trade as a bot posts it: its event, and its score: on bars where there are any, else as the bot has it, else none. Pure. */
import { findStrandlineError, StrandlineError } from '../../core/errors.ts'
import { type BarRow, NO_BARS, scoreOn } from '../closing/closing.ts'
import { ratioOf, type Score, type Side } from '../closing/rr.ts'
import { checkContext, checkEntryContext, textMap } from '../context.ts'
import { eventId, type PositionClosed, splitEntryContext } from '../event.ts'
import type { Model } from '../learning/model.ts'
import { fitEvent } from '../limits.ts'
import { parseTime } from '../time.ts'
import { MAX_EXIT_MS, MIN_ENTRY_MS } from '../validation.ts'
import { canonicalId } from './canonical-id.ts'

/** What may be sent; types, words and ranges are checked by the schema (services/pm/api/trades.ts). */
export interface TradeBody {
  id?: string | null
  position_id?: string | null
  trade_id?: string | null
  symbol: string
  timeframe: string
  opened_at: string
  closed_at: string
  entry_price: number
  exit_price: number
  side?: Side | null
  token_contract?: string | null
  chain?: string | null
  decision_type?: string | null
  rr?: number | null
  return?: number | null
  max_drawdown?: number | null
  max_gain?: number | null
  net_return?: number | null
  fees?: number | null
  stake?: number | null
  risk_at_entry?: number | null
  entry_context?: Record<string, unknown> | null
  regime_context?: Record<string, unknown> | null
  revision?: number | null
  voided?: boolean | null
}

export interface PostedTrade {
  /** Not scored yet; its revision is the log's affair. */
  event: PositionClosed
  side: Side
  /** The bot's own count of its corrections. */
  revision: number
  /** What the bot says of the way from entry to exit. */
  said: Pick<Score, 'rr' | 'max_drawdown' | 'max_gain'> & { return: number | null }
  /** What was sent, without what was left empty: by it the same post is known again. */
  request: Record<string, unknown>
}

/**
 * @param models that must be able to take its contexts
 * Errors: TRADE_INVALID with the field that is wrong.
 */
export function parseTrade(body: TradeBody, models: readonly Model[]): PostedTrade {
  const request = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null && value !== undefined))
  const { position_id, trade_id } = identityOf(body)
  const times = timesOf(body)
  const entry_context = body.entry_context ?? {}
  const regime_context = body.regime_context ?? {}
  for (const [name, context, check] of [
    ['entry_context', entry_context, checkEntryContext],
    ['regime_context', regime_context, checkContext],
  ] as const) {
    const wrong = check(context, models)
    if (wrong) throw invalid(`The trade's ${name} ${wrong}.`, 'Send one flat object of texts and numbers.')
  }
  const revision = body.revision ?? 0
  const voided = body.voided ?? false
  if (voided && revision === 0)
    throw invalid(
      'The trade is voided, and has no revision.',
      'A retraction replaces what was posted: give revision, 1 or more.',
    )
  const { levers, measures } = splitEntryContext(entry_context)
  const event = whole({
    event_id: eventId(position_id, trade_id),
    revision: 0,
    voided,
    position_id,
    trade_id,
    symbol: body.symbol,
    token_contract: body.token_contract ?? body.symbol,
    chain: body.chain ?? '',
    timeframe: body.timeframe,
    decision_type: body.decision_type ?? '',
    ...times,
    entry_price: body.entry_price,
    exit_price: body.exit_price,
    rr: null,
    return: null,
    max_drawdown: null,
    max_gain: null,
    unscored_reason: NO_BARS,
    provisional: null,
    net_return: body.net_return ?? null,
    fees: body.fees ?? null,
    stake: body.stake ?? null,
    risk_at_entry: body.risk_at_entry ?? measures.risk_at_entry ?? null,
    levers,
    measures,
    regime_context: textMap(regime_context),
    source: 'api',
  })
  const { rr = null, max_drawdown = null, max_gain = null } = body
  return {
    event,
    side: body.side ?? 'long',
    revision,
    said: { rr, return: body.return ?? null, max_drawdown, max_gain },
    request,
  }
}

/** What a tick looks for: any bar of a trade that has no score, or the rest of the bars of one that is scored on those that are there. */
export type AwaitedBars = 'any' | 'rest'

/**
 * The event with its score, and whether bars are waited for.
 * @param bars that the database has of it
 * Errors: TRADE_INVALID where the two prices are too far apart for a ratio.
 */
export function scorePosted(trade: PostedTrade, bars: BarRow[]): { event: PositionClosed; awaits: AwaitedBars | null } {
  const score = onBars(trade.event, trade.side, bars)
  if (score.rr !== null) return { event: { ...trade.event, ...score }, awaits: trade.event.voided ? null : 'rest' }
  const event = scoreAsSaid(trade, score)
  const unscored = event.rr === null && !event.voided && event.unscored_reason === NO_BARS
  return { event, awaits: unscored ? 'any' : null }
}

function scoreAsSaid({ event, said }: PostedTrade, score: Score): PositionClosed {
  const gained = said.return ?? score.return
  const { max_drawdown, max_gain } = said
  const rr = said.rr ?? (max_drawdown === null ? null : ratioOf(gained, max_drawdown))
  const unscored_reason = rr === null ? score.unscored_reason : null
  return { ...event, rr, return: gained, max_drawdown, max_gain, unscored_reason }
}

function onBars(event: PositionClosed, side: Side, bars: BarRow[]): Score {
  try {
    return scoreOn(event, side, bars)
  } catch (error) {
    const known = findStrandlineError(error)
    throw known?.code === 'POSITION_INVALID' ? invalid(known.message, known.todo ?? 'Correct it.') : error
  }
}

function identityOf({ id, position_id, trade_id }: TradeBody): { position_id: string; trade_id: string } {
  if (id && (position_id || trade_id))
    throw invalid('The trade has id beside position_id and trade_id.', 'Give id, or the two others.')
  // as whoever else records the trade spells them
  const identity = { position_id: canonicalId(position_id ?? id ?? ''), trade_id: canonicalId(trade_id ?? id ?? '') }
  if (identity.position_id === '' || identity.trade_id === '')
    throw invalid('The trade has no id.', 'Give it one of its own, for good: id, or position_id and trade_id.')
  return identity
}

function timesOf(body: TradeBody): { opened_at: number; closed_at: number } {
  const [opened_at, closed_at] = (['opened_at', 'closed_at'] as const).map((name) => {
    const ms = parseTime(body[name])
    if (ms === null || ms < (name === 'closed_at' ? 1 : MIN_ENTRY_MS) || ms > MAX_EXIT_MS)
      throw invalid(`The trade's ${name} is ${JSON.stringify(body[name])}.`, 'Give a time from the year 1970 to 2100.')
    return ms
  }) as [number, number]
  if (opened_at > closed_at)
    throw invalid(
      `The trade closes (${body.closed_at}) before it opens (${body.opened_at}).`,
      'Correct one of the two.',
    )
  return { opened_at, closed_at }
}

/** A bot can correct what it sends: here nothing is cut or left out. */
function whole(event: PositionClosed): PositionClosed {
  try {
    const [first] = fitEvent(event).excess
    if (!first) return event
    throw invalid(`The trade's ${first.field} ${first.problem}.`, 'Correct it.')
  } catch (error) {
    const known = findStrandlineError(error)
    throw known?.code === 'EVENT_INVALID' ? invalid(known.message, 'Correct it.') : error
  }
}

const invalid = (message: string, todo: string) => new StrandlineError('TRADE_INVALID', message, { todo })

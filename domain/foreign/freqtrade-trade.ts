/**
 * A trade as a running Freqtrade tells it (REST /api/v1/trades), and the event of one that is closed. Pure.
 *
 * What it is called: `freqtrade/<bot>/<pair>` and `<trade id>/<opening time>`. A bot whose database was reset counts its trades from 1 again, at other times: those
 * are other trades. Two bots have two names. (A backtest's trades are named by strategy and timeframe: services/pm/sources/freqtrade.ts.)
 */
import { findStrandlineError } from '../../core/errors.ts'
import { type Score, scoreTrade } from '../closing/rr.ts'
import { eventId, type PositionClosed } from '../event.ts'
import { isObject } from '../is-object.ts'
import { fitEvent, shortName } from '../limits.ts'
import { timeframeMs } from '../timeframe.ts'
import { finiteOrNull, riskOrNull } from '../trade-numbers.ts'
import { checkEvent, MAX_EXIT_MS, MIN_ENTRY_MS } from '../validation.ts'
import { freqtradeLevers } from './freqtrade-context.ts'

/** Of /api/v1/show_config. */
export interface FreqtradeBot {
  name: string
  dry_run: boolean
  /** Of trades that do not say theirs. */
  timeframe: string
}

export type BotTrade =
  | { is: 'open' }
  | { is: 'closed'; event: PositionClosed }
  /** `reason`: a sentence's end ("has no pair"). */
  | { is: 'unusable'; reason: string }

/** What tells a trade from all others of one bot, also of its earlier databases. */
export function tradeKey(raw: unknown): string {
  const { trade_id, open_timestamp, open_date } = isObject(raw) ? raw : {}
  return `${trade_id}/${open_timestamp ?? open_date}`
}

export function readBotTrade(raw: unknown, bot: FreqtradeBot): BotTrade {
  if (!isObject(raw)) return { is: 'unusable', reason: 'is no object' }
  if (raw.is_open !== false) return { is: 'open' }
  const unusable = (reason: string): BotTrade => ({ is: 'unusable', reason })
  const id = number(raw.trade_id)
  const pair = text(raw.pair)
  const opened_at = number(raw.open_timestamp)
  const closed_at = number(raw.close_timestamp)
  if (id === null) return unusable('has no trade_id')
  if (!pair) return unusable('has no pair')
  if (opened_at === null || opened_at < MIN_ENTRY_MS) return unusable('has no open_timestamp')
  if (closed_at === null || closed_at > MAX_EXIT_MS) return unusable('has no close_timestamp')
  if (closed_at < opened_at) return unusable('was closed before it was opened')
  try {
    const event = eventOf(raw, bot, { id, pair, opened_at: Math.trunc(opened_at), closed_at: Math.trunc(closed_at) })
    const rejection = checkEvent(event, Buffer.from(event.position_id), undefined)
    return rejection ? unusable(`cannot be learned: ${rejection.detail}`) : { is: 'closed', event }
  } catch (error) {
    const known = findStrandlineError(error)
    if (!known) throw error
    return unusable(`cannot be learned: ${known.message}`)
  }
}

interface Named {
  id: number
  pair: string
  opened_at: number
  closed_at: number
}

/** Errors: POSITION_INVALID (prices), EVENT_INVALID (names too long). */
function eventOf(
  raw: Record<string, unknown>,
  bot: FreqtradeBot,
  { id, pair, opened_at, closed_at }: Named,
): PositionClosed {
  const short = raw.is_short === true
  const fills = fillsOf(raw.orders, short)
  const entry_price = averageOf(fills.entries) ?? number(raw.open_rate) ?? Number.NaN
  const exit_price = averageOf(fills.exits) ?? number(raw.close_rate) ?? Number.NaN
  const leverage = positive(raw.leverage) ?? 1
  const position_id = `freqtrade/${encodeURIComponent(bot.name)}/${pair}`
  const trade_id = `${id}/${new Date(opened_at).toISOString()}`
  const score = scoreOf({ side: short ? 'short' : 'long', entry_price, exit_price, opened_at, closed_at }, raw)
  return fitEvent({
    event_id: eventId(position_id, trade_id),
    revision: 0,
    voided: false,
    position_id,
    trade_id,
    symbol: pair,
    token_contract: '',
    chain: '',
    timeframe: timeframeOf(raw.timeframe) ?? bot.timeframe,
    decision_type: text(raw.exit_reason),
    opened_at,
    closed_at,
    entry_price,
    exit_price,
    ...score,
    provisional: null,
    net_return: number(raw.profit_ratio) ?? number(raw.close_profit),
    fees: feesOf(raw, fills, { entry_price, exit_price, leverage }),
    // of a position that was sold in parts, stake_amount is only the last of them
    stake: positive(raw.max_stake_amount) ?? positive(raw.stake_amount),
    risk_at_entry: riskAtEntry(raw, entry_price, leverage),
    levers: freqtradeLevers({ strategy: text(raw.strategy), pair, enter_tag: text(raw.enter_tag), opened_at }),
    measures: { leverage },
    regime_context: {},
    source: bot.dry_run ? 'freqtrade:dry-run' : 'freqtrade',
  }).event
}

/** R/R on the trade's own lowest and highest rate, as the bot saw them: one bar that covers it. */
function scoreOf(trade: Parameters<typeof scoreTrade>[0], raw: Record<string, unknown>): Score {
  const [low, high] = [positive(raw.min_rate), positive(raw.max_rate)]
  const bars = low === null || high === null ? [] : [{ start: trade.opened_at, low, high }]
  return scoreTrade(trade, bars, Math.max(1, trade.closed_at - trade.opened_at))
}

/** One order, as far as it was filled: an amount of the base currency, at its average price. */
interface Fill {
  amount: number
  price: number
}

/** A position may be bought and sold in parts. */
function fillsOf(orders: unknown, short: boolean): { entries: Fill[]; exits: Fill[] } {
  const fills = { entries: [] as Fill[], exits: [] as Fill[] }
  for (const order of Array.isArray(orders) ? orders : []) {
    if (!isObject(order)) continue
    const [amount, price] = [positive(order.filled), positive(order.safe_price)]
    if (amount === null || price === null) continue
    const isEntry = order.ft_order_side === (short ? 'sell' : 'buy') // an exit is the other side, or 'stoploss'
    fills[isEntry ? 'entries' : 'exits'].push({ amount, price })
  }
  return fills
}

const moneyIn = (fills: readonly Fill[]) => fills.reduce((sum, { amount, price }) => sum + amount * price, 0)

/** Of several; null for one or none, whose price the trade itself says. */
function averageOf(fills: readonly Fill[]): number | null {
  if (fills.length < 2) return null
  return positive(moneyIn(fills) / fills.reduce((sum, { amount }) => sum + amount, 0))
}

/** By the fee rates, on what was bought and sold; in the quote currency. */
function feesOf(
  raw: Record<string, unknown>,
  { entries, exits }: { entries: Fill[]; exits: Fill[] },
  { entry_price, exit_price, leverage }: { entry_price: number; exit_price: number; leverage: number },
): number | null {
  const [open, close] = [number(raw.fee_open), number(raw.fee_close)]
  if (open === null || close === null) return null
  if (entries.length > 0 && exits.length > 0) return finiteOrNull(moneyIn(entries) * open + moneyIn(exits) * close)
  const stake = positive(raw.max_stake_amount) ?? positive(raw.stake_amount)
  return stake === null ? null : finiteOrNull(stake * leverage * (open + (close * exit_price) / entry_price))
}

/** Distance of the first stop from the entry price, a ratio of it; null where the bot does not say. */
export function riskAtEntry(raw: Record<string, unknown>, entry_price: number, leverage: number): number | null {
  const stop = positive(raw.initial_stop_loss_abs)
  const ratio = number(raw.initial_stop_loss_ratio) // of the stake, with one sign in one version and the other in another
  return riskOrNull(stop !== null ? Math.abs(entry_price - stop) / entry_price : ratio && Math.abs(ratio) / leverage)
}

/** @param minutes as the bot keeps it: 5 is `5m`, 240 `4h` */
function timeframeOf(minutes: unknown): string | null {
  if (typeof minutes === 'string' && isTimeframe(minutes)) return minutes
  if (typeof minutes !== 'number' || !Number.isInteger(minutes) || minutes < 1) return null
  const [unit, length] = UNITS.find(([, length]) => minutes % length === 0) as [string, number]
  return `${minutes / length}${unit}`
}

const UNITS: [unit: string, minutes: number][] = [
  ['w', 10_080],
  ['d', 1_440],
  ['h', 60],
  ['m', 1],
]

function isTimeframe(timeframe: string): boolean {
  try {
    return timeframeMs(timeframe) > 0
  } catch {
    return false
  }
}

/** For a person: which trade. */
export const tradeLabel = (raw: unknown): string => {
  const { trade_id, pair } = isObject(raw) ? raw : {}
  return `${shortName(String(trade_id ?? '(no id)'))} (${shortName(String(pair ?? 'no pair'))})`
}

const text = (value: unknown) => (typeof value === 'string' ? value : '')
const number = (value: unknown) => (typeof value === 'number' ? finiteOrNull(value) : null)
const positive = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : null)

/** Trades of a Freqtrade backtest as events: scored on candles, with the levers of models/freqtrade.json. */
import { findStrandlineError, StrandlineError } from '../../../core/errors.ts'
import { scoreTrade } from '../../../domain/closing/rr.ts'
import { eventId, type PositionClosed } from '../../../domain/event.ts'
import { BACKTEST_SOURCE, type BacktestRun, backtestPosition } from '../../../domain/foreign/freqtrade-backtest.ts'
import { freqtradeLevers } from '../../../domain/foreign/freqtrade-context.ts'
import { fitEvent } from '../../../domain/limits.ts'
import { shown } from '../../../domain/shown.ts'
import { timeframeMs } from '../../../domain/timeframe.ts'
import { readCandles } from './candles.ts'
import { type BacktestTrade, readBacktest } from './freqtrade-result.ts'
import type { Candles } from './ordered-candles.ts'

export interface FreqtradeOptions {
  file: string
  /** Folder with the candles: `<PAIR>-<timeframe>` as `.csv`, `.feather` or `.json`. */
  candles: string
  /** For exports that do not name them (old formats). */
  timeframe?: string
  strategy?: string
}

export interface ImportedTrades {
  /** In the order of the file. */
  events: PositionClosed[]
  /** Trades that were still open: not imported. */
  open: number
}

export interface ImportedBacktest extends ImportedTrades {
  /** What its strategies were tested on, as far as the file says it. */
  runs: BacktestRun[]
}

/** Errors: FILE_UNREADABLE, FILE_INVALID (naming the trade or the candles). */
export function readFreqtrade(options: FreqtradeOptions): ImportedBacktest {
  const { file, candles: dir } = options
  const { trades, open, runs } = readBacktest(file)
  const cache = new Map<string, Candles | null>()
  const candlesOf = (pair: string, timeframe: string) => {
    const key = `${pair}\0${timeframe}`
    if (!cache.has(key)) cache.set(key, readCandles(dir, pair, timeframe))
    return cache.get(key)!
  }
  const seen = new Map<string, number>()
  const events = trades.map((raw) => {
    const trade = {
      ...raw,
      strategy: raw.strategy || options.strategy || 'unnamed',
      timeframe: raw.timeframe || options.timeframe || '',
    }
    if (!trade.timeframe)
      throw new StrandlineError('FILE_INVALID', `${file} does not say the timeframe of its trades.`, {
        todo: 'Give it with --timeframe, e.g. --timeframe 5m.',
      })
    requireTimeframe(trade.timeframe, file)
    const identity = identityOf(trade)
    const count = (seen.get(identity.join('\0')) ?? 0) + 1
    seen.set(identity.join('\0'), count)
    const [position_id, trade_id] = identity
    const candles = candlesOf(trade.pair, trade.timeframe)
    try {
      return eventOf(trade, position_id, count === 1 ? trade_id : `${trade_id}#${count}`, candles)
    } catch (cause) {
      throw unscorable(cause, `${file}: the trade of ${trade.pair} from ${new Date(trade.opened_at).toISOString()}`)
    }
  })
  return { events, open, runs }
}

/** Prices of which no ratio can be made. */
function unscorable(cause: unknown, where: string): unknown {
  const known = findStrandlineError(cause)
  if (known?.code !== 'POSITION_INVALID') return cause
  return new StrandlineError('FILE_INVALID', `${where} cannot be scored: ${known.message}`, {
    todo: 'Nothing was imported.',
    cause,
  })
}

function requireTimeframe(timeframe: string, file: string): void {
  try {
    timeframeMs(timeframe)
  } catch (cause) {
    throw new StrandlineError('FILE_INVALID', `${file}: ${shown(timeframe)} is not a timeframe.`, {
      todo: 'Write a number and s, m, h, d or w, e.g. 15m.',
      cause,
    })
  }
}

/**
 * A trade is the same trade in every export that has it: strategy, pair, timeframe, side and opening time name it, not the file. (Trades that
 * share even these, as position stacking makes them, are numbered.)
 */
function identityOf({
  strategy,
  pair,
  timeframe,
  side,
  opened_at,
}: BacktestTrade): [position_id: string, trade_id: string] {
  return [backtestPosition(strategy, pair, timeframe), `${new Date(opened_at).toISOString()}/${side}`]
}

function eventOf(trade: BacktestTrade, position_id: string, trade_id: string, candles: Candles | null): PositionClosed {
  const { opened_at, closed_at, timeframe } = trade
  const barMs = timeframeMs(timeframe)
  return fitEvent({
    event_id: eventId(position_id, trade_id),
    revision: 0,
    voided: false,
    position_id,
    trade_id,
    symbol: trade.pair,
    token_contract: '',
    chain: '',
    timeframe,
    decision_type: trade.exit_reason,
    opened_at,
    closed_at,
    entry_price: trade.entry_price,
    exit_price: trade.exit_price,
    ...scoreTrade(trade, candles?.between(opened_at - barMs, closed_at) ?? [], barMs),
    provisional: null,
    net_return: trade.net_return,
    fees: trade.fees,
    stake: trade.stake,
    risk_at_entry: trade.risk_at_entry,
    levers: freqtradeLevers(trade),
    measures: {},
    regime_context: {},
    source: BACKTEST_SOURCE,
  }).event
}

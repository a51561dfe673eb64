/** What Freqtrade's `backtesting` exports: JSON of today and of earlier versions, or the zip that holds it. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { strFromU8, unzipSync } from 'fflate'
import { StrandlineError } from '../../../core/errors.ts'
import { unreadable } from '../../../core/unreadable.ts'
import type { Side } from '../../../domain/closing/rr.ts'
import type { BacktestRun } from '../../../domain/foreign/freqtrade-backtest.ts'
import { riskAtEntry } from '../../../domain/foreign/freqtrade-trade.ts'
import { isObject } from '../../../domain/is-object.ts'
import { shown } from '../../../domain/shown.ts'
import { parseTime } from '../../../domain/time.ts'
import { finiteOrNull } from '../../../domain/trade-numbers.ts'
import { MAX_EXIT_MS, MIN_ENTRY_MS } from '../../../domain/validation.ts'

/** One closed trade of a backtest. Times in ms; prices in the pair's quote currency. */
export interface BacktestTrade {
  strategy: string
  /** Of the strategy; empty where the export does not say (old formats). */
  timeframe: string
  pair: string
  side: Side
  opened_at: number
  closed_at: number
  entry_price: number
  exit_price: number
  enter_tag: string
  exit_reason: string
  /** Freqtrade's profit_ratio: after fees (and funding), on the stake, so with the leverage in it. These are null where the export does not say. */
  net_return: number | null
  /** By its fee rates, on what the position was worth at entry and at exit; in the quote currency. */
  fees: number | null
  /** One's own money in all entries, in the quote currency: the position is larger by the leverage. */
  stake: number | null
  /** Distance of the first stop from the entry price, a ratio. */
  risk_at_entry: number | null
}

export interface Backtest {
  /** In the order of the file. */
  trades: BacktestTrade[]
  /** Trades that were still open, which are left out. */
  open: number
  /** One for each strategy of which the file says what was tested. */
  runs: BacktestRun[]
}

/** Columns of the oldest format, a list of lists. */
const OLD_COLUMNS = [
  'pair',
  'profit_percent',
  'open_date',
  'close_date',
  'index',
  'trade_duration',
  'open_rate',
  'close_rate',
  'open_at_end',
  'sell_reason',
]

/** Errors: FILE_UNREADABLE, FILE_INVALID naming the trade. */
export function readBacktest(file: string): Backtest {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (cause) {
    throw unreadable(file, cause, 'Give the path of a backtest result.')
  }
  const isZip = bytes.subarray(0, 4).equals(Buffer.from('PK\x03\x04', 'latin1'))
  return backtestOf(isZip ? unzip(bytes, file) : parse(bytes.toString('utf8'), file), file)
}

/** The one JSON of the zip that has trades: beside it lie the configuration, the strategies' sources and their market data. */
function unzip(bytes: Buffer, file: string): unknown {
  let files: Record<string, Uint8Array>
  try {
    files = unzipSync(bytes, { filter: ({ name }) => name.endsWith('.json') && !/(_config|\.meta)\.json$/.test(name) })
  } catch (cause) {
    throw new StrandlineError('FILE_INVALID', `${file} is not a whole zip.`, {
      todo: 'Export the backtest again.',
      cause,
    })
  }
  const names = Object.keys(files).sort((a, b) => a.length - b.length)
  for (const name of names) {
    const content = parse(strFromU8(files[name]!), `${file}:${basename(name)}`)
    if (Array.isArray(content) || (isObject(content) && 'strategy' in content)) return content
  }
  throw new StrandlineError('FILE_INVALID', `${file} holds no backtest result.`, {
    todo: 'Give a zip that `freqtrade backtesting --export trades` wrote.',
  })
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Python writes NaN and Infinity, which JSON does not have: null, so that a price among them is refused by its trade.
    const json = text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g, (token) =>
      token[0] === '"' ? token : 'null',
    )
    try {
      return JSON.parse(json)
    } catch (cause) {
      throw new StrandlineError('FILE_INVALID', `${file} is not JSON.`, {
        todo: 'Give a backtest result, as JSON or as zip.',
        cause,
      })
    }
  }
}

function backtestOf(content: unknown, file: string): Backtest {
  const found: { raw: unknown; strategy: string; timeframe: string }[] = []
  const runs: BacktestRun[] = []
  if (Array.isArray(content)) for (const raw of content) found.push({ raw, strategy: '', timeframe: '' })
  else if (isObject(content) && isObject(content.strategy))
    for (const [name, result] of Object.entries(content.strategy)) {
      if (!isObject(result) || !Array.isArray(result.trades))
        throw new StrandlineError('FILE_INVALID', `${file}: strategy ${name} has no list of trades.`, {
          todo: 'Export with --export trades.',
        })
      const timeframe = text(result.timeframe) || text(result.ticker_interval)
      const strategy = text(result.strategy_name) || name
      for (const raw of result.trades) found.push({ raw, strategy, timeframe })
      runs.push(...runOf(result, strategy, timeframe))
    }
  else
    throw new StrandlineError('FILE_INVALID', `${file} is not a backtest result of Freqtrade.`, {
      todo:
        isObject(content) && content.latest_backtest
          ? `Give the file that it names: ${content.latest_backtest}.`
          : 'It should have "strategy".',
    })
  const trades: BacktestTrade[] = []
  let open = 0
  for (const [index, { raw, strategy, timeframe }] of found.entries()) {
    const trade = tradeOf(raw, strategy, timeframe, `${file}: trade ${index + 1}`)
    if (trade) trades.push(trade)
    else open++
  }
  return { trades, open, runs }
}

/** None where the file does not say from when to when it was tested (old formats): then nothing can be missed in it. */
function runOf(result: Record<string, unknown>, strategy: string, timeframe: string): BacktestRun[] {
  const from = time(result.backtest_start_ts, result.backtest_start)
  const to = time(result.backtest_end_ts, result.backtest_end)
  const { pairlist } = result
  const pairs = Array.isArray(pairlist) ? pairlist.filter((pair) => typeof pair === 'string') : null
  return from === null || to === null || !timeframe ? [] : [{ strategy, timeframe, pairs, from, to }]
}

function tradeOf(raw: unknown, strategy: string, timeframe: string, where: string): BacktestTrade | null {
  const fields = Array.isArray(raw) ? Object.fromEntries(OLD_COLUMNS.map((name, i) => [name, raw[i]])) : raw
  if (!isObject(fields))
    throw new StrandlineError('FILE_INVALID', `${where} is not a trade.`, { todo: 'Export the backtest again.' })
  const pair = text(fields.pair)
  const bad = (what: string) =>
    new StrandlineError('FILE_INVALID', `${where} (${pair || 'no pair'}) has ${what}.`, {
      todo: 'Nothing was imported.',
    })
  if (!pair) throw bad('no pair')
  if (fields.is_open === true) return null
  const opened_at = time(fields.open_timestamp, fields.open_date)
  const closed_at = time(fields.close_timestamp, fields.close_date)
  if (opened_at === null) throw bad('no open_date')
  if (closed_at === null) throw bad('no close_date')
  if (opened_at < MIN_ENTRY_MS) throw bad('an open_date before the year 1')
  if (closed_at > MAX_EXIT_MS) throw bad('a close_date beyond the year 2100')
  if (closed_at < opened_at) throw bad('a close_date before its open_date')
  const entry_price = rate(fields.open_rate)
  const exit_price = rate(fields.close_rate)
  if (entry_price === null) throw bad(`the open_rate ${shown(fields.open_rate)}, which is no price`)
  if (exit_price === null) throw bad(`the close_rate ${shown(fields.close_rate)}, which is no price`)
  return {
    strategy: strategy || text(fields.strategy),
    timeframe,
    pair,
    side: fields.is_short === true ? 'short' : 'long',
    opened_at,
    closed_at,
    entry_price,
    exit_price,
    enter_tag: text(fields.enter_tag) || text(fields.buy_tag),
    exit_reason: text(fields.exit_reason) || text(fields.sell_reason),
    ...moneyOf(fields, entry_price, exit_price),
  }
}

type Money = Pick<BacktestTrade, 'net_return' | 'fees' | 'stake' | 'risk_at_entry'>

function moneyOf(fields: Record<string, unknown>, entry_price: number, exit_price: number): Money {
  const leverage = rate(fields.leverage) ?? 1
  // of a position that was sold in parts, stake_amount is only the last of them
  const stake = rate(fields.max_stake_amount) ?? rate(fields.stake_amount)
  const [open, close] = [number(fields.fee_open), number(fields.fee_close)]
  return {
    net_return: number(fields.profit_ratio) ?? number(fields.profit_percent), // its old name, for the same ratio
    fees:
      stake === null || open === null || close === null
        ? null
        : finiteOrNull(stake * leverage * (open + (close * exit_price) / entry_price)),
    stake,
    risk_at_entry: riskAtEntry(fields, entry_price, leverage),
  }
}

const text = (value: unknown) => (typeof value === 'string' ? value : '')
const number = (value: unknown) => (typeof value === 'number' ? finiteOrNull(value) : null)
const rate = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : null)

/** `*_timestamp` in ms, or `*_date` as ISO 8601 (UTC where it names no zone) or, in the oldest format, in seconds. */
function time(timestamp: unknown, date: unknown): number | null {
  if (typeof timestamp === 'number' && Number.isFinite(timestamp)) return Math.trunc(timestamp)
  if (typeof date === 'number' && Number.isFinite(date)) return Math.trunc(date * 1000)
  return typeof date === 'string' ? (parseTime(date) ?? parseTime(`${date}Z`)) : null
}

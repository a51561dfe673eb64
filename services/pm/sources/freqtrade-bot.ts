/** Trades that a running Freqtrade made, from a file instead of its API: the same events as those of `connect freqtrade`, with the same identities. */
import { readFileSync } from 'node:fs'
import { StrandlineError } from '../../../core/errors.ts'
import { unreadable } from '../../../core/unreadable.ts'
import { readBotTrade, tradeLabel } from '../../../domain/foreign/freqtrade-trade.ts'
import { isObject } from '../../../domain/is-object.ts'
import type { ImportedTrades } from './freqtrade.ts'
import { readBotDatabase } from './freqtrade-database.ts'

export interface BotFileOptions {
  file: string
  /** What `connect freqtrade` calls the bot: its bot_name, or --bot. */
  bot?: string
  /** Of trades that do not say theirs. */
  timeframe?: string
}

/**
 * The trades of `show-trades --print-json`, of an answer of /api/v1/trades that was saved, or of the bot's database; null for a file that is none of them.
 * Errors: FILE_UNREADABLE, FILE_INVALID naming the trade, USAGE where the bot is not named.
 */
export function readBotFile({ file, bot, timeframe = '' }: BotFileOptions): ImportedTrades | null {
  const trades = tradesOf(file)
  if (trades === null) return null
  if (!bot)
    throw new StrandlineError('USAGE', `${file} holds the trades of a running bot, and it is not said of which.`, {
      todo: 'Give its bot_name with --bot, so that `connect freqtrade` knows them as the same trades.',
    })
  if (!timeframe && trades.some((t) => isObject(t) && !t.timeframe))
    throw new StrandlineError('FILE_INVALID', `${file} does not say the timeframe of its trades.`, {
      todo: 'Give it with --timeframe, e.g. --timeframe 5m.',
    })
  const dry_run = trades.some(isDry)
  const found: ImportedTrades = { events: [], open: 0 }
  for (const raw of trades) {
    const trade = readBotTrade(raw, { name: bot, dry_run, timeframe })
    if (trade.is === 'open') found.open++
    else if (trade.is === 'closed') found.events.push(trade.event)
    else
      throw new StrandlineError('FILE_INVALID', `${file}: trade ${tradeLabel(raw)} ${trade.reason}.`, {
        todo: 'Nothing was imported.',
      })
  }
  return found
}

const SQLITE = Buffer.from('SQLite format 3\0', 'latin1')

function tradesOf(file: string): unknown[] | null {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (cause) {
    throw unreadable(file, cause, 'Give the path of a backtest result, or of trades of a running bot.')
  }
  if (bytes.subarray(0, SQLITE.length).equals(SQLITE)) return readBotDatabase(file)
  let content: unknown
  try {
    content = JSON.parse(bytes.toString('utf8'))
  } catch {
    return null
  }
  const trades = isObject(content) && 'total_trades' in content ? content.trades : content
  const isBot = Array.isArray(trades) && trades.length > 0 && isObject(trades[0]) && 'trade_id' in trades[0]
  return isBot ? trades : null
}

/** Its orders never saw an exchange. */
function isDry(trade: unknown): boolean {
  const orders = isObject(trade) && Array.isArray(trade.orders) ? trade.orders : []
  return orders.some((o) => isObject(o) && String(o.order_id).startsWith('dry_run_'))
}

/** The SQLite database of a running Freqtrade (tradesv3.sqlite), as its REST API would tell its trades. Only read; its `-wal` beside it is read, too. */
import { DatabaseSync } from 'node:sqlite'
import { StrandlineError } from '../../../core/errors.ts'
import { parseTime } from '../../../domain/time.ts'

type Row = Record<string, unknown>

/** Errors: FILE_INVALID for a database that is no Freqtrade's. */
export function readBotDatabase(file: string): unknown[] {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(file, { readOnly: true })
    database.exec('begin') // both as of one moment: the bot may close a trade between the two
    const orders = Map.groupBy(
      database.prepare('select * from orders order by id').all() as Row[],
      (o) => o.ft_trade_id,
    )
    const trades = database.prepare('select * from trades order by id').all() as Row[]
    return trades.map((trade) => restTrade(trade, orders.get(trade.id) ?? []))
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new StrandlineError('FILE_INVALID', `${file} cannot be read as the database of a Freqtrade: ${why}.`, {
      todo: 'Give its tradesv3.sqlite, with the -wal file that lies beside it.',
      cause,
    })
  } finally {
    database?.close()
  }
}

/** Fields that the API calls otherwise, or computes. */
function restTrade(trade: Row, orders: readonly Row[]): Row {
  return {
    ...trade,
    trade_id: trade.id,
    is_open: trade.is_open !== 0,
    is_short: trade.is_short === 1,
    open_timestamp: timestamp(trade.open_date),
    close_timestamp: timestamp(trade.close_date),
    profit_ratio: trade.close_profit,
    initial_stop_loss_abs: trade.initial_stop_loss,
    initial_stop_loss_ratio: trade.initial_stop_loss_pct,
    orders: orders.map((order) => ({ ...order, safe_price: order.average || order.price || order.stop_price })),
  }
}

/**
 * `2026-11-29 09:09:56.123456` (UTC) in ms: a part of a trade's identity, so exactly what the bot itself makes of it, which is
 * `int(microseconds / 1e6 * 1000)` in doubles: a millisecond less than expected now and then.
 */
export function timestamp(date: unknown): number | null {
  if (typeof date !== 'string') return null
  const [whole = '', fraction = ''] = date.split('.')
  const ms = parseTime(`${whole.replace(' ', 'T')}Z`)
  if (ms === null) return null
  const microseconds = ms * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6))
  return Math.trunc((microseconds / 1e6) * 1000)
}

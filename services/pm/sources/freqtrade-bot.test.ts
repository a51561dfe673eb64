import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, expect, test, vi } from 'vitest'
import { readBotTrade } from '../../../domain/foreign/freqtrade-trade.ts'
import { sharedData } from '../../../test/support/shared-data.ts'
import { readBotFile } from './freqtrade-bot.ts'
import { timestamp } from './freqtrade-database.ts'

const dir = mkdtempSync(join(tmpdir(), 'strandline-freqtrade-bot-'))
afterAll(() => rmSync(dir, { recursive: true }))
const bot = 'alpha'

/** As /api/v1/trades tells it. */
const rest = {
  trade_id: 3,
  pair: 'ETH/USDT',
  is_open: false,
  is_short: false,
  strategy: 'Tags',
  enter_tag: 'dip',
  exit_reason: 'roi',
  timeframe: 5,
  open_timestamp: Date.parse('2026-11-24T14:26:29.716Z'),
  close_timestamp: Date.parse('2026-11-24T14:36:29.716Z'),
  open_rate: 100,
  close_rate: 110,
  profit_ratio: 0.098,
  stake_amount: 200,
  max_stake_amount: 200,
  leverage: 1,
  fee_open: 0.001,
  fee_close: 0.001,
  initial_stop_loss_abs: 97,
  initial_stop_loss_ratio: -0.03,
  min_rate: 99,
  max_rate: 111,
  orders: [
    { order_id: 'dry_run_buy_1', ft_order_side: 'buy', filled: 2, safe_price: 100 },
    { order_id: 'dry_run_sell_2', ft_order_side: 'sell', filled: 2, safe_price: 110 },
  ],
}
const live = readBotTrade(rest, { name: bot, dry_run: true, timeframe: '' })
const event = live.is === 'closed' ? live.event : null

/** A database as Freqtrade 2026.9 makes it, as far as it is read; what was written last lies in the -wal file. */
function database(name: string): { file: string; exec(sql: string): void; close(): void } {
  const file = join(dir, name)
  const db = new DatabaseSync(file)
  db.exec(`
    pragma journal_mode = wal;
    create table trades (id integer primary key, pair text, is_open boolean, is_short boolean, strategy text, enter_tag text, exit_reason text,
      timeframe integer, open_date datetime, close_date datetime, open_rate float, close_rate float, close_profit float, stake_amount float,
      max_stake_amount float, leverage float, fee_open float, fee_close float, initial_stop_loss float, initial_stop_loss_pct float, min_rate float, max_rate float);
    create table orders (id integer primary key, ft_trade_id integer, order_id text, ft_order_side text, filled float, average float, price float, stop_price float);
    insert into trades values (3, 'ETH/USDT', 0, 0, 'Tags', 'dip', 'roi', 5, '2026-11-24 14:26:29.716000', '2026-11-24 14:36:29.716552', 100, 110, 0.098, 200,
      200, 1, 0.001, 0.001, 97, -0.03, 99, 111),
      (4, 'ETH/USDT', 1, 0, 'Tags', 'dip', null, 5, '2026-11-24 15:26:29.716000', null, 100, null, null, 200, 200, 1, 0.001, 0.001, 97, -0.03, 99, 111);
    insert into orders values (1, 3, 'dry_run_buy_1', 'buy', 2, 100, null, null), (2, 3, 'dry_run_sell_2', 'sell', 2, null, 110, null);`)
  return { file, exec: (sql) => db.exec(sql), close: () => db.close() }
}

test('show-trades, an answer of the API and the database are the same trades as those of `connect`', () => {
  const list = join(dir, 'show.json')
  writeFileSync(list, JSON.stringify([rest, { ...rest, trade_id: 4, is_open: true }]))
  const answer = join(dir, 'answer.json')
  writeFileSync(answer, JSON.stringify({ trades: [rest], trades_count: 1, offset: 0, total_trades: 1 }))
  const { file, close } = database('tradesv3.sqlite')
  expect(event).not.toBeNull()
  expect(readBotFile({ file: list, bot })).toEqual({ events: [event], open: 1 })
  expect(readBotFile({ file: answer, bot })).toEqual({ events: [event], open: 0 })
  expect(readBotFile({ file, bot })).toEqual({ events: [event], open: 1 }) // its rows are in the -wal file still
  close()
})

test('regression: orders and trades are those of one moment, whatever the bot writes meanwhile', () => {
  const { file, exec, close } = database('closing.sqlite')
  const { prepare } = DatabaseSync.prototype
  let read = 0
  vi.spyOn(DatabaseSync.prototype, 'prepare').mockImplementation(function (this: DatabaseSync, sql) {
    // the last part of its exit, and with it the close
    if (++read === 2)
      exec(`insert into orders values (3, 4, 'dry_run_buy_3', 'buy', 2, 100, null, null), (4, 4, 'dry_run_sell_4', 'sell', 2, 110, null, null);
        update trades set is_open = 0, close_date = '2026-11-24 15:36:29.716000', close_rate = 110, close_profit = 0.098 where id = 4`)
    return prepare.call(this, sql)
  })
  try {
    expect(readBotFile({ file, bot })).toEqual({ events: [event], open: 1 })
  } finally {
    vi.restoreAllMocks()
  }
  expect(read).toBe(2)
  expect(readBotFile({ file, bot })).toMatchObject({ events: [event, { exit_price: 110 }], open: 0 })
  close()
})

test('a backtest is none of them, and what is wrong is a sentence', () => {
  const write = (name: string, content: string) => {
    writeFileSync(join(dir, name), content)
    return join(dir, name)
  }
  expect(readBotFile({ file: write('backtest.json', '{"strategy": {}}') })).toBeNull()
  expect(readBotFile({ file: write('old.json', '[["ETH/BTC", 0.1]]') })).toBeNull()
  const unnamed = write('unnamed.json', JSON.stringify([rest]))
  expect(() => readBotFile({ file: unnamed })).toThrow(
    'holds the trades of a running bot, and it is not said of which.',
  )
  const untimed = write('untimed.json', JSON.stringify([{ ...rest, timeframe: null }]))
  expect(() => readBotFile({ file: untimed, bot })).toThrow('does not say the timeframe of its trades.')
  expect(readBotFile({ file: untimed, bot, timeframe: '1h' })?.events[0]?.timeframe).toBe('1h')
  const bad = write('bad.json', JSON.stringify([rest, { ...rest, trade_id: 5, orders: [], close_rate: -1 }]))
  expect(() => readBotFile({ file: bad, bot })).toThrow(
    `${bad}: trade 5 (ETH/USDT) cannot be learned: The exit price is -1`,
  )
  const other = join(dir, 'other.sqlite')
  const db = new DatabaseSync(other)
  db.exec('create table t (a)')
  db.close()
  expect(() => readBotFile({ file: other, bot })).toThrow(
    `${other} cannot be read as the database of a Freqtrade: no such table: orders.`,
  )
})

test('a time of the database is the millisecond that the bot itself makes of it', () => {
  // python3 -c "from datetime import *; print(int(datetime(2026,11,24,14,26,29,716552,timezone.utc).timestamp()*1000))"
  expect(timestamp('2026-11-24 14:26:29.716552')).toBe(1795530389716)
  expect(timestamp('2026-11-24 14:26:29')).toBe(1795530389000)
  expect(timestamp(null)).toBeNull()
})

const sample = sharedData('freqtrade/samples/show_trades.json')
const answer = sharedData('freqtrade/samples/trades.json')
test.skipIf(sample === null || answer === null)(
  'of a real Freqtrade, show-trades and the API are the same events',
  () => {
    const { trades } = JSON.parse(readFileSync(answer as string, 'utf8')) as { trades: unknown[] }
    const told = trades.map((raw) => {
      const read = readBotTrade(raw, { name: bot, dry_run: true, timeframe: '' })
      return read.is === 'closed' ? read.event : null
    })
    const shown = readBotFile({ file: sample as string, bot })?.events
    expect(shown?.length).toBeGreaterThan(10)
    for (const one of shown ?? []) expect(told).toContainEqual(one)
  },
)

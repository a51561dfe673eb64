import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { sharedData } from '../../test/support/shared-data.ts'
import { readBotTrade, tradeKey } from './freqtrade-trade.ts'

const bot = { name: 'alpha', dry_run: true, timeframe: '5m' }
const OPENED = Date.parse('2026-03-02T07:59:58.123Z') // a Monday
const closed = {
  trade_id: 7,
  pair: 'ETH/USDT:USDT',
  is_open: false,
  is_short: false,
  strategy: 'Tags',
  enter_tag: 'dip',
  exit_reason: 'roi',
  timeframe: 240,
  open_timestamp: OPENED,
  close_timestamp: OPENED + 600_000,
  open_rate: 100,
  close_rate: 110,
  profit_ratio: 0.297,
  stake_amount: 50,
  max_stake_amount: 50,
  leverage: 3,
  fee_open: 0.001,
  fee_close: 0.001,
  initial_stop_loss_abs: 95,
  initial_stop_loss_ratio: -0.15,
  min_rate: 96,
  max_rate: 112,
  orders: [
    { ft_order_side: 'buy', filled: 1.5, safe_price: 100 },
    { ft_order_side: 'sell', filled: 1.5, safe_price: 110 },
  ],
}
const eventOf = (change: object = {}, of = bot) => {
  const read = readBotTrade({ ...closed, ...change }, of)
  if (read.is !== 'closed') throw new Error(JSON.stringify(read))
  return read.event
}

test('a closed trade becomes an event, with the context that a backtest of it would have', () => {
  expect(eventOf()).toMatchObject({
    position_id: 'freqtrade/alpha/ETH/USDT:USDT',
    trade_id: '7/2026-03-02T07:59:58.123Z',
    revision: 0,
    symbol: 'ETH/USDT:USDT',
    timeframe: '4h',
    decision_type: 'roi',
    opened_at: OPENED,
    closed_at: OPENED + 600_000,
    entry_price: 100,
    exit_price: 110,
    return: 0.1,
    max_drawdown: 0.04,
    max_gain: 0.12,
    rr: 2.5,
    net_return: 0.297,
    fees: expect.closeTo(0.15 + 0.165, 12),
    stake: 50,
    risk_at_entry: 0.05,
    levers: { strategy: 'Tags', pair: 'ETH/USDT:USDT', enter_tag: 'dip', hour: '07', weekday: 'mon' },
    measures: { leverage: 3 },
    source: 'freqtrade:dry-run',
  })
  expect(eventOf({}, { ...bot, dry_run: false }).source).toBe('freqtrade')
})

test('the same trade is one, whenever it is read; another bot, or the same id in a database that was reset, is another', () => {
  const { event_id } = eventOf()
  expect(eventOf({ exit_reason: 'stop_loss' }).event_id).toBe(event_id)
  expect(eventOf({}, { ...bot, name: 'beta' }).event_id).not.toBe(event_id)
  expect(eventOf({ open_timestamp: OPENED + 1 }).event_id).not.toBe(event_id)
  expect(tradeKey(closed)).not.toBe(tradeKey({ ...closed, open_timestamp: OPENED + 1 }))
})

test('a short trade is mirrored', () => {
  const orders = [
    { ft_order_side: 'sell', filled: 1, safe_price: 100 },
    { ft_order_side: 'buy', filled: 1, safe_price: 98 },
  ]
  expect(eventOf({ is_short: true, close_rate: 98, initial_stop_loss_abs: 105, orders })).toMatchObject({
    return: 0.02,
    max_drawdown: 0.12,
    risk_at_entry: 0.05,
    fees: expect.closeTo(0.198, 12),
  })
})

test('of a position that was bought and sold in parts prices are averages of what was filled, the stake all of it', () => {
  const orders = [
    { ft_order_side: 'buy', filled: 1, safe_price: 100 },
    { ft_order_side: 'buy', filled: 3, safe_price: 80 },
    { ft_order_side: 'buy', filled: 0, safe_price: 60 },
    { ft_order_side: 'sell', filled: 2, safe_price: 90 },
    { ft_order_side: 'stoploss', filled: 2, safe_price: 70 },
  ]
  const event = eventOf({
    orders,
    open_rate: 85,
    close_rate: 70,
    stake_amount: 20,
    max_stake_amount: 340,
    min_rate: 69,
  })
  expect(event).toMatchObject({ entry_price: 85, exit_price: 80, stake: 340 })
  expect(event.fees).toBeCloseTo((340 + 320) * 0.001, 12)
  expect(event.return).toBeCloseTo(-5 / 85, 12)
  expect(event.max_drawdown).toBeCloseTo(16 / 85, 12)
})

test('without its own lowest and highest rate a trade has no R/R, and its return and money all the same', () => {
  expect(eventOf({ min_rate: null, max_rate: null })).toMatchObject({
    rr: null,
    unscored_reason: 'no_ohlcv',
    return: 0.1,
    net_return: 0.297,
  })
})

test('an exit beyond its highest rate counts', () => {
  expect(eventOf({ max_rate: 105 })).toMatchObject({ max_gain: 0.1 })
})

test('what a bot of another version does not say is null, not a guess', () => {
  const { orders, fee_open, initial_stop_loss_abs, initial_stop_loss_ratio, leverage, timeframe, enter_tag, ...rest } =
    closed
  const read = readBotTrade(rest, bot)
  expect(read).toMatchObject({
    is: 'closed',
    event: { fees: null, risk_at_entry: null, timeframe: '5m', measures: { leverage: 1 } },
  })
  expect(read.is === 'closed' && 'enter_tag' in read.event.levers).toBe(false)
})

test.each([
  [1, '1m'],
  [90, '90m'],
  [60, '1h'],
  [1440, '1d'],
  [10_080, '1w'],
])('a timeframe of %d minutes is %s', (minutes, text) => {
  expect(eventOf({ timeframe: minutes }).timeframe).toBe(text)
})

describe('what is no closed trade', () => {
  test('is open', () => {
    expect(readBotTrade({ ...closed, is_open: true, close_timestamp: null }, bot)).toEqual({ is: 'open' })
  })

  test.each([
    [{ trade_id: null }, 'has no trade_id'],
    [{ pair: '' }, 'has no pair'],
    [{ close_timestamp: null }, 'has no close_timestamp'],
    [{ close_timestamp: OPENED - 1 }, 'was closed before it was opened'],
    [{ close_rate: 0, orders: [] }, 'cannot be learned: The exit price is 0; a price is a finite number above 0.'],
    [{ pair: 'x'.repeat(600) }, 'cannot be learned: The position_id has 616 bytes, 512 are allowed.'],
  ])('%j %s', (change, reason) => {
    expect(readBotTrade({ ...closed, ...change }, bot)).toEqual({ is: 'unusable', reason })
  })
})

const sample = sharedData('freqtrade/samples/trades.json')
test.skipIf(sample === null)('every trade of a real Freqtrade is an event of its own, R/R and money included', () => {
  const { trades } = JSON.parse(readFileSync(sample as string, 'utf8')) as { trades: Record<string, number>[] }
  const read = trades.map((trade) => readBotTrade(trade, bot))
  const events = read.flatMap((r) => (r.is === 'closed' ? [r.event] : []))
  expect(events).toHaveLength(trades.length)
  expect(new Set(events.map((e) => e.event_id)).size).toBe(trades.length)
  for (const [i, event] of events.entries()) {
    const trade = trades[i] as Record<string, number>
    expect(event.rr).not.toBeNull()
    expect(event.timeframe).toBe('1m')
    expect(event.risk_at_entry).toBeCloseTo(0.03, 3)
    expect(event.net_return).toBe(trade.profit_ratio)
    // what it brought, before fees and after: its own account of it
    const gross = (event.return as number) * (event.stake as number)
    expect(gross - (event.fees as number)).toBeCloseTo(trade.profit_abs as number, 6)
  }
})

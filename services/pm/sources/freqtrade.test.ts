import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { strToU8, zipSync } from 'fflate'
import { afterAll, describe, expect, test } from 'vitest'
import { sharedData } from '../../../test/support/shared-data.ts'
import { readFreqtrade } from './freqtrade.ts'

const dir = mkdtempSync(join(tmpdir(), 'strandline-freqtrade-'))
afterAll(() => rmSync(dir, { recursive: true }))

let files = 0
const write = (name: string, content: string | Uint8Array) => {
  const path = join(dir, String(++files), name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
  return path
}

const trade = {
  pair: 'ETH/USDT:USDT',
  open_date: '2024-03-04 07:10:00+00:00',
  close_date: '2024-03-04 07:20:00+00:00',
  open_rate: 100,
  close_rate: 110,
  exit_reason: 'roi',
  enter_tag: 'dip',
  is_short: false,
  is_open: false,
}
const result = (...trades: object[]) =>
  JSON.stringify({
    metadata: {},
    strategy: { Dip: { strategy_name: 'Dip', timeframe: '5m', trades } },
    strategy_comparison: [],
  })
const MS = Date.parse('2024-03-04T07:10:00Z')
const candles = [
  [MS, 100, 106, 95, 104, 1],
  [MS + 300_000, 104, 112, 103, 110, 1],
]
const candleDir = dirname(write('ETH_USDT_USDT-5m.json', JSON.stringify(candles)))
const read = (file: string, more: { candles?: string; timeframe?: string } = {}) =>
  readFreqtrade({ file, candles: candleDir, ...more })

test('a trade becomes an event with its levers, scored on its candles', () => {
  const { events, open } = read(write('result.json', result(trade)))
  expect(open).toBe(0)
  expect(events).toHaveLength(1)
  expect(events[0]).toMatchObject({
    position_id: 'freqtrade/Dip/ETH/USDT:USDT/5m',
    symbol: 'ETH/USDT:USDT',
    timeframe: '5m',
    decision_type: 'roi',
    opened_at: MS,
    closed_at: MS + 600_000,
    entry_price: 100,
    exit_price: 110,
    return: 0.1,
    max_drawdown: 0.05,
    max_gain: 0.12,
    rr: 2,
    unscored_reason: null,
    levers: { strategy: 'Dip', pair: 'ETH/USDT:USDT', enter_tag: 'dip', hour: '07', weekday: 'mon' },
    source: 'import:freqtrade',
  })
})

test('a short trade is mirrored', () => {
  const short = { ...trade, is_short: true, close_rate: 97 }
  expect(read(write('result.json', result(short))).events[0]).toMatchObject({
    return: 0.03,
    max_drawdown: 0.12,
    max_gain: 0.05,
    rr: 0.25,
  })
})

describe('what it came to in money', () => {
  const money = (more: object) => {
    const { net_return, fees, stake, risk_at_entry } = read(write('result.json', result({ ...trade, ...more })))
      .events[0]!
    return { net_return, fees, stake, risk_at_entry }
  }
  const close = (value: number) => expect.closeTo(value, 12)

  test('is Freqtrade’s own profit, fees by its rates, the stake and the first stop', () => {
    const spot = {
      profit_ratio: 0.0978,
      stake_amount: 50,
      fee_open: 0.001,
      fee_close: 0.001,
      initial_stop_loss_abs: 95,
    }
    expect(money(spot)).toEqual({
      net_return: 0.0978,
      fees: close(50 * 0.001 + 55 * 0.001),
      stake: 50,
      risk_at_entry: 0.05,
    })
  })

  test('has the leverage in it: the profit is of the stake, the fees of the whole position', () => {
    const short = { is_short: true, leverage: 3, profit_ratio: -0.306, max_stake_amount: 100, stake_amount: 20 }
    expect(money({ ...short, fee_open: 0.001, fee_close: 0.002, initial_stop_loss_abs: 104 })).toEqual({
      net_return: -0.306,
      fees: close(300 * 0.001 + 330 * 0.002),
      stake: 100, // sold in parts, of which the last one was 20
      risk_at_entry: 0.04,
    })
  })

  test.each([-0.12, 0.12])(
    'a stop that is only a ratio of the stake, whatever its sign (%d)',
    (initial_stop_loss_ratio) => {
      expect(money({ leverage: 3, initial_stop_loss_ratio }).risk_at_entry).toBeCloseTo(0.04, 12)
    },
  )

  test('is unknown where the export does not say it, or says what is no number', () => {
    const unknown = { net_return: null, fees: null, stake: null, risk_at_entry: null }
    expect(money({})).toEqual(unknown)
    const odd = { profit_ratio: null, stake_amount: 0, fee_open: 'x', fee_close: 0.1, initial_stop_loss_abs: 100 }
    expect(money(odd)).toEqual(unknown)
    expect(money({ initial_stop_loss_ratio: -3 })).toEqual(unknown)
    expect(money({ stake_amount: 1e300, leverage: 1e300, fee_open: 1, fee_close: 1 })).toEqual({
      ...unknown,
      stake: 1e300,
    })
  })

  test('has its name of earlier versions', () => {
    expect(money({ profit_percent: 0.0978 }).net_return).toBe(0.0978)
  })
})

test('the same trade has the same identity in every file, and every trade has its own', () => {
  const other = { ...trade, open_date: '2024-03-04 07:15:00+00:00' }
  const ids = read(write('a.json', result(trade, other, { ...trade, is_short: true }, trade))).events.map(
    (e) => e.event_id,
  )
  expect(new Set(ids).size).toBe(4)
  expect(read(write('b.json', result(other, trade))).events.map((e) => e.event_id)).toEqual([ids[1], ids[0]])
})

test('without a tag there is no enter_tag lever', () => {
  const { events } = read(write('result.json', result({ ...trade, enter_tag: null }, { ...trade, enter_tag: '' })))
  for (const { levers } of events) expect(levers).not.toHaveProperty('enter_tag')
})

test('hour and weekday are those of the opening, in UTC', () => {
  const late = { ...trade, open_date: '2024-03-03T23:59:59-01:00', close_date: '2024-03-04T03:00:00+00:00' }
  expect(read(write('result.json', result(late))).events[0]!.levers).toMatchObject({ hour: '00', weekday: 'mon' })
})

test('trades that are still open are left out and counted', () => {
  expect(read(write('result.json', result(trade, { ...trade, is_open: true })))).toMatchObject({
    events: { length: 1 },
    open: 1,
  })
})

describe('formats', () => {
  test('the zip that newer versions write, with the configuration and other files beside the result', () => {
    const zip = zipSync({
      'backtest-result-2024-03-05_10-00-00_config.json': strToU8('{"strategy": "Dip"}'),
      'backtest-result-2024-03-05_10-00-00_Dip.py': strToU8('class Dip: pass'),
      'backtest-result-2024-03-05_10-00-00.json': strToU8(result(trade)),
      'backtest-result-2024-03-05_10-00-00_market_change.feather': strToU8('x'),
    })
    expect(read(write('backtest-result-2024-03-05_10-00-00.zip', zip)).events).toMatchObject([{ rr: 2 }])
  })

  test('several strategies in one file, in its order', () => {
    const both = { strategy: { B: { timeframe: '5m', trades: [trade] }, A: { timeframe: '5m', trades: [trade] } } }
    expect(read(write('result.json', JSON.stringify(both))).events.map((e) => e.levers.strategy)).toEqual(['B', 'A'])
  })

  test('names of earlier versions: ticker_interval, sell_reason, buy_tag', () => {
    const { exit_reason: _r, enter_tag: _t, is_short: _s, is_open: _o, ...old } = trade
    const content = {
      strategy: { Old: { ticker_interval: '5m', trades: [{ ...old, sell_reason: 'stop_loss', buy_tag: 'x' }] } },
    }
    expect(read(write('result.json', JSON.stringify(content))).events[0]).toMatchObject({
      decision_type: 'stop_loss',
      timeframe: '5m',
      levers: { enter_tag: 'x' },
    })
  })

  test('the oldest one, a list of lists, with the timeframe given', () => {
    const file = write(
      'old.json',
      JSON.stringify([['ETH/USDT:USDT', 0.1, MS / 1000, MS / 1000 + 600, 0, 10, 100, 110, false, 'roi']]),
    )
    expect(() => read(file)).toThrow(/does not say the timeframe/)
    expect(read(file, { timeframe: '5m' }).events[0]).toMatchObject({ rr: 2, decision_type: 'roi', opened_at: MS })
  })

  test('Python’s NaN and Infinity in the statistics are no obstacle, and stay what they are inside of texts', () => {
    const content = result({ ...trade, enter_tag: 'NaN, Infinity "x"' }).replace(
      '"metadata":{}',
      '"metadata":{"a":NaN,"b":[-Infinity,Infinity]}',
    )
    expect(read(write('result.json', content)).events[0]!.levers.enter_tag).toBe('NaN, Infinity "x"')
  })
})

describe('candles', () => {
  const csv = [
    'Date,Open,High,Low,Close,Volume',
    ...candles.map(([ms, ...rest]) => [new Date(ms!).toISOString(), ...rest].join(',')),
  ].join('\n')
  test.each([
    ['ETH_USDT_USDT-5m.csv', csv],
    ['ETH_USDT_USDT-5m.json.gz', gzipSync(JSON.stringify(candles))],
    ['ETH_USDT_USDT-5m-futures.json', JSON.stringify(candles)],
    ['futures/ETH_USDT_USDT-5m-futures.json', JSON.stringify(candles.toReversed())],
    [
      'ETH_USDT_USDT-5m.csv',
      csv
        .replace('Date', 'timestamp')
        .replace(/2024-03-04T07:(\d+):00.000Z/g, (_, m) => String(MS / 1000 + (Number(m) - 10) * 60)),
    ],
  ])('%s', (name, content) => {
    const path = write(name, content)
    const folder = name.includes('/') ? dirname(dirname(path)) : dirname(path)
    expect(read(write('result.json', result(trade)), { candles: folder }).events[0]).toMatchObject({
      rr: 2,
      max_drawdown: 0.05,
    })
  })

  test('a pair without candles is unscored, and still an event', () => {
    const { events } = read(write('result.json', result({ ...trade, pair: 'XRP/BTC' }, trade)))
    expect(events).toMatchObject([
      { rr: null, unscored_reason: 'no_ohlcv', return: 0.1, max_drawdown: null },
      { rr: 2 },
    ])
  })

  test('Feather, as Freqtrade has them by default', () => {
    const candles = fileURLToPath(new URL('./feather/fixtures/ms', import.meta.url))
    const { events } = read(write('result.json', result({ ...trade, pair: 'BTC/USDT:USDT' })), { candles })
    expect(events).toMatchObject([{ max_drawdown: 0.015, unscored_reason: null }])
  })

  test.each([
    ['parquet', 'parquet'],
    ['h5', 'hdf5'],
  ])('candles in a format that is not read are named: %s', (ending, format) => {
    const folder = dirname(write(`ETH_USDT_USDT-5m.${ending}`, 'x'))
    expect(() => read(write('result.json', result(trade)), { candles: folder })).toThrow(
      expect.objectContaining({
        code: 'FILE_INVALID',
        message: `${join(folder, `ETH_USDT_USDT-5m.${ending}`)} has a format that is not read here.`,
        todo: expect.stringContaining(`convert-data --format-from ${format} --format-to feather --timeframes 5m`),
      }),
    )
  })

  test('a file without the columns is named', () => {
    const folder = dirname(write('ETH_USDT_USDT-5m.csv', 'a,b\n1,2\n'))
    expect(() => read(write('result.json', result(trade)), { candles: folder })).toThrow(
      /has no header with timestamp, low and high/,
    )
  })
})

describe('what is refused, in one sentence', () => {
  test.each([
    ['nowhere.json', null, /cannot be read: there is no such file/],
    ['bad.json', '{', /is not JSON/],
    ['other.json', '{"a":1}', /is not a backtest result/],
    ['last.json', '{"latest_backtest":"backtest-result-x.zip"}', /is not a backtest result/],
    ['cut.zip', 'PK\x03\x04xxxx', /is not a whole zip|holds no backtest/],
    ['empty.zip', zipSync({ 'readme.txt': strToU8('x') }), /holds no backtest result/],
    ['price.json', result(trade, { ...trade, close_rate: 0 }), /trade 2 \(ETH\/USDT:USDT\) has the close_rate 0/],
    ['nan.json', result(trade).replace('"open_rate":100', '"open_rate":NaN'), /trade 1 .* has the open_rate null/],
    ['time.json', result({ ...trade, open_date: 'x' }), /has no open_date/],
    ['order.json', result({ ...trade, close_date: '2024-03-04 07:00:00+00:00' }), /a close_date before its open_date/],
  ])('%s', (name, content, sentence) => {
    expect(() => read(content === null ? join(dir, name) : write(name, content))).toThrow(sentence)
  })
})

const backtest = sharedData('data/freqtrade-backtest-result.json')
const vectors = sharedData('vectors/freqtrade-rr.json')
const sharedCandles = sharedData('data/candles')
test.skipIf(!backtest || !vectors || !sharedCandles)(
  '94 real trades: in the order of the file, R/R as the reference vectors have it',
  () => {
    const { events } = readFreqtrade({ file: backtest!, candles: sharedCandles! })
    const expected = JSON.parse(readFileSync(vectors!, 'utf8')) as Record<
      'return' | 'max_drawdown' | 'max_gain' | 'rr',
      number
    >[]
    expect(events).toHaveLength(expected.length)
    expect(new Set(events.map((e) => e.event_id)).size).toBe(94)
    for (const [i, event] of events.entries())
      for (const name of ['return', 'max_drawdown', 'max_gain', 'rr'] as const)
        expect(Math.abs(event[name]! - expected[i]![name]), `trade ${i} ${name}`).toBeLessThanOrEqual(
          1e-9 * Math.max(1, Math.abs(expected[i]![name])),
        )
    // what is left of the return when its fees are taken off; Freqtrade divides by the stake and the fee of the entry
    for (const { return: gross, net_return, fees, stake } of events)
      expect(net_return).toBeCloseTo((gross! - fees! / stake!) / 1.0025, 7)
    expect(events.map((e) => e.risk_at_entry)).toEqual(events.map(() => expect.closeTo(0.1, 3)))
  },
)

test.each<[string, object, RegExp]>([
  [
    'a price that no text can be made of',
    { open_rate: { toString: 1, valueOf: 1 } },
    /trade 1 .* has the open_rate \{"toString":1,"valueOf":1\}, which is no price/,
  ],
  ['an entry before all dates', { open_timestamp: -1e300 }, /trade 1 .* has an open_date before the year 1/],
  ['an exit beyond all dates', { close_timestamp: 1e300 }, /trade 1 .* has a close_date beyond the year 2100/],
  [
    'prices too far apart for a ratio',
    { open_rate: 5e-324 },
    /the trade of ETH\/USDT:USDT from 2024-03-04T07:10:00\.000Z cannot be scored/,
  ],
])('regression: %s is refused by its trade', (_, change, message) => {
  expect(() => read(write('result.json', result({ ...trade, ...change })))).toThrow(
    expect.objectContaining({ code: 'FILE_INVALID', message: expect.stringMatching(message) }),
  )
})

test('regression: a timeframe that is none is refused with the name of the file', () => {
  const text = result(trade).replace('"5m"', '"5M"')
  expect(() => read(write('result.json', text))).toThrow(
    expect.objectContaining({
      code: 'FILE_INVALID',
      message: expect.stringMatching(/result\.json: "5M" is not a timeframe/),
    }),
  )
})

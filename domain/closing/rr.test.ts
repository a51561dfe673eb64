import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sharedData } from '../../test/support/shared-data.ts'
import { type Bar, scoreTrade, type Trade } from './rr.ts'

const MIN = 60_000
const trade = (change: Partial<Trade> = {}): Trade => ({
  entry_price: 100,
  exit_price: 110,
  opened_at: 10 * MIN,
  closed_at: 20 * MIN,
  ...change,
})
const bar = (minute: number, low: number, high: number): Bar => ({ start: minute * MIN, low, high })

describe('which bars count', () => {
  const only = (b: Bar, t = trade()) => scoreTrade(t, [b], 5 * MIN).unscored_reason === null

  test('a bar that ends at the entry does not, one that ends just after it does', () => {
    expect(only(bar(5, 99, 101))).toBe(false)
    expect(only({ ...bar(5, 99, 101), start: 5 * MIN + 1 })).toBe(true)
  })

  test('a bar that starts at the exit does not, one that starts just before it does', () => {
    expect(only(bar(20, 99, 101))).toBe(false)
    expect(only({ ...bar(20, 99, 101), start: 20 * MIN - 1 })).toBe(true)
  })

  test('a trade that opened and closed in one instant has the bar that contains it, also when that bar starts right there', () => {
    expect(only(bar(10, 99, 101), trade({ closed_at: 10 * MIN }))).toBe(true)
    expect(only(bar(5, 99, 101), trade({ closed_at: 10 * MIN }))).toBe(false)
  })
})

test('a long trade: return, drawdown and gain from entry', () => {
  expect(scoreTrade(trade(), [bar(10, 95, 105), bar(15, 98, 120)], 5 * MIN)).toEqual({
    return: 0.1,
    max_drawdown: 0.05,
    max_gain: 0.2,
    rr: 2,
    unscored_reason: null,
  })
})

test('a short trade mirrors it', () => {
  const score = scoreTrade(trade({ side: 'short', exit_price: 90 }), [bar(10, 95, 105), bar(15, 80, 102)], 5 * MIN)
  expect(score).toEqual({ return: 0.1, max_drawdown: 0.05, max_gain: 0.2, rr: 2, unscored_reason: null })
})

test('the exit is part of the path: a stop below every bar is the drawdown', () => {
  expect(scoreTrade(trade({ exit_price: 80 }), [bar(10, 95, 105)], 5 * MIN)).toMatchObject({
    max_drawdown: 0.2,
    rr: -1,
  })
})

test('without drawdown a winner has 10, and a trade that moved nowhere 0', () => {
  expect(scoreTrade(trade(), [bar(10, 100, 110)], 5 * MIN).rr).toBe(10)
  expect(scoreTrade(trade({ exit_price: 100 }), [bar(10, 100, 110)], 5 * MIN).rr).toBe(0)
})

test('R/R stays within -10 and 10', () => {
  expect(scoreTrade(trade({ exit_price: 200 }), [bar(10, 99.9, 200)], 5 * MIN).rr).toBe(10)
})

test('zeros, negatives, NaN and Infinity in the bars are not prices', () => {
  const bars = [bar(10, 0, 105), bar(11, -5, Number.NaN), bar(12, 95, Number.POSITIVE_INFINITY)]
  expect(scoreTrade(trade(), bars, 5 * MIN)).toMatchObject({ max_drawdown: 0.05, max_gain: 0.1 })
})

test('no bar at all: unscored, the return is known', () => {
  expect(scoreTrade(trade(), [bar(100, 1, 2)], 5 * MIN)).toEqual({
    return: 0.1,
    max_drawdown: null,
    max_gain: null,
    rr: null,
    unscored_reason: 'no_ohlcv',
  })
})

test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -1])(
  'a price of %s is refused',
  (price) => {
    expect(() => scoreTrade(trade({ entry_price: price }), [], MIN)).toThrow(/entry price/)
    expect(() => scoreTrade(trade({ exit_price: price }), [], MIN)).toThrow(/exit price/)
  },
)

test('prices so far apart that their ratio is no number are refused', () => {
  expect(() => scoreTrade(trade({ entry_price: 5e-324, exit_price: 1e308 }), [bar(10, 1, 2)], MIN)).toThrow(
    /too far apart/,
  )
})

const price = fc.double({ min: 1e-12, max: 1e12, noNaN: true })
const bars = fc.array(
  fc.record({ start: fc.integer({ min: 0, max: 40 }).map((m) => m * MIN), low: fc.double(), high: fc.double() }),
  { maxLength: 20 },
)

test('property: whatever the bars hold, R/R is null with a reason, or finite and in range', () => {
  fc.assert(
    fc.property(
      price,
      price,
      bars,
      fc.constantFrom('long' as const, 'short' as const),
      (entry_price, exit_price, some, side) => {
        const score = scoreTrade(trade({ entry_price, exit_price, side }), some, 5 * MIN)
        if (score.rr === null) return score.unscored_reason !== null
        return (
          Math.abs(score.rr) <= 10 && score.max_drawdown! >= 0 && score.max_gain! >= 0 && score.unscored_reason === null
        )
      },
    ),
  )
})

test('property: the order of the bars and bars outside of the trade change nothing', () => {
  fc.assert(
    fc.property(price, price, bars, (entry_price, exit_price, some) => {
      const t = trade({ entry_price, exit_price })
      expect(scoreTrade(t, [bar(500, 1e-300, 1e300), ...some.toReversed()], 5 * MIN)).toEqual(
        scoreTrade(t, some, 5 * MIN),
      )
    }),
  )
})

test('property: a short on the mirrored prices scores as the long', () => {
  const near = fc.double({ min: -0.5, max: 0.5, noNaN: true })
  const move = fc.record({ minute: fc.integer({ min: 0, max: 40 }), a: near, b: near })
  fc.assert(
    fc.property(near, fc.array(move, { minLength: 1 }), (exit, moves) => {
      const at = (sign: number) =>
        scoreTrade(
          trade({ side: sign === 1 ? 'long' : 'short', exit_price: 100 * (1 + sign * exit) }),
          moves.map((m) => ({ start: m.minute * MIN, low: 100 * (1 + sign * m.a), high: 100 * (1 + sign * m.b) })),
          5 * MIN,
        )
      const [long, short] = [at(1), at(-1)]
      expect(short.return).toBeCloseTo(long.return, 9)
      if (long.rr === null) expect(short.rr).toBeNull()
      else {
        expect(short.max_drawdown!).toBeCloseTo(long.max_drawdown!, 9)
        expect(short.max_gain!).toBeCloseTo(long.max_gain!, 9)
      }
    }),
  )
})

const vectors = sharedData('vectors/freqtrade-rr.json')
const candleDir = sharedData('data/candles')
test.skipIf(!vectors || !candleDir)('94 real trades on real candles have the R/R of the reference vectors', () => {
  interface Expected {
    pair: string
    open_date: string
    close_date: string
    entry_price: number
    exit_price: number
    return: number
    max_drawdown: number
    max_gain: number
    rr: number
  }
  const expected = JSON.parse(readFileSync(vectors!, 'utf8')) as Expected[]
  const candles = new Map<string, Bar[]>()
  const load = (pair: string) => {
    const rows = readFileSync(`${candleDir}/${pair.replace('/', '_')}-5m.csv`, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
    return rows
      .map((row) => row.split(','))
      .map((c) => ({ start: Date.parse(c[0]!), low: Number(c[3]), high: Number(c[2]) }))
  }
  for (const e of expected) {
    if (!candles.has(e.pair)) candles.set(e.pair, load(e.pair))
    const score = scoreTrade(
      {
        entry_price: e.entry_price,
        exit_price: e.exit_price,
        opened_at: Date.parse(e.open_date),
        closed_at: Date.parse(e.close_date),
      },
      candles.get(e.pair)!,
      5 * MIN,
    )
    for (const name of ['return', 'max_drawdown', 'max_gain', 'rr'] as const)
      expect(Math.abs(score[name]! - e[name])).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(e[name])))
  }
  expect(expected).toHaveLength(94)
})

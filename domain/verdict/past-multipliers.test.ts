import { expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { closedTrade } from '../../test/support/closed-trade.ts'
import { judgedTrades } from './judged-trades.ts'
import { pastMultipliers } from './past-multipliers.ts'

const model = loadModel('freqtrade-return')
const T0 = Date.parse('2026-03-02T10:00:00Z')
const HOUR = 3_600_000
const levers = (enter_tag: string) => ({ strategy: 'Tags', pair: 'ETH/USDT', enter_tag, hour: '10', weekday: 'mon' })
/** One a quarter of an hour: on average `good` gains, and `bad` loses. */
const events = Array.from({ length: 400 }, (_, i) =>
  closedTrade({
    event_id: `e${i}`,
    source: 'freqtrade',
    timeframe: '5m',
    levers: levers(i % 2 ? 'good' : 'bad'),
    measures: {},
    net_return: (i % 2 ? 0.01 : -0.01) + (((i * 7_919) % 11) - 5) * 0.01,
    closed_at: T0 + (i * HOUR) / 4,
  }),
)
const records = events.map((event) => ({ event, taken_at: event.closed_at + 1_000 }))
const ask = (enter_tag: string, as_of: number) => ({ levers: levers(enter_tag), measures: {}, timeframe: '5m', as_of })

test('each moment sees what was closed and taken in before it, nothing else', () => {
  const trades = judgedTrades(records)
  const moments = [T0, T0 + 1_000, T0 + 1_001, T0 + 20 * HOUR, T0 + 100 * HOUR]
  const good = pastMultipliers(
    model,
    trades,
    moments.map((at) => ask('good', at)),
  )
  expect(good.slice(0, 2)).toEqual([1, 1])
  expect(good[3]).toBeGreaterThan(1.05)
  expect(good[4]).toBeGreaterThan(good[3] as number)
  for (const [i, at] of moments.entries()) {
    const known = judgedTrades(records.filter((r) => r.taken_at < at))
    expect(pastMultipliers(model, known, [ask('good', Number.MAX_SAFE_INTEGER)])[0]).toBe(good[i])
  }
  expect(pastMultipliers(model, trades, [ask('bad', T0 + 100 * HOUR)])[0]).toBeLessThan(0.95)
})

test('the order of the asks changes nothing, and what another model learns from does not count', () => {
  const trades = judgedTrades(records)
  const asks = [ask('good', T0 + 50 * HOUR), ask('bad', T0 + 10 * HOUR), ask('good', T0 + 10 * HOUR)]
  const there = pastMultipliers(model, trades, asks)
  expect(pastMultipliers(model, trades, asks.toReversed()).toReversed()).toEqual(there)
  expect(pastMultipliers(loadModel('lowcap-v5'), trades, asks)).toEqual([1, 1, 1])
  expect(pastMultipliers(model, [], asks)).toEqual([1, 1, 1])
})

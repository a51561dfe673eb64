import { describe, expect, test } from 'vitest'
import { eventId, UNSAID } from '../event.ts'
import { checkEvent } from '../validation.ts'
import { type BarRow, type BarredFlatTrade, closingOf, rescored } from './closing.ts'

const MIN = 60_000
const NOW = 100 * MIN
const flat = (change: Partial<BarredFlatTrade> = {}): BarredFlatTrade => ({
  position_id: 'p1',
  trade_id: 't1',
  fingerprint: 'f',
  now: NOW,
  symbol: 'PEPE',
  token_contract: '0xabc',
  chain: 'base',
  timeframe: '15m',
  side: 'long',
  decision_type: 'emergency_exit',
  entry_price: 100,
  exit_price: 110,
  quantity: 5,
  opened_at: 15 * MIN,
  closed_at: 45 * MIN,
  entry_context: { curator: 'x', mcap_at_entry: 5, is_new: true, nothing: null, nested: { a: 1 } },
  regime_context: { macro: 'Recover', score: 2 },
  bars: [
    [15 * MIN, 95, 105],
    [30 * MIN, 100, 120],
  ],
  exit_bar: 30 * MIN,
  later_bar: false,
  ...change,
})

test('the event: identity from position and trade, score from the bars, context split by type', () => {
  const { event, score_later, waits_until } = closingOf(flat())
  expect(event).toEqual({
    event_id: eventId('p1', 't1'),
    revision: 0,
    voided: false,
    position_id: 'p1',
    trade_id: 't1',
    symbol: 'PEPE',
    token_contract: '0xabc',
    chain: 'base',
    timeframe: '15m',
    decision_type: 'emergency_exit',
    opened_at: 15 * MIN,
    closed_at: 45 * MIN,
    entry_price: 100,
    exit_price: 110,
    return: 0.1,
    max_drawdown: 0.05,
    max_gain: 0.2,
    rr: 2,
    unscored_reason: null,
    ...UNSAID,
    provisional: false,
    stake: 500,
    levers: { curator: 'x', is_new: 'true' },
    measures: { mcap_at_entry: 5 },
    regime_context: { macro: 'Recover', score: '2' },
    source: 'pm',
  })
  expect([score_later, waits_until]).toEqual([false, null])
  expect(checkEvent(event, Buffer.from('p1'), event.closed_at)).toBeNull()
})

test('the entry of completed_trades has prices, times and the score', () => {
  expect(closingOf(flat()).completed_trade).toMatchObject({
    trade_id: 't1',
    event_id: eventId('p1', 't1'),
    entry_timestamp: '1970-01-01T00:15:00.000Z',
    exit_timestamp: '1970-01-01T00:45:00.000Z',
    entry_price: 100,
    exit_price: 110,
    quantity: 5,
    rr: 2,
  })
})

describe('what was put in, and what was risked', () => {
  test.each([
    [5, 500],
    ['0.5', 50],
    [null, null],
    [0, null],
    ['NaN', null],
    ['Infinity', null],
    [1e308, null],
  ])('of %s tokens at 100 each: %s', (quantity, stake) => {
    expect(closingOf(flat({ quantity })).event.stake).toBe(stake)
  })

  test('the risk is what the entry context says; one that is none is left out and named', () => {
    expect(closingOf(flat({ entry_context: { risk_at_entry: 0.05 } })).event).toMatchObject({
      risk_at_entry: 0.05,
      measures: { risk_at_entry: 0.05 },
    })
    expect(closingOf(flat({ entry_context: { risk_at_entry: 5 } })).event).toMatchObject({
      risk_at_entry: null,
      left_out: ['risk_at_entry'],
    })
  })
})

test('without bars the trade closes unscored, to be scored later', () => {
  const { event, score_later, waits_until } = closingOf(flat({ bars: [], exit_bar: null }))
  expect(event).toMatchObject({ rr: null, unscored_reason: 'no_ohlcv', revision: 0 })
  expect(event.provisional).toBe(true)
  expect(score_later).toBe(true)
  expect(waits_until).toBeGreaterThan(NOW)
})

test('without its last bar the score is provisional, and waited for', () => {
  const bars: BarRow[] = [[15 * MIN, 95, 105]]
  const { event, score_later, waits_until } = closingOf(flat({ bars, exit_bar: null }))
  expect(event).toMatchObject({ rr: 2, max_gain: 0.1, provisional: true, revision: 0 })
  expect([score_later, waits_until]).toEqual([false, NOW + 3 * 1_440 * MIN])
  expect(waits_until).toBeGreaterThan(NOW)
})

test('bars that arrive late make the next revision, bars that do not count make none', () => {
  const { event } = closingOf(flat({ bars: [] }))
  expect(rescored(event, 'long', flat().bars, 'somebody')).toMatchObject({
    event: { revision: 1, rr: 2, unscored_reason: null, event_id: event.event_id, revised_by: 'somebody' },
  })
  expect(rescored(event, 'long', [[45 * MIN, 1, 2]], 'somebody')).toBeNull()
})

test('scored again, a trade is another revision where any number of its score differs, and no provisional one', () => {
  const { event } = closingOf(flat({ bars: [[15 * MIN, 95, 105]], exit_bar: null }))
  const next = rescored(event, 'long', flat().bars, 'somebody')
  expect(next?.event).toMatchObject({ revision: 1, rr: 2, max_gain: 0.2, provisional: false })
  expect(rescored(event, 'long', [...flat({ bars: [[15 * MIN, 95, 105]] }).bars, [30 * MIN, 96, 104]], '')).toBeNull()
})

describe('a price that is none: refused, whoever wrote it', () => {
  test.each([null, 'NaN', 'Infinity', 0, -3])('%s', (price) => {
    expect(() => closingOf(flat({ exit_price: price }))).toThrow(/^Position p1 holds nothing, but/)
    expect(() => closingOf(flat({ entry_price: price }))).toThrow(/^Position p1 holds nothing, but/)
  })
})

test('a bar whose values are no numbers is there, and adds nothing', () => {
  expect(closingOf(flat({ bars: [[15 * MIN, null, 'NaN']] })).event).toMatchObject({
    rr: 10,
    max_drawdown: 0,
    max_gain: 0.1,
  })
})

test('an exit in the future is refused: no reader of the log would take its event', () => {
  expect(() => closingOf(flat({ closed_at: NOW + 5 * MIN + 1 }))).toThrow(/its exit lies in the future/)
  expect(closingOf(flat({ closed_at: NOW + 5 * MIN })).event.closed_at).toBe(NOW + 5 * MIN)
})

test('an entry context that is no object has no levers', () => {
  expect(closingOf(flat({ entry_context: 'x' })).event).toMatchObject({ levers: {}, measures: {} })
})

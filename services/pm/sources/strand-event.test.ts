import { describe, expect, test } from 'vitest'
import { eventId } from '../../../core/event.ts'
import { type ForeignStrand, tradeOfStrand } from './strand-event.ts'

const NOW = Date.parse('2026-03-02T12:00:00Z')
const trade = {
  trade_id: 't1',
  entry_price: 100,
  exit_price: 110,
  entry_timestamp: '2026-03-02T10:00:00+00:00',
  exit_timestamp: '2026-03-02T10:30:00+00:00',
  rr: 2,
  return: 0.1,
  max_drawdown: 0.05,
  max_gain: 0.2,
}
const content = {
  entry_context: { curator: 'x', mcap_at_entry: 5 },
  completed_trades: [{ ...trade, trade_id: 'older' }, trade],
  token: '0xabc',
  chain: 'base',
  decision_type: 'emergency_exit',
  ts: '2026-03-02T10:31:00Z',
}
const strand: ForeignStrand = {
  id: 's1',
  kind: 'position_closed',
  symbol: 'PEPE',
  timeframe: '15m',
  position_id: 'p1',
  trade_id: 't1',
  regime_context: { macro: 'Recover', nested: { a: 1 } },
  created_at: '2026-03-02T10:31:00Z',
  content,
}
const read = (change: object = {}, ofContent: object = {}, ofTrade: object = {}) =>
  tradeOfStrand(
    { ...strand, content: { ...content, ...ofContent, completed_trades: [{ ...trade, ...ofTrade }] }, ...change },
    NOW,
  )

test('a strand becomes the event that the PM would have published of the same trade', () => {
  expect(tradeOfStrand(strand, NOW)).toEqual({
    side: 'long',
    unscored: false,
    event: {
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
      opened_at: Date.parse('2026-03-02T10:00:00Z'),
      closed_at: Date.parse('2026-03-02T10:30:00Z'),
      entry_price: 100,
      exit_price: 110,
      rr: 2,
      return: 0.1,
      max_drawdown: 0.05,
      max_gain: 0.2,
      unscored_reason: null,
      levers: { curator: 'x' },
      measures: { mcap_at_entry: 5 },
      regime_context: { macro: 'Recover' },
      source: 'learning-queue',
    },
  })
})

test('ids in the content, other names of fields, Decimals as texts, times without a zone', () => {
  const { event } = read(
    { position_id: null, trade_id: null, timeframe: null },
    { position_id: 'p1', timeframe: '15m' },
    {
      entry_price: undefined,
      exit_price: undefined,
      entry_timestamp: undefined,
      exit_timestamp: undefined,
      avg_entry_price: '100.0',
      avg_exit_price: '110.0',
      opened_at: '2026-03-02T10:00:00.123456',
      closed_at: 1772447400,
      rr: '2',
    },
  )
  expect(event).toMatchObject({
    event_id: eventId('p1', 't1'),
    entry_price: 100,
    rr: 2,
    opened_at: Date.parse('2026-03-02T10:00:00.123Z'),
    closed_at: Date.parse('2026-03-02T10:30:00Z'),
  })
})

test('content as JSON text, and a summary instead of trades', () => {
  const { completed_trades: _, ...rest } = content
  expect(
    tradeOfStrand({ ...strand, content: JSON.stringify({ ...rest, trade_summary: trade }) }, NOW).event,
  ).toMatchObject({ rr: 2, entry_price: 100 })
})

test('a trade without an id is named after its entry, as the PM names it', () => {
  expect(read({ trade_id: null }, {}, { trade_id: undefined }).event.trade_id).toBe(
    `entry-${Date.parse('2026-03-02T10:00:00Z')}`,
  )
})

test('without an R/R it can be scored on bars', () => {
  expect(read({}, {}, { rr: null })).toMatchObject({ unscored: true, event: { rr: null } })
})

test('an R/R under a wider bound is clamped', () => {
  expect(read({}, {}, { rr: 33 }).event.rr).toBe(10)
  expect(read({}, {}, { rr: -33 }).event.rr).toBe(-10)
})

test('what is too long is left out, and said', () => {
  const { event } = read({}, { entry_context: { curator: 'ä'.repeat(1_001), chain: 'base' } })
  expect(event).toMatchObject({ levers: { chain: 'base' }, left_out: ['curator'] })
})

test('an exit up to a day ahead is somebody’s clock: it is read, and waits', () => {
  expect(read({}, {}, { exit_timestamp: '2026-03-02T12:10:00Z' }).event.closed_at).toBe(NOW + 600_000)
})

describe('what is no trade is refused, and named', () => {
  test.each<[sentence: string, ofTrade?: object, ofContent?: object, ofStrand?: object]>([
    ['The strand has no content.', {}, {}, { content: null }],
    ['The strand has no position_id.', {}, {}, { position_id: null }],
    ['The strand has no timeframe.', {}, {}, { timeframe: '' }],
    [
      'The strand has neither a trade_id nor an entry time.',
      { trade_id: null, entry_timestamp: null },
      {},
      { trade_id: null },
    ],
    ['The strand has no exit time.', { exit_timestamp: null }, { ts: null }, { created_at: null }],
    ['The exit time is "soon", not a time.', { exit_timestamp: 'soon' }],
    ['Exit price is 0, not above 0.', { exit_price: 0 }],
    ['Exit price is "NaN", not a finite number.', { exit_price: 'NaN' }],
    ['Rr is "Infinity", not a finite number.', { rr: 'Infinity' }],
    ['The strand has neither an R/R nor the prices for one.', { rr: null, entry_price: null }],
    ["after the record's own time", { exit_timestamp: '2099-01-01T00:00:00Z' }],
    ['The entry time is 1780000000000000000, not a time in milliseconds', { entry_timestamp: 1.78e18 }],
  ])('%s', (sentence, ofTrade, ofContent, ofStrand) => {
    expect(() => read(ofStrand, ofContent, ofTrade)).toThrow(sentence)
  })
})

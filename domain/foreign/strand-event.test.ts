import { describe, expect, test } from 'vitest'
import { eventId, UNSAID } from '../event.ts'
import { sideOf } from '../revision.ts'
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
    { now: NOW },
  )

test('a strand becomes the event that the PM would have published of the same trade', () => {
  expect(tradeOfStrand(strand, { now: NOW })).toEqual({
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
      ...UNSAID,
      levers: { curator: 'x' },
      measures: { mcap_at_entry: 5 },
      regime_context: { macro: 'Recover' },
      source: 'learning-queue',
    },
  })
})

describe('regression: a trade that says an R/R and no return shows which side it was, to whoever scores it again', () => {
  const position = { timeframe: '15m', token_ticker: 'PEPE', token_contract: '0xabc', token_chain: 'base' }
  const sided = (ofTrade: object, side: string | null = null) => {
    const content_ = { ...content, completed_trades: [{ ...trade, return: undefined, exit_price: 90, ...ofTrade }] }
    const { event, side: is } = tradeOfStrand(
      { ...strand, content: content_ },
      { now: NOW, position: { ...position, side } },
    )
    return [is, event.return, sideOf(event)]
  }

  test('by what is said of it, by what it came to, or by its position', () => {
    expect(sided({ side: 'Short' })).toEqual(['short', 0.1, 'short'])
    expect(sided({}, 'SHORT')).toEqual(['short', 0.1, 'short'])
    expect(sided({}, 'long')).toEqual(['short', 0.1, 'short']) // a column's default
    expect(sided({ rr: 0 }, 'short')).toEqual(['short', 0.1, 'short'])
    expect(sided({}, 'a buy')).toEqual(['short', 0.1, 'short']) // fell, and gained
    expect(sided({ rr: -2 })).toEqual(['long', -0.1, 'long'])
    expect(sided({ rr: -2, exit_price: 110 })).toEqual(['short', -0.1, 'short'])
    expect(sided({ rr: null, return: 0.1 })).toEqual(['short', 0.1, 'short'])
    expect(sided({ rr: null }, 'short')).toEqual(['short', 0.1, 'short'])
  })

  test('a return after fees, or of nothing, does not hide the side that is said', () => {
    const lost = { side: 'short', exit_price: 99.95 }
    expect(sided({ ...lost, return: -0.001 })).toEqual(['short', expect.closeTo(0.0005), 'short'])
    expect(sided({ ...lost, return: 0 })).toEqual(['short', expect.closeTo(0.0005), 'short'])
    expect(sided({ ...lost, exit_price: 100, return: 0 })).toEqual(['short', 0, null])
  })

  test('a return that its R/R agrees with stays what it is, whatever side is said', () => {
    expect(sided({ side: 'long', exit_price: 99, return: 0.2, rr: 2 })).toEqual(['long', 0.2, 'short'])
    expect(sided({ side: 'short', return: -0.1, rr: -2 })).toEqual(['short', -0.1, 'long'])
  })

  test('a trade that is scored by its position’s side is refused where that can be none', () => {
    expect(() => sided({ rr: null }, 'BUY')).toThrow('The side is "BUY", neither long nor short.')
  })

  test('where nothing does, it has no return', () => {
    expect(sided({ rr: 0 })).toEqual(['long', null, null])
    expect(sided({ entry_price: undefined })).toEqual(['long', null, null])
  })
})

test('what it came to in money, where the trade says it; what is no number of these is left out and named, the trade is not', () => {
  const money = { net_return: 0.09, fees: '0.5', stake: '50.00', risk_at_entry: 0.04 }
  expect(read({}, {}, money).event).toMatchObject({ net_return: 0.09, fees: 0.5, stake: 50, risk_at_entry: 0.04 })
  expect(read({}, { entry_context: { risk_at_entry: '0.03' } }).event.risk_at_entry).toBe(0.03)
  const { event } = read({}, {}, { net_return: 'NaN', fees: {}, stake: -1, risk_at_entry: 4 })
  expect(event).toMatchObject({ ...UNSAID, rr: 2, left_out: ['net_return', 'fees', 'stake', 'risk_at_entry'] })
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
    tradeOfStrand({ ...strand, content: JSON.stringify({ ...rest, trade_summary: trade }) }, { now: NOW }).event,
  ).toMatchObject({ rr: 2, entry_price: 100 })
})

describe('shapes in the wild', () => {
  const event = tradeOfStrand(strand, { now: NOW }).event
  const { completed_trades, entry_context, ...rest } = content
  const { trade_id, ...summary } = trade
  const actions = [
    { decision_type: 'entry', ts: trade.entry_timestamp },
    { decision_type: 'trim', ts: trade.exit_timestamp },
  ]
  const wrapped = { trade_id, actions, summary }
  test.each<[shape: string, strand: object]>([
    ['contexts and trades in columns', { content: rest, entry_context, completed_trades }],
    [
      'the same as JSON in text columns',
      {
        content: JSON.stringify(rest),
        entry_context: JSON.stringify(entry_context),
        completed_trades: JSON.stringify(completed_trades),
      },
    ],
    ['no content at all', { content: null, entry_context, completed_trades, decision_type: 'x' }],
    ['trade, actions and summary', { content: { ...content, completed_trades: [wrapped] } }],
    [
      'a summary as JSON text',
      { content: { ...content, completed_trades: [{ ...wrapped, summary: JSON.stringify(summary) }] } },
    ],
    ['one trade instead of a list', { content: { ...content, completed_trades: trade } }],
    ['one wrapped trade instead of a list', { content: { ...content, completed_trades: wrapped } }],
    ['an element as JSON text', { content: { ...content, completed_trades: [JSON.stringify(trade)] } }],
    ['everything as JSON text twice', { content: JSON.stringify(JSON.stringify(content)) }],
    ['the context of the trade', { content: { ...rest, completed_trades: [{ ...trade, entry_context }] } }],
    [
      'another trade behind it',
      { content: { ...content, completed_trades: [trade, { ...trade, trade_id: 'later', exit_price: 1 }] } },
    ],
    [
      'times of the actions',
      { content: { ...content, completed_trades: [{ ...wrapped, summary: { ...summary, entry_timestamp: null } }] } },
    ],
    [
      'nanoseconds since 1970',
      {
        content: JSON.stringify({
          ...content,
          completed_trades: [{ ...trade, entry_timestamp: '@1', exit_timestamp: '@2' }],
        })
          .replace('"@1"', `${Date.parse(trade.entry_timestamp)}000456`)
          .replace('"@2"', `${Date.parse(trade.exit_timestamp)}999000`),
      },
    ],
    [
      'numbers as texts',
      {
        content: {
          ...content,
          completed_trades: [
            {
              ...trade,
              entry_price: '100',
              exit_price: '110.0',
              rr: '2',
              return: '0.1',
              max_drawdown: '5e-2',
              max_gain: '0.20',
            },
          ],
        },
      },
    ],
    ['a measure as text', { content: { ...content, entry_context: { curator: 'x', mcap_at_entry: '5' } } }],
  ])('%s', (_shape, change) => {
    const read = tradeOfStrand({ ...strand, ...change }, { now: NOW }).event
    const bare = (change as { content: unknown }).content === null
    expect(read).toEqual(bare ? { ...event, token_contract: '', chain: '', decision_type: '' } : event)
  })

  test('what the strand does not say, its position may', () => {
    const position = {
      timeframe: '15m',
      token_ticker: 'PEPE',
      token_contract: '0xabc',
      token_chain: 'base',
      side: null,
    }
    const { token: _, chain: __, ...less } = content
    expect(
      tradeOfStrand({ ...strand, timeframe: null, symbol: null, content: less }, { now: NOW, position }).event,
    ).toEqual(event)
  })

  test('an id of 64 bits keeps its digits', () => {
    const text = JSON.stringify({ ...content, position_id: '@', trade_id: null }).replace('"@"', '9007199254740993')
    expect(
      tradeOfStrand({ ...strand, position_id: null, trade_id: null, content: text }, { now: NOW }).event.position_id,
    ).toBe('9007199254740993')
  })
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
    [
      'The exit time is 2099-01-01T00:00:00.000Z, which lies in the future.',
      { exit_timestamp: '2099-01-01T00:00:00Z' },
    ],
    ['The entry time is 1.78e+21, not a time', { entry_timestamp: 1.78e21 }],
    ['The side is "sideways", neither long nor short.', { side: 'sideways' }],
  ])('%s', (sentence, ofTrade, ofContent, ofStrand) => {
    expect(() => read(ofStrand, ofContent, ofTrade)).toThrow(sentence)
  })
})

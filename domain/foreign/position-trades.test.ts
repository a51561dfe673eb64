import { describe, expect, test } from 'vitest'
import { eventId, UNSAID } from '../event.ts'
import { type ForeignPosition, tradesOfPosition } from './position-trades.ts'

const NOW = Date.parse('2026-03-02T12:00:00Z')
const trade = {
  trade_id: 't1',
  entry_price: 100,
  exit_price: 110,
  entry_timestamp: '2026-03-02T10:00:00+00:00',
  exit_timestamp: '2026-03-02T10:30:00+00:00',
  decision_type: 'trim',
  rr: 2,
  return: 0.1,
  max_drawdown: 0.05,
  max_gain: 0.2,
}
const position: ForeignPosition = {
  id: 'p1',
  token_ticker: 'PEPE',
  token_contract: '0xabc',
  token_chain: 'base',
  timeframe: '15m',
  entry_context: { curator: 'x', vol_at_entry: '98000' },
  regime_context: { macro: 'Dip' },
  completed_trades: [trade],
}
const read = (completed_trades: unknown, change: object = {}) =>
  tradesOfPosition({ ...position, ...change, completed_trades }, NOW)
const events = (completed_trades: unknown, change: object = {}) =>
  read(completed_trades, change).map((t) => ('trade' in t ? t.trade.event : t.problem))

test('an element becomes the event of its trade', () => {
  expect(read([trade])).toEqual([
    {
      trade: {
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
          decision_type: 'trim',
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
          measures: { vol_at_entry: 98_000 },
          regime_context: { macro: 'Dip' },
          source: 'backfill',
        },
      },
    },
  ])
})

describe('shapes in the wild', () => {
  const { trade_id, ...summary } = trade
  test.each<[shape: string, list: unknown]>([
    ['trade, actions and summary', [{ trade_id, actions: [], summary }]],
    ['one object', trade],
    ['JSON as text', JSON.stringify([trade])],
    ['one object as text', JSON.stringify(trade)],
    ['an element as text', [JSON.stringify(trade)]],
  ])('%s', (_shape, list) => {
    expect(events(list)).toEqual(events([trade]))
  })

  test.each([[null], [undefined], ['[]'], ['null'], [[]]])('%j holds nothing', (list) => {
    expect(read(list)).toEqual([])
  })

  test.each<[list: unknown, sentence: RegExp]>([
    ['n/a', /^Completed_trades is "n\/a", not a list/],
    [42, /^Completed_trades is 42, not a list/],
    [`[{'trade_id': None}]`, /not a list/],
    [{}, /^The element \{\} is no trade/],
    [[null], /^The element null is no trade/],
    [[[]], /^The element \[\] is no trade/],
    [['n/a'], /^The element "n\/a" is no trade/],
    [{ note: 'see sheet' }, /^The trade has no exit time/],
    [{ ...trade, exit_timestamp: null }, /^The trade has no exit time/],
    [{ ...trade, exit_timestamp: '2099-01-01T00:00:00Z' }, /which lies in the future/],
  ])('%j is said', (list, sentence) => {
    expect(events(list)).toEqual([expect.stringMatching(sentence)])
  })

  test('what is no trade does not keep the others', () => {
    expect(events(['n/a', trade, { ...trade, trade_id: 't2', exit_price: 0 }])).toEqual([
      expect.stringContaining('no trade'),
      expect.objectContaining({ trade_id: 't1' }),
      'Exit price is 0, not above 0.',
    ])
  })
})

test('each trade has its own context; the position’s is that of the trade that ran last', () => {
  const older = { ...trade, trade_id: 't0', entry_context: { curator: 'y' } }
  const bare = { ...trade, trade_id: 't-1' }
  const levers = (change: object) => (events([bare, older, trade], change) as { levers: object }[]).map((e) => e.levers)
  expect(levers({})).toEqual([{}, { curator: 'y' }, { curator: 'x' }])
  expect(levers({ running: true })).toEqual([{}, { curator: 'y' }, {}])
})

test('an element that our own PM wrote is the event that it published', () => {
  const ours = { ...trade, event_id: eventId('p1', 't1'), revision: 0, side: 'short', quantity: 10 }
  expect(read([ours])).toMatchObject([{ trade: { side: 'short', event: { event_id: ours.event_id } } }])
})

test('regression: what a column of another vocabulary says of the side keeps no trade out that says it itself, or need not', () => {
  const sides = (of: object, side = 'BUY') =>
    read([{ ...trade, ...of }], { side }).map((t) => ('trade' in t ? t.trade.side : t.problem))
  expect(sides({ side: 'short' })).toEqual(['short'])
  expect(sides({ rr: null, return: 0.1, entry_price: 100, exit_price: 90 })).toEqual(['short'])
  expect(sides({})).toEqual(['long'])
  expect(sides({ rr: null, return: null })).toEqual(['The side is "BUY", neither long nor short.'])
})

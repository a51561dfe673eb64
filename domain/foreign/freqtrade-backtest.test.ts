import { expect, test } from 'vitest'
import { closedTrade } from '../../test/support/closed-trade.ts'
import { eventId, type PositionClosed } from '../event.ts'
import { BACKTEST_SOURCE, type BacktestRun, backtestPosition, importedBy, replacementOf } from './freqtrade-backtest.ts'

const DAY = 86_400_000
const START = Date.parse('2026-03-01T00:00:00Z')
const run: BacktestRun = { strategy: 'Dip', timeframe: '5m', pairs: ['A/B', 'C/B'], from: START, to: START + 30 * DAY }
const by = importedBy('me@here', 'second.zip')

function trade(day: number, change: Partial<PositionClosed> = {}, strategy = 'Dip'): PositionClosed {
  const symbol = change.symbol ?? 'A/B'
  const opened_at = START + day * DAY
  const position_id = backtestPosition(strategy, symbol, '5m')
  const trade_id = `${new Date(opened_at).toISOString()}/long`
  return closedTrade({
    event_id: eventId(position_id, trade_id),
    position_id,
    trade_id,
    symbol,
    timeframe: '5m',
    source: BACKTEST_SOURCE,
    opened_at,
    closed_at: opened_at + 3_600_000,
    net_return: 0.01,
    levers: { strategy, pair: symbol },
    ...change,
  })
}
const ids = (events: readonly PositionClosed[]) => events.map((e) => e.event_id)

test('the same run again changes nothing', () => {
  const events = [trade(1), trade(2)]
  expect(replacementOf(events, events, [run], by)).toEqual({ missing: [], same: 2, changed: [], gone: [], kept: [] })
})

test('of another run: what came out otherwise is the next revision, what it has no more is retracted, what is new is missing', () => {
  const was = [trade(1), trade(2), trade(3, { revision: 4 })]
  const is = [trade(1), trade(2, { exit_price: 1, net_return: -0.5 }), trade(4)]
  const found = replacementOf(is, was, [run], by)
  expect(found).toMatchObject({ same: 1, kept: [] })
  expect(ids(found.missing)).toEqual(ids([trade(4)]))
  expect(found.changed).toMatchObject([
    { before: { net_return: 0.01 }, after: { revision: 1, voided: false, net_return: -0.5, revised_by: by } },
  ])
  expect(found.gone).toMatchObject([{ before: { revision: 4 }, after: { revision: 5, voided: true, revised_by: by } }])
})

test.each<[string, PositionClosed]>([
  ['of another strategy', trade(3, {}, 'Rip')],
  ['of another timeframe', trade(3, { position_id: backtestPosition('Dip', 'A/B', '1h'), timeframe: '1h' })],
  ['of a pair that was not tested', trade(3, { symbol: 'X/Y' })],
  ['entered before it began', trade(-1)],
  ['entered after it ended', trade(31)],
  ['of a running bot', trade(3, { source: 'freqtrade' })],
  ['retracted already', trade(3, { voided: true, revision: 1 })],
])('a trade %s is none of its business', (_, other) => {
  expect(replacementOf([trade(1)], [trade(1), other], [run], by)).toMatchObject({ same: 1, gone: [], kept: [] })
})

test('a file that does not say what was tested retracts nothing', () => {
  expect(replacementOf([trade(1)], [trade(1), trade(2)], [], by)).toMatchObject({ same: 1, gone: [] })
})

test('what a person made of a trade stays, whatever the run says', () => {
  const hand = { revision: 1, revised_by: 'correct by me@here' }
  const was = [trade(1, { ...hand, rr: 2 }), trade(2, hand), trade(3, { ...hand, voided: true })]
  const found = replacementOf([trade(1), trade(3)], was, [run], by)
  expect(found).toMatchObject({ missing: [], same: 0, changed: [], gone: [] })
  expect(ids(found.kept)).toEqual(ids([trade(1), trade(3), trade(2)]))
})

test('a price of which a millionth of a millionth is all is another one where it doubles', () => {
  const was = trade(1, { entry_price: 1e-12, exit_price: 1e-12 })
  expect(replacementOf([trade(1, { ...was, exit_price: 2e-12 })], [was], [run], by).changed).toHaveLength(1)
})

test('regression: what a person has corrected, and lacks its money, is still given that', () => {
  const was = trade(1, { revision: 1, revised_by: 'correct by me@here', rr: 2, net_return: null })
  const found = replacementOf([trade(1)], [was], [run], by)
  expect(found).toMatchObject({ changed: [], missing: [trade(1)], kept: [was] })
})

test('a trade that an import has retracted is back where a run has it again', () => {
  const was = trade(2, { voided: true, revision: 1, revised_by: importedBy('me@here', 'first.zip') })
  expect(replacementOf([trade(2)], [was], [run], by).changed).toMatchObject([{ after: { revision: 2, voided: false } }])
})

test('what an earlier run knew and this one does not say stays; what it lacked is no replacement', () => {
  const scored = trade(1, { rr: 1, max_drawdown: 0.1, max_gain: 0.2, stake: 5 })
  const unscored = trade(1, { rr: null, max_drawdown: null, max_gain: null, unscored_reason: 'no_ohlcv', stake: null })
  expect(replacementOf([unscored], [scored], [run], by)).toMatchObject({ same: 1 })
  const completing = replacementOf([scored], [unscored], [run], by)
  expect(completing).toMatchObject({ same: 0, changed: [] })
  expect(completing.missing).toEqual([scored])
  const elsewhere = replacementOf([{ ...unscored, exit_price: 1 }], [scored], [run], by)
  expect(elsewhere.changed).toMatchObject([{ after: { rr: null, unscored_reason: 'no_ohlcv' } }])
})

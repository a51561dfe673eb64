import { expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { closedTrade } from '../../test/support/closed-trade.ts'
import type { PositionClosed } from '../event.ts'
import { knownValues, leversOf, newestRow } from './known-values.ts'
import { TradeHistory } from './trade-history.ts'

const model = loadModel('lowcap-v4')

function historyOf(events: PositionClosed[]): TradeHistory {
  const history = new TradeHistory()
  for (const [offset, event] of events.entries())
    history.add(
      { ...event, partition: 0, offset, taken_at: event.closed_at, revised_by: '' },
      model.combination(model.leverValues(event)),
    )
  return history
}

const trade = (i: number, changes: Partial<PositionClosed>) =>
  closedTrade({ position_id: `p${i}`, closed_at: i, ...changes })

test('counts each trade once, as its newest revision has it, those of most trades first', () => {
  const first = trade(1, { levers: { curator: 'a' }, measures: {} })
  const history = historyOf([
    first,
    trade(2, { levers: { curator: 'b', chain: 'base' }, measures: {} }),
    trade(3, { levers: { curator: 'b' }, measures: { mcap_at_entry: 600_000 } }),
    trade(4, { levers: { curator: 'c' }, measures: {}, rr: null }),
    { ...first, revision: 1, levers: { curator: 'd' } },
    trade(5, { levers: { curator: 'e' }, measures: {}, voided: true }),
  ])
  const values = knownValues(history, history.effective({}))
  expect(values.get('curator')).toEqual([
    { value: 'b', n: 2 },
    { value: 'd', n: 1 },
  ])
  expect(values.get('cap')).toEqual([{ value: '500k-1m', n: 1 }])
  expect([...values.keys()].sort()).toEqual(['cap', 'chain', 'curator', 'timeframe'])
})

test('the newest trade is the one that was closed last, also where it is not scored, and never a voided one', () => {
  const history = historyOf([
    trade(7, { levers: { curator: 'last', mcap_bucket: '1M-2M' }, rr: null }),
    trade(3, { levers: { curator: 'a' } }),
    trade(9, { levers: { curator: 'gone' }, voided: true }),
  ])
  const row = newestRow(history, history.newest({}))
  expect(row).toBe(0)
  expect(Object.fromEntries(leversOf(history, 0))).toEqual({
    curator: 'last',
    cap: '1m-2m',
    vol: '100k-250k',
    timeframe: '1h',
  })
  expect(newestRow(new TradeHistory(), new Uint8Array())).toBeUndefined()
})

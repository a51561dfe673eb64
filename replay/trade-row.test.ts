import { expect, test } from 'vitest'
import { loadModel } from '../core/load-model.ts'
import { TradeHistory } from '../domain/history/trade-history.ts'
import { closedTrade } from '../test/support/closed-trade.ts'
import { revisionsOf, tradeRow } from './trade-row.ts'

const model = loadModel('lowcap-v4')

test('a record whose time, which its producer chooses, is beyond all dates is shown as well', () => {
  const history = new TradeHistory()
  const event = closedTrade()
  const taken_at = 9e17
  history.add(
    { ...event, partition: 0, offset: 3, taken_at, revised_by: '' },
    model.combination(model.leverValues(event)),
  )
  expect(tradeRow(history, 0)).toMatchObject({ taken_at: '900000000000000000', closed_at: '2026-01-02T12:00:00.000Z' })
  expect(revisionsOf(history, event.event_id)).toHaveLength(1)
})

import { expect, test } from 'vitest'
import { loadModel } from '../core/load-model.ts'
import { TradeHistory } from '../domain/history/trade-history.ts'
import { closedTrade } from '../test/support/closed-trade.ts'
import { listTrades } from './list-trades.ts'
import type { OpenHistory } from './open-history.ts'

const model = loadModel('lowcap-v4')

type Place = [partition: number, offset: number]
const at = (...place: Place): Place => place

/** Trades that closed at one moment, at these places, which were read in this order. */
function placesListed(places: Place[], limit: number) {
  const history = new TradeHistory()
  for (const [partition, offset] of places) {
    const event = { ...closedTrade(), event_id: crypto.randomUUID() }
    history.add(
      { ...event, partition, offset, taken_at: 0, revised_by: '' },
      model.combination(model.leverValues(event)),
    )
  }
  const opened = { history, newest: () => new Uint8Array(history.length).fill(1) } as unknown as OpenHistory
  return listTrades(opened, { groups: [], limit }, {}).trades.map((t) => `${t.partition}:${t.offset}`)
}

test.each([0, 3])(
  'exits of one moment are in the same order, whichever partition was read first (limit %i)',
  (limit) => {
    const [a, b, c, d] = [at(0, 1), at(0, 2), at(1, 0), at(2, 5)] as const
    const listed = ['2:5', '1:0', '0:2', '0:1'].slice(0, limit || undefined)
    expect(placesListed([a, b, c, d], limit)).toEqual(listed)
    expect(placesListed([d, a, c, b], limit)).toEqual(listed)
  },
)

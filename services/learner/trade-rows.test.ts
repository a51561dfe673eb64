import { expect, it, vi } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { decayOf } from '../../domain/learning/sums.ts'
import { sourceOf, TradeTable } from '../../domain/learning/trade-table.ts'
import { closedTrade } from '../../test/support/closed-trade.ts'
import { createSumsCache } from './sums-cache.ts'
import { createTradeRows } from './trade-rows.ts'

const model = loadModel('lowcap-v4')
const tau = decayOf(model.definition.tau_days)

function tableOf(curators: string[]): TradeTable {
  const table = new TradeTable()
  for (const curator of curators)
    table.add(model, sourceOf(closedTrade({ position_id: curator, levers: { curator }, measures: {} })), 0, 0)
  return table
}

it('finds the rows of every trade’s groups, whether others share them, in whatever order it is asked', () => {
  const table = tableOf(['a', 'b', 'a', 'a', 'b', 'c', 'a'])
  const cache = createSumsCache()
  cache.startEmpty()
  const rows = createTradeRows(table, cache, tau)
  rows.need(4, 7)
  rows.need(0, 7)
  const cells = Array.from({ length: 7 }, (_, trade) => [...rows.rows(trade)])
  const changed = cache.changed(0)
  const keyOf = new Map(changed.map(({ row, group }) => [row, group]))
  for (const [trade, its] of cells.entries()) expect(its.map((row) => keyOf.get(row))).toEqual(table.groups(trade))
})

it('says which trade was not looked up', () => {
  const table = tableOf(['a', 'b'])
  const cache = createSumsCache()
  cache.startEmpty()
  const rows = createTradeRows(table, cache, tau)
  rows.need(0, 1)
  expect(() => rows.rows(1)).toThrow(table.id(1))
})

it('regression: trades that are added one after the other do not cost a copy of all of them each', () => {
  const table = new TradeTable()
  const cache = createSumsCache()
  cache.startEmpty()
  const rows = createTradeRows(table, cache, tau)
  const copies = vi.spyOn(Int32Array.prototype, 'set')
  const source = sourceOf(closedTrade())
  for (let i = 0; i < 5_000; i++) {
    const trade = table.add(model, source, 0, i)
    rows.need(trade, trade + 1)
  }
  expect(copies.mock.calls.length).toBeLessThan(100)
  copies.mockRestore()
})

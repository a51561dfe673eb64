import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { closedTrade } from '../../test/support/closed-trade.ts'
import { eventUuid } from '../event.ts'
import { MAX_KEY_BYTES } from '../limits.ts'
import type { Trade } from './trade.ts'
import { TradeIndex } from './trade-index.ts'
import { selectionOf, sourceOf, TradeTable, tradeOf } from './trade-table.ts'

const model = loadModel('lowcap-v4')
const [some, other] = [tradeOf(model, closedTrade(), 3, 41), tradeOf(model, closedTrade({ rr: null }), 0, 0)]

const uuid = fc.oneof(
  fc.uuid(),
  // such as begin alike, and the same ones again
  fc.integer({ min: 0, max: 99 }).map((n) => `00000000-0000-0000-0000-${String(n).padStart(12, '0')}`),
  fc.constantFrom('ffffffff-ffff-ffff-ffff-ffffffffffff', '80000000-0000-0000-0000-000000000000'),
)
const trade: fc.Arbitrary<Trade> = fc.record(
  {
    id: uuid,
    partition: fc.nat(5_000),
    offset: fc.maxSafeNat(),
    revision: fc.nat(2 ** 31 - 1),
    voided: fc.boolean(),
    closed_at: fc.nat({ max: 8.64e15 }),
    rr: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
    levers: fc.string(),
    groups: fc.constantFrom(some.groups, other.groups),
    leftOut: fc.array(fc.string(), { minLength: 1, maxLength: 2 }),
  },
  { requiredKeys: ['id', 'partition', 'offset', 'revision', 'voided', 'closed_at', 'rr', 'levers', 'groups'] },
)

describe('a table of trades', () => {
  it('gives back what was put into it, however many there are', () => {
    fc.assert(
      fc.property(fc.array(trade, { maxLength: 200 }), (trades) => {
        const { table, rows } = selectionOf([])
        expect(rows).toEqual([])
        for (const one of trades) table.push(one)
        expect(trades.map((_, row) => table.read(row))).toEqual(trades)
        expect(table.length).toBe(trades.length)
      }),
    )
  })

  it('forgets the last one when it is taken back', () => {
    const table = new TradeTable()
    table.push(some)
    table.push({ ...other, leftOut: ['curator'] })
    table.takeBackLast()
    expect(table.length).toBe(1)
    expect([...table.leftOut()]).toEqual([])
    expect(table.push(other)).toBe(1)
    expect(table.read(1)).toEqual(other)
  })

  it('says where the first 32 bits of an id lie, in the order of the texts', () => {
    fc.assert(
      fc.property(trade, trade, (a, b) => {
        const { table } = selectionOf([a, b])
        expect(table.firstOfId(0)).toBe(Number.parseInt(a.id.slice(0, 8), 16))
        expect(Buffer.from(table.idBytes(1)).toString('hex')).toBe(b.id.replaceAll('-', ''))
      }),
    )
  })

  it('takes a UUID for an event whose id is none', () => {
    const table = new TradeTable()
    const row = table.add(model, sourceOf(closedTrade({ event_id: 'trade-1' })), 0, 0)
    expect(table.id(row)).toBe(eventUuid('trade-1'))
  })

  it('names what a trade does not count for, because of its length', () => {
    const table = new TradeTable()
    table.add(model, sourceOf(closedTrade()), 0, 0)
    const row = table.add(model, sourceOf(closedTrade({ levers: { curator: 'x'.repeat(MAX_KEY_BYTES + 1) } })), 0, 1)
    expect([...table.leftOut()]).toEqual([[row, ['curator']]])
  })
})

describe('an index of trades', () => {
  it('finds what a map would find, after every step', () => {
    const step = fc.oneof(
      { arbitrary: trade.map((one) => ({ put: one })), weight: 20 },
      { arbitrary: fc.constant('clear' as const), weight: 1 },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const table = new TradeTable()
        const index = new TradeIndex(table)
        const map = new Map<string, number>()
        for (const one of steps)
          if (one === 'clear') {
            index.clear()
            map.clear()
          } else {
            const row = table.push(one.put)
            expect(index.find(row)).toBe(map.get(one.put.id) ?? -1)
            if (one.put.voided) continue
            index.put(row)
            map.set(one.put.id, row)
          }
        for (let row = 0; row < table.length; row++) expect(index.find(row)).toBe(map.get(table.id(row)) ?? -1)
        expect(index.size).toBe(map.size)
      }),
    )
  })
})

/** What the PM closes, the learner and the projector take: whatever stands in the row. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { positionClosedType } from '../../core/codec/position-closed-codec.ts'
import { findStrandlineError } from '../../core/errors.ts'
import { loadModel, modelNames } from '../../core/load-model.ts'
import { eventHeaders } from '../../services/pm/headers.ts'
import { groupsOfLedger } from '../learning/trade.ts'
import { tradeOf } from '../learning/trade-table.ts'
import { MAX_CONTEXT_BYTES, MAX_KEY_BYTES } from '../limits.ts'
import { strandOf } from '../strand.ts'
import { checkEvent } from '../validation.ts'
import { type BarredFlatTrade, type Closing, closingOf } from './closing.ts'

const NOW = Date.UTC(2026, 4, 19)
const models = modelNames().map(loadModel)

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('', 'base', 'a\0b', '\ud800', '|%|', '1m-2m', '__proto__', 'constructor'),
  fc
    .tuple(
      fc.constantFrom('x', '|', '%', 'ä', '😀', '\0', ' '),
      fc.constantFrom(255, 512, 513, 700, 1_000, 1_001, 1_999, 2_000, 2_001, 70_000),
    )
    .map(([unit, times]) => unit.repeat(times)),
)
const number = fc.oneof(
  fc.double(),
  fc.constantFrom(0, -0, 1, 100, 1e-320, 1e308, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
)
const fields = fc.oneof(
  fc.constantFrom(
    'curator',
    'chain',
    'intent',
    'mapping_confidence',
    'mcap_bucket',
    'mcap_at_entry',
    'vol_at_entry',
    'pair',
    'enter_tag',
    'strategy',
  ),
  text,
)
const value = fc.oneof(text, number, fc.boolean(), fc.constantFrom(null, [], {}, [1], { a: 1 }))
const context = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.array(fc.tuple(fields, value), { maxLength: 30 }).map((pairs) => Object.fromEntries(pairs)),
  },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(null, [], 'text', 3, true) },
)
const price = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<number | string>(100, 110, '1e300', 1e-300) },
  number,
  fc.constantFrom('NaN', 'Infinity', null),
)
const time = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: NOW }) },
  fc.oneof(
    number,
    fc.constantFrom<number | string>(
      'Infinity',
      '-Infinity',
      NOW + 300_000,
      NOW + 300_001,
      -62135596800000,
      4102444800000,
      8.64e15,
      1.78e18,
    ),
  ),
)
const nullable = (arbitrary: fc.Arbitrary<string>) => fc.option(arbitrary)
const mostly = <T>(usual: T, other: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other })
const trade: fc.Arbitrary<BarredFlatTrade> = fc.record({
  position_id: mostly('p1', text),
  trade_id: mostly('t1', text),
  fingerprint: fc.constant('f'),
  problem: mostly<string | null>(null, fc.constant('it is broken')),
  now: fc.constant(NOW),
  symbol: nullable(text),
  token_contract: nullable(text),
  chain: nullable(text),
  timeframe: mostly('1h', text),
  side: mostly<string | null>('long', nullable(text)),
  decision_type: text,
  entry_price: price,
  exit_price: price,
  quantity: number,
  opened_at: time,
  closed_at: time,
  entry_context: context,
  regime_context: context,
  bars: fc.array(fc.tuple(fc.integer({ min: 0, max: NOW }), price, price), { maxLength: 4 }),
  exit_bar: fc.option(fc.integer({ min: 0, max: NOW })),
  later_bar: fc.boolean(),
})

/** The closing, or null where the PM refuses it: with a sentence of its own, never by breaking. */
function closing(flat: BarredFlatTrade): Closing | null {
  try {
    return closingOf(flat)
  } catch (error) {
    expect(findStrandlineError(error)?.code).toBe('POSITION_INVALID')
    return null
  }
}

test('every event of a close is taken by the log, the learner of every model and the projector', () => {
  let closed = 0
  fc.assert(
    fc.property(trade, (flat) => {
      const made = closing(flat)
      if (!made) return
      closed++
      const { event } = made
      expect(positionClosedType.isValid(event)).toBe(true)
      const bytes = positionClosedType.toBuffer(event)
      expect(bytes.length).toBeLessThan(2 * MAX_CONTEXT_BYTES + 20_000)
      const decoded = positionClosedType.fromBuffer(bytes)
      expect(checkEvent(decoded, Buffer.from(event.position_id), NOW)).toBeNull()
      for (const model of models) {
        const { groups, levers, rr } = tradeOf(model, decoded, 0, 0)
        for (const group of groups) expect(Buffer.byteLength(group.key)).toBeLessThanOrEqual(MAX_KEY_BYTES)
        if ((model.definition.outcome ?? 'rr') === 'rr') expect(groups.length > 0).toBe(event.rr !== null)
        expect(groupsOfLedger(model, { voided: false, rr, levers })).toEqual(groups)
      }
      const row = JSON.stringify(strandOf(decoded, { topic: 't', partition: 0, offset: 0 }))
      expect(row).not.toContain('\\u0000')
      for (const header of Object.values(eventHeaders(event, null, new Date(NOW).toISOString())))
        expect(header.isWellFormed()).toBe(true)
    }),
    { numRuns: 3_000 },
  )
  expect(closed).toBeGreaterThan(300)
})

test('a context that nothing is wrong with is carried whole, and says nothing', () => {
  const plain = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.oneof(fc.string({ maxLength: 50 }), fc.integer()), {
    maxKeys: 20,
  })
  fc.assert(
    fc.property(plain, (entry_context) => {
      const flat = { ...usual, entry_context }
      const { event, completed_trade } = closingOf(flat)
      expect({ ...event.levers, ...event.measures }).toEqual(entry_context)
      expect(event).not.toHaveProperty('left_out')
      expect(completed_trade).not.toHaveProperty('left_out')
    }),
  )
})

const usual: BarredFlatTrade = {
  position_id: 'p1',
  trade_id: 't1',
  fingerprint: 'f',
  now: NOW,
  symbol: 'PEPE',
  token_contract: '0xabc',
  chain: 'base',
  timeframe: '1h',
  side: 'long',
  decision_type: 'trim',
  entry_price: 100,
  exit_price: 110,
  quantity: 5,
  opened_at: NOW - 7_200_000,
  closed_at: NOW - 3_600_000,
  entry_context: {},
  regime_context: {},
  bars: [],
  exit_bar: null,
  later_bar: false,
}

test('what is left out is named in the event, in completed_trades and in a header; the rest stays', () => {
  const { event, completed_trade } = closingOf({
    ...usual,
    entry_context: { curator: 'ä'.repeat(1_001), chain: 'base', mcap_at_entry: 5, n: Number.POSITIVE_INFINITY },
    regime_context: { macro: 'x'.repeat(3_000), calm: true },
  })
  expect(event).toMatchObject({
    levers: { chain: 'base' },
    measures: { mcap_at_entry: 5 },
    regime_context: { calm: 'true' },
  })
  expect(event.left_out).toEqual(['n', 'curator', 'regime_context.macro'])
  expect(completed_trade.left_out).toEqual(event.left_out)
  expect(eventHeaders(event, null).strandline_left_out).toBe('n,curator,regime_context.macro')
  expect(closingOf({ ...usual, entry_context: 'a text' }).event.left_out).toEqual(['entry_context'])
})

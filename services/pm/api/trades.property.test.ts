/** What is accepted is learned: a trade that comes through schema and checks is an event that every reader of the log takes. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createAjv, createCheck } from '../../../core/api/validator.ts'
import { positionClosedType } from '../../../core/codec/position-closed-codec.ts'
import { findStrandlineError } from '../../../core/errors.ts'
import { shippedModels } from '../../../core/load-model.ts'
import { parseTrade, scorePosted, type TradeBody } from '../../../domain/foreign/posted-trade.ts'
import { fitEvent } from '../../../domain/limits.ts'
import { checkEvent } from '../../../domain/validation.ts'
import type { Portfolio } from '../portfolio.ts'
import { tradeOperations } from './trades.ts'

const schema = tradeOperations({} as Portfolio)[0]!.body!
const check = createCheck(createAjv(), 'TRADE_INVALID', 'body', schema)
const models = shippedModels()

const number = fc.oneof(
  fc.constantFrom(null, 0, -0, 1e308, 5e-324, -1, 10, 10.000001, Number.POSITIVE_INFINITY),
  fc.double({ noNaN: true, min: 0.0001, max: 1 }),
)
const price = fc.oneof(
  { weight: 5, arbitrary: fc.double({ min: 1e-9, max: 1e9, noNaN: true }) },
  { weight: 1, arbitrary: number },
)
const text = fc.oneof(fc.constantFrom('a', '', null, 'a\0b', '\ud800', 'x'.repeat(600), 'ü'.repeat(2_000)), fc.string())
const time = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 4e11 }).map((ms) => new Date(1.6e12 + ms).toISOString()) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('0001-01-01T00:00:00Z', '2100-01-01T00:00:00Z', '2101-01-01T00:00:00Z', 'x'),
  },
)
const context = fc.option(
  fc.dictionary(
    fc.constantFrom('curator', 'chain', 'mcap_at_entry', 'risk_at_entry', 'x'.repeat(3_000)),
    fc.oneof(text, number, fc.boolean()),
  ),
)
const odd = fc.record(
  {
    id: text,
    symbol: text,
    timeframe: fc.constantFrom('1h', '15m', '99999w', '0m'),
    opened_at: time,
    closed_at: time,
    entry_price: price,
    exit_price: price,
    side: fc.constantFrom('long', 'short', null),
    token_contract: text,
    chain: text,
    decision_type: text,
    rr: number,
    return: number,
    max_drawdown: number,
    max_gain: number,
    net_return: number,
    fees: number,
    stake: number,
    risk_at_entry: number,
    entry_context: context,
    regime_context: context,
    revision: fc.constantFrom(null, 0, 1, 2 ** 31 - 1, 2 ** 31),
    voided: fc.constantFrom(null, false, true),
  },
  { requiredKeys: [] },
)

const GOOD = {
  id: 'a',
  symbol: 'ETH/USDT',
  timeframe: '1h',
  opened_at: '2026-03-02T10:10:00Z',
  closed_at: '2026-03-02T14:30:00Z',
  entry_price: 2000,
  exit_price: 2100,
}
/** A good trade with a few odd fields. */
const body = fc.tuple(odd, fc.integer({ min: 0, max: 5 }), fc.nat(23)).map(([fields, many, from]) => {
  const entries = Object.entries(fields)
  return { ...GOOD, ...Object.fromEntries([...entries.slice(from), ...entries.slice(0, from)].slice(0, many)) }
})

test('whatever a bot sends is refused with a sentence, or is an event that nobody refuses', () => {
  let accepted = 0
  fc.assert(
    fc.property(body, fc.array(fc.tuple(fc.constantFrom(1.6e12, 1.7e12), price, price)), (sent, bars) => {
      try {
        const checked = check(sent)
        if ('error' in checked) throw checked.error
        const { event } = scorePosted(parseTrade(sent as TradeBody, models), bars)
        accepted++
        expect(checkEvent(event, Buffer.from(event.position_id), event.closed_at)).toBe(null)
        expect(fitEvent(event).excess).toEqual([])
        expect(positionClosedType.isValid(event)).toBe(true)
        expect(event.rr === null).toBe(event.unscored_reason !== null)
      } catch (error) {
        const known = findStrandlineError(error)
        if (!known) throw error
        expect([known.code, known.todo]).toEqual(['TRADE_INVALID', expect.any(String)])
      }
    }),
    { numRuns: 2_000 },
  )
  expect(accepted).toBeGreaterThan(200)
})

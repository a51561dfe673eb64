import { readFileSync } from 'node:fs'
import avro from 'avsc'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PositionClosed } from '../../domain/event.ts'
import { learnedNumbersOf } from '../../domain/trade-numbers.ts'
import { type CheckedEvent, checkEvent } from '../../domain/validation.ts'
import { closedTrade } from '../../test/support/closed-trade.ts'
import { createBodyReader } from './body-reader.ts'
import { DecodeError } from './codec.ts'
import { checkFlatEvent, createFlatReader, FLAT_FIELDS, type FlatEvent } from './flat-event.ts'
import { positionClosedSchema, positionClosedType } from './position-closed-codec.ts'

const KEY = Buffer.from('k')
const TIME = Date.UTC(2026, 10, 1)
const readFlat = createFlatReader()(positionClosedType)
/** As the projector, the audit and an import read it. */
const readWhole = createBodyReader<CheckedEvent>(positionClosedType)(positionClosedType)

const fieldsOf = (e: FlatEvent): CheckedEvent => ({
  event_id: e.event_id,
  revision: e.revision,
  voided: e.voided,
  timeframe: e.timeframe,
  closed_at: e.closed_at,
  rr: e.rr,
  return: e.return,
  net_return: e.net_return,
  risk_at_entry: e.risk_at_entry,
  source: e.source,
  levers: Object.fromEntries(e.leverNames.slice(0, e.levers).map((name) => [name, e.lever(name) as string])),
  measures: Object.fromEntries(e.measureNames.slice(0, e.measures).map((name) => [name, e.measure(name) as number])),
})

const readFields = (event: CheckedEvent) =>
  Object.fromEntries(FLAT_FIELDS.map((name) => [name, event[name]])) as unknown as CheckedEvent

/** The event that comes out of a body, or why it is refused. */
function outcomeOf<T>(read: () => T, check: (event: T) => unknown, plain: (event: T) => CheckedEvent) {
  try {
    const event = read()
    return check(event) ?? { ...plain(event) }
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError)
    return { reason: (error as DecodeError).reason, detail: (error as DecodeError).message }
  }
}

function expectSame(body: Buffer): void {
  expect(
    outcomeOf(
      () => readFlat(body, 0),
      (e) => checkFlatEvent(e, KEY, TIME),
      fieldsOf,
    ),
  ).toEqual(
    outcomeOf(
      () => readWhole(body, 0),
      (e) => checkEvent(e, KEY, TIME),
      (e) => ({ ...readFields(e), ...learnedNumbersOf(e) }),
    ),
  )
}

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.constantFrom('', 'curator', 'solana', 'ä', '\0', 'a\0'),
)
const number = fc.oneof(fc.double(), fc.constantFrom(0, -0, Number.NaN, Number.POSITIVE_INFINITY, 1e300))
const event = fc
  .record({
    event_id: text,
    revision: fc.integer({ min: -5, max: 2 ** 31 - 1 }),
    voided: fc.boolean(),
    timeframe: text,
    closed_at: fc.oneof(fc.integer({ min: 1, max: TIME }), fc.integer({ min: -(2 ** 53 - 2), max: 2 ** 53 - 2 })),
    rr: fc.option(number),
    return: fc.option(number),
    net_return: fc.option(number),
    fees: fc.option(number),
    stake: fc.option(number),
    risk_at_entry: fc.option(fc.oneof(number, fc.double({ min: 0, max: 1 }))),
    provisional: fc.option(fc.boolean()),
    levers: fc.dictionary(text, text, { maxKeys: 12 }),
    measures: fc.dictionary(text, number, { maxKeys: 6 }),
    regime_context: fc.dictionary(text, text, { maxKeys: 3 }),
    unscored_reason: fc.option(text),
    source: text,
  })
  .map((changes) => closedTrade(changes))

describe('an event that is read into lists', () => {
  it('is what avsc makes of it, whatever is in it', () => {
    fc.assert(
      fc.property(event, (e) => {
        expectSame(positionClosedType.toBuffer(e))
      }),
      { numRuns: 3_000 },
    )
  })

  it('is refused for the same reason where bytes are wrong', () => {
    fc.assert(
      fc.property(event, fc.nat(), fc.uint8Array({ maxLength: 20 }), fc.boolean(), (e, at, noise, insert) => {
        const body = positionClosedType.toBuffer(e)
        const place = at % (body.length + 1)
        expectSame(
          Buffer.concat([body.subarray(0, place), noise, body.subarray(insert ? place : place + noise.length)]),
        )
        expectSame(body.subarray(0, place))
      }),
      { numRuns: 5_000 },
    )
  })

  // The fields that it passes over: whoever reads them must not refuse what it takes.
  it.each<[string, keyof PositionClosed, Buffer]>([
    ['a time of 2^53 ms', 'opened_at', Buffer.from([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20])],
    ['a time without end', 'opened_at', Buffer.concat([Buffer.alloc(200, 0x80), Buffer.alloc(1)])],
    ['a third branch of two', 'max_gain', Buffer.from([4])],
    ['a third branch of two, where there is no number behind either', 'provisional', Buffer.from([4])],
    ['true, as a seven', 'provisional', Buffer.from([2, 7])],
    [
      'a block that is skipped by its size, with an entry that ends beyond it',
      'regime_context',
      Buffer.from([1, 4, 40, 0x61, 0]),
    ],
    ['a block with a size that is not its own', 'regime_context', Buffer.from([1, 2, 2, 0x61, 2, 0x62, 0])],
  ])('is refused, or taken, as every reader does: %s', (_, field, bytes) => {
    const { fields } = JSON.parse(positionClosedSchema) as {
      fields: { name: keyof PositionClosed; type: avro.Schema }[]
    }
    const event = closedTrade()
    expectSame(
      Buffer.concat(
        fields.map(({ name, type }) => (name === field ? bytes : avro.Type.forSchema(type).toBuffer(event[name]))),
      ),
    )
  })

  it('is not read by avsc where nothing is odd about it', () => {
    const e = closedTrade({
      rr: null,
      net_return: -0.02,
      fees: 0.4,
      stake: 20,
      risk_at_entry: 0.05,
      provisional: true,
      levers: { curator: 'ä|%', chain: '', intent: 'x'.repeat(300) },
      measures: { x: -0.1 },
    })
    for (const one of [e, closedTrade({ regime_context: { macro: 'risk-on' }, unscored_reason: 'no_ohlcv' })]) {
      const flat = readFlat(positionClosedType.toBuffer(one), 0)
      expect(flat.whole).toBeNull()
      expect(fieldsOf(flat)).toEqual(readFields(one))
    }
  })

  it('has no number that is none: nothing is learned of it, and the trade counts', () => {
    const odd = { return: Number.NaN, net_return: Number.POSITIVE_INFINITY, risk_at_entry: 0 }
    for (const risk_at_entry of [0, -0.1, 1.1, Number.NaN]) {
      const flat = readFlat(positionClosedType.toBuffer(closedTrade({ ...odd, risk_at_entry })), 0)
      expect(checkFlatEvent(flat, KEY, TIME)).toBeNull()
      expect(flat).toMatchObject({ rr: 1.25, return: null, net_return: null, risk_at_entry: null })
    }
  })

  it('of a writer of the first version has what that had, and nothing of the record before', () => {
    const first = avro.Type.forSchema(
      JSON.parse(readFileSync(new URL('../../schemas/released/position-closed.v1.avsc', import.meta.url), 'utf8')),
    )
    const reader = createFlatReader()
    const [readSecond, readFirst] = [reader(positionClosedType), reader(first)]
    const e = closedTrade({ net_return: 0.4, risk_at_entry: 0.05 })
    expect(readSecond(positionClosedType.toBuffer(e), 0)).toMatchObject({ net_return: 0.4, risk_at_entry: 0.05 })
    const flat = readFirst(first.toBuffer(e), 0)
    expect(flat.whole).toBeNull()
    expect(fieldsOf(flat)).toEqual(readFields({ ...e, net_return: null, risk_at_entry: null }))
  })

  it('has the last of two levers of one name', () => {
    const empty = positionClosedType.toBuffer(closedTrade({ levers: {}, measures: {}, regime_context: {}, source: '' }))
    const twice = avro.Type.forSchema({ type: 'array', items: 'string' }).toBuffer(['a', '1', 'a', '2'])
    twice[0] = 4 // two entries of two texts each
    expectSame(Buffer.concat([empty.subarray(0, empty.length - 4), twice, Buffer.from([0, 0, 0])]))
  })

  it('of a writer with fields that we do not know is left to avsc', () => {
    const schema = JSON.parse(positionClosedSchema)
    schema.fields.push({ name: 'fills', type: ['null', { type: 'array', items: 'double' }], default: null })
    const writer = avro.Type.forSchema(schema)
    const e = closedTrade()
    const flat = createFlatReader()(writer)(writer.toBuffer({ ...e, fills: [1] }), 0)
    expect(flat.whole).not.toBeNull()
    expect(flat.event_id).toBe(e.event_id)
  })

  it('is an object of its own where it must be kept', () => {
    const [a, b] = [closedTrade({ position_id: 'a' }), closedTrade({ position_id: 'b' })]
    const kept = readFlat(positionClosedType.toBuffer(a), 0, true)
    readFlat(positionClosedType.toBuffer(b), 0)
    expect(kept.event_id).toBe(a.event_id)
  })
})

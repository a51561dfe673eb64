import { describe, expect, it } from 'vitest'
import { closedTrade } from '../test/support/closed-trade.ts'
import type { PositionClosed } from './event.ts'
import { MAX_ID_BYTES } from './limits.ts'
import { checkEvent, MAX_CLOCK_SKEW_MS, MAX_EXIT_MS, MAX_RR, type RejectReason } from './validation.ts'

const KEY = Buffer.from('p-1')
const EXIT = closedTrade().closed_at
const check = (
  changes: Partial<PositionClosed> = {},
  key: Buffer | null = KEY,
  recordTime: number | undefined = EXIT,
) => checkEvent(closedTrade(changes), key, recordTime)?.reason ?? null

describe('an event that is applied', () => {
  it.each<[string, Partial<PositionClosed>]>([
    ['an ordinary one', {}],
    ['one that was not scored', { rr: null }],
    ['one at the upper bound of R/R', { rr: MAX_RR }],
    ['one at the lower bound of R/R', { rr: -MAX_RR }],
    ['a voided one', { voided: true, revision: 2 }],
    ['one without levers and measures', { levers: {}, measures: {} }],
    ['one with a lever of 1 MB: it has no value, the trade counts', { levers: { curator: 'x'.repeat(1 << 20) } }],
    ['one with a timeframe of 1 MB', { timeframe: 'x'.repeat(1 << 20) }],
    [
      'one with levers without end',
      { levers: Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`l${i}`, 'value'])) },
    ],
    ['one with an identity of the greatest length', { event_id: 'x'.repeat(MAX_ID_BYTES) }],
    ['one from long ago', { closed_at: 1 }],
  ])('%s', (_, changes) => {
    expect(check(changes)).toBeNull()
  })

  it('closed up to five minutes after its own record, for clocks differ', () => {
    expect(check({}, KEY, EXIT - MAX_CLOCK_SKEW_MS)).toBeNull()
    expect(check({}, KEY, EXIT - MAX_CLOCK_SKEW_MS - 1)).toBe('exit_in_future')
  })

  it('has no record time when it does not come from a log', () => {
    expect(checkEvent(closedTrade({ closed_at: MAX_EXIT_MS }), undefined, undefined)).toBeNull()
  })
})

describe('an event that is refused', () => {
  it.each<[string, Partial<PositionClosed>, RejectReason]>([
    ['no identity', { event_id: '' }, 'id_invalid'],
    ['an endless identity', { event_id: 'ä'.repeat(MAX_ID_BYTES / 2 + 1) }, 'id_invalid'],
    ['a NUL in its identity', { event_id: 'a\0b' }, 'text_invalid'],
    ['a NUL in its timeframe', { timeframe: '1h\0' }, 'text_invalid'],
    ['a NUL in a lever', { levers: { curator: 'a\0' } }, 'text_invalid'],
    ["a NUL in a lever's name", { levers: { 'a\0': 'b' } }, 'text_invalid'],
    ["a NUL in a measure's name", { measures: { 'a\0': 1 } }, 'text_invalid'],
    ['a negative revision', { revision: -1 }, 'revision_invalid'],
    ['a revision that no database takes', { revision: 2 ** 31 }, 'revision_invalid'],
    ['a revision that is no number', { revision: Number.NaN }, 'revision_invalid'],
    ['R/R that is not a number', { rr: Number.NaN }, 'rr_not_finite'],
    ['infinite R/R', { rr: Number.POSITIVE_INFINITY }, 'rr_not_finite'],
    ['R/R without end below', { rr: Number.NEGATIVE_INFINITY }, 'rr_not_finite'],
    ['R/R that nothing computes', { rr: 10.000001 }, 'rr_out_of_range'],
    ['an exit at no time', { closed_at: 0 }, 'exit_time_invalid'],
    ['an exit before 1970', { closed_at: -1 }, 'exit_time_invalid'],
    ['an infinite measure', { measures: { mcap_at_entry: Number.POSITIVE_INFINITY } }, 'measure_not_finite'],
    ['a measure that is not a number', { measures: { x: Number.NaN } }, 'measure_not_finite'],
  ])('has %s', (_, changes, reason) => {
    expect(check(changes)).toBe(reason)
  })

  it('has no key', () => {
    expect(check({}, null)).toBe('null_key')
    expect(check({}, Buffer.alloc(0))).toBe('null_key')
  })

  it('closed in another century, whatever its record says: no database has a date for some of those', () => {
    expect(check({ closed_at: MAX_EXIT_MS + 1 }, KEY, Number.MAX_SAFE_INTEGER)).toBe('exit_time_invalid')
    expect(check({ closed_at: Number.MAX_SAFE_INTEGER }, KEY, Number.MAX_SAFE_INTEGER)).toBe('exit_time_invalid')
  })
})

describe('what is told about a refused event', () => {
  it('names the lever', () => {
    expect(checkEvent(closedTrade({ levers: { curator: 'x\0' } }), KEY, EXIT)?.detail).toBe(
      'a NUL character in lever curator',
    )
  })

  it('is well formed Unicode, wherever a name is cut', () => {
    const name = `${'x'.repeat(63)}😀`
    for (const changes of [{ levers: { [name]: 'x\0' } }, { measures: { [name]: Number.NaN } }])
      expect(checkEvent(closedTrade(changes), KEY, EXIT)?.detail.isWellFormed()).toBe(true)
  })
})

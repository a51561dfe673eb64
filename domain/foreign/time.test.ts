import fc from 'fast-check'
import { expect, test } from 'vitest'
import { timeOf } from './time.ts'

const AT = Date.parse('2026-03-02T10:00:00.123Z')

test.each<[value: unknown]>([
  ['2026-03-02T10:00:00.123Z'],
  ['2026-03-02T10:00:00.123456+00:00'],
  ['2026-03-02T10:00:00.123456789Z'],
  ['2026-03-02 10:00:00.1234'],
  ['2026-03-02 10:00:00,123 UTC'],
  ['2026-03-02T15:30:00.123+05:30'],
  ['2026-03-02T02:00:00.123456-0800'],
  ['2026-03-02 10:00:00.123+00'],
  [AT],
  [AT / 1000],
  [AT + 0.456],
  [AT * 1000 + 456],
  [AT * 1e6 + 456_789],
  [`${AT}456789`],
  [`${AT}456`],
  [`${AT}`],
  [`${AT / 1000}`],
  [` ${AT / 1000}456 `],
])('%s', (value) => {
  expect(timeOf(value, 'time')).toBe(AT)
})

test('nothing is no time', () => {
  for (const nothing of [null, undefined, '']) expect(timeOf(nothing, 'time')).toBeNull()
})

test.each([
  ['soon'],
  ['2026-02-30T00:00:00Z'],
  ['2026-03-02T25:00:00Z'],
  [1e21],
  [{}],
  [true],
  ['now()'],
  ['12:00'],
  [Number.NaN],
])('%s is named', (value) => {
  expect(() => timeOf(value, 'exit time')).toThrow(/^The exit time is .*, not a time\.$/)
})

test('one instant is one time, however exactly and in whatever unit it is written', () => {
  const iso = (ms: number, below: string) => new Date(ms).toISOString().replace('Z', `${below}Z`)
  fc.assert(
    fc.property(
      fc.integer({ min: Date.UTC(2001, 8, 9, 2), max: Date.UTC(2099, 0) }),
      fc.integer({ min: 0, max: 999 }),
      (ms, us) => {
        const digits = String(us).padStart(3, '0')
        const ways = [
          iso(ms, digits),
          iso(ms, `${digits}499`),
          iso(ms, digits).replace('T', ' ').replace('Z', ''),
          iso(ms + 3_600_000, digits).replace('Z', '+01:00'),
          ms,
          ms / 1000,
          Number(`${ms}${digits}`) / 1e6,
          `${ms}${digits}`,
          `${ms}${digits}400`,
          Number(`${ms}${digits}200`),
        ]
        expect(new Set(ways.map((way) => timeOf(way, 'time')))).toEqual(new Set([ms]))
      },
    ),
  )
})

test('to the microsecond as PostgreSQL rounds it', () => {
  expect(timeOf('2026-03-02T10:00:00.122999600Z', 'time')).toBe(AT)
  expect(timeOf('2026-03-02T09:59:59.9999999Z', 'time')).toBe(Date.parse('2026-03-02T10:00:00Z'))
})

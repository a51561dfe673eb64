import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseTime } from './time.ts'

test('every time that JavaScript writes is read back', () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }),
      (date) => parseTime(date.toISOString()) === date.getTime(),
    ),
  )
})

test.each([
  ['2018-01-10 07:15:00+00:00', '2018-01-10T07:15:00.000Z'],
  ['2026-05-19 16:38:26.123456+00', '2026-05-19T16:38:26.123Z'],
  ['2026-05-19T22:08:26+05:30', '2026-05-19T16:38:26.000Z'],
  ['2026-05-19T11:38:26-0500', '2026-05-19T16:38:26.000Z'],
  ['2026-05-19', '2026-05-19T00:00:00.000Z'],
])('%s is %s', (text, iso) => {
  expect(new Date(parseTime(text)!).toISOString()).toBe(iso)
})

test.each([
  '',
  'yesterday',
  '2026-02-30T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '2026-05-19T25:00:00Z',
  '2026-05-19T16:38:26',
  '1779208706',
])("'%s' is not a time", (text) => {
  expect(parseTime(text)).toBeNull()
})

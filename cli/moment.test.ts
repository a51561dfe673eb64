import { Command, InvalidArgumentError } from 'commander'
import { expect, test } from 'vitest'
import { cutOf, type MomentOptions, momentOptions, namesMoment, offsets, time } from './moment.ts'

const read = (...args: string[]): MomentOptions =>
  momentOptions(new Command().exitOverride().configureOutput({ writeErr: () => {} }))
    .parse(args, { from: 'user' })
    .opts()
const ENDS = new Map([
  [0, 10],
  [1, 20],
])

test('a moment is named by exits, by the time of the log or by offsets', () => {
  expect(namesMoment(read())).toBe(false)
  expect(cutOf(read(), ENDS)).toEqual({})
  expect(cutOf(read('--as-of', '2026-05-01'), ENDS)).toEqual({ closedUntil: Date.UTC(2026, 4, 1) })
  expect(cutOf(read('--at-time', '2026-05-01T00:00Z'), ENDS)).toEqual({ takenUntil: Date.UTC(2026, 4, 1) })
  expect(cutOf(read('--at-offset', '7'), ENDS).below).toEqual(
    new Map([
      [0, 7],
      [1, 7],
    ]),
  )
  expect(cutOf(read('--at-offset', '1:7'), ENDS).below).toEqual(new Map([[1, 7]]))
})

test('what names none, or more than one, is wrong usage', () => {
  expect(() => time('yesterday')).toThrow(InvalidArgumentError)
  expect(() => time('2026-05-01T10:00')).toThrow('with a zone')
  for (const text of ['', 'x', '1:', ':2', '1:2,', '-1', '1.5'])
    expect(() => offsets(text)).toThrow(InvalidArgumentError)
  expect(() => namesMoment(read('--as-of', '2026-05-01', '--at-offset', '3'))).toThrow('More than one moment')
  expect(() => cutOf(read('--at-offset', '9:3'), ENDS)).toThrow('no partition 9')
})

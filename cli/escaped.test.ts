import { expect, test } from 'vitest'
import { escaped, quoted, safeJson } from './escaped.ts'
import { hexDump } from './hex-dump.ts'

const EVIL = 'a\u001b[2J\n\t\u009b\u202e\u2028\u{e0041}\ud800 ä😀'

test('what a terminal would act on is shown as what it is', () => {
  expect(escaped(EVIL)).toBe('a\\u001b[2J\\n\\t\\u009b\\u202e\\u2028\\udb40\\udc41\\ud800 ä😀')
  expect(quoted('a"\u0007')).toBe('"a\\"\\u0007"')
})

test('JSON that is safe to look at is the same to whoever parses it', () => {
  const value = { [EVIL]: [EVIL, 1, null] }
  expect(safeJson(value)).not.toMatch(/[^\P{C}]/u)
  expect(JSON.parse(safeJson(value))).toEqual(value)
})

test('bytes are shown sixteen a line, with their place and their text', () => {
  const bytes = Buffer.from([...Array(20).keys()].map((i) => i * 13))
  expect(hexDump(bytes, 0x105)).toEqual([
    "00000105  00 0d 1a 27 34 41 4e 5b  68 75 82 8f 9c a9 b6 c3  |...'4AN[hu......|",
    '00000115  d0 dd ea f7                                       |....|',
  ])
  expect(hexDump(bytes, 0, 1).at(-1)).toBe('… and 4 bytes more; --json has all of them.')
})

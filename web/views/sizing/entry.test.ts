import { expect, test } from 'vitest'
import { compact, fitsAddress, numberOr, pretty, readEntry, withField, wordOf } from './entry.ts'

test.each(['', '{', 'null', '[]', '"text"', '5', '{"a": 1,}', '<script>'])(
  '%j is no entry, and a sentence says so',
  (text) => {
    expect(readEntry(text).problem).toMatch(/^This is (no JSON: .+|JSON, but no object.*)$/)
    // and stays as it was typed
    expect([pretty(text), compact(text)]).toEqual([text, text])
  },
)

test('a field is changed where it stands, added at the end, and taken away', () => {
  const context = JSON.parse('{"a": "1", "b": 2, "__proto__": "x"}')
  expect(Object.keys(JSON.parse(withField(context, 'a', 'new')))).toEqual(['a', 'b', '__proto__'])
  expect(withField({ a: '1', b: 2 }, 'a', 'new')).toBe('{\n  "a": "new",\n  "b": 2\n}')
  expect(withField({ a: '1' }, 'c', 3)).toBe('{\n  "a": "1",\n  "c": 3\n}')
  expect(withField({ a: '1', b: 2 }, 'a', undefined)).toBe('{\n  "b": 2\n}')
})

test('what is too long for an address is known before', () => {
  expect(fitsAddress('{"curator": "alice"}')).toBe(true)
  expect(fitsAddress(JSON.stringify({ curator: '\u202e'.repeat(1_000) }))).toBe(false)
})

test('numbers are numbers, and what is none stays a text that the server refuses', () => {
  expect(['1500000', ' 2.5 ', '1e3', '', 'abc', 'Infinity'].map(numberOr)).toEqual([
    1_500_000,
    2.5,
    1_000,
    '',
    'abc',
    'Infinity',
  ])
})

test('the word of a number: an edge belongs to the upper one', () => {
  const band = { lever: 'cap', edges: [10, 20], words: ['low', 'mid', 'high'] }
  expect([9.9, 10, 19, 20, 'x', Number.NaN].map((value) => wordOf(band, value))).toEqual([
    'low',
    'mid',
    'mid',
    'high',
    undefined,
    undefined,
  ])
})

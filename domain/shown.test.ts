import { expect, test } from 'vitest'
import { shown } from './shown.ts'

test.each<[unknown, string]>([
  [undefined, 'missing'],
  [null, 'null'],
  [Number.NaN, 'NaN'],
  [-0.5, '-0.5'],
  ['a"b', '"a\\"b"'],
  [{ toString: 1, valueOf: 1 }, '{"toString":1,"valueOf":1}'],
  [[1, 'x'], '[1,"x"]'],
])('%j is shown as %s', (value, text) => {
  expect(shown(value)).toBe(text)
})

test('what is long is cut, never in the midst of a character', () => {
  const text = shown('😀'.repeat(1_000_000))
  expect(text.length).toBeLessThan(100)
  expect(text.isWellFormed()).toBe(true)
  expect(shown(Array.from({ length: 1_000 }, (_, i) => i)).length).toBeLessThan(100)
})

test('what is nested too deep to be written is named', () => {
  expect(shown(JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`))).toBe('a list nested too deep')
})

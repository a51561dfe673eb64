import { expect, test } from 'vitest'
import { table } from './table.ts'

test('more rows than a function takes arguments are printed as well', () => {
  const rows = Array.from({ length: 300_000 }, (_, i) => [String(i)])
  expect(table([{ title: 'n', align: 'right' }], rows, 80).at(-1)).toBe('299999')
})

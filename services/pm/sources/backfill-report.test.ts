import { expect, test } from 'vitest'
import { emptyReport, noteUnusable, reasonWithoutValues, unusableCount } from './backfill-report.ts'

test.each([
  ['Exit price is -1, not above 0.', 'Exit price is …, not above 0.'],
  ['Exit price is 1e-320, not above 0.', 'Exit price is …, not above 0.'],
  ['Rr is "NaN", not a finite number.', 'Rr is …, not a finite number.'],
  ['Rr is {"a":[1,2]}, not a finite number.', 'Rr is …, not a finite number.'],
  ['The exit time is "so, \\"soon\\"", not a time.', 'The exit time is …, not a time.'],
  [
    'The exit time is 2099-01-01T00:00:00.000Z, which lies in the future.',
    'The exit time is …, which lies in the future.',
  ],
  ['The element [] is no trade.', 'The element … is no trade.'],
  ['The element "n/a" is no trade.', 'The element … is no trade.'],
  ['The element null is no trade.', 'The element … is no trade.'],
  ['The position_id has 2000 bytes, 512 are allowed.', 'The position_id has … bytes, 512 are allowed.'],
  ['The strand has no content.', 'The strand has no content.'],
])('%s', (why, reason) => {
  expect(reasonWithoutValues(why)).toBe(reason)
})

test('a reason is counted, and shown with the first examples', () => {
  const report = emptyReport()
  for (let i = 0; i < 5; i++)
    noteUnusable(report, { in: 'strand', id: `s${i}`, trade_id: '', why: `Exit price is -${i}, not above 0.` })
  expect(report.unusable).toEqual({
    'Exit price is …, not above 0.': {
      count: 5,
      examples: [0, 1, 2].map((i) => ({
        in: 'strand',
        id: `s${i}`,
        trade_id: '',
        why: `Exit price is -${i}, not above 0.`,
      })),
    },
  })
})

test('reasons without end become one', () => {
  const report = emptyReport()
  for (let i = 0; i < 500; i++)
    noteUnusable(report, { in: 'position', id: `${i}`, trade_id: '', why: `Nonsense ${'x'.repeat(i)}.` })
  expect(Object.keys(report.unusable).length).toBeLessThanOrEqual(101)
  expect(unusableCount(report)).toBe(500)
})

import { expect, test } from 'vitest'
import { discardChoice, filterIn, listPath, redriveChoice } from './filter.ts'

const filter = (query: string) => filterIn(new URLSearchParams(query))
const NOW = '2026-06-01T00:00:00.000Z'

test('the address is the question', () => {
  expect(listPath(filter('reason=bad_magic&partition=0&since=2026-05-01T00:00&all=true&letter=0:1'), 50)).toBe(
    '/v1/dead-letters?reason=bad_magic&partition=0&since=2026-05-01T00%3A00Z&all=true&limit=50',
  )
  expect(listPath(filter(''), 0)).toBe('/v1/dead-letters?limit=0')
})

test('what is selected is named, or is all that the filter shows, and never more', () => {
  expect(redriveChoice({ places: ['0:1'] })).toEqual({ places: ['0:1'] })
  expect(redriveChoice({ filter: filter('') })).toEqual({ all: true })
  expect(redriveChoice({ filter: filter('reason=bad_magic&partition=0&until=2026-05-01T00:00') })).toEqual({
    reason: ['bad_magic'],
    partition: [0],
    until: '2026-05-01T00:00Z',
  })
  expect(discardChoice({ places: ['0:1'] }, NOW)).toEqual({ places: ['0:1'] })
  expect(discardChoice({ filter: filter('reason=bad_magic') }, NOW)).toEqual({ refused_for: ['bad_magic'], until: NOW })
  expect(discardChoice({ filter: filter('until=2026-05-01T00:00') }, NOW)).toEqual({ until: '2026-05-01T00:00Z' })
})

import { expect, test } from 'vitest'
import { MOST_ASKS, readAsks } from './multipliers.ts'

test('moments are milliseconds or ISO 8601, and what is null is not said', () => {
  const entry_context = { pair: 'ETH/USDT' }
  const asks = [
    { entry_context, as_of: 1_795_530_389_716, timeframe: '5m' },
    { entry_context, as_of: '2026-05-01T00:00Z' },
    { entry_context, as_of: null, timeframe: null },
  ]
  expect(readAsks({ asks })).toEqual([
    { entry_context, as_of: 1_795_530_389_716, timeframe: '5m' },
    { entry_context, as_of: Date.parse('2026-05-01T00:00Z'), timeframe: undefined },
    { entry_context, as_of: undefined, timeframe: undefined },
  ])
})

test('what is no list of asks is refused, by its place', () => {
  expect(() => readAsks(null)).toThrow('The request has no list "asks".')
  expect(() => readAsks({ asks: [{}, 3] })).toThrow('Ask 2 is not an object.')
  expect(() => readAsks({ asks: [{ as_of: '2026-05-01' }, { as_of: {} }] })).toThrow('as_of of ask')
  expect(() => readAsks({ asks: Array(MOST_ASKS + 1).fill({}) })).toThrow(`${MOST_ASKS} are allowed`)
})

import { expect, test } from 'vitest'
import type { Factor } from './allocation.ts'
import { whyText } from './why.ts'

const factor = (name: string, key: string, weight: number, n = 40): Factor => ({
  scope: 'lever',
  name,
  key,
  known: n > 0,
  edge: 0,
  weight,
  adjusted_weight: weight,
  n,
  trust: 0,
  error: null,
  rr_short: null,
  rr_long: null,
  temperature: 'unknown',
})

test('the strongest factors are told first, down as well as up, and what changes nothing is not', () => {
  const factors = [
    { ...factor('market', '', 1.02), scope: 'market' as const },
    factor('pair', 'ETH/USDT', 1.0004),
    factor('hour', '14', 1.1, 1),
    factor('enter_tag', 'dip', 0.7),
    factor('weekday', 'mon', 1.01),
  ]
  expect(whyText(factors)).toBe('enter_tag dip × 0.70 (40 trades), hour 14 × 1.10 (1 trade), market × 1.02 (40 trades)')
  expect(whyText([factor('pair', 'ETH/USDT', 1.0004)])).toBe('what is learned of it says next to nothing')
  expect(whyText([factor('pair', 'ETH/USDT', 1, 0)])).toBe('nothing is learned of it yet')
})

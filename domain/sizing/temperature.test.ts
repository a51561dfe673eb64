import { describe, expect, test } from 'vitest'
import { leastDifference, temperature } from './temperature.ts'

const rr = leastDifference({}, null)

describe('a coefficient', () => {
  test.each([
    [1.25, 1, 'hot'],
    [1.2, 1, 'steady'],
    [0.75, 1, 'cold'],
    [0.05, 0, 'steady'],
    [0.1, 0, 'hot'],
    [-1, -2, 'hot'],
    [-2.6, -2, 'cold'],
  ])('of R/R short %d and long %d is %s', (short, long, expected) => {
    expect(temperature(short, long, rr)).toBe(expected)
  })

  // 0.1 of R/R is a hundred times what a return differs by
  test.each([
    [0.0021, 0.001, 'hot'],
    [0.0019, 0.001, 'steady'],
    [-0.0001, 0.001, 'cold'],
    [0.05, 0.045, 'steady'],
    [0.06, 0.045, 'hot'],
  ])('of returns that spread by 2 %, short %d and long %d is %s', (short, long, expected) => {
    expect(temperature(short, long, leastDifference({ clamp: { min: -0.25, max: 0.25 } }, 0.02))).toBe(expected)
  })
})

test('what counts as a difference follows the outcomes: a twentieth of their spread, or of their bounds where that is not known', () => {
  expect(leastDifference({ clamp: { min: -10, max: 10 } }, null)).toBe(rr)
  expect(rr).toBeCloseTo(0.1, 12)
  expect(leastDifference({ clamp: { min: -1, max: 3 } }, null)).toBeCloseTo(0.02, 12)
  expect(leastDifference({ clamp: { min: -10, max: 10 } }, 2)).toBeCloseTo(0.1, 12)
  for (const scale of [1e-6, 1, 1e6])
    expect(temperature(1.3 * scale, scale, leastDifference({}, 2 * scale))).toBe(
      temperature(1.3, 1, leastDifference({}, 2)),
    )
})

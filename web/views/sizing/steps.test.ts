import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Factor } from '../../../domain/sizing/allocation.ts'
import type { Decision } from '../../../services/decision/decide.ts'
import { scaleOf, stepsOf, strongest } from './steps.ts'

const factor = (adjusted_weight: number, changes: Partial<Factor> = {}): Factor => ({
  scope: 'lever',
  name: 'curator',
  key: 'a',
  known: true,
  edge: 0,
  weight: adjusted_weight,
  adjusted_weight,
  n: 1,
  trust: 1,
  error: null,
  rr_short: 1,
  rr_long: 1,
  temperature: 'steady',
  ...changes,
})
const decision = (weights: number[], changes: Partial<Decision> = {}): Decision => {
  const multiplier_unclamped = weights.reduce((a, b) => a * b, 1)
  const multiplier = changes.multiplier ?? multiplier_unclamped
  return {
    base: 4,
    multiplier,
    multiplier_unclamped,
    allocation: 4 * multiplier,
    bounded_by: null,
    factors: weights.map((w) => factor(w)),
    ...changes,
  } as Decision
}

test('goes from the base over each factor to the size', () => {
  const steps = stepsOf(decision([2, 0.5, 3]))
  expect(steps.map((s) => [s.from, s.to, s.size])).toEqual([
    [1, 2, 8],
    [2, 1, 4],
    [1, 3, 12],
  ])
})

test('the model’s bound and that of the size are steps of their own', () => {
  const steps = stepsOf(decision([4, 4], { multiplier: 4, allocation: 10, bounded_by: 'max' }))
  expect(steps.map((s) => [s.bound, s.to, s.size])).toEqual([
    [undefined, 4, 16],
    [undefined, 16, 64],
    ['model', 4, 16],
    ['max', 2.5, 10],
  ])
})

test('a base of 0 has no factor to its bound', () => {
  const [, bound] = stepsOf(decision([2], { base: 0, allocation: 1, bounded_by: 'min' }))
  expect(bound).toMatchObject({ bound: 'min', times: 1, size: 1 })
})

test('each bar is as long as its factor is strong, and within the picture', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.1, max: 10, noNaN: true }), { minLength: 1, maxLength: 12 }), (weights) => {
      const steps = stepsOf(decision(weights))
      const scale = scaleOf(steps)
      const spans = steps.map((step) => scale.span(step))
      for (const { left, width } of spans) {
        expect(left).toBeGreaterThanOrEqual(-1e-9)
        expect(left + width).toBeLessThanOrEqual(100 + 1e-9)
      }
      const perLog = spans.map(({ width }, i) => width / Math.abs(Math.log(weights[i] as number)))
      for (const value of perLog.filter(
        (v, i) => Number.isFinite(v) && Math.abs(Math.log(weights[i] as number)) > 1e-6,
      ))
        expect(value / (perLog.find(Number.isFinite) as number)).toBeCloseTo(1, 4)
    }),
  )
})

test('what moves a size most is told first; what is not known, or moves nothing, not at all', () => {
  const told = strongest([
    factor(1.2, { key: 'b' }),
    factor(0.5, { key: 'a' }),
    factor(1, { key: 'no' }),
    factor(3, { key: 'unknown', known: false }),
  ])
  expect(told.map((f) => f.key)).toEqual(['a', 'b'])
})

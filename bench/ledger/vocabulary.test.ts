import { expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { COMBINATIONS, LEVERS, leversOf, STEP, TIMEFRAME } from './vocabulary.ts'

test('the trades of a filled ledger are combinations of their own', () => {
  const model = loadModel('lowcap-v4')
  const keys = new Set<string>()
  for (let i = 0; i < 20_000; i++) {
    const groups = model.groups(model.leverValues({ timeframe: TIMEFRAME, levers: leversOf(i), measures: {} }))
    keys.add(groups.find((g) => g.scope === 'interaction')!.key)
  }
  expect(keys.size).toBe(20_000)
})

test('no two trades of ten million share a combination: the step has no common divisor with their number', () => {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))
  expect(gcd(COMBINATIONS, STEP)).toBe(1)
  expect(COMBINATIONS).toBeGreaterThan(10_000_000)
  expect(10_000_000 * STEP).toBeLessThan(Number.MAX_SAFE_INTEGER)
})

test('every value belongs to the vocabulary of the default model', () => {
  const { levers } = loadModel('lowcap-v4').definition
  for (const { name, field, values } of LEVERS) {
    const lever = levers.find((l) => l.name === name)!
    expect(lever.field).toBe(field)
    if (lever.vocabulary) expect(lever.vocabulary).toEqual(expect.arrayContaining(values))
  }
})

import { describe, expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { BASELINE, type Group, type Model, SQUARES } from './model.ts'
import type { Evidence } from './sums.ts'
import { createWeigher } from './weigher.ts'

const trades = (n: number, mean: number): Evidence => ({
  n,
  rr_short: mean,
  rr_long: mean,
  sum_short: n,
  sum_long: n,
})
const lever = (key: string): Group => ({ scope: 'lever', name: 'curator', key })
const together: Group = { scope: 'interaction', name: 'interaction', key: 'chain=a%7Cb|curator=z' }

/** Of a model, given groups. */
function weigherOf(model: Model, groups: [Group, Evidence][]) {
  return createWeigher(
    model,
    ({ name, key }) => groups.find(([group]) => group.name === name && group.key === key)?.[1] ?? null,
  )
}
const shrunk = loadModel('lowcap-v5')
const known: [Group, Evidence][] = [
  [BASELINE, trades(1000, 1)],
  [SQUARES, trades(1000, 5)],
]

describe('the rule shrunk', () => {
  test('one trade weighs next to nothing', () => {
    for (const best of [10, -10]) {
      const { weight, trust } = weigherOf(shrunk, known).weigh(lever('x'), trades(1, best))
      expect(trust).toBeLessThan(0.02)
      expect(Math.abs(Math.log(weight))).toBeLessThan(0.35) // by v4 it is 2, or 0.5
    }
    expect(weigherOf(shrunk, known).weigh(lever('x'), trades(500, 10)).weight).toBeGreaterThan(100)
  })

  test('a group that is as the baseline weighs 1', () => {
    const weigher = weigherOf(shrunk, [...known, [{ scope: 'lever', name: 'chain', key: 'a|b' }, trades(9, 1)]])
    for (const group of [lever('x'), together]) {
      expect(weigher.weigh(group, trades(300, 1)).weight).toBeCloseTo(1, 12)
      expect(weigher.weigh(group, trades(300, 1)).edge).toBeCloseTo(0, 12)
    }
    expect(weigher.market?.weight).toBe(1)
    expect(weigher.spread).toBe(2)
  })

  test('where nothing is learned everything weighs 1, and nothing is believed', () => {
    for (const groups of [[], [[BASELINE, trades(3, 1)]], [[SQUARES, trades(3, 1)]]] as [Group, Evidence][][]) {
      const weigher = weigherOf(shrunk, groups)
      expect(weigher.market).toBeNull()
      expect(weigher.spread).toBeNull()
      expect(weigher.weigh(lever('x'), trades(3, 9))).toEqual({ weight: 1, edge: 0, trust: 0, error: null })
    }
  })

  test('of equal outcomes there is no error to tell', () => {
    const weigher = weigherOf(shrunk, [
      [BASELINE, trades(9, 2)],
      [SQUARES, trades(9, 4)],
    ])
    expect(weigher.spread).toBeNull()
    expect(weigher.weigh(lever('x'), trades(3, 2))).toMatchObject({ weight: 1, error: null })
  })

  test('an interaction is weighed against the lever values that its key names, those that are known', () => {
    const chain: [Group, Evidence] = [{ scope: 'lever', name: 'chain', key: 'a|b' }, trades(450, 3)]
    const edgeOf = (groups: [Group, Evidence][]) =>
      weigherOf(shrunk, [...known, ...groups]).weigh(together, trades(450, 3)).edge
    const [none, one, two] = [edgeOf([]), edgeOf([chain]), edgeOf([chain, [lever('z'), trades(450, 3)]])]
    expect(none).toBeCloseTo(0.9 * 2, 12)
    expect(one).toBeCloseTo(0.9 * (2 - 1.8), 12)
    expect(two).toBeCloseTo(0.9 * (2 - 3.6), 12)
    expect(edgeOf([[lever('other'), trades(450, 3)]])).toBe(none)
  })

  test('exponents end, so that products of weights stay finite', () => {
    const levers = loadModel('lowcap-return')
    const weigher = weigherOf(levers, [
      [BASELINE, trades(1e6, 0)],
      [SQUARES, trades(1e6, 1e-12)], // σ is a millionth, the scale its floor
    ])
    expect(weigher.weigh(lever('x'), trades(1e6, 3)).weight).toBe(Math.exp(20))
    expect(weigher.weigh(lever('x'), trades(1e6, -1)).weight).toBe(Math.exp(-20))
  })
})

describe('the rule v4', () => {
  const v4 = loadModel('lowcap-v4')

  test('takes every number at its word, within the bounds of a weight', () => {
    const weigher = weigherOf(v4, [[BASELINE, trades(1000, 1)]])
    expect(weigher.weigh(lever('x'), trades(1, 1.5))).toEqual({ weight: 1.5, edge: 0.5, trust: 1, error: null })
    expect(weigher.weigh(lever('x'), trades(1, 10)).weight).toBe(2)
    expect(weigher.weigh(lever('x'), trades(1, -10)).weight).toBe(0.5)
    expect(weigher.market).toBeNull()
    expect(weigher.spread).toBeNull()
  })

  test('weighs 1 while the baseline is not above 0, or nothing is learned', () => {
    for (const groups of [[], [[BASELINE, trades(9, 0)]], [[BASELINE, trades(9, -1)]]] as [Group, Evidence][][])
      expect(weigherOf(v4, groups).weigh(lever('x'), trades(3, 9)).weight).toBe(1)
  })
})

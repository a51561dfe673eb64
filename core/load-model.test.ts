/** Model files that are wrong are refused with what is wrong; models that come along load, and have the hash under which they have learned. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { loadModel, modelHash, modelNames, shippedModels, sumsHash } from './load-model.ts'

const dir = mkdtempSync(join(tmpdir(), 'strandline-models-'))
afterAll(() => rmSync(dir, { recursive: true }))

const v4 = {
  name: 'mine',
  module: 'dm',
  tau_days: { short: 14, long: 90 },
  weight: { min: 0.5, max: 2 },
  levers: [{ name: 'curator', field: 'curator' }],
  interactions: [] as unknown,
}
const { weight: _, ...unweighed } = v4
const shrunk = {
  ...unweighed,
  rule: 'shrunk',
  outcome: 'net_return',
  clamp: { min: -0.25, max: 0.25 },
  shrink: { long: 150, short: 400, market: 16, interaction: 150 },
  scale: { mean: 0, sigma: 0.3, floor: 0.001 },
  multiplier: { min: 0.25, max: 4 },
}

const write = (definition: unknown) => {
  const file = join(dir, 'mine.json')
  writeFileSync(file, typeof definition === 'string' ? definition : JSON.stringify(definition))
  return file
}
const load = (definition: unknown) => loadModel(write(definition))

test('both rules load', () => {
  expect(load(v4).definition).toEqual(v4)
  expect(load(shrunk).definition).toEqual(shrunk)
  expect(load({ ...shrunk, outcome: { of: 'return', per: 'risk_at_entry' } }).definition.name).toBe('mine')
})

describe('a model file is refused with what is wrong with it', () => {
  test.each<[string, object, string]>([
    ['a field that is none', { ...v4, outcom: 'return' }, "there is no field 'outcom': name, module"],
    ['no name', { ...v4, name: '' }, 'name and module are needed'],
    ['no module', { ...v4, module: undefined }, 'name and module are needed'],
    ['no τ', { ...v4, tau_days: { short: 14 } }, 'tau_days.short and tau_days.long must be above 0 (days)'],
    [
      'a lever whose name the ledger cannot write',
      { ...v4, levers: [{ name: 'a=b', field: 'curator', short: 'ab' }] },
      "the name of lever 'a=b' stands in the ledger, so it must be without = |",
    ],
    [
      'another one',
      { ...v4, levers: [{ name: 'a|b', field: 'curator', short: 'ab' }] },
      "the name of lever 'a|b' stands in the ledger, so it must be without = |",
    ],
    [
      'a long τ below the short one',
      { ...v4, tau_days: { short: 90, long: 14 } },
      'tau_days.long must not be below tau_days.short',
    ],
    [
      'a τ whose periods no column numbers',
      { ...v4, tau_days: { short: 0.000002, long: 1 } },
      'tau_days.short must not be below a minute',
    ],
    ['a τ of text', { ...v4, tau_days: { short: '14', long: 90 } }, 'tau_days.short and tau_days.long must be above 0'],
    [
      'an outcome that is none',
      { ...v4, outcome: 'profit' },
      'outcome must be one of rr, return, net_return, or {"of"',
    ],
    ['an outcome of null', { ...v4, outcome: null }, 'outcome must be one of'],
    ['an outcome per nothing', { ...v4, outcome: { of: 'rr', per: '' } }, 'outcome must be one of'],
    ['a clamp upside down', { ...v4, clamp: { min: 1, max: -1 } }, 'clamp.min must be below clamp.max'],
    ['a clamp with one end', { ...v4, clamp: { min: 1 } }, 'clamp.min must be below clamp.max'],
    [
      'a clamp whose squares are no numbers',
      { ...v4, clamp: { min: -1e101, max: 1 } },
      'clamp must lie within ±1e+100',
    ],
    ['a clamp of null', { ...v4, clamp: null }, 'clamp.min must be below clamp.max'],
    [
      'returns without bounds',
      { ...v4, outcome: 'return' },
      'an outcome that is not rr has no bounds: it needs a clamp',
    ],
    [
      'R/R per a measure without bounds',
      { ...v4, outcome: { of: 'rr', per: 'vol_at_entry' } },
      'an outcome per vol_at_entry has no bounds: it needs a clamp',
    ],
    ['a rule that is none', { ...v4, rule: 'v5' }, "there is no rule 'v5': v4, shrunk"],
    ['v4 without bounds of a weight', unweighed, 'weight.min must be above 0 and not above weight.max'],
    ['v4 with a weight of 0', { ...v4, weight: { min: 0, max: 2 } }, 'weight.min must be above 0'],
    [
      'nothing to shrink by',
      { ...shrunk, shrink: undefined },
      'the rule shrunk needs shrink: {long, short, market, inter',
    ],
    ['part of it', { ...shrunk, shrink: { long: 1, short: 1, market: 1 } }, 'the rule shrunk needs shrink'],
    ['numbers as texts', { ...shrunk, shrink: { ...shrunk.shrink, long: '150' } }, 'each above 0 (trades)'],
    ['shrinking by 0', { ...shrunk, shrink: { ...shrunk.shrink, market: 0 } }, 'each above 0 (trades)'],
    [
      'no scale',
      { ...shrunk, scale: undefined },
      'the rule shrunk needs scale: {mean, sigma, floor}, the floor above 0',
    ],
    ['a scale that may be 0', { ...shrunk, scale: { mean: 1, sigma: 0, floor: 0 } }, 'the floor above 0'],
    ['a negative part of it', { ...shrunk, scale: { mean: -1, sigma: 0, floor: 1 } }, 'the others 0 or more'],
    ['no bounds of a multiplier', { ...shrunk, multiplier: undefined }, 'the rule shrunk needs multiplier: {min, max}'],
    ['a multiplier without end', { ...shrunk, multiplier: { min: 1 } }, 'the rule shrunk needs multiplier'],
    ['one upside down', { ...shrunk, multiplier: { min: 4, max: 0.25 } }, 'min above 0 and not above max'],
    ['no levers', { ...v4, levers: [] }, 'levers must be a list, or the name of the model whose levers it has'],
    ['a lever twice', { ...v4, levers: [v4.levers[0], v4.levers[0]] }, "lever 'curator' has no name or stands twice"],
    ['a lever called as the baseline', { ...v4, levers: [{ name: 'global', field: 'x' }] }, 'the name of the baseline'],
    ['a lever of nothing', { ...v4, levers: [{ name: 'x' }] }, "lever 'x' needs either field or event_field"],
    [
      'a short name that cuts a key',
      { ...v4, levers: [{ name: 'x', field: 'x', short: 'a|b' }] },
      'a short name of its own',
    ],
    [
      'one short name of two levers',
      { ...v4, levers: [...v4.levers, { name: 'x', field: 'x', short: 'curator' }] },
      "lever 'x' needs a short name of its own",
    ],
    ['a vocabulary of numbers', { ...v4, levers: [{ name: 'x', field: 'x', vocabulary: [1] }] }, 'a list of words'],
    [
      'too few words',
      { ...v4, levers: [{ name: 'x', field: 'x', measure: 'm', vocabulary: ['a'], edges: [1] }] },
      'it needs edges and one more vocabulary word than edges',
    ],
    [
      'edges that fall',
      { ...v4, levers: [{ name: 'x', field: 'x', measure: 'm', vocabulary: ['a', 'b', 'c'], edges: [2, 1] }] },
      "the edges of lever 'x' must rise",
    ],
    ['no list of interactions', { ...v4, interactions: {} }, 'interactions must be a list'],
    [
      'an interaction called as a lever',
      { ...v4, interactions: [{ name: 'curator' }] },
      "interaction 'curator' has the name of",
    ],
    [
      'an interaction of nothing',
      { ...v4, interactions: [{ name: 'x' }] },
      "interaction 'x' needs members, names of levers",
    ],
    [
      'an interaction of a lever that is none',
      { ...v4, interactions: [{ name: 'x', members: ['curator', 'chain'] }] },
      "interaction 'x' names the unknown lever 'chain'",
    ],
    [
      'an interaction that does not say when',
      { ...v4, interactions: [{ name: 'x', members: ['curator'] }] },
      "interaction 'x' needs present: any or all",
    ],
  ])('%s', (_what, definition, sentence) => {
    expect(() => load(definition)).toThrow(
      expect.objectContaining({ code: 'MODEL_INVALID', todo: expect.stringContaining('docs/learning.md') }),
    )
    expect(() => load(definition)).toThrow(sentence)
  })

  test.each(['null', '[]', '5'])('%s, which is JSON', (text) => {
    expect(() => load(text)).toThrow(/mine\.json holds no JSON object/)
  })

  test('what is no JSON', () => {
    expect(() => load('{')).toThrow(/mine\.json is not JSON/)
  })

  test('a model that there is not is wrong usage, with those that there are', () => {
    expect(() => loadModel('lowcap-v44')).toThrow(
      expect.objectContaining({ code: 'USAGE', todo: expect.stringContaining('lowcap-v5') }),
    )
  })
})

describe('levers that are those of another model', () => {
  test('are the same, with its interactions, or with others', () => {
    const { levers, interactions } = loadModel('lowcap-v4').definition
    const { interactions: _, ...named } = { ...shrunk, levers: 'lowcap-v4' }
    expect(load(named).definition).toMatchObject({ name: 'mine', levers, interactions })
    const own = [{ name: 'who×where', members: ['curator', 'chain'], present: 'all' as const }]
    expect(load({ ...named, interactions: own }).definition).toMatchObject({ levers, interactions: own })
    // written out it is the same model
    expect(load({ ...named, levers, interactions }).hash).toBe(load(named).hash)
  })

  test('of a model that there is not', () => {
    expect(() => load({ ...shrunk, levers: 'nobody' })).toThrow(
      expect.objectContaining({
        code: 'MODEL_INVALID',
        message: expect.stringContaining("takes the levers of 'nobody'"),
      }),
    )
  })
})

test('another description is the same model, anything else another one', () => {
  const { hash } = load(shrunk)
  expect(load({ ...shrunk, description: 'said otherwise' }).hash).toBe(hash)
  for (const change of [{ clamp: { min: -1, max: 1 } }, { outcome: 'return' }, { multiplier: { min: 0.5, max: 2 } }])
    expect(load({ ...shrunk, ...change }).hash).not.toBe(hash)
  expect(modelHash({ ...load(shrunk).definition, description: 'x' })).toBe(hash)
})

describe('sums', () => {
  const sumsOf = (definition: object) => sumsHash(load(definition).definition)

  test('are the same whatever is read in them, and other ones of anything else', () => {
    const same = [
      { scale: { mean: 2, sigma: 0, floor: 1 } },
      { shrink: { long: 1, short: 1, market: 1, interaction: 1 } },
      { multiplier: { min: 0.5, max: 2 } },
      { rule: 'v4', weight: { min: 0.5, max: 2 } },
      { name: 'another', description: 'said otherwise' },
    ]
    for (const change of same) expect([change, sumsOf({ ...shrunk, ...change })]).toEqual([change, sumsOf(shrunk)])
    const curator = { name: 'curator', field: 'curator' }
    const other = [
      { outcome: 'return' },
      { outcome: { of: 'net_return', per: 'risk_at_entry' } },
      { clamp: { min: -1, max: 1 } },
      { tau_days: { short: 14, long: 91 } },
      { sources: { only: ['pm'] } },
      { levers: [{ ...curator, vocabulary: ['a', 'b'] }] },
      { interactions: [{ name: 'who', members: ['curator'], present: 'any' }] },
    ]
    expect(new Set([sumsOf(shrunk), ...other.map((change) => sumsOf({ ...shrunk, ...change }))]).size).toBe(8)
  })

  test('of R/R have the bounds that every R/R has, said or not', () => {
    expect(sumsOf({ ...v4, outcome: 'rr', clamp: { min: -10, max: 10 } })).toBe(sumsOf(v4))
    expect(sumsOf({ ...v4, clamp: { min: -10, max: 9 } })).not.toBe(sumsOf(v4))
  })

  test('of shipped models: two rules, one of each kind', () => {
    const groups = Map.groupBy(modelNames(), (name) => sumsHash(loadModel(name).definition))
    expect([...groups.values()]).toEqual(
      [['freqtrade', 'freqtrade-v5'], ['freqtrade-return'], ['lowcap-return'], ['lowcap-v4', 'lowcap-v5']].sort(
        (a, b) => ((a[0] as string) < (b[0] as string) ? -1 : 1),
      ),
    )
  })
})

test('every model that comes along loads; of those that read an entry context in one way the one with the rule v4 is named', () => {
  for (const name of modelNames()) expect(loadModel(name).definition.name).toBe(name)
  expect(
    shippedModels()
      .map((model) => model.definition.name)
      .sort(),
  ).toEqual(['freqtrade', 'lowcap-v4'])
})

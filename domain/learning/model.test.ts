import { describe, expect, it } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { BASELINE, escapePart, type LeverSource, SQUARES, unescapePart } from './model.ts'

const lowcap = loadModel('lowcap-v4')
const freqtrade = loadModel('freqtrade')

const source = (
  levers: Record<string, string> = {},
  measures: Record<string, number> = {},
  timeframe = '',
): LeverSource => ({
  timeframe,
  levers,
  measures,
})
const valuesOf = (from: LeverSource, model = lowcap) =>
  Object.fromEntries(model.leverValues(from).map((v) => [v.group.name, v.group.key]))
const keysOf = (from: LeverSource, model = lowcap) =>
  model
    .groups(model.leverValues(from))
    .filter((g) => g.scope === 'interaction')
    .map((g) => `${g.name}: ${g.key}`)

// The table of DESIGN.md: lever, field, name in an interaction key, vocabulary.
const FREE = [
  ['curator', 'curator', 'curator'],
  ['chain', 'chain', 'chain'],
  ['intent', 'intent', 'intent'],
  ['mapping_confidence', 'mapping_confidence', 'conf'],
] as const
const BUCKETS = [
  ['cap', 'mcap_bucket', 'cap', '<500k 500k-1m 1m-2m 2m-5m 5m-10m 10m-50m 50m+'],
  ['vol', 'vol_bucket', 'vol', '<10k 10k-50k 50k-100k 100k-250k 250k-500k 500k-1m 1m+'],
  ['age', 'age_bucket', 'age', '<1d 1-3d 3-7d 7-14d 14-30d 30-90d 90d+'],
  ['mcap_vol_ratio', 'mcap_vol_ratio_bucket', 'ratio', '<0.1 0.1-0.5 0.5-1.0 1.0-2.0 2.0-5.0 5.0+'],
] as const

describe('a lever with a free vocabulary', () => {
  it.each(FREE)('%s reads %s as it is, trimmed, and is %s in a key', (lever, field, short) => {
    expect(valuesOf(source({ [field]: '  0xDetweiler ' }))).toEqual({ [lever]: '0xDetweiler' })
    expect(keysOf(source({ [field]: ' 0xDetweiler ' }))).toEqual([`interaction: ${short}=0xDetweiler`])
  })

  it.each(FREE)('%s has no value where %s is empty', (_, field) => {
    expect(valuesOf(source({ [field]: '' }))).toEqual({})
    expect(valuesOf(source({ [field]: ' \t' }))).toEqual({})
  })
})

describe('a lever with buckets', () => {
  for (const [lever, field, short, words] of BUCKETS) {
    it.each(words.split(' '))(`${lever} knows %s in ${field}, in any case and trimmed`, (word) => {
      for (const text of [word, word.toUpperCase(), ` ${word}\n`])
        expect(valuesOf(source({ [field]: text }))).toEqual({ [lever]: word })
      expect(keysOf(source({ [field]: word.toUpperCase() }))).toEqual([`interaction: ${short}=${word}`])
    })

    it(`${lever} knows no other word, and does not fall back to its measure for one`, () => {
      const measures = { mcap_at_entry: 1, vol_at_entry: 1, age_at_entry: 1 }
      expect(valuesOf(source({ [field]: 'huge' }, measures))).not.toHaveProperty(lever)
    })
  }
})

describe('a bucket derived from a measure', () => {
  it.each([
    ['cap', 'mcap_at_entry', [0, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000, 50_000_000]],
    ['vol', 'vol_at_entry', [0, 10_000, 50_000, 100_000, 250_000, 500_000, 1_000_000]],
    ['age', 'age_at_entry', [0, 1, 3, 7, 14, 30, 90]],
  ] as const)('%s from %s has its lower edges inside', (lever, measure, edges) => {
    const words = BUCKETS.find(([name]) => name === lever)![3].split(' ')
    for (const [i, edge] of edges.entries()) {
      expect(valuesOf(source({}, { [measure]: edge }))[lever]).toBe(words[i])
      if (i > 0) expect(valuesOf(source({}, { [measure]: edge * (1 - 1e-12) }))[lever]).toBe(words[i - 1])
    }
    expect(valuesOf(source({}, { [measure]: 1e300 }))[lever]).toBe(words.at(-1))
    expect(valuesOf(source({}, { [measure]: -1 }))[lever]).toBe(words[0])
  })

  it.each([
    [0.05, '<0.1'],
    [0.1, '0.1-0.5'],
    [0.5, '0.5-1.0'],
    [1, '1.0-2.0'],
    [2, '2.0-5.0'],
    [5, '5.0+'],
    [1e9, '5.0+'],
  ])('of market cap over volume %f is %s', (ratio, word) => {
    expect(valuesOf(source({}, { mcap_at_entry: ratio * 1024, vol_at_entry: 1024 })).mcap_vol_ratio).toBe(word)
  })

  it('of a volume of 0 is the highest one, also without any market cap', () => {
    for (const mcap_at_entry of [5, 0])
      expect(valuesOf(source({}, { mcap_at_entry, vol_at_entry: 0 })).mcap_vol_ratio).toBe('5.0+')
  })

  it('needs both measures of a ratio', () => {
    expect(valuesOf(source({}, { vol_at_entry: 0 }))).not.toHaveProperty('mcap_vol_ratio')
    expect(valuesOf(source({}, { mcap_at_entry: 5 }))).not.toHaveProperty('mcap_vol_ratio')
  })

  it('is not used where the field says something, and is where it is empty', () => {
    expect(valuesOf(source({ mcap_bucket: '50m+' }, { mcap_at_entry: 1 })).cap).toBe('50m+')
    expect(valuesOf(source({ mcap_bucket: ' ' }, { mcap_at_entry: 1 })).cap).toBe('<500k')
  })
})

describe('the timeframe', () => {
  it.each(['1m', '15m', '1h', '4h'])("%s is the event's own, and no part of an interaction", (timeframe) => {
    expect(valuesOf(source({}, {}, timeframe))).toEqual({ timeframe })
    expect(valuesOf(source({}, {}, timeframe.toUpperCase()))).toEqual({ timeframe })
    expect(keysOf(source({}, {}, timeframe))).toEqual([])
  })

  it('is not one of the levers', () => {
    expect(valuesOf(source({ timeframe: '1h' }))).toEqual({})
  })

  it('of another length is none', () => {
    expect(valuesOf(source({}, {}, '5m'))).toEqual({})
  })
})

describe('the groups of a trade', () => {
  const all = source(
    {
      curator: '0xdetweiler',
      chain: 'base',
      mcap_bucket: '1m-2m',
      vol_bucket: '100k-250k',
      age_bucket: '3-7d',
      intent: 'research_positive',
      mapping_confidence: 'high',
      mcap_vol_ratio_bucket: '5.0+',
    },
    {},
    '1h',
  )

  it('are the baseline with its squares, one for each lever, and the interaction with its parts in order', () => {
    expect(lowcap.groups(lowcap.leverValues(all))).toEqual([
      BASELINE,
      SQUARES,
      { scope: 'lever', name: 'curator', key: '0xdetweiler' },
      { scope: 'lever', name: 'chain', key: 'base' },
      { scope: 'lever', name: 'cap', key: '1m-2m' },
      { scope: 'lever', name: 'vol', key: '100k-250k' },
      { scope: 'lever', name: 'age', key: '3-7d' },
      { scope: 'lever', name: 'intent', key: 'research_positive' },
      { scope: 'lever', name: 'mapping_confidence', key: 'high' },
      { scope: 'lever', name: 'mcap_vol_ratio', key: '5.0+' },
      { scope: 'lever', name: 'timeframe', key: '1h' },
      {
        scope: 'interaction',
        name: 'interaction',
        key: 'age=3-7d|cap=1m-2m|chain=base|conf=high|curator=0xdetweiler|intent=research_positive|ratio=5.0+|vol=100k-250k',
      },
    ])
  })

  it('have the example of the design', () => {
    expect(keysOf(source({ age_bucket: '3-7d', mcap_bucket: '1m-2m', chain: 'base', curator: '0xdetweiler' }))).toEqual(
      ['interaction: age=3-7d|cap=1m-2m|chain=base|curator=0xdetweiler'],
    )
  })

  it('without any lever are the baseline alone, with its squares', () => {
    expect(lowcap.groups(lowcap.leverValues(source()))).toEqual([BASELINE, SQUARES])
  })

  it('keep % and | apart in a key, but not in the value of the lever', () => {
    const odd = source({ curator: '10%|20%7C', chain: 'a=b' })
    expect(valuesOf(odd).curator).toBe('10%|20%7C')
    expect(keysOf(odd)).toEqual(['interaction: chain=a=b|curator=10%25%7C20%257C'])
  })

  it('do not take what objects inherit for a lever', () => {
    expect(valuesOf({ timeframe: '', levers: Object.create({ curator: 'x' }), measures: {} })).toEqual({})
    expect(valuesOf(source({ constructor: 'x', toString: 'y' } as never))).toEqual({})
  })

  it('are the same objects for values that come again', () => {
    lowcap.groups(lowcap.leverValues(all))
    const [a, b] = [lowcap.groups(lowcap.leverValues(all)), lowcap.groups(lowcap.leverValues(all))]
    for (const [i, group] of a.entries()) expect(b[i]).toBe(group)
  })

  it('are the same groups after more values than are remembered', () => {
    const before = lowcap.groups(lowcap.leverValues(all))
    for (let i = 0; i < 10_001; i++) lowcap.groups(lowcap.leverValues(source({ curator: `c${i}` })))
    expect(lowcap.groups(lowcap.leverValues(all))).toEqual(before)
  })
})

describe('% and | in a value', () => {
  it.each(['', 'plain', '%', '|', '%7C', '%25', '%257C|', '||%%', 'ä😀|'])('%j come back', (value) => {
    expect(escapePart(value)).not.toContain('|')
    expect(unescapePart(escapePart(value))).toBe(value)
  })
})

describe('the Freqtrade model', () => {
  const levers = { strategy: 'S', pair: 'ETH/BTC', enter_tag: 'rsi', hour: '07', weekday: 'MON' }

  it('has its own levers', () => {
    expect(valuesOf(source(levers, {}, '5m'), freqtrade)).toEqual({ ...levers, weekday: 'mon', timeframe: '5m' })
    expect(valuesOf(source({ hour: '24', weekday: 'someday' }), freqtrade)).toEqual({})
  })

  it.each([
    [
      { pair: 'ETH/BTC', enter_tag: 'rsi', hour: '07' },
      ['pair×enter_tag: enter_tag=rsi|pair=ETH/BTC', 'pair×hour: hour=07|pair=ETH/BTC'],
    ],
    [{ pair: 'ETH/BTC', hour: '07' }, ['pair×hour: hour=07|pair=ETH/BTC']],
    [{ pair: 'ETH/BTC', enter_tag: '' }, []],
    [{ enter_tag: 'rsi', hour: '07' }, []],
  ])('has an interaction of %j only when all of its members are there', (some, keys) => {
    expect(keysOf(source(some as Record<string, string>), freqtrade)).toEqual(keys)
  })

  it('learns from its own source only, which the other model leaves to it', () => {
    expect(['import:freqtrade', 'pm', undefined].map(freqtrade.accepts)).toEqual([true, false, true])
    expect(['import:freqtrade', 'pm', 'learning-queue', 'import:jsonl', undefined].map(lowcap.accepts)).toEqual([
      false,
      true,
      true,
      true,
      true,
    ])
  })
})

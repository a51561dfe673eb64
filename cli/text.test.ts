import { describe, expect, test } from 'vitest'
import { loadModel } from '../core/load-model.ts'
import { allocation, type LearnedFactor, product } from '../domain/sizing/allocation.ts'
import { timeframeShares } from '../domain/sizing/timeframes.ts'
import { SHARES_BEFORE_LEARNING } from '../domain/timeframe.ts'
import { allocationText, factorLines } from './allocation-text.ts'
import { coefficientsText } from './coefficients-text.ts'
import { outcomeText } from './outcome-text.ts'
import { printable, screenful, table } from './table.ts'

const row = (name: string, key: string, rr_short: number, rr_long: number) => ({
  module: 'dm',
  scope: 'lever' as const,
  name,
  key,
  weight: 1.25,
  rr_short,
  rr_long,
  n: 12,
  edge: 0.5,
  trust: 1,
  error: null as number | null,
  temperature: 'hot' as const,
})
const learned = (rr_short: number | null, rr_long: number | null, n: number, rows: ReturnType<typeof row>[] = []) => ({
  global_rr: { rr_short, rr_long, n },
  rows,
  spread: null,
})

describe('a table', () => {
  test('lines its columns up, numbers to the right, and leaves no space at the end', () => {
    expect(
      table(
        [{ title: 'a' }, { title: 'n', align: 'right' }, { title: '' }],
        [
          ['long', '1', ''],
          ['b', '200', 'hot'],
        ],
      ),
    ).toEqual(['a       n', 'long    1', 'b     200  hot'])
  })

  test('regression: fits a terminal of 80 columns: long texts are cut, numbers never', () => {
    const columns = [{ title: 'name' }, { title: 'key' }, { title: 'weight', align: 'right' as const }]
    const rows = [
      ['interaction', `curator=${'x'.repeat(80)}`, '1.25'],
      ['chain', 'base', '-12345.678'],
    ]
    const lines = table(columns, rows, 80)
    expect(Math.max(...lines.map((l) => [...l].length))).toBe(80)
    expect(lines[1]).toMatch(/^interaction {2}curator=x+… {8}1\.25$/)
    expect(lines[2]).toContain('-12345.678')
    // two long columns share what there is; nothing is cut below what can be read
    expect(table(columns, [['n'.repeat(90), 'k'.repeat(60), '1']], 80)[1]).toHaveLength(80)
    expect(table(columns, [['n'.repeat(90), 'k'.repeat(60), '1']], 10)[1]).toMatch(/^n{7}… {2}k{7}… {7}1$/)
    // not a terminal
    expect(table(columns, rows, undefined)[1]).toContain('x'.repeat(80))
  })

  test('shows no control characters of what others wrote', () => {
    expect(printable('evil\u001b[2J\u202e\nname')).toBe('evil�[2J��name')
  })
})

test('regression: what is drawn again and again keeps its top on the screen, and says how much is below', () => {
  const text = Array.from({ length: 50 }, (_, i) => `line ${i} ${'.'.repeat(100)}`).join('\n')
  const lines = screenful(text, { rows: 24, columns: 80 }).split('\n')
  expect(lines).toHaveLength(23)
  expect(lines[0]).toMatch(/^line 0 \.+…$/)
  expect(lines.at(-1)).toBe('… and 28 more lines: enlarge the window, or leave --watch out.')
  expect(Math.max(...lines.map((l) => [...l].length))).toBe(80)
  expect(screenful('a\nb', { rows: 24, columns: 80 })).toBe('a\nb')
  expect(screenful(text, {})).toBe(text)
})

describe('the coefficients', () => {
  test('begin with the baseline and mark what runs hot or cold', () => {
    const text = coefficientsText(
      null,
      learned(0.8, 0.75, 31, [row('cap', '1m-2m', 2, 1), row('chain', 'base', 1, 1), row('chain', 'sol', 0.2, 1)]),
    )
    const lines = text.split('\n')
    expect(lines[0]).toContain('R/R 0.800')
    expect(lines[0]).toContain('31 trades')
    expect(lines.find((l) => l.includes('1m-2m'))).toMatch(/hot$/)
    expect(lines.find((l) => l.includes(' sol '))).toMatch(/cold$/)
    expect(lines.find((l) => l.includes(' base '))).toMatch(/12$/)
  })

  test('are one clear sentence while nothing is learned', () => {
    expect(coefficientsText(null, learned(null, null, 0))).toMatch(/^Nothing is learned yet.*\.$/)
  })

  test('of a model that believes its trades as far as they go: one trade is visibly next to nothing, in 80 columns', () => {
    const { definition } = loadModel('freqtrade-return')
    const one = {
      ...row('pair×enter_tag', 'enter_tag=a very long tag|pair=ETH/BTC', 0.1091, 0.1091),
      ...{ n: 1, weight: 1.117, edge: 0.00067, trust: 1 / 151, error: 0.0017 },
    }
    const many = {
      ...row('pair', 'XRP/BTC', -0.012, 0.0113),
      n: 940,
      weight: 0.3,
      edge: -0.0081,
      trust: 0.86,
      error: 0.0006,
    }
    const [columns, isTerminal] = [process.stdout.columns, 80]
    process.stdout.columns = isTerminal
    const lines = coefficientsText(definition, {
      ...learned(0.000199, 0.00113, 94, [one, many]),
      spread: 0.0203,
    }).split('\n')
    process.stdout.columns = columns
    expect(lines[0]).toBe(
      'baseline: net return 0.020 % over the last weeks (τ 14 d), 0.113 % over months (τ 90 d), 94 trades',
    )
    expect(lines[2]).toMatch(/^name +key +weight +edge % +± +trust +short % +long % +n$/)
    expect(lines[3]).toMatch(/1\.117 +\+0\.067 +0\.170 +1 % +10\.910 +10\.910 +1$/)
    expect(lines[4]).toMatch(/^pair .* 0\.300 +-0\.810 +0\.060 +86 % +-1\.200 +1\.130 +940 +cold$/)
    expect(Math.max(...lines.slice(2, 5).map((l) => [...l].length))).toBeLessThanOrEqual(80)
    expect(lines.join('\n')).toContain('trust; ±: one standard deviation of it')
    expect(lines.at(-1)).toContain('by 0.102 % at least') // a twentieth of what single trades spread by
  })

  test.each([
    ['lowcap-v4', 'no closed trade with an R/R has reached'],
    ['lowcap-return', 'no closed trade with a return has reached'],
    ['freqtrade-return', 'no closed trade with a net return has reached'],
  ])('of %s say what is missing', (name, sentence) => {
    expect(coefficientsText(loadModel(name).definition, learned(null, null, 0))).toContain(sentence)
  })

  test('say how many are not shown', () => {
    expect(coefficientsText(null, learned(1, 1, 1, [row('chain', 'base', 1, 1)]), 41)).toContain('41 more')
  })
})

describe('an allocation', () => {
  test('by the rule shrunk shows how far each factor is believed, in the unit of what is learned', () => {
    const market = { scope: 'market' as const, name: 'market', key: '' }
    const learned: LearnedFactor[] = [
      { ...row('market', '', 0.12, 0.11), ...market, weight: 1.046, edge: 0.0059, trust: 0.56, error: 0.072 },
      { ...row('chain', 'base', 0.4386, 0.1), n: 1, weight: 1.01, edge: 0.0013, trust: 0.0066, error: 0.036 },
    ]
    const unknown = { scope: 'lever' as const, name: 'cap', key: '50m+' }
    const { definition } = loadModel('lowcap-return')
    const lines = factorLines(product([market, learned[1]!, unknown], learned, definition), outcomeText('return'))
    expect(lines[0]).toMatch(/^name +key +weight +edge % +± +trust +short % +long % +n$/)
    expect(lines[1]).toMatch(/^market +1\.046 +\+0\.590 +7\.200 +56 % +12\.000 +11\.000 +12 +hot$/)
    expect(lines[2]).toMatch(/^chain +base +1\.010 +\+0\.130 +3\.600 +1 % +43\.860 +10\.000 +1 +hot$/)
    expect(lines[3]).toMatch(/^cap +50m\+ +1\.000 +0\.000 +– +0 % +– +– +0 +unknown$/)
    expect(lines).toContain('edge, ±, short, long: return %.')
  })

  test('shows each factor and how the timeframes share it', () => {
    const learned: LearnedFactor[] = [row('chain', 'base', 2, 1)]
    const factors = product([learned[0]!, { scope: 'lever', name: 'cap', key: '50m+' }], learned, null)
    const sized = allocation(factors, { base: 5, min: 1, max: 6 })
    const text = allocationText({
      ...sized,
      ignored: [],
      warnings: [],
      unset_levers: ['curator'],
      global_rr: { rr_short: 1, rr_long: 1, n: 3 },
      model: 'lowcap-v4',
      active: true,
      outcome: 'rr',
      timeframes: timeframeShares([row('chain', 'base', 2, 1)]).map((t) => ({
        ...t,
        allocation: t.share * sized.allocation,
      })),
    })
    expect(text).toContain('allocation 6.000 = base 5 × 1.250, cut to the greatest allowed (1 to 6')
    expect(text).toMatch(/chain +base +1\.250 +1\.250 .*hot/)
    expect(text).toMatch(/cap +50m\+ +1\.000 .*not learned/)
    expect(text).toContain('Not in the entry context: curator.')
    const { '1h': share } = SHARES_BEFORE_LEARNING
    expect(text).toMatch(new RegExp(`1h +${(share * 100).toFixed(1)} % +${(share * 6).toFixed(3)}`))
  })
})

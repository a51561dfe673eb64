import { describe, expect, test } from 'vitest'
import { allocation, type LearnedFactor, product } from '../domain/sizing/allocation.ts'
import { timeframeShares } from '../domain/sizing/timeframes.ts'
import { SHARES_BEFORE_LEARNING } from '../domain/timeframe.ts'
import { allocationText } from './allocation-text.ts'
import { coefficientsText } from './coefficients-text.ts'
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
    const text = coefficientsText({ rr_short: 0.8, rr_long: 0.75, n: 31 }, [
      row('cap', '1m-2m', 2, 1),
      row('chain', 'base', 1, 1),
      row('chain', 'sol', 0.2, 1),
    ])
    const lines = text.split('\n')
    expect(lines[0]).toContain('R/R 0.800')
    expect(lines[0]).toContain('31 trades')
    expect(lines.find((l) => l.includes('1m-2m'))).toMatch(/hot$/)
    expect(lines.find((l) => l.includes(' sol '))).toMatch(/cold$/)
    expect(lines.find((l) => l.includes(' base '))).toMatch(/12$/)
  })

  test('are one clear sentence while nothing is learned', () => {
    expect(coefficientsText({ rr_short: null, rr_long: null, n: 0 }, [])).toMatch(/^Nothing is learned yet.*\.$/)
  })

  test('say how many are not shown', () => {
    expect(coefficientsText({ rr_short: 1, rr_long: 1, n: 1 }, [row('chain', 'base', 1, 1)], 41)).toContain('41 more')
  })
})

describe('an allocation', () => {
  test('shows each factor and how the timeframes share it', () => {
    const learned: LearnedFactor[] = [{ ...row('chain', 'base', 2, 1), edge: 0.5, trust: 1, error: null }]
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

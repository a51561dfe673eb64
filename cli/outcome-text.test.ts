import { expect, test } from 'vitest'
import type { OutcomeDefinition } from '../domain/learning/outcome.ts'
import { outcomeText } from './outcome-text.ts'

test.each<[OutcomeDefinition, number, string, string, string]>([
  ['rr', 1.2346, '1.235', 'R/R', 'an R/R'],
  ['rr', -0.0004, '0.000', 'R/R', 'an R/R'],
  ['return', 0.10916, '10.916 %', 'return', 'a return'],
  ['net_return', 0.000199, '0.020 %', 'net return', 'a net return'],
  [{ of: 'return', per: 'risk_at_entry' }, 1.5, '1.500', 'return per risk_at_entry', 'a return per risk_at_entry'],
  [
    { of: 'net_return', per: 'mcap_at_entry' },
    2.5e-7,
    '2.50e-7',
    'net return per mcap_at_entry',
    'a net return per mcap_at_entry',
  ],
  [{ of: 'rr', per: 'x' }, 0, '0.000', 'R/R per x', 'an R/R per x'],
])('%j of %d is written %s', (outcome, value, text, title, one) => {
  const is = outcomeText(outcome)
  expect(is).toMatchObject({ title, one })
  expect(is.value(value)).toBe(text)
  expect(is.cell(value)).toBe(text.replace(' %', ''))
  expect(is.value(null)).toBe('–')
})

test('the unit of a column stands in its heading, once', () => {
  const headings = (outcome: OutcomeDefinition) => [
    outcomeText(outcome).heading(),
    outcomeText(outcome).heading('short'),
  ]
  expect(headings('rr')).toEqual(['R/R', 'short'])
  expect(headings('net_return')).toEqual(['net return %', 'short %'])
  expect(headings({ of: 'return', per: 'risk_at_entry' })).toEqual(['return per risk_at_entry', 'short'])
})

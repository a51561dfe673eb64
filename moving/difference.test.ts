import { expect, test } from 'vitest'
import { type Compared, differenceOf, type Why } from './difference.ts'

const value = (change: object = {}) => ({ weight: 1.2, rr_short: 1.5, rr_long: 1.5, n: 4, ...change })
const rule = (change: object = {}) => ({ rr: 1.5, n: 4, newest: 2, ...change })
const of = (change: Partial<Compared>): Compared => ({
  old: value(),
  ours: value(),
  learned: true,
  all: rule(),
  seen: rule(),
  ...change,
})

test.each<[Why, string, Partial<Compared>]>([
  ['equal', 'Equal.', {}],
  ['equal', 'Equal.', { old: value({ weight: 1.20005 }) }],
  [
    'rule',
    'The same 4 trades: there the newest (R/R 2.00) weighs a half',
    { ours: value({ weight: 0.9, rr_short: 1 }) },
  ],
  ['stopped', 'It stopped after 4 of 9 trades', { ours: value({ n: 9 }), all: rule({ n: 9 }) }],
  ['fewer', 'It counted 3 of 4 trades; by its rule all of them give R/R 1.50.', { old: value({ n: 3 }) }],
  ['more', 'It counted 5 trades, the log has 4', { old: value({ n: 5 }) }],
  ['other', 'As many trades, of which its rule gives R/R 1.50', { old: value({ rr_short: 3 }) }],
  ['new', 'Learned from 1 trade; the old system never had it.', { old: null, ours: value({ n: 1 }) }],
  ['no_trade', 'No scored trade of the log has it', { ours: null }],
  ['not_learned', 'readers go on seeing the old value', { ours: null, learned: false }],
])('%s: %s', (why, sentence, change) => {
  const found = differenceOf(of(change))
  expect(found.why).toBe(why)
  expect(found.sentence).toContain(sentence)
})

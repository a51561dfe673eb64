import { expect, test } from 'vitest'
import { shippedModels } from '../../core/load-model.ts'
import { isFullExit, parseExecution } from './execution.ts'

const report = {
  id: 'x1',
  kind: 'trim',
  quantity: 10,
  price: 1.5,
  size_frac: 1,
  executed_at: '2026-05-19T15:59:00+00:00',
}
const parse = (change: object) => parseExecution('p1', { ...report, ...change }, shippedModels())

test('a report is read, its time in UTC', () => {
  expect(parse({ executed_at: '2026-05-19T17:59:00+02:00' })).toMatchObject({
    id: 'x1',
    position_id: 'p1',
    side: 'exit',
    kind: 'trim',
    quantity: 10,
    price: 1.5,
    size_frac: 1,
    executed_at: '2026-05-19T15:59:00.000Z',
  })
})

test('without a time it is executed when the database records it', () => {
  expect(parse({ executed_at: undefined }).executed_at).toBeNull()
})

test('an emergency exit needs no quantity, a trim a quantity or a share, an entry a quantity', () => {
  expect(parse({ kind: 'emergency_exit', quantity: undefined, size_frac: undefined }).quantity).toBeNull()
  expect(parse({ quantity: undefined }).size_frac).toBe(1)
  expect(() => parse({ quantity: undefined, size_frac: undefined })).toThrow('Execution x1 has no quantity.')
  expect(() => parse({ kind: 'buy', quantity: undefined })).toThrow('Execution x1 has no quantity.')
})

test('what was sent is kept, to tell a repeated report from another with the same id', () => {
  expect(parse({ note: 'not ours' }).request).toEqual({
    kind: 'trim',
    quantity: 10,
    price: 1.5,
    size_frac: 1,
    executed_at: report.executed_at,
  })
})

test.each([
  ['trim', 0.999, true],
  ['trim', 1, true],
  ['trim', 0.9989, false],
  ['trim', null, false],
  ['emergency_exit', null, true],
  ['emergency_exit', 0.2, true],
  ['add', 1, false],
])('%s with a share of %s: full exit %s', (kind, share, full) => {
  expect(isFullExit(kind, share)).toBe(full)
})

test.each([
  [{ id: undefined }, 'The execution has no id.'],
  [{ id: '' }, 'The execution has no id.'],
  [{ id: 'a\0b' }, 'The execution has no id.'],
  [{ kind: 'hodl' }, 'kind is "hodl"'],
  [{ price: undefined }, 'has no price'],
  [{ price: 0 }, 'price is 0'],
  [{ price: -1 }, 'price is -1'],
  [{ price: Number.NaN }, 'price is NaN'],
  [{ price: Number.POSITIVE_INFINITY }, 'price is Infinity'],
  [{ price: '1.5' }, 'price is "1.5"'],
  [{ price: 1e300 }, 'out of range'],
  [{ quantity: 0 }, 'quantity is 0'],
  [{ quantity: Number.NaN }, 'quantity is NaN'],
  [{ size_frac: 1.2 }, 'size_frac is 1.2'],
  [{ size_frac: 0 }, 'size_frac is 0'],
  [{ executed_at: 'today' }, 'executed_at is "today"'],
  [{ executed_at: '2101-01-01T00:00:00Z' }, 'lies beyond the year 2100'],
  [{ id: 'ä'.repeat(257) }, "The execution's id has 514 bytes."],
  [{ entry_context: [1] }, 'entry_context is not an object'],
  [
    { entry_context: { curator: 'x'.repeat(1_000_000) } },
    "entry_context has a field 'curator' that has 1000000 bytes, 2000 are allowed",
  ],
  [{ entry_context: { curator: 'ä'.repeat(1_001) } }, "entry_context has a field 'curator' that has 2002 bytes"],
  [{ entry_context: { ['n'.repeat(2_001)]: 'x' } }, 'that has a name of 2001 bytes'],
  [
    { entry_context: { risk_at_entry: 5 } },
    "entry_context has a field 'risk_at_entry' that is 5, not a fraction of the entry price",
  ],
  [{ entry_context: { a: { b: 'c\0' } } }, 'entry_context is not well-formed text'],
  [
    { entry_context: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`f${i}`, 'x'.repeat(2_000)])) },
    'and the whole has more than the 65536 that are allowed',
  ],
  [
    { entry_context: { curator: '|'.repeat(700), chain: 'x' } },
    'make the key of the interaction of lowcap-v4 longer than the 2000 bytes that are allowed',
  ],
])('%j is refused: %s', (change, sentence) => {
  expect(() => parse(change)).toThrow(sentence)
})

test('a risk that is a fraction is taken, and one of a regime is none of ours', () => {
  const entry_context = { risk_at_entry: 0.05 }
  const regime_context = { risk_at_entry: 5 }
  expect(parse({ entry_context, regime_context })).toMatchObject({ entry_context, regime_context })
})

test('a body that is no object is refused', () => {
  expect(() => parseExecution('p1', 'trim', shippedModels())).toThrow('not a JSON object')
})

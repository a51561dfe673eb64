import { expect, test } from 'vitest'
import type { StrandlineError } from '../errors.ts'
import type { Part } from './sentence.ts'
import { createAjv, createCheck } from './validator.ts'

const EXECUTION = {
  title: 'Execution',
  type: 'object',
  additionalProperties: false,
  required: ['id', 'price'],
  anyOf: [{ required: ['kind'] }, { required: ['size', 'unit'] }],
  properties: {
    id: { type: 'string', description: 'an id of its own.' },
    price: { type: 'number', exclusiveMinimum: 0, description: 'a number above 0.' },
    kind: { enum: ['buy', 'sell', null] },
    size: { type: ['number', 'null'] },
    unit: { type: 'string' },
    at: { type: 'string', format: 'date-time', description: 'a time with a zone.' },
    entry_context: {
      title: 'Entry context',
      description: 'a flat object.',
      type: 'object',
      additionalProperties: { type: ['string', 'number'], description: 'a text or a number.' },
    },
    bars: {
      type: 'array',
      items: { type: 'array', prefixItems: [{ type: 'number', description: 'when it starts.' }] },
    },
  },
}

function refusal(value: unknown, schema: object = EXECUTION, part: Part = 'body'): string | null {
  const checked = createCheck(createAjv(), 'USAGE', part, schema as never)(value)
  if (!('error' in checked)) return null
  const { message, todo } = checked.error as StrandlineError
  return todo ? `${message} ${todo}` : message
}
const good = { id: 'a', price: 1, kind: 'buy' }

test('what fits is taken as it is: nothing is coerced, filled in or taken away', () => {
  const value = { ...good, size: null, at: '2026-03-02T10:00:00Z', entry_context: { a: 'b', c: 1 }, bars: [[1]] }
  const copy = structuredClone(value)
  expect(refusal(value)).toBe(null)
  expect(value).toEqual(copy)
})

test.each<[string, unknown, string]>([
  ['a list', [], 'The execution is not a JSON object. Send an object with id, price.'],
  ['nothing', undefined, 'The execution is not a JSON object. Send an object with id, price.'],
  ['a missing field', { price: 1, kind: 'buy' }, 'The execution has no id. id: an id of its own.'],
  ['a text for a number', { ...good, price: '1' }, `The execution's price is "1". price: a number above 0.`],
  ['infinity', { ...good, price: Infinity }, `The execution's price is Infinity. price: a number above 0.`],
  ['a number that is too small', { ...good, price: 0 }, `The execution's price is 0. price: a number above 0.`],
  ['an unknown word', { ...good, kind: 'hodl' }, `The execution's kind is "hodl". Use one of: buy, sell.`],
  ['no time', { ...good, at: 'today' }, `The execution's at is "today". at: a time with a zone.`],
  [
    'a field with a slip',
    { ...good, pirce: 1 },
    'The execution has a field that there is not: "pirce". Is price meant?',
  ],
  [
    'two fields that there are not',
    { ...good, x: 1, y: 2 },
    'The execution has fields that there are not: "x", "y". Those that there are: id, price, kind, size, unit, at, entry_context, bars.',
  ],
  [
    'neither of two ways',
    { id: 'a', price: 1 },
    'The execution has neither kind nor size and unit. Give kind, or size and unit.',
  ],
  [
    'a context that is none',
    { ...good, entry_context: 7 },
    'The entry context is not an object. entry_context: a flat object.',
  ],
  [
    'a context that is not flat',
    { ...good, entry_context: { a: [1] } },
    `The entry context's a is [1]. a: a text or a number.`,
  ],
  [
    'something deep in lists',
    { ...good, bars: [[1], ['x']] },
    `The execution's bars[1][0] is "x". bars[1][0]: when it starts.`,
  ],
])('%s is refused in one sentence that says what to do', (_what, value, sentence) => {
  expect(refusal(value)).toBe(sentence)
})

test('a field of every object, __proto__ among them, is none of ours', () => {
  expect(refusal(JSON.parse('{"id": "a", "price": 1, "kind": "buy", "toString": 1}'))).toMatch(/"toString"/)
  expect(refusal(JSON.parse('{"id": "a", "price": 1, "kind": "buy", "__proto__": {}}'))).toMatch(/"__proto__"/)
})

test('what is long is cut, and many are counted', () => {
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`${'n'.repeat(200)}${i}`, 1]))
  const sentence = refusal({ ...good, ...many })!
  expect(sentence).toMatch(/and 495 more/)
  expect(sentence.length).toBeLessThan(1_000)
})

test('parameters are named as such', () => {
  const query = {
    type: 'object',
    additionalProperties: false,
    properties: { model: { type: 'string', description: 'one name.' } },
  }
  expect(refusal({ model: ['a', 'b'] }, query, 'querystring')).toBe(
    'The parameter model is ["a","b"]. model: one name.',
  )
  expect(refusal({ modle: 'a' }, query, 'querystring')).toBe('There is no parameter "modle". Is model meant?')
  const none = { type: 'object', additionalProperties: false, properties: {} }
  expect(refusal({ a: '1', b: '2' }, none, 'querystring')).toBe('There is no parameter "a", "b". It takes none.')
})

import { expect, test } from 'vitest'
import { canonicalId, nativeId } from './canonical-id.ts'

const ID = '0b2e9a4c-1234-4abc-8def-0123456789ab'

test.each([ID, ID.toUpperCase(), ID.replaceAll('-', ''), `{${ID}}`])('%s is one UUID', (spelled) => {
  expect(canonicalId(spelled)).toBe(ID)
})

test.each([
  '',
  't1',
  'entry-1767225600000',
  `${ID}x`,
  `{${ID}`,
  'D41D8CD98F00B204E9800998ECF8427E',
  '0b2e-9a4c12344abc8def0123456789ab',
])('%j stays as it is', (id) => {
  expect(canonicalId(id)).toBe(id)
})

test('an id is written as its column writes it', () => {
  expect(nativeId(ID.toUpperCase(), 'uuid')).toBe(ID)
  expect(nativeId('007', 'bigint')).toBe('7')
  expect(nativeId(ID.toUpperCase(), 'text')).toBe(ID.toUpperCase())
})

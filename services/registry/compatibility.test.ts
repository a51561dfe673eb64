import { describe, expect, test } from 'vitest'
import { incompatibilities, LEVELS, type Level, parseSchema, schemaIdentity } from './compatibility.ts'

const record = (...fields: object[]) => ({
  schema: JSON.stringify({ type: 'record', name: 'Trade', fields }),
  references: [],
})
const id = { name: 'id', type: 'string' }
const v1 = { ...record(id), version: 1 }

const accepted = (next: { schema: string; references: string[] }, previous: (typeof v1)[] = [v1]) =>
  LEVELS.filter((level) => incompatibilities(level, next, previous).length === 0)

describe('against { id: string }', () => {
  test('a field with a default is accepted at every level', () => {
    expect(accepted(record(id, { name: 'note', type: 'string', default: '' }))).toEqual(LEVELS)
  })
  test('a field without a default is accepted forward only', () => {
    expect(accepted(record(id, { name: 'note', type: 'string' }))).toEqual(['NONE', 'FORWARD', 'FORWARD_TRANSITIVE'])
  })
  test('a field that is removed is accepted backward only', () => {
    expect(accepted(record())).toEqual(['NONE', 'BACKWARD', 'BACKWARD_TRANSITIVE'])
  })
  test('another type is refused both ways', () => {
    expect(accepted(record({ name: 'id', type: 'int' }))).toEqual(['NONE'])
  })
  test('bytes for string, which Avro can read as each other, are accepted', () => {
    expect(accepted(record({ name: 'id', type: 'bytes' }))).toEqual(LEVELS)
  })
  test('a type that becomes nullable is accepted backward only', () => {
    expect(accepted(record({ name: 'id', type: ['null', 'string'] }))).toEqual([
      'NONE',
      'BACKWARD',
      'BACKWARD_TRANSITIVE',
    ])
  })
  test('another record name is refused', () => {
    expect(
      accepted({ schema: JSON.stringify({ type: 'record', name: 'Order', fields: [id] }), references: [] }),
    ).toEqual(['NONE'])
  })
})

test('only the transitive levels look past the last version', () => {
  // 1: no note; 2: note with a default; 3: note without one. 3 reads 2 but not 1.
  const v2 = { ...record(id, { name: 'note', type: 'string', default: '' }), version: 2 }
  const v3 = record(id, { name: 'note', type: 'string' })
  expect(accepted(v3, [v1, v2])).toEqual(['NONE', 'BACKWARD', 'FORWARD', 'FORWARD_TRANSITIVE', 'FULL'])
})

test('an int may become a long, not the other way round', () => {
  const [int, long] = [record({ name: 'n', type: 'int' }), record({ name: 'n', type: 'long' })]
  expect(incompatibilities('BACKWARD', long, [{ ...int, version: 1 }])).toEqual([])
  expect(incompatibilities('BACKWARD', int, [{ ...long, version: 1 }])).toHaveLength(1)
})

test.each<[string, object, object, Level[]]>([
  ['a symbol is added', { symbols: ['A'] }, { symbols: ['A', 'B'] }, ['NONE', 'BACKWARD', 'BACKWARD_TRANSITIVE']],
  ['a symbol is removed', { symbols: ['A', 'B'] }, { symbols: ['A'] }, ['NONE', 'FORWARD', 'FORWARD_TRANSITIVE']],
])('an enum: %s', (_, before, after, levels) => {
  const of = (e: object) => record({ name: 'side', type: { type: 'enum', name: 'Side', ...e } })
  expect(accepted(of(after), [{ ...of(before), version: 1 }])).toEqual(levels)
})

test('the reason names the version and the field', () => {
  expect(incompatibilities('FULL', record(id, { name: 'note', type: 'string' }), [v1])).toEqual([
    expect.stringMatching(/^the new schema cannot read data of version 1: .*note/),
  ])
})

test('a recursive schema and one with a reference are compared too', () => {
  const node = (type: string) => ({
    schema: JSON.stringify({
      type: 'record',
      name: 'Node',
      fields: [
        { name: 'value', type },
        { name: 'next', type: ['null', 'Node'], default: null },
      ],
    }),
    references: [],
  })
  expect(incompatibilities('FULL', node('string'), [{ ...node('int'), version: 1 }])).toHaveLength(2)
  const wrapper = {
    schema: JSON.stringify({ type: 'record', name: 'W', fields: [{ name: 'node', type: 'Node' }] }),
    references: [node('int').schema],
  }
  expect(incompatibilities('FULL', wrapper, [{ ...wrapper, version: 1 }])).toEqual([])
  expect(() => parseSchema({ ...wrapper, references: [] })).toThrow(/Invalid schema/)
})

test('white space and the order of attributes make no other schema, a default does', () => {
  const a = schemaIdentity('{"type":"record","name":"T","fields":[{"name":"a","type":"int"}]}')
  expect(schemaIdentity('{ "name": "T", "type": "record", "fields": [{"type": "int", "name": "a"}] }')).toBe(a)
  expect(schemaIdentity('{"type":"record","name":"T","fields":[{"name":"a","type":"int","default":1}]}')).not.toBe(a)
})

import avro from 'avsc'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { closedTrade } from '../../test/support/closed-trade.ts'
import { boundBlocks } from './bounded-blocks.ts'
import { dissect } from './dissect.ts'
import { dissectValue } from './dissect-value.ts'
import { frame, positionClosedType } from './position-closed-codec.ts'

boundBlocks()

const body = (changes = {}) => positionClosedType.toBuffer(closedTrade(changes))
const fieldsOf = ({ fields }: ReturnType<typeof dissect>) => Object.fromEntries(fields.map((f) => [f.field, f.value]))

describe('a body', () => {
  it('that is whole is taken apart into its fields, each with where it lies', () => {
    const whole = body()
    const found = dissect(positionClosedType, frame(7, whole), 5)
    expect(found).toMatchObject({ stopped: null, end: 5 + whole.length })
    const { levers, measures, regime_context, ...plain } = closedTrade()
    expect(fieldsOf(found)).toEqual({
      ...plain,
      'levers.curator': levers.curator,
      'levers.mcap_bucket': levers.mcap_bucket,
      'measures.vol_at_entry': measures.vol_at_entry,
      'regime_context.macro': regime_context.macro,
    })
    const [first] = found.fields
    expect(first).toMatchObject({ field: 'event_id', at: 5, end: 5 + 1 + 36 })
    for (const [i, { at }] of found.fields.entries()) expect(at).toBeGreaterThanOrEqual(found.fields[i - 1]?.end ?? 5)
    expect(
      frame(7, whole)
        .subarray(first!.at + 1, first!.end)
        .toString(),
    ).toBe(closedTrade().event_id)
  })

  it('with nothing in its maps says so', () => {
    expect(fieldsOf(dissect(positionClosedType, body({ levers: {} }), 0))).toMatchObject({ levers: {} })
  })

  it('that is cut off stops at the field that it ends in, at its first byte', () => {
    const whole = dissect(positionClosedType, body(), 0)
    const curator = whole.fields.find((f) => f.field === 'levers.curator')!
    const cut = dissect(positionClosedType, body().subarray(0, curator.end - 3), 0)
    expect(cut.fields).toEqual(whole.fields.slice(0, whole.fields.indexOf(curator)))
    expect(cut.stopped).toEqual({
      field: 'levers.curator',
      at: curator.at,
      why: expect.stringMatching(/^11 bytes of text are to follow, and 9 bytes are left$/),
    })
    expect(cut.end).toBe(curator.at)
  })

  it.each([
    ['a branch that is none', ['null', 'int'], [6], 'branch 3 of 2: there is none'],
    ['a symbol that is none', { type: 'enum', name: 'E', symbols: ['A'] }, [4], 'symbol 2 of 1: there is none'],
    ['a length below zero', 'string', [1], '-1 bytes of text are to follow, and 1 bytes are left'],
    [
      'a number beyond 2^53',
      'long',
      [254, 255, 255, 255, 255, 255, 255, 255, 127],
      'the number 4611686018427387903 is beyond 2^53',
    ],
    ['a number without an end', 'long', Array(12).fill(255), 'a number of more than ten bytes'],
    [
      'a block of more than there is',
      { type: 'array', items: 'int' },
      [200, 1],
      '100 entries are to follow, and 0 bytes are left',
    ],
    [
      'nothings without end',
      { type: 'array', items: 'null' },
      Array(2_000).fill([254, 15]).flat(),
      'these are 100000 fields',
    ],
  ] as [string, avro.Schema, number[], string][])('stops at %s', (_, schema, bytes, why) => {
    const type = avro.Type.forSchema({
      type: 'record',
      name: 'R',
      fields: [{ name: 'x', type: schema }],
    } as avro.Schema)
    expect(dissect(type, Buffer.from(bytes), 0).stopped).toMatchObject({ field: expect.stringMatching(/^x/), why })
  })

  it('of a schema that contains itself ends', () => {
    const list = { type: 'record', name: 'L', fields: [{ name: 'next', type: ['null', 'L'] }] } as avro.Schema
    expect(dissect(avro.Type.forSchema(list), Buffer.alloc(100_000, 2), 0).stopped).toMatchObject({
      field: expect.stringContaining('next.next'),
      why: 'it is nested more than 100 deep',
    })
  })

  it('is whole where avsc decodes it, and only there', () => {
    const whole = body()
    fc.assert(
      fc.property(
        fc.array(fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) }), { maxLength: 3 }),
        fc.nat(whole.length),
        fc.boolean(),
        (changes, length, cut) => {
          const bytes = Buffer.from(cut ? whole.subarray(0, length) : whole)
          for (const { at, byte } of changes) if (at < bytes.length) bytes[at] = byte
          const { stopped, end } = dissect(positionClosedType, bytes, 0)
          let decoded = -1
          try {
            decoded = positionClosedType.decode(bytes, 0).offset
          } catch {
            // neither
          }
          expect(stopped === null ? end : -1).toBe(decoded < 0 ? -1 : decoded)
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

describe('a value', () => {
  const registry = (answer: avro.Type | 'foreign' | null) => ({ writerType: async () => answer })

  it.each([
    ['none', null, { format: 'none' }],
    ['of no bytes', Buffer.alloc(0), { format: 'none' }],
    ['that is JSON', Buffer.from('{"a": "ä"}'), { format: 'text', text: '{"a": "ä"}' }],
    ['that is nothing', Buffer.from([1, 255, 2]), { format: 'bytes' }],
    [
      'that ends within its frame',
      Buffer.from([0, 0, 0]),
      { format: 'frame', why: 'the id of its schema takes 4 bytes, and 2 follow' },
    ],
  ])('%s', async (_, value, found) => {
    expect(await dissectValue(value, registry(null))).toEqual(found)
  })

  it('is read with the schema that it names', async () => {
    const order = avro.Type.forSchema({ type: 'record', name: 'Order', fields: [{ name: 'id', type: 'string' }] })
    expect(await dissectValue(frame(9, Buffer.from([2, 97, 5])), registry(order))).toEqual({
      format: 'avro',
      schema: { id: 9, name: 'Order', problem: 'it is none of strandline.pm.v1.PositionClosed', guessed: false },
      fields: [{ field: 'id', at: 5, end: 7, value: 'a' }],
      stopped: null,
      end: 7,
    })
  })

  it.each([
    ['the registry does not know', { writerType: async () => null }, 'the registry does not know it'],
    ['nobody can be asked about', null, 'no schema registry is named (SCHEMA_REGISTRY_URL)'],
    ['is asked about in vain', { writerType: () => Promise.reject(new Error('No answer.')) }, 'No answer.'],
  ])('whose schema %s is read with our own, and says that it is a guess', async (_, asked, problem) => {
    const found = await dissectValue(frame(12, Buffer.concat([body(), Buffer.from([2, 120])])), asked)
    expect(found).toMatchObject({ schema: { id: 12, name: null, problem, guessed: true }, stopped: null })
    expect(found).toMatchObject({ end: 5 + body().length })
  })
})

import { createRequire } from 'node:module'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MAX_EXPANDED_BYTES, registerCompressionCodecs } from './compression.ts'
import type { FetchedRecord } from './fetched-record.ts'
import { decodeMessages, decodeRecords } from './record-decoder.ts'

const require = createRequire(import.meta.url)
const Decoder = require('kafkajs/src/protocol/decoder.js')
const Encoder = require('kafkajs/src/protocol/encoder.js')
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0/index.js')
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0/index.js')
const encodeMessageSet = require('kafkajs/src/protocol/messageSet/index.js')

registerCompressionCodecs()

interface Fields {
  key: Buffer | null
  value: Buffer | null
  timestampDelta: number
  headers: Record<string, Buffer | Buffer[]>
}

interface Batch {
  firstOffset: number
  firstTimestamp: number
  compression?: number
  transactional?: boolean
  producerId?: number
  records: Fields[]
}

const GZIP = 1
const ATTRIBUTES = 22
const BEFORE_RECORDS = 60
const LENGTH = 8
const LAST_OFFSET_DELTA = 23
const FIRST_TIMESTAMP = 27
const MAX_TIMESTAMP = 35
const APPEND_TIME = 0x08
const CONTROL = 0x20

async function encode({ records, ...batch }: Batch, attributes = 0): Promise<Buffer> {
  const { buffer } = await RecordBatch({
    ...batch,
    maxTimestamp: batch.firstTimestamp + 7,
    records: records.map((r, offsetDelta) => encodeRecord({ ...r, offsetDelta })),
  })
  buffer[ATTRIBUTES] |= attributes
  return buffer
}

/** Record sets as a fetch answer has them, one behind the other. */
const answer = (...sets: Buffer[]) =>
  Buffer.concat(sets.map((set) => new Encoder().writeInt32(set.length).buffer).flatMap((size, i) => [size, sets[i]!]))

interface Seen extends Omit<Fields, 'timestampDelta'> {
  offset: number
  timestamp: number
  isControlRecord: boolean
  batchContext: { inTransaction: boolean; producerId: string }
}

const seen = (m: Seen): Seen => ({
  offset: Number(m.offset),
  timestamp: Number(m.timestamp),
  key: m.key,
  value: m.value,
  headers: m.headers,
  isControlRecord: m.isControlRecord,
  batchContext: { inTransaction: m.batchContext.inTransaction, producerId: m.batchContext.producerId },
})

async function expectSame(bytes: Buffer): Promise<FetchedRecord[]> {
  const [ours, theirs] = [new Decoder(bytes), new Decoder(bytes)]
  const records = (await decodeRecords(ours)) as FetchedRecord[]
  expect(records.map(seen as never)).toEqual(((await decodeMessages(theirs)) as Seen[]).map(seen))
  expect(ours.offset).toBe(theirs.offset)
  return records
}

const bytes = fc.uint8Array({ maxLength: 200 }).map((a) => Buffer.from(a))
const fields = fc.record<Fields>({
  key: fc.option(bytes),
  value: fc.option(bytes),
  timestampDelta: fc.oneof(fc.integer({ min: -5, max: 300 }), fc.integer({ min: -(2 ** 45), max: 2 ** 45 })),
  // of the name of a method of every object (valueOf, __proto__) kafkajs makes a list that begins with the method
  headers: fc.dictionary(
    fc.string().filter((name) => !(name in {})),
    fc.oneof(bytes, fc.array(bytes, { minLength: 1, maxLength: 3 })),
  ),
})
const batches = fc.record<Batch>({
  firstOffset: fc.oneof(fc.nat(1_000), fc.integer({ min: 2 ** 31 - 5, max: 2 ** 52 })),
  firstTimestamp: fc.oneof(fc.constant(-1), fc.integer({ min: 0, max: 2 ** 43 })),
  compression: fc.constantFrom(0, 0, GZIP),
  transactional: fc.boolean(),
  producerId: fc.integer({ min: -1, max: 2 ** 40 }),
  records: fc.array(fields, { maxLength: 8 }),
})

test('reads what kafkajs reads, of batches of any kind, cut off anywhere', async () => {
  const flags = fc.constantFrom(0, 0, CONTROL, APPEND_TIME)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(batches, flags), { maxLength: 3 }), fc.nat(), async (all, cut) => {
      const whole = Buffer.concat(await Promise.all(all.map(([batch, flag]) => encode(batch, flag))))
      await expectSame(answer(whole))
      const rest = whole.subarray(0, cut % (whole.length + 1))
      if (rest.length > BEFORE_RECORDS) await expectSame(answer(rest))
      else expect(await decodeRecords(new Decoder(answer(rest)))).toEqual([]) // kafkajs fails where not even the format's number is left
    }),
  )
})

test('regression: a header named like a method of every object is a header', async () => {
  const headers = JSON.parse('{"__proto__": "x", "valueOf": "y"}') as Record<string, never>
  const record = { key: null, value: null, timestampDelta: 0, headers }
  const bytes = answer(await encode({ firstOffset: 0, firstTimestamp: 0, records: [record] }))
  const [read] = (await decodeRecords(new Decoder(bytes))) as FetchedRecord[]
  expect(Object.entries(read?.headers ?? {}).map(([name, value]) => [name, String(value)])).toEqual([
    ['__proto__', 'x'],
    ['valueOf', 'y'],
  ])
})

test.each([
  ['9223372036854775807', Number.MAX_SAFE_INTEGER],
  ['-9223372036854775808', Number.MIN_SAFE_INTEGER],
])('a time beyond all numbers (%s) is the last one', async (time, read) => {
  for (const flag of [0, APPEND_TIME]) {
    const batch = await encode(one('a'), flag)
    for (const at of [FIRST_TIMESTAMP, MAX_TIMESTAMP]) batch.writeBigInt64BE(BigInt(time), at)
    const [record] = (await decodeRecords(new Decoder(answer(batch)))) as FetchedRecord[]
    expect(record?.timestamp).toBe(read)
  }
})

const one = (value: string): Batch => ({
  firstOffset: 0,
  firstTimestamp: 1_000,
  records: [{ key: null, value: Buffer.from(value), timestampDelta: 0, headers: {} }],
})

test('an empty partition of an answer reads nothing of the next one', async () => {
  expect(await expectSame(answer(Buffer.alloc(0), await encode(one('of the next'))))).toEqual([])
})

test('what a broker keeps in the format before record batches is read by kafkajs', async () => {
  const { buffer } = encodeMessageSet({ messageVersion: 1, entries: [{ key: 'k', value: 'old' }] })
  const [record] = await expectSameMessages(answer(buffer))
  expect(String(record?.value)).toBe('old')
})

async function expectSameMessages(bytes: Buffer): Promise<{ value: Buffer }[]> {
  const messages = (await decodeRecords(new Decoder(bytes))) as { value: Buffer }[]
  expect(messages).toEqual(await decodeMessages(new Decoder(bytes)))
  return messages
}

test('key and value are pieces of what was fetched, not copies of it', async () => {
  const fetched = answer(await encode(one('as fetched')))
  const [record] = await expectSame(fetched)
  expect(record?.value?.buffer).toBe(fetched.buffer)
  expect(record?.size).toBe(10)
})

test('a batch that is shorter than its own header is refused, and does not keep us in a loop', async () => {
  const batch = await encode(one('good'))
  batch.writeInt32BE(3, LENGTH)
  await expect(decodeRecords(new Decoder(answer(batch)))).rejects.toThrow(/record batch of 3 bytes/)
})

/** A batch of two records whose bytes are these, compressed as its attributes say. */
async function compressed(type: number, bytes: Buffer): Promise<Buffer> {
  const two = await encode(
    { firstOffset: 40, firstTimestamp: 7, records: [...one('a').records, ...one('b').records] },
    type,
  )
  const batch = Buffer.concat([two.subarray(0, BEFORE_RECORDS + 1), bytes])
  batch.writeInt32BE(batch.length - 12, LENGTH)
  batch.writeInt32BE(1, LAST_OFFSET_DELTA) // kafkajs leaves it 0
  return batch
}

const BOMB = Buffer.alloc(MAX_EXPANDED_BYTES + 1)
const SNAPPY_OF_4_GB = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0])
const xerial = (block: Buffer) => {
  const header = Buffer.concat([Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]), Buffer.alloc(12)])
  header.writeInt32BE(block.length, 16)
  return Buffer.concat([header, block])
}
/** A frame of many empty blocks, each of which may hold 4 MiB. */
const lz4Frame = (blocks: number) =>
  Buffer.concat([
    Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0]),
    ...Array.from({ length: blocks }, () => Buffer.from([1, 0, 0, 0, 0])),
    Buffer.alloc(4),
  ])

test.each([
  ['gzip', 1, () => gzipSync(BOMB)],
  ['snappy', 2, () => SNAPPY_OF_4_GB],
  ['snappy, as Java has it', 2, () => xerial(SNAPPY_OF_4_GB)],
  ['lz4', 3, () => lz4Frame(100)],
  ['zstd', 4, () => zstdCompressSync(BOMB)],
])(
  'regression: a batch that would fill the memory (%s) is not expanded: its records are there, and say why nobody reads them',
  async (_, type, bytes) => {
    const records = (await decodeRecords(
      new Decoder(
        answer(
          Buffer.concat([await compressed(type, bytes()), await encode({ ...one('behind it'), firstOffset: 42 })]),
        ),
      ),
    )) as (FetchedRecord & { unreadable?: string })[]
    expect(records.map((r) => [r.offset, r.timestamp, r.key, r.unreadable])).toEqual([
      [40, 7, null, 'the batch that holds it expands beyond 64 MiB'],
      [41, 7, null, 'the batch that holds it expands beyond 64 MiB'],
      [42, 1_000, null, undefined],
    ])
  },
)

test('of a batch with wrong bytes in its records, something is read, and what lies behind it', async () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(batches, damage, async (batch, bytes) => {
      const damaged = await encode({ ...batch, compression: 0 })
      const { length } = damaged
      for (const [at, byte] of bytes)
        if (length > BEFORE_RECORDS + 1) damaged[BEFORE_RECORDS + 1 + (at % (length - BEFORE_RECORDS - 1))] = byte
      const records = (await decodeRecords(
        new Decoder(answer(Buffer.concat([damaged, await encode(one('behind it'))]))),
      )) as FetchedRecord[]
      expect(records.length).toBeLessThanOrEqual(batch.records.length + 1)
      for (const { key, value, headers } of records) expect([key, value, headers]).toBeDefined()
      expect(String(records.at(-1)?.value)).toBe('behind it')
    }),
  )
})

/**
 * Records of a fetch answer. kafkajs makes of each one an object of nine fields, four buffers, two texts and a dozen big integers, before anybody has asked
 * for it; a fetch has ten thousand of them, and what waits in a queue is copied by the collector. So its decoder is replaced by one that makes a single small
 * object of each. Record batches alone (Kafka 0.11 and later); what older brokers kept is left to kafkajs.
 */
import { createRequire } from 'node:module'
import { BatchTooLarge } from './compression.ts'
import { type BatchContext, FetchedRecord } from './fetched-record.ts'
import { UnreadableRecord } from './unreadable-record.ts'
import { VarintReader } from './varint-reader.ts'

/** Of kafkajs: a buffer, and where in it we are. */
interface Decoder {
  buffer: Buffer
  offset: number
  readInt32(): number
}

type DecodeMessages = (decoder: Decoder) => Promise<unknown[]>

interface Codec {
  decompress(bytes: Buffer): Promise<Buffer>
}

const require = createRequire(import.meta.url)
/** kafkajs asks for it with its first fetch. */
const DECODER = require.resolve('kafkajs/src/protocol/requests/fetch/v4/decodeMessages.js')
/** kafkajs' own. */
export const decodeMessages = require(DECODER) as DecodeMessages
const { lookupCodecByAttributes } = require('kafkajs/src/protocol/message/compression/index.js') as {
  /** null: not compressed. */
  lookupCodecByAttributes(attributes: number): Codec | null
}

export function replaceRecordDecoder(): void {
  const module = require.cache[DECODER]
  if (module) module.exports = decodeRecords
}

/** Where the fields of a record batch lie. */
const LENGTH = 8
const MAGIC = 16
const ATTRIBUTES = 21
const FIRST_TIMESTAMP = 27
const MAX_TIMESTAMP = 35
const PRODUCER_ID = 43
const LAST_OFFSET_DELTA = 23
const COUNT = 57
const RECORDS = 61
/** Before and with the length: what is not counted in it. */
const OVERHEAD = 12

const RECORD_BATCHES = 2
const APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20

/** The records of a partition in a fetch answer. A batch that the broker has cut off at the end is left out. */
export async function decodeRecords(decoder: Decoder): Promise<unknown[]> {
  const { buffer, offset } = decoder
  const size = decoder.readInt32()
  if (size <= MAGIC || buffer.length - decoder.offset < size) return []
  const bytes = buffer.subarray(decoder.offset, decoder.offset + size)
  if (bytes[MAGIC] !== RECORD_BATCHES) {
    decoder.offset = offset
    return decodeMessages(decoder)
  }
  decoder.offset += size
  const records: (FetchedRecord | UnreadableRecord)[] = []
  for (let at = 0; at + RECORDS <= size; ) {
    const length = bytes.readInt32BE(at + LENGTH)
    if (length < RECORDS - OVERHEAD) throw new Error(`a record batch of ${length} bytes`)
    const next = at + OVERHEAD + length
    if (next > size) break
    await decodeBatch(bytes.subarray(at, next), records)
    at = next
  }
  return records
}

async function decodeBatch(bytes: Buffer, records: (FetchedRecord | UnreadableRecord)[]): Promise<void> {
  const attributes = bytes.readInt16BE(ATTRIBUTES)
  const isAppendTime = (attributes & APPEND_TIME) !== 0
  const count = bytes.readInt32BE(COUNT)
  const codec = lookupCodecByAttributes(attributes)
  if (count <= 0) return
  const expanded = codec ? await expand(codec, bytes.subarray(RECORDS)) : bytes
  const context: BatchContext = {
    bytes: expanded instanceof BatchTooLarge ? bytes : expanded,
    firstOffset: Number(bytes.readBigInt64BE(0)),
    timestamp: Number(bytes.readBigInt64BE(isAppendTime ? MAX_TIMESTAMP : FIRST_TIMESTAMP)),
    isAppendTime,
    isControlBatch: (attributes & CONTROL) !== 0,
    inTransaction: (attributes & TRANSACTIONAL) !== 0,
    producerId: String(bytes.readBigInt64BE(PRODUCER_ID)),
  }
  if (expanded instanceof BatchTooLarge) {
    // which of its offsets compaction has left is inside; how many records there are is not
    const last = bytes.readInt32BE(LAST_OFFSET_DELTA)
    for (let i = Math.max(0, last + 1 - count); i <= last; i++)
      records.push(new UnreadableRecord(context, i, expanded.message))
    return
  }
  const reader = new VarintReader(context.bytes, codec ? 0 : RECORDS)
  for (let i = 0; i < count && reader.at < reader.bytes.length; i++) records.push(new FetchedRecord(context, reader))
}

async function expand(codec: Codec, bytes: Buffer): Promise<Buffer | BatchTooLarge> {
  try {
    return await codec.decompress(bytes)
  } catch (error) {
    if (error instanceof BatchTooLarge) return error
    throw error
  }
}

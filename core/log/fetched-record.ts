/** One record of a fetch answer: where its key, value and headers lie. They are cut out when they are asked for. */
import type { LogRecord } from './log.ts'
import { logTime } from './log-time.ts'
import { VarintReader } from './varint-reader.ts'

/** What kafkajs looks at to leave out aborted transactions and control records. */
export interface BatchContext {
  bytes: Buffer
  firstOffset: number
  /** Of all its records, where `isAppendTime`; otherwise of the first one. */
  timestamp: number
  isAppendTime: boolean
  isControlBatch: boolean
  inTransaction: boolean
  producerId: string
}

/** Offset and time are numbers, where kafkajs has texts: it takes either. */
export class FetchedRecord implements LogRecord {
  readonly batchContext: BatchContext
  readonly offset: number
  readonly #timestampDelta: number
  /** Where the field begins and ends; null: -1. */
  readonly #keyAt: number
  readonly #keyEnd: number
  readonly #valueAt: number
  readonly #valueEnd: number
  readonly #headersAt: number

  /**
   * The next record of a batch; `reader` stands behind it afterwards. What is longer than the record is cut off there: a record that is broken is to be
   * refused by whoever reads its value, not to stop its partition.
   */
  constructor(context: BatchContext, reader: VarintReader) {
    const length = reader.varint()
    const start = reader.at++ // attributes: none are in use
    const end = Math.min(start + Math.max(0, length), context.bytes.length)
    this.batchContext = context
    this.#timestampDelta = reader.varint()
    this.offset = context.firstOffset + reader.varint()
    const key = reader.varint()
    this.#keyAt = key < 0 ? -1 : reader.at
    this.#keyEnd = reader.at = Math.min(reader.at + Math.max(0, key), end)
    const value = reader.varint()
    this.#valueAt = value < 0 ? -1 : reader.at
    this.#valueEnd = reader.at = Math.min(reader.at + Math.max(0, value), end)
    this.#headersAt = reader.at
    reader.at = Math.max(start, end)
  }

  get timestamp(): number {
    const { timestamp, isAppendTime } = this.batchContext
    return logTime(isAppendTime ? timestamp : timestamp + this.#timestampDelta)
  }

  get key(): Buffer | null {
    return this.#keyAt < 0 ? null : this.batchContext.bytes.subarray(this.#keyAt, this.#keyEnd)
  }

  get value(): Buffer | null {
    return this.#valueAt < 0 ? null : this.batchContext.bytes.subarray(this.#valueAt, this.#valueEnd)
  }

  get headers(): LogRecord['headers'] {
    const reader = new VarintReader(this.batchContext.bytes, this.#headersAt)
    const headers: LogRecord['headers'] = Object.create(null) // a header may have any name
    for (let left = reader.varint(); left > 0 && reader.at < reader.bytes.length; left--) {
      const name = reader.buffer()?.toString() ?? ''
      const value = reader.buffer() as Buffer // or null, as kafkajs has it
      const before = headers[name]
      headers[name] = before === undefined ? value : [before, value].flat()
    }
    return headers
  }

  /** Of key and value, bytes. */
  get size(): number {
    return (this.#keyAt < 0 ? 0 : this.#keyEnd - this.#keyAt) + (this.#valueAt < 0 ? 0 : this.#valueEnd - this.#valueAt)
  }

  get isControlRecord(): boolean {
    return this.batchContext.isControlBatch
  }
}

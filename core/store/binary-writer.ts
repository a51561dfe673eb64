/** PostgreSQL's binary format of values: for COPY, and for arrays as parameters. Big-endian; each value after its length in bytes. */

import { StrandlineError } from '../errors.ts'

/** Of the types that are written here (pg_type). */
const OID = { bool: 16, int8: 20, int2: 21, int4: 23, text: 25, float8: 701, uuid: 2950 }

export class BinaryWriter {
  #buffer: Buffer
  #at = 0

  constructor(bytes = 65_536) {
    this.#buffer = Buffer.allocUnsafe(bytes)
  }

  #room(bytes: number): number {
    const at = this.#at
    this.#at += bytes
    if (this.#at > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(2 * this.#at)
      this.#buffer.copy(larger, 0, 0, at)
      this.#buffer = larger
    }
    return at
  }

  /** A number of its own, without a length before it. */
  raw16(value: number): void {
    const at = this.#room(2)
    this.#buffer.writeInt16BE(value, at)
  }

  raw32(value: number): void {
    const at = this.#room(4)
    this.#buffer.writeInt32BE(value, at)
  }

  bytes(value: Uint8Array): void {
    const at = this.#room(value.length)
    this.#buffer.set(value, at)
  }

  bool(value: boolean): void {
    const at = this.#room(5)
    this.#buffer.writeInt32BE(1, at)
    this.#buffer[at + 4] = value ? 1 : 0
  }

  int2(value: number): void {
    const at = this.#room(6)
    this.#buffer.writeInt32BE(2, at)
    this.#buffer.writeInt16BE(value, at + 4)
  }

  int4(value: number): void {
    const at = this.#room(8)
    this.#buffer.writeInt32BE(4, at)
    this.#buffer.writeInt32BE(value, at + 4)
  }

  /** A whole number that JavaScript holds exactly. */
  int8(value: number): void {
    const at = this.#room(12)
    const high = Math.floor(value / 2 ** 32)
    this.#buffer.writeInt32BE(8, at)
    this.#buffer.writeInt32BE(high, at + 4)
    this.#buffer.writeUInt32BE(value - high * 2 ** 32, at + 8)
  }

  float8(value: number | null): void {
    const at = this.#room(value === null ? 4 : 12)
    this.#buffer.writeInt32BE(value === null ? -1 : 8, at)
    if (value !== null) this.#buffer.writeDoubleBE(value, at + 4)
  }

  /** @param bytes 16 of them */
  uuid(bytes: Uint8Array): void {
    const at = this.#room(20)
    this.#buffer.writeInt32BE(16, at)
    this.#buffer.set(bytes, at + 4)
  }

  /** Well-formed Unicode without U+0000, which PostgreSQL refuses; half a character would become another one, without a word. Error: STORE_REJECTED. */
  text(value: string): void {
    if (!value.isWellFormed())
      throw new StrandlineError('STORE_REJECTED', 'The database was given a text that no database keeps.', {
        cause: { code: '22021' },
      })
    const most = 3 * value.length
    const at = this.#room(4 + most)
    const length = this.#buffer.write(value, at + 4, most, 'utf8')
    this.#buffer.writeInt32BE(length, at)
    this.#at = at + 4 + length
  }

  /** What was written. No copy: the writer is done with. */
  end(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }
}

type Element = keyof typeof OID

/** An array of one dimension as a parameter of the type `element[]`. */
export function binaryArray<T>(
  element: Element,
  rows: readonly T[],
  write: (writer: BinaryWriter, row: T) => void,
): Buffer {
  const writer = new BinaryWriter(64 + rows.length * 16)
  writer.raw32(rows.length === 0 ? 0 : 1) // dimensions
  writer.raw32(0)
  writer.raw32(OID[element])
  if (rows.length > 0) {
    writer.raw32(rows.length)
    writer.raw32(1) // lower bound
  }
  for (const row of rows) write(writer, row)
  return writer.end()
}

const COPY_HEADER = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)])

/** Rows as `copy … from stdin (format binary)` takes them: `write` writes the `columns` values of one. */
export function copyRows<T>(
  columns: number,
  rows: readonly T[],
  write: (writer: BinaryWriter, row: T) => void,
): Buffer {
  const writer = new BinaryWriter(64 + rows.length * 256)
  writer.bytes(COPY_HEADER)
  for (const row of rows) {
    writer.raw16(columns)
    write(writer, row)
  }
  writer.raw16(-1)
  return writer.end()
}

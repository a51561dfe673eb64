/**
 * The file format of Arrow's IPC, which is Feather of version 2: a footer says which columns there are and where each batch of their rows lies.
 * https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format, and Schema.fbs, File.fbs and Message.fbs beside it.
 */
import type { StrandlineError } from '../../../../core/errors.ts'
import { shown } from '../../../../domain/shown.ts'
import { codecOf, expanded } from './compression.ts'
import { type FlatTable, int64, rootTable, type Vector, viewPart } from './flatbuffer.ts'

export interface ArrowColumn {
  name: string
  /** A member of `TYPE`, or another one of Schema.fbs. */
  type: number
  /** Unit, precision and the like; null where the type has none. */
  detail: FlatTable | null
  /** Its place among the columns, and that of the first of its buffers among all of a batch. */
  index: number
  firstBuffer: number
}

export interface ArrowBatch {
  rows: number
  nulls(column: ArrowColumn): number
  /** One value after the other, without those bytes that only fill up. @param width of a value, in bytes */
  values(column: ArrowColumn, width: number): DataView
}

export interface ArrowFile {
  columns: ArrowColumn[]
  batches: ArrowBatch[]
}

export type Invalid = (what: string) => StrandlineError

export const TYPE = { float: 3, timestamp: 10 }

const NULL = 1
/** Whose buffers are one that says which values are null, and the values; or offsets between the two. */
const PLAIN = [2, TYPE.float, 6, 7, 8, 9, TYPE.timestamp, 11, 15, 18]
const WITH_OFFSETS = [4, 5, 19, 20]
/** A column whose values are numbers of entries of a dictionary, whatever they are. */
const ENCODED = { type: -1, buffers: 2 }

const MAGIC = 'ARROW1'
const FOOTER_LENGTH = 4
const BLOCK = 24
const PAIR = 16
const RECORD_BATCH = 3
const BIG_ENDIAN = 1
const CONTINUED = 0xffff_ffff

/** Errors: what `invalid` makes of a file that is none, is cut off or has columns of columns; RangeError where it contradicts itself. */
export function readArrowFile(bytes: Buffer, invalid: Invalid): ArrowFile {
  if (!bytes.subarray(0, MAGIC.length).equals(Buffer.from(MAGIC)))
    throw invalid('is not a Feather file of version 2 (Arrow)')
  const end = bytes.length - MAGIC.length - FOOTER_LENGTH
  if (end < MAGIC.length || bytes.toString('latin1', bytes.length - MAGIC.length) !== MAGIC)
    throw invalid('is cut off: its end is missing')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const length = view.getInt32(end, true)
  const footer = viewPart(view, end - length, length)
  const schema = rootTable(footer).table(1)
  if (!schema) throw invalid('does not say which columns it has')
  if (schema.int16(0) === BIG_ENDIAN) throw invalid('has big-endian numbers, which are not read here')
  return { columns: columnsOf(schema, invalid), batches: [...batchesOf(view, footer)] }
}

function columnsOf(schema: FlatTable, invalid: Invalid): ArrowColumn[] {
  const columns: ArrowColumn[] = []
  let firstBuffer = 0
  for (const field of schema.tables(1)) {
    const encoded = field.table(4) !== null
    const type = encoded ? ENCODED.type : field.int8(2)
    const buffers = encoded ? ENCODED.buffers : buffersOf(type)
    const name = field.text(0)
    if (buffers === null) throw invalid(`has a column ${shown(name)} of a kind that is in no file of candles`)
    columns.push({ name, type, detail: field.table(3), index: columns.length, firstBuffer })
    firstBuffer += buffers
  }
  return columns
}

/** null: columns of columns, and what is newer than these. */
function buffersOf(type: number): number | null {
  if (type === NULL) return 0
  if (PLAIN.includes(type)) return 2
  return WITH_OFFSETS.includes(type) ? 3 : null
}

function* batchesOf(file: DataView, footer: DataView): Generator<ArrowBatch> {
  const blocks = rootTable(footer).structs(3, BLOCK)
  for (let i = 0; i < blocks.count; i++) {
    const place = blocks.place(i)
    const offset = int64(footer, place)
    const headLength = footer.getInt32(place + 8, true)
    const body = viewPart(file, offset + headLength, int64(footer, place + 16))
    yield batchOf(viewPart(file, offset, headLength), body)
  }
}

function batchOf(head: DataView, body: DataView): ArrowBatch {
  const prefix = head.getUint32(0, true) === CONTINUED ? 8 : 4 // before Arrow 0.15 there was only the length
  const message = viewPart(head, prefix, head.byteLength - prefix)
  const root = rootTable(message)
  const batch = root.int8(1) === RECORD_BATCH ? root.table(2) : null
  if (!batch) throw new RangeError('A batch of rows is none.')
  const rows = batch.int64(0)
  const nodes = batch.structs(1, PAIR)
  const buffers = batch.structs(2, PAIR)
  const compression = batch.table(3)
  const codec = compression && codecOf(compression.int8(0))
  return {
    rows,
    nulls: ({ index }) => pairAt(message, nodes, index)[1],
    values({ firstBuffer }, width) {
      const [offset, length] = pairAt(message, buffers, firstBuffer + 1) // the first one says which values are null
      const stored = viewPart(body, offset, length)
      return viewPart(codec ? expanded(stored, codec, rows * width) : stored, 0, rows * width)
    },
  }
}

/** Of a field node its length and its nulls; of a buffer its offset and its length. */
function pairAt(view: DataView, pairs: Vector, index: number): [number, number] {
  if (index >= pairs.count) throw new RangeError('A batch lacks a column that its file has.')
  const place = pairs.place(index)
  return [int64(view, place), int64(view, place + 8)]
}

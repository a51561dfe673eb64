/** Buffers of an Arrow file, each compressed for itself behind its length. Nothing expands beyond what the rows of its batch need. */
import { zstdDecompressSync } from 'node:zlib'
import { int64, viewPart } from './flatbuffer.ts'
import { expandLz4Frame } from './lz4-frame.ts'

export type Codec = 'lz4' | 'zstd'

/** By its number in Message.fbs. */
export function codecOf(number: number): Codec {
  const codec = (['lz4', 'zstd'] as const)[number]
  if (!codec) throw new RangeError(`There is no compression ${number}.`)
  return codec
}

/** Before the data: to how many bytes they expand. */
const PREFIX = 8
/** There: it did not get smaller, and is as it was. */
const AS_IT_IS = -1
/** Writers fill up to multiples of at most that. */
const FILLED_UP_TO = 64

/** @param needed bytes that the rows of the batch take. Errors: RangeError, and those of zlib, for what does not expand to that many. */
export function expanded(stored: DataView, codec: Codec, needed: number): DataView {
  if (needed === 0) return viewPart(stored, 0, 0)
  const length = int64(stored, 0)
  const data = viewPart(stored, PREFIX, stored.byteLength - PREFIX)
  if (length === AS_IT_IS) return data
  if (length < needed || length > needed + FILLED_UP_TO)
    throw new RangeError(`A buffer of ${length} bytes is said to hold values of ${needed}.`)
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const whole = codec === 'lz4' ? expandLz4Frame(bytes, length) : zstdDecompressSync(bytes, { maxOutputLength: length })
  return viewPart(new DataView(whole.buffer, whole.byteOffset, whole.byteLength), 0, length)
}

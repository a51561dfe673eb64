/**
 * kafkajs brings gzip only; a batch that someone else compressed otherwise would stop the partition. And a batch of a megabyte may expand to gigabytes: whoever may
 * write to the topic could end every reader of it. So nothing expands beyond a bound.
 */
import { promisify } from 'node:util'
import { gzip, unzip, zstdCompressSync, zstdDecompress } from 'node:zlib'
import kafkajs from 'kafkajs'
import snappy from 'kafkajs-snappy'
import lz4 from 'lz4js'

const { CompressionCodecs, CompressionTypes } = kafkajs

/** A producer's batch has a megabyte or a few; a broker takes 64 MiB only where somebody raised its limits far. */
export const MAX_EXPANDED_BYTES = 64 * 2 ** 20

/** Its records are refused, each with this for its reason (record-decoder.ts). */
export class BatchTooLarge extends Error {
  constructor(options?: ErrorOptions) {
    super(`the batch that holds it expands beyond ${MAX_EXPANDED_BYTES / 2 ** 20} MiB`, options)
  }
}

interface Encoder {
  buffer: Buffer
}

const within = { maxOutputLength: MAX_EXPANDED_BYTES }
const gunzip = promisify<Buffer, object, Buffer>(unzip)
const unzstd = promisify<Buffer, object, Buffer>(zstdDecompress)
const zip = promisify<Buffer, Buffer>(gzip)

export function registerCompressionCodecs(): void {
  CompressionCodecs[CompressionTypes.GZIP] = () => ({
    compress: (encoder: Encoder) => zip(encoder.buffer),
    decompress: (buffer: Buffer) => bounded(gunzip(buffer, within)),
  })
  CompressionCodecs[CompressionTypes.Snappy] = () => ({
    ...snappy(),
    async decompress(buffer: Buffer) {
      if (snappyLength(buffer) > MAX_EXPANDED_BYTES) throw new BatchTooLarge()
      return snappy().decompress(buffer)
    },
  })
  CompressionCodecs[CompressionTypes.LZ4] = () => ({
    // its frames are none that Kafka takes; we write uncompressed
    compress: () => Promise.reject(new Error('LZ4 is read here, not written')),
    async decompress(buffer: Buffer) {
      if (lz4.decompressBound(buffer) > MAX_EXPANDED_BYTES) throw new BatchTooLarge()
      return Buffer.from(lz4.decompress(buffer))
    },
  })
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: async (encoder: Encoder) => zstdCompressSync(encoder.buffer),
    decompress: (buffer: Buffer) => bounded(unzstd(buffer, within)),
  })
}

async function bounded(expanding: Promise<Buffer>): Promise<Buffer> {
  try {
    return await expanding
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw new BatchTooLarge({ cause })
    throw cause
  }
}

/** Java's way to put blocks one behind the other: a header, then each block with its length. */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const XERIAL_HEADER = 16

/** What the blocks say that they expand to. */
function snappyLength(buffer: Buffer): number {
  if (!buffer.subarray(0, XERIAL.length).equals(XERIAL)) return blockLength(buffer, 0)
  let total = 0
  for (let at = XERIAL_HEADER; at + 4 <= buffer.length; at += 4 + buffer.readUInt32BE(at))
    total += blockLength(buffer, at + 4)
  return total
}

/** A varint of up to 32 bits. */
function blockLength(buffer: Buffer, at: number): number {
  let length = 0
  for (let i = 0; i < 5; i++) {
    const byte = buffer[at + i] ?? 0
    length += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) break
  }
  return length
}

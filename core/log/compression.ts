/** kafkajs brings gzip only; a batch that someone else compressed otherwise would stop the partition. */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import kafkajs from 'kafkajs'
import snappy from 'kafkajs-snappy'
import lz4 from 'lz4js'

const { CompressionCodecs, CompressionTypes } = kafkajs

interface Encoder {
  buffer: Buffer
}

export function registerCompressionCodecs(): void {
  CompressionCodecs[CompressionTypes.Snappy] = snappy
  CompressionCodecs[CompressionTypes.LZ4] = () => ({
    // its frames are none that Kafka takes; we write uncompressed
    compress: () => Promise.reject(new Error('LZ4 is read here, not written')),
    decompress: async (buffer: Buffer) => Buffer.from(lz4.decompress(buffer)),
  })
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: async (encoder: Encoder) => zstdCompressSync(encoder.buffer),
    decompress: async (buffer: Buffer) => zstdDecompressSync(buffer),
  })
}

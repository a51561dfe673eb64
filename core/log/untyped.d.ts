declare module 'kafkajs-snappy' {
  const codec: () => {
    compress(encoder: { buffer: Buffer }): Promise<Buffer>
    decompress(buffer: Buffer): Promise<Buffer>
  }
  export default codec
}
declare module 'lz4js' {
  const lz4: {
    compress(data: Uint8Array): Uint8Array
    decompress(data: Uint8Array): Uint8Array
    /** One block, which may refer to what is in `to` before `toAt`; where it ended in `to`, beyond whose end nothing is written. */
    decompressBlock(from: Uint8Array, to: Uint8Array, fromAt: number, length: number, toAt: number): number
    /** Bytes that it expands to at most. */
    decompressBound(data: Uint8Array): number
  }
  export default lz4
}

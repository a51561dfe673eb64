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
    /** Bytes that it expands to at most. */
    decompressBound(data: Uint8Array): number
  }
  export default lz4
}

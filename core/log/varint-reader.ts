/** Zigzag numbers of variable length, and bytes behind their length, as Kafka's records have them. */
export class VarintReader {
  readonly bytes: Buffer
  at: number

  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes
    this.at = at
  }

  varint(): number {
    const { bytes } = this
    let byte = bytes[this.at++] as number
    let n = byte & 0x7f
    for (let shift = 7; byte & 0x80 && shift < 28; shift += 7) {
      byte = bytes[this.at++] as number
      n |= (byte & 0x7f) << shift
    }
    if (!(byte & 0x80)) return (n >>> 1) ^ -(n & 1)
    for (let factor = 2 ** 28; byte & 0x80 && factor < 2 ** 70; factor *= 128) {
      byte = bytes[this.at++] as number
      n += (byte & 0x7f) * factor
    }
    return n % 2 ? -(n + 1) / 2 : n / 2
  }

  /** Bytes behind their length; null where it is below zero. */
  buffer(): Buffer | null {
    const length = this.varint()
    if (length < 0) return null
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }
}

/**
 * One LZ4 frame (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md). lz4js expands its blocks; the frame around them is read here, because lz4js takes every
 * length in it for true, and goes on for as long as one says.
 */
import lz4 from 'lz4js'

const MAGIC = 0x184d_2204
const VERSION = 0b01
const HAS = { blockChecksums: 0x10, contentSize: 0x08, dictionary: 0x01 }
const STORED = 0x8000_0000

/** Its content, which has `length` bytes. Errors: RangeError for a frame that is damaged, or has more or less than that. */
export function expandLz4Frame(frame: Buffer, length: number): Uint8Array {
  const flags = frame.readUInt8(4)
  if (frame.readUInt32LE(0) !== MAGIC || flags >>> 6 !== VERSION || flags & HAS.dictionary)
    throw new RangeError('It is no LZ4 frame that can be read.')
  const content = new Uint8Array(length)
  let written = 0
  let at = flags & HAS.contentSize ? 15 : 7
  for (;;) {
    const word = frame.readUInt32LE(at)
    const size = word % STORED
    at += 4
    if (word === 0) break
    // one that would not get smaller is stored as it is, so none is longer than what it expands to
    if (size > length - written || at + size > frame.length) throw new RangeError('A block of LZ4 is too long.')
    const block = frame.subarray(at, at + size)
    if (word === size) written = lz4.decompressBlock(block, content, 0, size, written)
    else {
      content.set(block, written)
      written += size
    }
    at += size + (flags & HAS.blockChecksums ? 4 : 0)
  }
  if (written !== length) throw new RangeError(`${written} bytes came out of LZ4 where ${length} were promised.`)
  return content
}

/** Changes of a value's bytes that know nothing of what they mean. */
import type { Dice } from '../dice.ts'

/** @param another the bytes of another good value, of which a part may take the place of one */
export function changeBytes(value: Buffer, dice: Dice, another: () => Buffer): Buffer {
  let bytes: Buffer = Buffer.from(value)
  for (let changes = 1 + dice.below(3); changes > 0; changes--) bytes = change(bytes, dice, another)
  return bytes
}

function change(bytes: Buffer, dice: Dice, another: () => Buffer): Buffer {
  // most of them behind the header, which is five bytes of some four hundred
  const at = Math.min(bytes.length, dice.chance(0.1) ? dice.below(6) : 5 + dice.below(Math.max(1, bytes.length - 5)))
  switch (dice.below(9)) {
    case 0:
      for (let flips = 1 + dice.below(8); flips > 0 && bytes.length > 0; flips--) {
        const i = dice.below(bytes.length)
        bytes[i] = bytes[i]! ^ (1 << dice.below(8))
      }
      return bytes
    case 1:
      return bytes.subarray(0, at)
    case 2:
      return Buffer.concat([bytes, garbage(dice, 1 + dice.below(40))])
    case 3: {
      const other = another()
      return Buffer.concat([bytes.subarray(0, at), other.subarray(Math.min(other.length, at + dice.below(5) - 2))])
    }
    case 4: // a number that goes on and on, as a length or a count may
      return replaced(bytes, at, dice.pick(VARINTS))
    case 5:
      return replaced(bytes, at, garbage(dice, 1 + dice.below(16)))
    case 6: {
      const end = Math.min(bytes.length, at + 1 + dice.below(60))
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at, end), bytes.subarray(end)]) // a part twice
    }
    case 7: {
      const end = Math.min(bytes.length, at + 1 + dice.below(60))
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]) // and one not at all
    }
    default:
      return Buffer.concat([bytes.subarray(0, 5), garbage(dice, dice.chance(0.02) ? 50_000 : dice.below(600))])
  }
}

const VARINTS = [
  Buffer.alloc(10, 0xff),
  Buffer.alloc(64, 0xff),
  Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]), // an int's smallest
  Buffer.from([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), // a long's largest
  Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), // and its smallest
  Buffer.from([0xfe, 0xff, 0xff, 0xff, 0x7f]),
  Buffer.from([0x80, 0x80, 0x80, 0x00]), // 0, the long way
  Buffer.from([0x01]), // −1
]

export const garbage = (dice: Dice, length: number): Buffer => {
  const bytes = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i++) bytes[i] = dice.below(256)
  return bytes
}

const replaced = (bytes: Buffer, at: number, by: Buffer) =>
  Buffer.concat([bytes.subarray(0, at), by, bytes.subarray(Math.min(bytes.length, at + by.length))])

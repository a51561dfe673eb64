/** Values that programs stumble over. */
import type { Dice } from '../dice.ts'

export const ODD_NUMBERS = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -0,
  0,
  5e-324, // the smallest subnormal
  -2.225073858507201e-308, // the largest one, negative
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  Number.EPSILON,
  1e300,
  -1e-300,
  10,
  -10,
  10.000000000000002, // the next one beyond 10
  1e16,
  0.1 + 0.2,
]

/** Milliseconds: below, at and beyond what an exit may be, what ISO 8601 writes and what a double holds exactly. */
export const ODD_TIMES = [
  0,
  1,
  -1,
  -62_135_596_800_000, // the year 1
  -62_135_596_800_001,
  4_102_444_800_000, // the year 2100
  4_102_444_800_001,
  253_402_300_799_999, // the end of the year 9999
  253_402_300_800_000,
  8_640_000_000_000_001, // beyond JavaScript's last date
  -8_640_000_000_000_001,
  2 ** 52 - 1, // the last one that avsc writes
  -(2 ** 52) + 1,
]

export function oddText(dice: Dice): string {
  switch (dice.below(14)) {
    case 0:
      return ''
    case 1:
      return 'a\0b'
    case 2:
      return '\ud800' // half of a surrogate pair: UTF-8 makes it U+FFFD
    case 3:
      return 'x'.repeat(4_000)
    case 4:
      return '😀'.repeat(1_000) // 4,000 bytes
    case 5:
      return dice.pick(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'then'])
    case 6:
      return dice.pick(['NaN', 'Infinity', 'null', 'undefined', '1e999', '-0', 'true'])
    case 7:
      return `a|b%7C${'%'.repeat(dice.below(9))}=|`
    case 8:
      return 'ı\u0130ſK\u212a\u00df' // what changes its length, or becomes ASCII, where case is not regarded
    case 9:
      return '\u202e\ufeff\u2028\u0007'
    case 10:
      return `'; drop table learner_ledger; --`
    case 11:
      return `${'y'.repeat(511)}é` // 513 bytes, 512 characters
    case 12:
      return ' \t\n'
    default:
      return String.fromCodePoint(...Array.from({ length: 1 + dice.below(20) }, () => 1 + dice.below(0xd000)))
  }
}

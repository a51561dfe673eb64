/** JSON bodies that are wrong in one way or another, as the bytes that are sent. */
import type { Dice } from '../dice.ts'
import { oddText } from '../records/odd-values.ts'

type Json = Record<string, unknown>

/** Texts of JSON values: some of them nothing that JSON.stringify would write. */
const ODD_VALUES = [
  'null',
  'true',
  '1e999',
  '-1e999',
  '-0',
  '5e-324',
  '9007199254740993',
  '1e308',
  '""',
  '"\\u0000"',
  '"\\ud800"',
  '"NaN"',
  '"2026-13-45T25:61:61Z"',
  '"+275760-09-13T00:00:00Z"',
  '"9999-12-31T23:59:59.999999999Z"',
  '[]',
  '{}',
  '[null]',
  '{"toString":1,"valueOf":1}',
  '{"then":1}',
  '{"length":4294967295}',
  'NaN',
  "'a'",
  '0x10',
  '01',
]

export function badJson(body: Json, dice: Dice): Buffer {
  const text = JSON.stringify(body)
  switch (dice.below(12)) {
    case 0:
    case 1:
    case 2:
      return Buffer.from(withValue(body, dice, dice.pick(ODD_VALUES)))
    case 3:
      return Buffer.from(withValue(body, dice, JSON.stringify(oddText(dice))))
    case 4: {
      const { [dice.pick(Object.keys(body))]: _, ...rest } = body
      return Buffer.from(JSON.stringify(rest))
    }
    case 5: // a key twice, or one that reaches for a prototype
      return Buffer.from(
        `{${dice.pick(['"__proto__":{"polluted":true}', '"constructor":{"prototype":{"polluted":true}}', text.slice(1, -1), '"id":"another"'])},${text.slice(1)}`,
      )
    case 6:
      return Buffer.from(
        dice.pick([
          '',
          'null',
          '[]',
          '5',
          '"text"',
          'true',
          '{',
          '}',
          `${text}${text}`,
          `${text},`,
          `/**/${text}`,
          text.slice(0, -1 - dice.below(text.length)),
        ]),
      )
    case 7:
      return dice.pick([
        Buffer.from(`\ufeff${text}`),
        Buffer.from(text, 'utf16le'),
        Buffer.concat([
          Buffer.from(text.slice(0, -1)),
          Buffer.from(',"x":"'),
          Buffer.from([0xff, 0xed, 0xa0, 0x80]),
          Buffer.from('"}'),
        ]),
      ])
    case 8: {
      const depth = dice.pick([50, 5_000, dice.chance(0.05) ? 200_000 : 500])
      const nested = dice.chance(0.5)
        ? '['.repeat(depth) + ']'.repeat(depth)
        : `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
      return Buffer.from(withValue(body, dice, nested))
    }
    case 9:
      return Buffer.from(
        withValue(body, dice, JSON.stringify('x'.repeat(dice.chance(0.05) ? 1_200_000 : dice.below(20_000)))),
      )
    case 10: {
      const bytes = Buffer.from(text)
      for (let flips = 1 + dice.below(4); flips > 0; flips--) {
        const i = dice.below(bytes.length)
        bytes[i] = bytes[i]! ^ (1 << dice.below(8))
      }
      return bytes
    }
    default: {
      const many = Object.fromEntries(Array.from({ length: dice.below(3_000) }, (_, i) => [`k${i}`, i]))
      return Buffer.from(withValue(body, dice, JSON.stringify(many)))
    }
  }
}

/** The body's text with one of its values, however deep it lies, replaced by another text. */
function withValue(body: Json, dice: Dice, value: string): string {
  const name = dice.pick(Object.keys(body))
  const inner = body[name]
  const fields = Object.entries(body).map(([key, old]) => {
    if (key !== name) return `${JSON.stringify(key)}:${JSON.stringify(old)}`
    const deeper = typeof inner === 'object' && inner !== null && !Array.isArray(inner) && Object.keys(inner).length > 0
    return `${JSON.stringify(key)}:${deeper && dice.chance(0.6) ? withValue(inner as Json, dice, value) : value}`
  })
  return `{${fields.join(',')}}`
}

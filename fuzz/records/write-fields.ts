/**
 * An event written field by field, some of them as no writer of ours would: what Avro allows besides (maps in several blocks, blocks that carry their size,
 * numbers that are longer than they need be), and what it does not (a third branch of two, text that is no UTF-8, booleans of 7).
 */
import avro from 'avsc'
import { positionClosedSchema } from '../../core/codec/position-closed-codec.ts'
import type { PositionClosed } from '../../domain/event.ts'
import type { Dice } from '../dice.ts'
import { garbage } from './bytes.ts'

interface Field {
  name: keyof PositionClosed
  type: unknown
}

const FIELDS = (JSON.parse(positionClosedSchema) as { fields: Field[] }).fields.map(({ name, type }) => ({
  name,
  kind: kindOf(type),
  type: avro.Type.forSchema(type as avro.Schema),
}))

type Kind = 'text' | 'number' | 'double' | 'boolean' | 'union' | 'texts' | 'doubles'

function kindOf(type: unknown): Kind {
  if (type === 'string') return 'text'
  if (type === 'double') return 'double'
  if (type === 'boolean') return 'boolean'
  if (Array.isArray(type)) return 'union'
  const { values } = type as { values?: string }
  if (values !== undefined) return values === 'double' ? 'doubles' : 'texts'
  return 'number'
}

export function writeFields(event: PositionClosed, dice: Dice): Buffer {
  const odd = new Set(Array.from({ length: 1 + dice.below(3) }, () => dice.below(FIELDS.length)))
  return Buffer.concat(
    FIELDS.map(({ name, kind, type }, i) => (odd.has(i) ? oddly(kind, event[name], dice) : type.toBuffer(event[name]))),
  )
}

/** Zigzag and variable length, with so many bytes more than it needs. */
export function varint(n: number | bigint, more = 0): Buffer {
  const big = BigInt(n)
  let rest = BigInt.asUintN(64, (big << 1n) ^ (big >> 63n))
  const bytes: number[] = []
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  bytes.push(Number(rest))
  for (; more > 0; more--) {
    bytes.push(bytes.pop()! | 0x80, 0)
  }
  return Buffer.from(bytes)
}

const text = (bytes: Buffer, length = bytes.length) => Buffer.concat([varint(length), bytes])

const NO_UTF8 = [
  Buffer.from([0xed, 0xa0, 0x80]), // half of a surrogate pair
  Buffer.from([0xc0, 0x80]), // NUL in two bytes
  Buffer.from([0xf8, 0x88, 0x80, 0x80, 0x80]),
  Buffer.from([0xff, 0xfe]),
  Buffer.from([0xe2, 0x82]), // cut off
]

const NANS = [
  0x7ff8000000000001n,
  0x7ff0000000000001n,
  0xfff8dead_beef0000n,
  0x7ff0000000000000n,
  0xfff0000000000000n,
  1n,
  0x8000000000000000n,
]

function double(dice: Dice): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(dice.pick(NANS))
  return bytes
}

function oddly(kind: Kind, value: unknown, dice: Dice): Buffer {
  switch (kind) {
    case 'text': {
      const bytes = Buffer.from(String(value))
      return dice.pick([
        text(dice.pick(NO_UTF8)),
        text(Buffer.concat([bytes, dice.pick(NO_UTF8)])),
        Buffer.concat([varint(bytes.length, 1 + dice.below(4)), bytes]),
        text(bytes, dice.pick([-1, 2 ** 31, -(2 ** 40), bytes.length + 1])),
        varint(2n ** 62n),
      ])
    }
    case 'number':
      return dice.pick([
        varint(Number(value), 1 + dice.below(12)),
        varint(2n ** 52n),
        varint(2n ** 53n - 1n),
        varint(2n ** 53n),
        varint(-(2n ** 63n)),
        varint(2n ** 31n),
        Buffer.alloc(30, 0x80),
      ])
    case 'double':
      return double(dice)
    case 'boolean':
      return Buffer.from([dice.pick([2, 7, 0x80, 0xff])])
    case 'union':
      return dice.pick([
        varint(2),
        varint(-1),
        Buffer.concat([varint(1), double(dice)]),
        varint(0, 3),
        varint(2n ** 40n),
      ])
    default:
      return map(value as Record<string, string | number>, dice)
  }
}

function map(entries: Record<string, string | number>, dice: Dice): Buffer {
  const written = (value: string | number) => {
    if (typeof value === 'string') return text(Buffer.from(value))
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleLE(value)
    return bytes
  }
  const all = Object.entries(entries).map(([name, value]) => Buffer.concat([text(Buffer.from(name)), written(value)]))
  const value = Object.values(entries)[0] ?? 'x'
  const entry = (name: Buffer) => Buffer.concat([text(name), written(value)])
  if (dice.chance(0.3)) all.push(entry(Buffer.from('__proto__')))
  if (dice.chance(0.2)) all.push(all[0] ?? entry(Buffer.from('a'))) // one name twice
  if (dice.chance(0.2)) all.push(entry(dice.pick(NO_UTF8)))
  const block = (some: Buffer[]) => {
    const bytes = Buffer.concat(some)
    if (dice.chance(0.5)) return Buffer.concat([varint(some.length), bytes])
    return Buffer.concat([
      varint(-some.length),
      varint(dice.chance(0.9) ? bytes.length : dice.pick([0, -1, 2 ** 40])),
      bytes,
    ])
  }
  const cut = dice.below(all.length + 1)
  const blocks = [all.slice(0, cut), all.slice(cut)].filter((some) => some.length > 0).map(block)
  if (dice.chance(0.1)) blocks.push(Buffer.concat([varint(dice.pick([2n ** 40n, 10_000n, -1n])), garbage(dice, 20)]))
  return Buffer.concat([...blocks, Buffer.from([0])])
}

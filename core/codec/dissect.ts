/**
 * An Avro body taken apart as far as it goes: each field with where it lies, and where and why reading stops. For a person who looks at a record that cannot
 * be decoded; consumers decode through avsc, which says all or nothing.
 */
import type avro from 'avsc'

export interface DissectedField {
  /** E.g. `rr`, `levers.curator`, `fills[0].price`. */
  field: string
  /** Where it begins, and what lies behind it begins: bytes from the start of the value. */
  at: number
  end: number
  /** Numbers beyond 2^53 are bigints; bytes are buffers. An empty map or list is there as such. */
  value: string | number | bigint | boolean | null | Buffer | [] | Record<string, never>
}

export interface Dissected {
  fields: DissectedField[]
  /** Why reading stops before the end of the body, and at which byte; null: the body is whole. */
  stopped: { field: string; at: number; why: string } | null
  /** The first byte that nothing was made of. */
  end: number
}

/** So many fields are enough for a person; a list of nothings could claim more than there is time for. */
const MOST_FIELDS = 100_000
const MOST_DEPTH = 100

class Stop extends Error {
  readonly at: number
  constructor(at: number, why: string) {
    super(why)
    this.at = at
  }
}

/** avsc's types, as far as they are looked into. */
type Inner = avro.Type & {
  fields?: { name: string; type: Inner }[]
  types?: Inner[]
  valuesType?: Inner
  itemsType?: Inner
  symbols?: string[]
  size?: number
}

/** @param type the writer's; @param start where the body begins in the value */
export function dissect(type: avro.Type, value: Buffer, start: number): Dissected {
  const fields: DissectedField[] = []
  let at = start
  let path = ''

  function need(bytes: number): number {
    const from = at
    const left = value.length - from
    if (bytes > left)
      throw new Stop(from, left === 0 ? 'the value ends here' : `${bytes} bytes follow, and it has ${left}`)
    at += bytes
    return from
  }

  /** Zigzag, as a bigint: at most ten bytes. */
  function long(): bigint {
    const from = at
    let n = 0n
    for (let shift = 0n; ; shift += 7n) {
      if (at >= value.length) throw new Stop(from, 'the value ends within a number')
      if (shift >= 70n) throw new Stop(from, 'a number of more than ten bytes')
      const byte = value[at++] as number
      n |= BigInt(byte & 0x7f) << shift
      if (!(byte & 0x80)) return (n >> 1n) ^ -(n & 1n)
    }
  }

  const small = (n: bigint) => (BigInt(Number(n)) === n && Number.isSafeInteger(Number(n)) ? Number(n) : n)

  /** A length, or how many entries of a byte at least follow. */
  function length(what: string): number {
    const from = at
    const n = long()
    if (n < 0n || n > BigInt(value.length - at)) {
      at = from
      throw new Stop(from, `${n} ${what} are to follow, and ${value.length - from} bytes are left`)
    }
    return Number(n)
  }

  /** Entries of a block of a map or a list; 0 at its end. */
  function block(): number {
    const from = at
    let n = long()
    if (n < 0n) {
      n = -n
      long() // its size in bytes
    }
    if (n > BigInt(value.length - at))
      throw new Stop(from, `${n} entries are to follow, and ${value.length - at} bytes are left`)
    return Number(n)
  }

  /** So many bytes as their length says, which comes first. */
  function counted(what: string): Buffer {
    const n = length(what)
    at += n
    return value.subarray(at - n, at)
  }

  const text = () => counted('bytes of text').toString()

  function add(from: number, found: DissectedField['value']): void {
    if (fields.length >= MOST_FIELDS) throw new Stop(from, `these are ${MOST_FIELDS} fields`)
    fields.push({ field: path, at: from, end: at, value: found })
  }

  function within(step: string, read: () => void): void {
    const outer = path
    path = step.startsWith('[') ? `${outer}${step}` : outer === '' ? step : `${outer}.${step}`
    read()
    path = outer
  }

  /** @param from where it begins, a union's branch in front of it included */
  function read(type: Inner, depth: number, from = at): void {
    if (depth > MOST_DEPTH) throw new Stop(from, `it is nested more than ${MOST_DEPTH} deep`)
    switch (type.typeName) {
      case 'record':
      case 'error':
        for (const field of type.fields ?? []) within(field.name, () => read(field.type, depth + 1))
        break
      case 'map':
        entries(from, {}, () => within(text(), () => read(type.valuesType as Inner, depth + 1)))
        break
      case 'array':
        entries(from, [], (i) => within(`[${i}]`, () => read(type.itemsType as Inner, depth + 1)))
        break
      case 'union:unwrapped':
      case 'union:wrapped': {
        const branch = long()
        const chosen = type.types?.[Number(branch)]
        if (!chosen) throw new Stop(from, `branch ${branch} of ${type.types?.length}: there is none`)
        read(chosen, depth + 1, from)
        break
      }
      default:
        add(from, leaf(type, from))
    }
  }

  function entries(from: number, empty: [] | Record<string, never>, one: (i: number) => void): void {
    let i = 0
    for (let n = block(); n > 0; n = block()) while (n-- > 0) one(i++)
    if (i === 0) add(from, empty)
  }

  function leaf(type: Inner, from: number): DissectedField['value'] {
    switch (type.typeName) {
      case 'null':
        return null
      case 'boolean':
        return value[need(1)] !== 0
      case 'int':
        return small(long())
      case 'long': {
        const n = small(long())
        if (typeof n === 'bigint') throw new Stop(from, `the number ${n} is beyond 2^53`)
        return n
      }
      case 'float':
        return value.readFloatLE(need(4))
      case 'double':
        return value.readDoubleLE(need(8))
      case 'string':
        return text()
      case 'bytes':
        return counted('bytes')
      case 'fixed': {
        const begin = need(type.size ?? 0)
        return value.subarray(begin, at)
      }
      case 'enum': {
        const index = long()
        const symbol = type.symbols?.[Number(index)]
        if (symbol === undefined) throw new Stop(from, `symbol ${index} of ${type.symbols?.length}: there is none`)
        return symbol
      }
      default:
        throw new Stop(from, `a type ${type.typeName}, which is not looked into here`)
    }
  }

  try {
    read(type as Inner, 0)
    return { fields, stopped: null, end: at }
  } catch (error) {
    if (!(error instanceof Stop)) throw error
    const { at: stoppedAt, message: why } = error
    return { fields, stopped: { field: path, at: stoppedAt, why }, end: stoppedAt }
  }
}

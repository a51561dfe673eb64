/**
 * Avro maps and arrays come in blocks that say how many entries follow, and avsc believes them: ten bytes of garbage that claim 2^53 entries keep it in
 * a loop for years, a block size below zero sends it back to where it came from. So avsc's two block readers are replaced by ones that give up when
 * a block claims more than the value has bytes left; the value is then `truncated`.
 */
import avro from 'avsc'

/** What avsc hands to a type's `_read` and `_skip`: a buffer and where in it we are. Past its end it reads zeros and undefined, and is not valid any more. */
interface Tap {
  buf: Buffer
  pos: number
  readLong(): number
  readString(): string
  skipString(): void
  skipLong(): void
  _invalidate(): void
}

interface BlockType<T> {
  _read(tap: Tap): T
  _skip(tap: Tap): void
}

type Any = BlockType<unknown>

/** Entries of the next block, 0 at the end. Every entry takes a byte at least. */
function blockSize(tap: Tap): number {
  let n = tap.readLong()
  if (n < 0) {
    n = -n
    tap.skipLong() // its size in bytes
  }
  if (n <= tap.buf.length - tap.pos) return n
  tap._invalidate()
  return 0
}

/** Skips one block that carries its size in bytes, or says how many entries must be skipped one by one; 0 at the end. */
function skipBlock(tap: Tap): number {
  for (;;) {
    const n = tap.readLong()
    if (n >= 0) {
      if (n <= tap.buf.length - tap.pos) return n
      tap._invalidate()
      return 0
    }
    const bytes = tap.readLong()
    if (bytes < 0 || bytes > tap.buf.length - tap.pos) {
      tap._invalidate()
      return 0
    }
    tap.pos += bytes
  }
}

export function boundBlocks(): void {
  const map = avro.types.MapType.prototype as unknown as BlockType<Record<string, unknown>>
  map._read = function (this: { valuesType: Any }, tap: Tap) {
    const value: Record<string, unknown> = {}
    for (let n = blockSize(tap); n > 0; n = blockSize(tap))
      while (n-- > 0) {
        const key = tap.readString()
        value[key] = this.valuesType._read(tap)
      }
    return value
  } as BlockType<Record<string, unknown>>['_read']
  map._skip = function (this: { valuesType: Any }, tap: Tap) {
    for (let n = skipBlock(tap); n > 0; n = skipBlock(tap))
      while (n-- > 0) {
        tap.skipString()
        this.valuesType._skip(tap)
      }
  } as BlockType<unknown>['_skip']

  const array = avro.types.ArrayType.prototype as unknown as BlockType<unknown[]>
  array._read = function (this: { itemsType: Any }, tap: Tap) {
    const value: unknown[] = []
    for (let n = blockSize(tap); n > 0; n = blockSize(tap)) while (n-- > 0) value.push(this.itemsType._read(tap))
    return value
  } as BlockType<unknown[]>['_read']
  array._skip = function (this: { itemsType: Any }, tap: Tap) {
    for (let n = skipBlock(tap); n > 0; n = skipBlock(tap)) while (n-- > 0) this.itemsType._skip(tap)
  } as BlockType<unknown>['_skip']
}

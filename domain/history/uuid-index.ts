/** Finds rows by the UUID of their event: open addressing over the column that holds the UUIDs, four 32-bit numbers a row. Pure. */
import type { NumberColumn } from './columns.ts'

const EMPTY = -1

export class UuidIndex {
  readonly #ids: NumberColumn<Uint32Array>
  #slots = new Int32Array(2_048).fill(EMPTY)
  #used = 0

  /** @param rows so many are indexed from the beginning */
  constructor(ids: NumberColumn<Uint32Array>, rows: number) {
    this.#ids = ids
    if (rows * 2 > this.#slots.length) this.#resize(2 ** Math.ceil(Math.log2(rows * 2 + 1)))
    for (let row = 0; row < rows; row++) this.add(row)
  }

  /** The first row with the id of this row; this row itself where there is none before it, and from then on it is the one. */
  add(row: number): number {
    const slot = this.#slotOf(this.#word(row, 0), this.#word(row, 1), this.#word(row, 2), this.#word(row, 3))
    const found = this.#slots[slot] as number
    if (found !== EMPTY) return found
    this.#slots[slot] = row
    if (++this.#used * 2 > this.#slots.length) this.#resize(this.#slots.length * 2)
    return row
  }

  find(uuid: string): number | undefined {
    const [a, b, c, d] = wordsOf(uuid)
    const found = this.#slots[this.#slotOf(a, b, c, d)] as number
    return found === EMPTY ? undefined : found
  }

  #word(row: number, i: number): number {
    return this.#ids.at(row * 4 + i)
  }

  #slotOf(a: number, b: number, c: number, d: number): number {
    const mask = this.#slots.length - 1
    let slot = (Math.imul(a ^ c, 0x9e3779b1) ^ Math.imul(b ^ d, 0x85ebca6b)) & mask
    for (;;) {
      const row = this.#slots[slot] as number
      if (row === EMPTY) return slot
      if (this.#word(row, 0) === a && this.#word(row, 1) === b && this.#word(row, 2) === c && this.#word(row, 3) === d)
        return slot
      slot = (slot + 1) & mask
    }
  }

  #resize(length: number): void {
    const before = this.#slots
    this.#slots = new Int32Array(length).fill(EMPTY)
    for (const row of before) {
      if (row === EMPTY) continue
      this.#slots[this.#slotOf(this.#word(row, 0), this.#word(row, 1), this.#word(row, 2), this.#word(row, 3))] = row
    }
  }
}

export function wordsOf(uuid: string): [number, number, number, number] {
  const hex = uuid.replaceAll('-', '')
  const word = (i: number) => Number.parseInt(hex.slice(i * 8, i * 8 + 8), 16) >>> 0
  return [word(0), word(1), word(2), word(3)]
}

export function uuidFrom(words: readonly [number, number, number, number]): string {
  const hex = words.map((w) => w.toString(16).padStart(8, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** Finds trades of a table by their ids: of each id the row that was put last. Open addressing, in integers alone. Pure. */
import type { TradeTable } from './trade-table.ts'

export class TradeIndex {
  readonly #trades: TradeTable
  /** Row + 1; 0: free. A power of two of them. */
  #slots = new Int32Array(64)
  #size = 0

  constructor(trades: TradeTable) {
    this.#trades = trades
  }

  /** Ids. */
  get size(): number {
    return this.#size
  }

  /** The row that was put last of those with this one's id; -1: none. */
  find(row: number): number {
    return this.#size === 0 ? -1 : (this.#slots[this.#slotOf(row)] as number) - 1
  }

  put(row: number): void {
    if (this.#size * 2 >= this.#slots.length) this.#grow()
    const slot = this.#slotOf(row)
    if (this.#slots[slot] === 0) this.#size++
    this.#slots[slot] = row + 1
  }

  clear(): void {
    if (this.#size > 0) this.#slots.fill(0)
    this.#size = 0
  }

  /** Where the id is, or would be. */
  #slotOf(row: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    let at = this.#trades.hashOfId(row) & mask
    for (let there = slots[at] as number; there !== 0; there = slots[at] as number) {
      if (this.#trades.hasSameId(there - 1, row)) break
      at = (at + 1) & mask
    }
    return at
  }

  #grow(): void {
    const before = this.#slots
    this.#slots = new Int32Array(before.length * 2)
    for (const there of before) if (there !== 0) this.#slots[this.#slotOf(there - 1)] = there
  }
}

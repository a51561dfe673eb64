/** The decayed sums of many groups in one array of doubles: an object for each would cost more than the additions. Pure. */
import type { DecayedSums, WeighedTrade } from './sums.ts'

/** Σw and Σw·rr for both τ, each in two doubles. */
export const SUMS_AMOUNTS = [
  'weight_short',
  'weight_short_low',
  'weighted_rr_short',
  'weighted_rr_short_low',
  'weight_long',
  'weight_long_low',
  'weighted_rr_long',
  'weighted_rr_long_low',
] as const satisfies readonly (keyof DecayedSums)[]

export type SumsAmount = (typeof SUMS_AMOUNTS)[number]
/** A number for each of them, in their order. */
export type AmountValues = NumberForEach<typeof SUMS_AMOUNTS>
type NumberForEach<Names extends readonly string[]> = { -readonly [Index in keyof Names]: number }

/** The numbers of a row, in their order. */
const SUMS_COLUMNS = ['n', 'newest', ...SUMS_AMOUNTS] as const satisfies readonly (keyof DecayedSums)[]

const WIDTH = SUMS_COLUMNS.length
const COLUMN = Object.fromEntries(SUMS_COLUMNS.map((name, i) => [name, i])) as Record<keyof DecayedSums, number>
const N = 0
const NEWEST = 1
const WEIGHT_SHORT = 2
const WEIGHTED_RR_SHORT = 4
const WEIGHT_LONG = 6
const WEIGHTED_RR_LONG = 8

export class SumsTable {
  #values: Float64Array
  #rows = 0

  constructor(capacity = 1_024) {
    this.#values = new Float64Array(capacity * WIDTH)
  }

  /** Number of a new, empty row. */
  addRow(): number {
    const row = this.#rows++
    if (this.#rows * WIDTH > this.#values.length) {
      const larger = new Float64Array(this.#values.length * 2)
      larger.set(this.#values)
      this.#values = larger
    }
    return row
  }

  /** Effective trades. */
  count(row: number): number {
    return this.#values[row * WIDTH + N] as number
  }

  /** Newest exit time ever seen; ms. */
  newest(row: number): number {
    return this.#values[row * WIDTH + NEWEST] as number
  }

  amount(row: number, name: SumsAmount): number {
    return this.#values[row * WIDTH + COLUMN[name]] as number
  }

  addTrade(row: number, w: WeighedTrade): void {
    const values = this.#values
    const at = row * WIDTH
    values[at + N] = (values[at + N] as number) + 1
    if (w.closed_at > (values[at + NEWEST] as number)) values[at + NEWEST] = w.closed_at
    addTo(values, at + WEIGHT_SHORT, w.s)
    addTo(values, at + WEIGHTED_RR_SHORT, w.srr)
    addTo(values, at + WEIGHT_LONG, w.l)
    addTo(values, at + WEIGHTED_RR_LONG, w.lrr)
  }

  /** Takes a trade out again. Of the last one nothing is left, to the last bit. */
  retractTrade(row: number, w: WeighedTrade): void {
    const values = this.#values
    const at = row * WIDTH
    if (values[at + N] === 1) {
      this.clear(row)
      return
    }
    values[at + N] = (values[at + N] as number) - 1
    addTo(values, at + WEIGHT_SHORT, -w.s)
    addTo(values, at + WEIGHTED_RR_SHORT, -w.srr)
    addTo(values, at + WEIGHT_LONG, -w.l)
    addTo(values, at + WEIGHTED_RR_LONG, -w.lrr)
  }

  clear(row: number): void {
    this.#values.fill(0, row * WIDTH, (row + 1) * WIDTH)
  }

  read(row: number): DecayedSums {
    const sums = {} as DecayedSums
    for (const [i, name] of SUMS_COLUMNS.entries()) sums[name] = this.#values[row * WIDTH + i] as number
    return sums
  }

  write(row: number, sums: DecayedSums): void {
    for (const [i, name] of SUMS_COLUMNS.entries()) this.#values[row * WIDTH + i] = sums[name]
  }

  /** The row becomes what another table's row is. */
  copy(row: number, from: SumsTable, fromRow: number): void {
    const at = row * WIDTH
    const fromAt = fromRow * WIDTH
    for (let i = 0; i < WIDTH; i++) this.#values[at + i] = from.#values[fromAt + i] as number
  }
}

/** Sums as the one row of a table of their own. */
export function tableOf(sums: DecayedSums): { table: SumsTable; row: number } {
  const table = new SumsTable(1)
  const row = table.addRow()
  table.write(row, sums)
  return { table, row }
}

/** Adds to a sum and the double behind it: Knuth's two-sum for the error of the addition, then the pair made normal again. */
function addTo(values: Float64Array, at: number, x: number): void {
  const high = values[at] as number
  const sum = high + x
  const part = sum - high
  const low = (values[at + 1] as number) + (high - (sum - part) + (x - part))
  const total = sum + low
  values[at] = total
  values[at + 1] = low - (total - sum)
}

/**
 * Trades in columns, a row for each: an object and a text for each of the trades of a chunk would be the garbage collector's work. Rows are added and never
 * changed; the last one can be taken back. Pure.
 */
import { eventUuid } from '../event.ts'
import { learnedNumbersOf } from '../trade-numbers.ts'
import type { CheckedEvent } from '../validation.ts'
import { contextOf, type Group, type Model } from './model.ts'
import type { Trade, TradeSource } from './trade.ts'

const ID_BYTES = 16
const NO_GROUPS: Group[] = []

export class TradeTable {
  #length = 0
  #ids: Uint8Array
  /** The same bytes, four words a trade. */
  #words: Uint32Array
  #offsets: Float64Array
  #closedAt: Float64Array
  /** NaN: none. */
  #rr: Float64Array
  #revisions: Int32Array
  #partitions: Int32Array
  #voided: Uint8Array
  #shared: Uint8Array
  readonly #levers: string[]
  readonly #groups: Group[][]
  readonly #leftOut = new Map<number, readonly string[]>()

  constructor(capacity = 64) {
    const rows = Math.max(1, capacity)
    this.#ids = new Uint8Array(rows * ID_BYTES)
    this.#words = new Uint32Array(this.#ids.buffer)
    this.#offsets = new Float64Array(rows)
    this.#closedAt = new Float64Array(rows)
    this.#rr = new Float64Array(rows)
    this.#revisions = new Int32Array(rows)
    this.#partitions = new Int32Array(rows)
    this.#voided = new Uint8Array(rows)
    this.#levers = new Array(rows)
    this.#groups = new Array(rows)
    this.#shared = new Uint8Array(rows)
  }

  get length(): number {
    return this.#length
  }

  /** Adds the trade of an event, of which it copies what it keeps. Its row. */
  add(model: Model, event: TradeSource, partition: number, offset: number): number {
    const overlong: string[] = []
    const { levers, groups, leftOut, isShared } = model.combinationOf(event, overlong)
    const { revision, voided, closed_at } = event
    const rr = model.outcomeOf(event)
    const counts = !voided && rr !== null
    const id = eventUuid(event.event_id)
    const row = this.#put(id, partition, offset, revision, voided, closed_at, rr, levers, counts ? groups : NO_GROUPS)
    this.#shared[row] = isShared ? 1 : 0
    if (counts && overlong.length + leftOut.length > 0) this.#leftOut.set(row, [...overlong, ...leftOut])
    return row
  }

  /** Adds a trade. Its row. */
  push({ id, partition, offset, revision, voided, closed_at, rr, levers, groups, leftOut }: Trade): number {
    const row = this.#put(id, partition, offset, revision, voided, closed_at, rr, levers, groups)
    if (leftOut) this.#leftOut.set(row, leftOut)
    return row
  }

  #put(
    id: string,
    partition: number,
    offset: number,
    revision: number,
    voided: boolean,
    closed_at: number,
    rr: number | null,
    levers: string,
    groups: Group[],
  ): number {
    const row = this.#length++
    if (row === this.#offsets.length) this.#grow()
    writeUuid(id, this.#ids, row * ID_BYTES)
    this.#partitions[row] = partition
    this.#offsets[row] = offset
    this.#revisions[row] = revision
    this.#voided[row] = voided ? 1 : 0
    this.#closedAt[row] = closed_at
    this.#rr[row] = rr ?? Number.NaN
    this.#levers[row] = levers
    this.#groups[row] = groups
    return row
  }

  takeBackLast(): void {
    const row = --this.#length
    this.#leftOut.delete(row)
  }

  read(row: number): Trade {
    const trade: Trade = {
      id: this.id(row),
      partition: this.partition(row),
      offset: this.offset(row),
      revision: this.revision(row),
      voided: this.isVoided(row),
      closed_at: this.closedAt(row),
      rr: this.rr(row),
      levers: this.levers(row),
      groups: this.groups(row),
    }
    const leftOut = this.#leftOut.get(row)
    if (leftOut) trade.leftOut = leftOut
    return trade
  }

  /** UUID: 8-4-4-4-12 hexadecimal digits, small letters. */
  id(row: number): string {
    return readUuid(this.#ids, row * ID_BYTES)
  }

  /** The id's 16 bytes. Not to be changed. */
  idBytes(row: number): Uint8Array {
    return this.#ids.subarray(row * ID_BYTES, (row + 1) * ID_BYTES)
  }

  /** The first 32 bits of the id, unsigned: the order of the texts. */
  firstOfId(row: number): number {
    const at = row * ID_BYTES
    const ids = this.#ids
    return (
      (ids[at] as number) * 2 ** 24 +
      (((ids[at + 1] as number) << 16) | ((ids[at + 2] as number) << 8) | (ids[at + 3] as number))
    )
  }

  hasSameId(row: number, other: number): boolean {
    const words = this.#words
    const [a, b] = [row * 4, other * 4]
    return (
      words[a] === words[b] &&
      words[a + 1] === words[b + 1] &&
      words[a + 2] === words[b + 2] &&
      words[a + 3] === words[b + 3]
    )
  }

  /** A hash of the id: 32 bits, unsigned. */
  hashOfId(row: number): number {
    const words = this.#words
    const at = row * 4
    let hash = Math.imul((words[at] as number) ^ (words[at + 1] as number), 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 15) ^ (words[at + 2] as number), 0xc2b2ae35)
    hash = Math.imul(hash ^ (hash >>> 13) ^ (words[at + 3] as number), 0x9e3779b1)
    return (hash ^ (hash >>> 16)) >>> 0
  }

  /** The partition whose sums hold its effect. */
  partition(row: number): number {
    return this.#partitions[row] as number
  }

  offset(row: number): number {
    return this.#offsets[row] as number
  }

  revision(row: number): number {
    return this.#revisions[row] as number
  }

  isVoided(row: number): boolean {
    return this.#voided[row] === 1
  }

  /** Exit time, ms. */
  closedAt(row: number): number {
    return this.#closedAt[row] as number
  }

  /** What the model learns of it; null: the event has none, and the trade counts in no group. */
  rr(row: number): number | null {
    const rr = this.#rr[row] as number
    return Number.isNaN(rr) ? null : rr
  }

  /** Text of the model's Combination. */
  levers(row: number): string {
    return this.#levers[row] as string
  }

  /** Baseline first; empty when it counts in none. Shared with other trades: not to be changed. */
  groups(row: number): Group[] {
    return this.#groups[row] as Group[]
  }

  /** Whether trades of the same levers have the same array of groups, most of the time. */
  hasSharedGroups(row: number): boolean {
    return this.#shared[row] === 1
  }

  /** Of the trades that do not count for some levers or interactions, because of their length: their names. */
  leftOut(): Iterable<[row: number, names: readonly string[]]> {
    return this.#leftOut
  }

  #grow(): void {
    this.#ids = larger(this.#ids, Uint8Array)
    this.#words = new Uint32Array(this.#ids.buffer)
    this.#offsets = larger(this.#offsets, Float64Array)
    this.#closedAt = larger(this.#closedAt, Float64Array)
    this.#rr = larger(this.#rr, Float64Array)
    this.#revisions = larger(this.#revisions, Int32Array)
    this.#partitions = larger(this.#partitions, Int32Array)
    this.#voided = larger(this.#voided, Uint8Array)
    this.#shared = larger(this.#shared, Uint8Array)
  }
}

/** Some trades of a table. */
export interface TradeSelection {
  table: TradeTable
  rows: readonly number[]
}

export function selectionOf(trades: readonly Trade[]): TradeSelection {
  const table = new TradeTable(trades.length)
  return { table, rows: trades.map((trade) => table.push(trade)) }
}

/** An event's trade, by itself. */
export function tradeFrom(model: Model, event: TradeSource, partition: number, offset: number): Trade {
  const table = new TradeTable(1)
  return table.read(table.add(model, event, partition, offset))
}

/** What a trade is made of, of a whole event. */
export const sourceOf = (event: CheckedEvent): TradeSource => ({
  ...event,
  ...learnedNumbersOf(event),
  ...contextOf(event),
})

export const tradeOf = (model: Model, event: CheckedEvent, partition: number, offset: number): Trade =>
  tradeFrom(model, sourceOf(event), partition, offset)

function larger<T extends Uint8Array | Int32Array | Float64Array>(column: T, Column: new (length: number) => T): T {
  const copy = new Column(column.length * 2)
  copy.set(column)
  return copy
}

const DASH = 45

function writeUuid(text: string, bytes: Uint8Array, at: number): void {
  for (let byte = 0, digit = 0; byte < ID_BYTES; byte++, digit += 2) {
    if (text.charCodeAt(digit) === DASH) digit++
    bytes[at + byte] = (digitAt(text, digit) << 4) | digitAt(text, digit + 1)
  }
}

/** Of a hexadecimal digit. */
function digitAt(text: string, at: number): number {
  const code = text.charCodeAt(at)
  return code < 58 ? code - 48 : (code | 32) - 87
}

const DIGITS = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0))
/** Filled again and again. */
const codes = new Array<number>(36).fill(DASH)

function readUuid(bytes: Uint8Array, at: number): string {
  for (let byte = 0, digit = 0; byte < ID_BYTES; byte++, digit += 2) {
    if (byte === 4 || byte === 6 || byte === 8 || byte === 10) digit++
    const value = bytes[at + byte] as number
    codes[digit] = DIGITS[value >> 4] as number
    codes[digit + 1] = DIGITS[value & 15] as number
  }
  return String.fromCharCode.apply(null, codes)
}

/**
 * All revisions of all trades of a log, as one model reads them, in columns: what was learned at any moment follows from it in a fraction of a second. Rows
 * are added in the order of each partition and never change. Pure.
 */
import { BASELINE, type Combination, type Group } from '../learning/model.ts'
import { Dictionary, NumberColumn, TextColumn, type TextColumnState } from './columns.ts'
import type { Cut } from './cut.ts'
import { UuidIndex, uuidFrom, wordsOf } from './uuid-index.ts'

/** One record of the log. Times are ms since 1970-01-01 UTC. */
export interface TradeRecord {
  partition: number
  offset: number
  /** The record's own time: when the log took it in. */
  taken_at: number
  /** UUID. */
  event_id: string
  revision: number
  voided: boolean
  opened_at: number
  closed_at: number
  /** What the model learns of it; null: it has none. */
  rr: number | null
  position_id: string
  symbol: string
  source: string
  /** Who made this revision and why, where it says so; else ''. */
  revised_by: string
}

/** Numbers of each row. */
const COLUMNS = {
  partition: Int32Array,
  offset: Float64Array,
  taken_at: Float64Array,
  revision: Int32Array,
  voided: Uint8Array,
  opened_at: Float64Array,
  closed_at: Float64Array,
  /** NaN: not scored. */
  rr: Float64Array,
  combination: Int32Array,
  /** Numbers of texts. */
  symbol: Int32Array,
  source: Int32Array,
  revised_by: Int32Array,
}

type ColumnName = keyof typeof COLUMNS
type ColumnValues = { [Name in ColumnName]: InstanceType<(typeof COLUMNS)[Name]> }
type Columns = { [Name in ColumnName]: NumberColumn<ColumnValues[Name]> }

const COLUMN_NAMES = Object.keys(COLUMNS) as ColumnName[]
const forEachColumn = <T>(make: (name: ColumnName) => unknown) =>
  Object.fromEntries(COLUMN_NAMES.map((name) => [name, make(name)])) as T

/** For storing it; made of what structured cloning can copy. */
export interface TradeHistoryState {
  columns: ColumnValues
  /** Four numbers a row. */
  event_id: Uint32Array
  position_id: TextColumnState
  texts: string[]
  groups: string[]
  combinationEnds: Float64Array
  combinationGroups: Int32Array
  repeated: Int32Array
}

const SEPARATOR = '\0'
/** Combinations that are found again; one that was forgotten is stored twice, which costs room alone. */
const REMEMBERED = 50_000

export class TradeHistory {
  readonly #columns: Columns
  readonly #eventId: NumberColumn<Uint32Array>
  readonly #positionId: TextColumn
  readonly #texts: Dictionary
  /** `scope NUL name NUL key`; group 0 is the baseline. */
  readonly #groups: Dictionary
  readonly #combinationEnds: NumberColumn<Float64Array>
  readonly #combinationGroups: NumberColumn<Int32Array>
  /** Rows of events that have another row before them: the row, and the first one of its event. */
  readonly #repeated: NumberColumn<Int32Array>
  /** By their levers: those met lately. */
  readonly #combinations = new Map<string, number>()
  #index: UuidIndex | undefined
  #later: { upTo: number; rows: Map<number, number[]> } | undefined

  constructor(state?: TradeHistoryState) {
    this.#columns = forEachColumn((name) => new NumberColumn(state?.columns[name] ?? new COLUMNS[name]()))
    this.#eventId = new NumberColumn(state?.event_id ?? new Uint32Array())
    this.#positionId = new TextColumn(state?.position_id)
    this.#texts = new Dictionary(state?.texts)
    this.#groups = new Dictionary(state?.groups)
    this.#combinationEnds = new NumberColumn(state?.combinationEnds ?? new Float64Array())
    this.#combinationGroups = new NumberColumn(state?.combinationGroups ?? new Int32Array())
    this.#repeated = new NumberColumn(state?.repeated ?? new Int32Array())
    if (this.#groups.length === 0) this.#groups.numberOf(groupText(BASELINE))
  }

  state(): TradeHistoryState {
    return {
      columns: forEachColumn((name) => this.#columns[name].values()),
      event_id: this.#eventId.values(),
      position_id: this.#positionId.state(),
      texts: this.#texts.texts(),
      groups: this.#groups.texts(),
      combinationEnds: this.#combinationEnds.values(),
      combinationGroups: this.#combinationGroups.values(),
      repeated: this.#repeated.values(),
    }
  }

  get length(): number {
    return this.#columns.offset.length
  }

  /** Groups that any trade ever counted in, the baseline first. */
  get groupCount(): number {
    return this.#groups.length
  }

  /** @param combination what the model makes of its entry context */
  add(record: TradeRecord, combination: Pick<Combination, 'levers' | 'groups'>): void {
    const index = this.#indexed()
    const row = this.length
    const { rr } = record
    const numbers: Record<ColumnName, number> = {
      partition: record.partition,
      offset: record.offset,
      taken_at: record.taken_at,
      revision: record.revision,
      voided: record.voided ? 1 : 0,
      opened_at: record.opened_at,
      closed_at: record.closed_at,
      rr: rr ?? Number.NaN,
      combination: this.#combinationOf(combination),
      symbol: this.#texts.numberOf(record.symbol),
      source: this.#texts.numberOf(record.source),
      revised_by: this.#texts.numberOf(record.revised_by),
    }
    for (const name of COLUMN_NAMES) this.#columns[name].push(numbers[name])
    for (const word of wordsOf(record.event_id)) this.#eventId.push(word)
    this.#positionId.push(record.position_id)
    const first = index.add(row)
    if (first !== row) {
      this.#repeated.push(row)
      this.#repeated.push(first)
    }
  }

  record(row: number): TradeRecord {
    const at = (name: ColumnName) => this.#columns[name].at(row)
    const rr = at('rr')
    return {
      partition: at('partition'),
      offset: at('offset'),
      taken_at: at('taken_at'),
      event_id: uuidFrom([0, 1, 2, 3].map((i) => this.#eventId.at(row * 4 + i)) as [number, number, number, number]),
      revision: at('revision'),
      voided: at('voided') === 1,
      opened_at: at('opened_at'),
      closed_at: at('closed_at'),
      rr: Number.isNaN(rr) ? null : rr,
      position_id: this.#positionId.at(row),
      symbol: this.#texts.at(at('symbol')),
      source: this.#texts.at(at('source')),
      revised_by: this.#texts.at(at('revised_by')),
    }
  }

  /** All rows of an event (UUID), in the order in which they were added. */
  revisionsOf(event_id: string): number[] {
    const first = this.#indexed().find(event_id)
    if (first === undefined) return []
    return [first, ...(this.#laterRows().get(first) ?? [])]
  }

  group(number: number): Group {
    const [scope, name, ...key] = this.#groups.at(number).split(SEPARATOR)
    return { scope: scope as Group['scope'], name: name as string, key: key.join(SEPARATOR) }
  }

  /** undefined: no trade ever counted in it. */
  groupNumber(group: Group): number | undefined {
    return this.#groups.find(groupText(group))
  }

  /** Numbers of the groups that a row counts in while it is scored and not voided. */
  groupsOf(row: number): Int32Array {
    const combination = this.#columns.combination.at(row)
    const start = combination === 0 ? 0 : this.#combinationEnds.at(combination - 1)
    return this.#combinationGroups.values().subarray(start, this.#combinationEnds.at(combination))
  }

  columns(): { closed_at: Float64Array; rr: Float64Array; combination: Int32Array } {
    return {
      closed_at: this.#columns.closed_at.values(),
      rr: this.#columns.rr.values(),
      combination: this.#columns.combination.values(),
    }
  }

  /** Where each row lies in the log. */
  places(): { partition: ArrayLike<number>; offset: ArrayLike<number> } {
    return { partition: this.#columns.partition.values(), offset: this.#columns.offset.values() }
  }

  /** When the log took each row in, ms. */
  takenAt(): Float64Array {
    return this.#columns.taken_at.values()
  }

  /** Whether each combination of values has this group. */
  combinationsWith(group: number): Uint8Array {
    const ends = this.#combinationEnds.values()
    const groups = this.#combinationGroups.values()
    const found = new Uint8Array(ends.length)
    for (let combination = 0, i = 0; combination < ends.length; combination++)
      for (; i < (ends[combination] as number); i++) if (groups[i] === group) found[combination] = 1
    return found
  }

  /**
   * The row of each trade that counts at a moment: its highest revision, of equal ones the first. Also voided and unscored ones.
   * @param without rows that the learner refused, though they can be read now
   */
  newest(cut: Cut, without: ReadonlySet<number> = NONE): Uint8Array {
    const { length } = this
    const chosen = new Uint8Array(length).fill(1)
    const { takenUntil, below } = cut
    if (takenUntil !== undefined) {
      const taken = this.#columns.taken_at.values()
      for (let row = 0; row < length; row++) if ((taken[row] as number) > takenUntil) chosen[row] = 0
    }
    if (below !== undefined)
      for (let row = 0; row < length; row++)
        if (this.#columns.offset.at(row) >= (below.get(this.#columns.partition.at(row)) ?? Number.POSITIVE_INFINITY))
          chosen[row] = 0
    for (const row of without) chosen[row] = 0
    this.#keepNewest(chosen)
    const { closedUntil } = cut
    if (closedUntil !== undefined) {
      const closed = this.#columns.closed_at.values()
      for (let row = 0; row < length; row++) if ((closed[row] as number) > closedUntil) chosen[row] = 0
    }
    return chosen
  }

  voided(row: number): boolean {
    return this.#columns.voided.at(row) === 1
  }

  /** The rows of `newest` that count in coefficients. */
  effective(cut: Cut, without?: ReadonlySet<number>): Uint8Array {
    const chosen = this.newest(cut, without)
    const voided = this.#columns.voided.values()
    const rr = this.#columns.rr.values()
    for (let row = 0; row < chosen.length; row++)
      if (voided[row] === 1 || Number.isNaN(rr[row] as number)) chosen[row] = 0
    return chosen
  }

  /** The row at a place of the log. */
  rowsAt(places: ReadonlySet<string>): Set<number> {
    const rows = new Set<number>()
    if (places.size === 0) return rows
    const offsets = new Set([...places].map((place) => Number(place.slice(place.indexOf('/') + 1))))
    for (let row = 0; row < this.length; row++) {
      const offset = this.#columns.offset.at(row)
      if (offsets.has(offset) && places.has(`${this.#columns.partition.at(row)}/${offset}`)) rows.add(row)
    }
    return rows
  }

  /** Rows of events that have several, by the first one. */
  #laterRows(): Map<number, number[]> {
    if (this.#later?.upTo === this.length) return this.#later.rows
    const rows = new Map<number, number[]>()
    const repeated = this.#repeated.values()
    for (let i = 0; i < repeated.length; i += 2) {
      const first = repeated[i + 1] as number
      const known = rows.get(first)
      if (known) known.push(repeated[i] as number)
      else rows.set(first, [repeated[i] as number])
    }
    this.#later = { upTo: this.length, rows }
    return rows
  }

  #keepNewest(chosen: Uint8Array): void {
    const repeated = this.#repeated.values()
    const best = new Map<number, number>()
    for (let i = 0; i < repeated.length; i += 2) {
      const row = repeated[i] as number
      const first = repeated[i + 1] as number
      const before = best.get(first) ?? (chosen[first] === 1 ? first : undefined)
      if (chosen[row] === 0) continue
      if (before === undefined || this.#columns.revision.at(row) > this.#columns.revision.at(before)) {
        if (before !== undefined) chosen[before] = 0
        best.set(first, row)
      } else chosen[row] = 0
    }
  }

  #combinationOf({ levers, groups }: Pick<Combination, 'levers' | 'groups'>): number {
    const known = this.#combinations.get(levers)
    if (known !== undefined) return known
    for (const group of groups) this.#combinationGroups.push(this.#groups.numberOf(groupText(group)))
    this.#combinationEnds.push(this.#combinationGroups.length)
    const number = this.#combinationEnds.length - 1
    if (this.#combinations.size >= REMEMBERED) this.#combinations.clear()
    this.#combinations.set(levers, number)
    return number
  }

  /** Built when it is first asked for: whoever only reads coefficients needs none. */
  #indexed(): UuidIndex {
    this.#index ??= new UuidIndex(this.#eventId, this.#columns.offset.length)
    return this.#index
  }
}

const NONE: ReadonlySet<number> = new Set()

const groupText = ({ scope, name, key }: Group) => `${scope}${SEPARATOR}${name}${SEPARATOR}${key}`

/**
 * All revisions of all trades of a log, as one model reads them, in columns: what was learned at any moment follows from it in a fraction of a second. Rows
 * are added in the order of each partition and never change. Pure.
 */
import { BASELINE, type Combination, type Group } from '../learning/model.ts'
import { MIN_RR } from '../learning/sums.ts'
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
  rr: number | null
  position_id: string
  symbol: string
  source: string
  /** Who made this revision and why, where a person did; else ''. */
  revised_by: string
}

/** For storing it; made of what structured cloning can copy. */
export interface TradeHistoryState {
  partition: Int32Array
  offset: Float64Array
  taken_at: Float64Array
  event_id: Uint32Array
  revision: Int32Array
  voided: Uint8Array
  opened_at: Float64Array
  closed_at: Float64Array
  rr: Float64Array
  combination: Int32Array
  symbol: Int32Array
  source: Int32Array
  revised_by: Int32Array
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
  readonly #partition: NumberColumn<Int32Array>
  readonly #offset: NumberColumn<Float64Array>
  readonly #takenAt: NumberColumn<Float64Array>
  readonly #eventId: NumberColumn<Uint32Array>
  readonly #revision: NumberColumn<Int32Array>
  readonly #voided: NumberColumn<Uint8Array>
  readonly #openedAt: NumberColumn<Float64Array>
  readonly #closedAt: NumberColumn<Float64Array>
  /** NaN: not scored. */
  readonly #rr: NumberColumn<Float64Array>
  readonly #combination: NumberColumn<Int32Array>
  readonly #symbol: NumberColumn<Int32Array>
  readonly #source: NumberColumn<Int32Array>
  readonly #revisedBy: NumberColumn<Int32Array>
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

  constructor(state: Partial<TradeHistoryState> = {}) {
    const floats = (values?: Float64Array) => new NumberColumn(values ?? new Float64Array())
    const ints = (values?: Int32Array) => new NumberColumn(values ?? new Int32Array())
    this.#partition = ints(state.partition)
    this.#offset = floats(state.offset)
    this.#takenAt = floats(state.taken_at)
    this.#eventId = new NumberColumn(state.event_id ?? new Uint32Array())
    this.#revision = ints(state.revision)
    this.#voided = new NumberColumn(state.voided ?? new Uint8Array())
    this.#openedAt = floats(state.opened_at)
    this.#closedAt = floats(state.closed_at)
    this.#rr = floats(state.rr)
    this.#combination = ints(state.combination)
    this.#symbol = ints(state.symbol)
    this.#source = ints(state.source)
    this.#revisedBy = ints(state.revised_by)
    this.#positionId = new TextColumn(state.position_id)
    this.#texts = new Dictionary(state.texts)
    this.#groups = new Dictionary(state.groups)
    this.#combinationEnds = floats(state.combinationEnds)
    this.#combinationGroups = ints(state.combinationGroups)
    this.#repeated = ints(state.repeated)
    if (this.#groups.length === 0) this.#groups.numberOf(groupText(BASELINE))
  }

  state(): TradeHistoryState {
    return {
      partition: this.#partition.values(),
      offset: this.#offset.values(),
      taken_at: this.#takenAt.values(),
      event_id: this.#eventId.values(),
      revision: this.#revision.values(),
      voided: this.#voided.values(),
      opened_at: this.#openedAt.values(),
      closed_at: this.#closedAt.values(),
      rr: this.#rr.values(),
      combination: this.#combination.values(),
      symbol: this.#symbol.values(),
      source: this.#source.values(),
      revised_by: this.#revisedBy.values(),
      position_id: this.#positionId.state(),
      texts: this.#texts.texts(),
      groups: this.#groups.texts(),
      combinationEnds: this.#combinationEnds.values(),
      combinationGroups: this.#combinationGroups.values(),
      repeated: this.#repeated.values(),
    }
  }

  get length(): number {
    return this.#offset.length
  }

  /** Groups that any trade ever counted in, the baseline first. */
  get groupCount(): number {
    return this.#groups.length
  }

  /** @param combination what the model makes of its entry context */
  add(record: TradeRecord, combination: Pick<Combination, 'levers' | 'groups'>): void {
    const index = this.#indexed()
    const row = this.length
    this.#partition.push(record.partition)
    this.#offset.push(record.offset)
    this.#takenAt.push(record.taken_at)
    for (const word of wordsOf(record.event_id)) this.#eventId.push(word)
    this.#revision.push(record.revision)
    this.#voided.push(record.voided ? 1 : 0)
    this.#openedAt.push(record.opened_at)
    this.#closedAt.push(record.closed_at)
    this.#rr.push(record.rr === null ? Number.NaN : Math.abs(record.rr) < MIN_RR ? 0 : record.rr)
    this.#combination.push(this.#combinationOf(combination))
    this.#symbol.push(this.#texts.numberOf(record.symbol))
    this.#source.push(this.#texts.numberOf(record.source))
    this.#revisedBy.push(this.#texts.numberOf(record.revised_by))
    this.#positionId.push(record.position_id)
    const first = index.add(row)
    if (first !== row) {
      this.#repeated.push(row)
      this.#repeated.push(first)
    }
  }

  record(row: number): TradeRecord {
    const rr = this.#rr.at(row)
    return {
      partition: this.#partition.at(row),
      offset: this.#offset.at(row),
      taken_at: this.#takenAt.at(row),
      event_id: uuidFrom([0, 1, 2, 3].map((i) => this.#eventId.at(row * 4 + i)) as [number, number, number, number]),
      revision: this.#revision.at(row),
      voided: this.#voided.at(row) === 1,
      opened_at: this.#openedAt.at(row),
      closed_at: this.#closedAt.at(row),
      rr: Number.isNaN(rr) ? null : rr,
      position_id: this.#positionId.at(row),
      symbol: this.#texts.at(this.#symbol.at(row)),
      source: this.#texts.at(this.#source.at(row)),
      revised_by: this.#texts.at(this.#revisedBy.at(row)),
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
    const combination = this.#combination.at(row)
    const start = combination === 0 ? 0 : this.#combinationEnds.at(combination - 1)
    return this.#combinationGroups.values().subarray(start, this.#combinationEnds.at(combination))
  }

  columns(): { closed_at: Float64Array; rr: Float64Array; combination: Int32Array } {
    return {
      closed_at: this.#closedAt.values(),
      rr: this.#rr.values(),
      combination: this.#combination.values(),
    }
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
      const taken = this.#takenAt.values()
      for (let row = 0; row < length; row++) if ((taken[row] as number) > takenUntil) chosen[row] = 0
    }
    if (below !== undefined)
      for (let row = 0; row < length; row++)
        if (this.#offset.at(row) >= (below.get(this.#partition.at(row)) ?? Number.POSITIVE_INFINITY)) chosen[row] = 0
    for (const row of without) chosen[row] = 0
    this.#keepNewest(chosen)
    const { closedUntil } = cut
    if (closedUntil !== undefined) {
      const closed = this.#closedAt.values()
      for (let row = 0; row < length; row++) if ((closed[row] as number) > closedUntil) chosen[row] = 0
    }
    return chosen
  }

  voided(row: number): boolean {
    return this.#voided.at(row) === 1
  }

  /** The rows of `newest` that count in coefficients. */
  effective(cut: Cut, without?: ReadonlySet<number>): Uint8Array {
    const chosen = this.newest(cut, without)
    const voided = this.#voided.values()
    const rr = this.#rr.values()
    for (let row = 0; row < chosen.length; row++)
      if (voided[row] === 1 || Number.isNaN(rr[row] as number)) chosen[row] = 0
    return chosen
  }

  /** The row at a place of the log. */
  rowsAt(places: ReadonlySet<string>): Set<number> {
    const rows = new Set<number>()
    if (places.size === 0) return rows
    for (let row = 0; row < this.length; row++)
      if (places.has(`${this.#partition.at(row)}/${this.#offset.at(row)}`)) rows.add(row)
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
      if (before === undefined || this.#revision.at(row) > this.#revision.at(before)) {
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
    this.#index ??= new UuidIndex(this.#eventId, this.#offset.length)
    return this.#index
  }
}

const NONE: ReadonlySet<number> = new Set()

const groupText = ({ scope, name, key }: Group) => `${scope}${SEPARATOR}${name}${SEPARATOR}${key}`

/**
 * Sums of one claimed partition: a bounded cache of what the database holds, and in it the groups that the running chunk needs.
 * Memory does not grow with the number of coefficients: only the most recently used of each name are kept from chunk to chunk. Nothing is evicted but
 * at the end of a chunk, so that nothing it counts on goes away under it. A *cell* is a group in one period (fold.ts); its sums are a row of a table.
 */
import type { PartitionSums } from '../../domain/learning/fold.ts'
import type { Group } from '../../domain/learning/model.ts'
import type { DecayedSums } from '../../domain/learning/sums.ts'
import { SumsTable } from '../../domain/learning/sums-table.ts'
import { HashSet, hashOf } from './hash-set.ts'

/** Cells kept for each lever or interaction name of a partition; about 300 bytes each. */
export const CACHE_SIZE = 10_000

export interface Cell {
  period: number
  group: Group
}

export interface SumsCache extends PartitionSums {
  /** Makes the cell available to the chunk. What is not here yet must be read before it is changed: see `missing`. */
  need(period: number, group: Group): void
  /** Needed cells whose sums must be read from the database. */
  missing(): Cell[]
  /** The database has no sums of the partition at all: until the cache is thrown away, what is not here and was never here need not be read. */
  startEmpty(): void
  /** What the database has of the missing cells; of those that it does not name: nothing. */
  load(read: readonly { name: string; key: string; period: number; sums: DecayedSums }[]): void
  /** `known`: the database has a row of the cell. */
  changed(): (Cell & { sums: DecayedSums; known: boolean })[]
  /** Takes the chunk's changes back; what was read for it stays. */
  rollback(): void
  /** Makes the chunk's changes the state, and ends the chunk. */
  commit(): void
}

/** The cells of one name: rows by period and key. Both maps have what a chunk used last at their end. */
interface NamedCells {
  count: number
  periods: Map<number, Map<string, number>>
}

export function createSumsCache(size = CACHE_SIZE): SumsCache {
  const table = new SumsTable()
  /** Of each row; undefined: the row is free. */
  const cells: (Cell | undefined)[] = []
  const free: number[] = []
  const names = new Map<string, NamedCells>()

  /** Cells that the database has and that are not here any more; null: what it has is not known. */
  let evicted: HashSet | null = null

  // the running chunk
  /** Its rows by period and the group's object: a model gives the same one for the same value, most of the time. */
  const known = new Map<number, Map<Group, number>>()
  const used: number[] = []
  const added: number[] = []
  const isUsed: boolean[] = []
  const missing: number[] = []
  const changed: number[] = []
  const isChanged: boolean[] = []
  /** Row i: the row `changed[i]` as it is committed. */
  const committed = new SumsTable()
  let committedRows = 0

  function knownIn(period: number): Map<Group, number> {
    let map = known.get(period)
    if (!map) {
      map = new Map()
      known.set(period, map)
    }
    return map
  }

  const rowIn = (name: string, period: number, key: string) => names.get(name)?.periods.get(period)?.get(key)

  /** The cell's row; undefined: it is not here. */
  function find(period: number, group: Group): number | undefined {
    const ofPeriod = knownIn(period)
    let row = ofPeriod.get(group)
    if (row !== undefined) return row
    row = rowIn(group.name, period, group.key)
    if (row === undefined) return undefined
    ofPeriod.set(group, row)
    use(row)
    return row
  }

  function use(row: number): void {
    if (isUsed[row]) return
    isUsed[row] = true
    used.push(row)
  }

  function add(period: number, group: Group): void {
    const row = free.pop() ?? table.addRow()
    const cell = { period, group }
    cells[row] = cell
    isUsed[row] = true
    isChanged[row] = false
    append(row, cell)
    knownIn(period).set(group, row)
    added.push(row)
    if (!evicted || evicted.has(hashOf(cellName(cell)))) missing.push(row)
  }

  /** Puts the row behind all others of its name. */
  function append(row: number, { period, group }: Cell): void {
    let named = names.get(group.name)
    if (!named) {
      named = { count: 0, periods: new Map() }
      names.set(group.name, named)
    }
    const rows = named.periods.get(period) ?? new Map<string, number>()
    named.periods.delete(period)
    named.periods.set(period, rows)
    if (rows.delete(group.key)) named.count--
    rows.set(group.key, row)
    named.count++
  }

  function remove(named: NamedCells, row: number): void {
    const cell = cells[row] as Cell
    const { period, group } = cell
    if (table.count(row) > 0) evicted?.add(hashOf(cellName(cell)))
    const rows = named.periods.get(period) as Map<string, number>
    rows.delete(group.key)
    if (rows.size === 0) named.periods.delete(period)
    named.count--
    cells[row] = undefined
    table.clear(row)
    free.push(row)
  }

  function evict(named: NamedCells): void {
    for (const rows of named.periods.values())
      for (const row of rows.values()) {
        if (named.count <= size) return
        remove(named, row)
      }
  }

  return {
    table,
    need(period, group) {
      if (find(period, group) === undefined) add(period, group)
    },
    startEmpty() {
      evicted ??= new HashSet()
    },
    missing: () => missing.map((row) => cells[row] as Cell),
    load(read) {
      for (const { name, key, period, sums } of read) {
        const row = rowIn(name, period, key)
        if (row !== undefined) table.write(row, sums)
      }
      missing.length = 0
    },
    change(period, group) {
      const row = find(period, group)
      if (row === undefined || missing.length > 0)
        throw new Error(`the sums of ${group.name} ${group.key} were not read before they were changed`)
      if (!isChanged[row]) {
        isChanged[row] = true
        if (changed.length === committedRows) committedRows = committed.addRow() + 1
        committed.copy(changed.length, table, row)
        changed.push(row)
      }
      return row
    },
    changed: () =>
      changed.map((row, i) => ({ ...(cells[row] as Cell), sums: table.read(row), known: committed.count(i) > 0 })),
    rollback() {
      for (const [i, row] of changed.entries()) {
        table.copy(row, committed, i)
        isChanged[row] = false
      }
      changed.length = 0
    },
    commit() {
      for (const row of used) append(row, cells[row] as Cell)
      for (const rows of [used, added])
        for (const row of rows) {
          isUsed[row] = false
          isChanged[row] = false
          // what the database does not have is not kept
          if (table.count(row) === 0) remove(names.get((cells[row] as Cell).group.name) as NamedCells, row)
        }
      for (const named of names.values()) evict(named)
      known.clear()
      used.length = 0
      added.length = 0
      missing.length = 0
      changed.length = 0
    },
  }
}

const cellName = ({ period, group }: Cell): string => `${group.name}\0${group.key}\0${period}`

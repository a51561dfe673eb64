/**
 * Sums of one claimed partition: a bounded cache of what the database holds, and in it the groups that the running chunk needs.
 * Memory does not grow with the number of coefficients: so many of each name are kept from chunk to chunk, those that were used again first. Nothing is
 * evicted but at the end of a chunk, so that nothing it counts on goes away under it. A *cell* is a group in one period (fold.ts); its sums are a row of a
 * table.
 */
import type { Group } from '../../domain/learning/model.ts'
import type { DecayedSums } from '../../domain/learning/sums.ts'
import { SumsTable } from '../../domain/learning/sums-table.ts'
import type { Cell, DirtySums } from './commit.ts'
import { HashSet, hashOf } from './hash-set.ts'

/** Cells kept for each lever or interaction name of a partition; about 300 bytes each. */
export const CACHE_SIZE = 10_000

export interface SumsCache {
  readonly table: SumsTable
  /** Makes the groups' cells available to the chunk, and writes their rows into `rows` from `at` on. What is not here yet must be read first: see `missing`. */
  need(period: number, groups: readonly Group[], rows: Int32Array, at: number): void
  /** The rows will be changed. Every one that was needed must have been read. */
  change(row: number): void
  /** Needed cells whose sums must be read from the database. */
  missing(): Cell[]
  /** No chunk was committed yet. */
  isNew(): boolean
  /** The database has no sums of the partition at all: until the cache is thrown away, what is not here and was never here need not be read. */
  startEmpty(): void
  /** What the database has of the missing cells; of those that it does not name: nothing. */
  load(read: readonly { name: string; key: string; period: number; sums: DecayedSums }[]): void
  /** Of the partition whose sums these are. */
  changed(partition: number): DirtySums[]
  isChanged(): boolean
  /** Takes the chunk's changes back; what was read for it stays. */
  rollback(): void
  /** Makes the chunk's changes the state, and ends the chunk. */
  commit(): void
}

/** The cells of one name: rows by period and key. Inner maps are queues: who is evicted next stands first. */
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

  let chunk = 1
  /** Of each row: the last chunk that needed it, and the one in which it was put at the end of its queue. */
  const usedIn: number[] = []
  const queuedIn: number[] = []

  /** Rows by period and the group's object: a model gives the same one for the same value, most of the time. */
  const known = new Map<number, Map<Group, number>>()
  let knownGroups = 0

  // the running chunk
  const used: number[] = []
  const missing: number[] = []
  const changed: number[] = []
  const isChanged: boolean[] = []
  /** Row i: the row `changed[i]` as it is committed. */
  const committed = new SumsTable()
  let committedRows = 0

  function forget(): void {
    known.clear()
    knownGroups = 0
  }

  function knownIn(period: number): Map<Group, number> {
    let map = known.get(period)
    if (!map) {
      map = new Map()
      known.set(period, map)
    }
    return map
  }

  const rowIn = (name: string, period: number, key: string) => names.get(name)?.periods.get(period)?.get(key)

  function use(row: number): void {
    if (usedIn[row] === chunk) return
    usedIn[row] = chunk
    used.push(row)
  }

  function add(period: number, group: Group): number {
    const row = free.pop() ?? table.addRow()
    const cell = { period, group }
    cells[row] = cell
    isChanged[row] = false
    enqueue(row, cell)
    if (!evicted || evicted.has(hashOfCell(cell))) missing.push(row)
    return row
  }

  function enqueue(row: number, { period, group }: Cell): void {
    let named = names.get(group.name)
    if (!named) {
      named = { count: 0, periods: new Map() }
      names.set(group.name, named)
    }
    let rows = named.periods.get(period)
    if (!rows) {
      rows = new Map()
      named.periods.set(period, rows)
    }
    rows.set(group.key, row)
    named.count++
    queuedIn[row] = chunk
  }

  function remove(named: NamedCells, row: number): void {
    const cell = cells[row] as Cell
    const { period, group } = cell
    if (table.count(row) > 0) evicted?.add(hashOfCell(cell))
    const rows = named.periods.get(period) as Map<string, number>
    rows.delete(group.key)
    if (rows.size === 0) named.periods.delete(period)
    named.count--
    cells[row] = undefined
    table.clear(row)
    free.push(row)
    forget()
  }

  /** Who was used since it was queued is queued again, once a chunk; whoever else stands first goes. */
  function evict(named: NamedCells): void {
    for (const rows of named.periods.values())
      for (const [key, row] of rows) {
        if (named.count <= size) return
        if ((usedIn[row] as number) > (queuedIn[row] as number)) {
          queuedIn[row] = chunk
          rows.delete(key)
          rows.set(key, row)
        } else remove(named, row)
      }
  }

  return {
    table,
    need(period, groups, rows, at) {
      const ofPeriod = knownIn(period)
      for (let i = 0; i < groups.length; i++) {
        const group = groups[i] as Group
        let row = ofPeriod.get(group)
        if (row === undefined) {
          row = rowIn(group.name, period, group.key) ?? add(period, group)
          ofPeriod.set(group, row)
          knownGroups++
        }
        use(row)
        rows[at + i] = row
      }
    },
    change(row) {
      if (isChanged[row]) return
      if (missing.length > 0) throw new Error('sums were not read before they were changed')
      isChanged[row] = true
      if (changed.length === committedRows) committedRows = committed.addRow() + 1
      committed.copy(changed.length, table, row)
      changed.push(row)
    },
    isNew: () => chunk === 1,
    startEmpty() {
      evicted ??= new HashSet()
      missing.length = 0
    },
    missing: () => missing.map((row) => cells[row] as Cell),
    load(read) {
      for (const { name, key, period, sums } of read) {
        const row = rowIn(name, period, key)
        if (row !== undefined) table.write(row, sums)
      }
      missing.length = 0
    },
    changed: (partition) =>
      changed.map((row, i) => {
        const { period, group } = cells[row] as Cell
        return { partition, period, group, table, row, known: committed.count(i) > 0 }
      }),
    isChanged: () => changed.length > 0,
    rollback() {
      for (const [i, row] of changed.entries()) {
        table.copy(row, committed, i)
        isChanged[row] = false
      }
      changed.length = 0
    },
    commit() {
      for (const row of changed) isChanged[row] = false
      // what the database does not have is not kept
      for (const row of used)
        if (table.count(row) === 0) remove(names.get((cells[row] as Cell).group.name) as NamedCells, row)
      for (const named of names.values()) if (named.count > size) evict(named)
      if (knownGroups > 4 * size) forget() // many objects of the same groups
      used.length = 0
      missing.length = 0
      changed.length = 0
      chunk++
    },
  }
}

const hashOfCell = ({ period, group }: Cell): number => hashOf(group.name, group.key, period)

/**
 * Tables in memory, changed whole or not at all: what the memory adapters of all ports share, so that a trade, its checkpoint and its dead letters are one
 * transaction here as they are in PostgreSQL. A transaction runs in one turn, so none sees another's half. Rows are replaced, never changed in place.
 */
import { wellFormed } from '../../../domain/limits.ts'
import { systemClock } from '../../clock.ts'
import { StrandlineError } from '../../errors.ts'
import { systemIds } from '../../ids.ts'

export interface MemoryTable<Row extends object> {
  get(key: string): Row | undefined
  /** In a transaction only, as `remove`. */
  put(key: string, row: Row): void
  remove(key: string): void
  /** In the order in which their keys came first. */
  rows(): Row[]
  keys(): string[]
}

export interface MemoryDatabase {
  /** ms; in a transaction when it began, as PostgreSQL's now(). */
  now(): number
  uuid(): string
  /** The table of this name; empty at first. */
  table<Row extends object>(name: string): MemoryTable<Row>
  /** The next number of a sequence, from 1 on. As in PostgreSQL, what is undone does not give it back. */
  nextId(sequence: string): number
  /**
   * All that `work` changes, or, where it throws, nothing. Inside of another transaction: a part of it that can fail alone.
   * @param sync false: a crash may take it along, as PostgreSQL's `synchronous_commit = off`; one that is synced flushes those before it
   */
  transaction<T>(work: () => T, sync?: boolean): T
  /** What the disk does not have is gone. Returns how many transactions that were. */
  crash(): number
  /** The disk has everything. */
  flush(): void
  /** As it is now: calling the answer makes it so again (a dump that is restored). Sequences go on. */
  dump(): () => void
}

type Undo = () => void

/** Transactions that a crash can take along at most: PostgreSQL's WAL writer does not wait longer. */
const MOST_LAZY = 1_000

export function createMemoryDatabase({
  now = systemClock.now,
  uuid = systemIds.uuid,
}: Partial<Pick<MemoryDatabase, 'now' | 'uuid'>> = {}): MemoryDatabase {
  const tables = new Map<string, Map<string, object>>()
  const sequences = new Map<string, number>()
  /** How to undo what is not flushed, oldest first. */
  let lazy: Undo[][] = []
  /** Of the transaction that runs. */
  let undo: Undo[] | null = null
  let began: number | null = null

  function rowsOf(name: string): Map<string, object> {
    const rows = tables.get(name) ?? new Map<string, object>()
    tables.set(name, rows)
    return rows
  }

  function change(name: string, key: string, row: object | undefined): void {
    if (!undo) throw new Error(`${name} is changed outside of a transaction`)
    const rows = rowsOf(name)
    const before = rows.get(key)
    undo.push(() => void set(rows, key, before))
    set(rows, key, row)
  }

  return {
    now: () => began ?? now(),
    uuid,
    table: <Row extends object>(name: string): MemoryTable<Row> => ({
      get: (key) => rowsOf(name).get(key) as Row | undefined,
      put: (key, row) => change(name, key, row),
      remove: (key) => change(name, key, undefined),
      rows: () => [...rowsOf(name).values()] as Row[],
      keys: () => [...rowsOf(name).keys()],
    }),
    nextId(sequence) {
      const id = (sequences.get(sequence) ?? 0) + 1
      sequences.set(sequence, id)
      return id
    },
    transaction(work, sync = true) {
      const outer = undo
      const mine: Undo[] = []
      undo = mine
      began ??= now()
      try {
        const answer = work()
        if (outer) outer.push(...mine)
        else if (sync) lazy = []
        else lazy = [...lazy.slice(-MOST_LAZY + 1), mine]
        return answer
      } catch (error) {
        takeBack(mine)
        throw error
      } finally {
        undo = outer
        if (!outer) began = null
      }
    },
    crash() {
      const lost = lazy.length
      for (const transaction of lazy.reverse()) takeBack(transaction)
      lazy = []
      return lost
    },
    flush() {
      lazy = []
    },
    dump() {
      const copies = [...tables].map(([name, rows]) => [name, new Map(rows)] as const)
      return () => {
        lazy = []
        for (const rows of tables.values()) rows.clear()
        for (const [name, rows] of copies) for (const [key, row] of rows) rowsOf(name).set(key, row)
      }
    },
  }
}

function set(rows: Map<string, object>, key: string, row: object | undefined): void {
  if (row) rows.set(key, row)
  else rows.delete(key)
}

function takeBack(steps: Undo[]): void {
  for (const step of steps.reverse()) step()
}

/** As it would come back from a database: a copy, of what JSON has. */
export function asJson<T>(value: T): T {
  return value === undefined ? (null as T) : (JSON.parse(JSON.stringify(value)) as T)
}

/** JSON as PostgreSQL reads it: a jsonb has no U+0000 and no half of a character, which JSON.parse takes. Errors: STORE_REJECTED. */
export function fromJsonb<T>(json: string): T {
  return JSON.parse(json, (name, value) => {
    if (!wellFormed(name) || (typeof value === 'string' && !wellFormed(value)))
      throw new StrandlineError('STORE_REJECTED', 'The database was given a text that none keeps.')
    return value
  })
}

/** A key of several columns. */
export const keyOf = (...columns: (string | number)[]): string => JSON.stringify(columns)

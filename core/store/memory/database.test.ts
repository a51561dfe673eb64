import { describe, expect, test } from 'vitest'
import { createMemoryDatabase } from './database.ts'

interface Row {
  n: number
}

function filled() {
  const db = createMemoryDatabase()
  const table = db.table<Row>('t')
  const add = (n: number, sync?: boolean) => db.transaction(() => table.put(String(n), { n }), sync)
  return { db, table, add, all: () => table.rows().map((r) => r.n) }
}

describe('a transaction', () => {
  test('has one time, when it began, and its parts have it too', () => {
    let time = 1
    const db = createMemoryDatabase({ now: () => time++ })
    const times = db.transaction(() => [db.now(), db.now(), db.transaction(() => db.now())])
    expect(times).toEqual([1, 1, 1])
    expect(db.now()).toBe(2)
  })

  test('that throws changes nothing, whatever it put in, replaced or took out', () => {
    const { db, table, add, all } = filled()
    add(1)
    add(2)
    const failing = () =>
      db.transaction(() => {
        table.put('3', { n: 3 })
        table.put('1', { n: 10 })
        table.put('1', { n: 11 })
        table.remove('2')
        throw new Error('no')
      })
    expect(failing).toThrow('no')
    expect(all().sort()).toEqual([1, 2])
  })

  test('inside of another can fail alone, and falls with it', () => {
    const { db, table, add, all } = filled()
    db.transaction(() => {
      add(1)
      expect(() =>
        db.transaction(() => {
          add(2)
          throw new Error('inner')
        }),
      ).toThrow('inner')
      add(3)
    })
    expect(all()).toEqual([1, 3])
    expect(() =>
      db.transaction(() => {
        add(4)
        throw new Error('outer')
      }),
    ).toThrow('outer')
    expect(all()).toEqual([1, 3])
    expect(() => table.put('5', { n: 5 })).toThrow('outside of a transaction')
  })
})

describe('a crash', () => {
  test('takes the newest transactions that did not wait for the disk, down to the last that did', () => {
    const { db, add, all } = filled()
    add(1, false)
    add(2)
    add(3, false)
    add(4, false)
    expect(db.crash()).toBe(2)
    expect(all()).toEqual([1, 2])
    add(5, false)
    db.flush()
    expect(db.crash()).toBe(0)
    expect(all()).toEqual([1, 2, 5])
  })
})

test('a dump that is restored is the state that it was made of', () => {
  const { db, table, add, all } = filled()
  add(1)
  const restore = db.dump()
  add(2)
  db.transaction(() => table.put('1', { n: 9 }))
  restore()
  expect(all()).toEqual([1])
})

test('a sequence goes on after what was undone', () => {
  const { db } = filled()
  expect(() =>
    db.transaction(() => {
      db.nextId('s')
      throw new Error('no')
    }),
  ).toThrow()
  expect(db.nextId('s')).toBe(2)
})

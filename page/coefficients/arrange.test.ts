import { expect, test } from 'vitest'
import { seeded } from '../../core/random.ts'
import { byScopeNameKey, type WeighedRow } from '../../domain/learning/offline.ts'
import { type Arrangement, arrange, SORTS } from './arrange.ts'
import { type Head, type Reading, reading } from './reading.ts'

const random = seeded(5)
/** Few different numbers, so that many are equal. */
const some = (): number => Math.floor(random() * 6) / 2 + 0.5
const row = (scope: string, name: string, key: string): WeighedRow => ({
  module: 'dm',
  scope,
  name,
  key,
  weight: some(),
  rr_short: some(),
  rr_long: some(),
  n: Math.floor(random() * 5),
  edge: some() - 1,
  trust: some() / 4,
  error: null,
})
const rowsOf = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    row(i % 3 === 0 ? 'interaction' : 'lever', i % 3 === 0 ? 'interaction' : `lever${i % 4}`, `Key ${i % 97}·${i}`),
  ).sort(byScopeNameKey)
const of = (rows: WeighedRow[]): Reading => reading('r', {} as Head, rows)
const all: Arrangement = { minN: 0, sort: 'name', descending: false }
const rows = rowsOf(500)
const arranged = (asked: Partial<Arrangement>, against: Reading | null = null) =>
  Array.from(arrange(of(rows), { ...all, ...asked }, against), (i) => rows[i] as WeighedRow)

test('without a wish it is all of them, by scope, name and key, as the command has them', () => {
  expect(arranged({})).toEqual(rows)
  expect(arranged({ descending: true })).toEqual(rows.toReversed())
})

test('each filter lets through what it says, and they go together', () => {
  const asked = { scope: 'lever', name: 'lever1', minN: 2, search: 'KEY 1' }
  const found = arranged(asked)
  expect(found.length).toBeGreaterThan(0)
  expect(found).toEqual(
    rows.filter((r) => r.scope === 'lever' && r.name === 'lever1' && r.n >= 2 && r.key.startsWith('Key 1')),
  )
  expect(arranged({ search: 'LEVER2' })).toEqual(rows.filter((r) => r.name === 'lever2'))
  expect(arranged({ search: 'nowhere' })).toEqual([])
})

test.each(SORTS.filter((s) => s !== 'name' && s !== 'moved'))('by %s, and equal ones by their names', (sort) => {
  for (const descending of [true, false]) {
    const sign = descending ? -1 : 1
    expect(arranged({ sort, descending })).toEqual(
      rows.toSorted((a, b) => sign * (a[sort] - b[sort]) || byScopeNameKey(a, b)),
    )
  }
})

test('by how far a weight moved, up or down; what was not there before comes from 1', () => {
  const before = of(rows.slice(0, 250).map((r) => ({ ...r, weight: r.weight * 2 ** (r.n - 2) })))
  const found = arranged({ sort: 'moved', descending: true }, before)
  const far = (r: WeighedRow) => Math.abs(Math.log(r.weight / (before.find(r)?.weight ?? 1)))
  expect(found.map(far)).toEqual(rows.map(far).sort((a, b) => b - a))
  expect(new Set(found).size).toBe(rows.length)
})

test('pages side by side are the whole, each row once', () => {
  const order = arrange(of(rows), { ...all, sort: 'weight', descending: true }, null)
  const paged: number[] = []
  for (let offset = 0; offset < order.length; offset += 200) paged.push(...order.subarray(offset, offset + 200))
  expect(paged).toEqual([...order])
  expect(new Set(paged).size).toBe(rows.length)
})

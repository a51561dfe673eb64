import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { MIGRATIONS } from '../../core/store/migrate.ts'
import { ADOPTED, additions, fits, touched } from './adoption.ts'
import type { SharedName } from './shared-tables.ts'

test('the list is the migration’s', () => {
  const file = readdirSync(MIGRATIONS).find((name) => name.endsWith('_adoption.sql'))!
  const sql = readFileSync(MIGRATIONS + file, 'utf8')
  const rows = [
    ...sql.matchAll(/^ +\('(\w+)', '(\w+)', '(key|text|word|number|time|moment|json)', (null|'(?:[^']|'')*')\)/gm),
  ]
  expect(rows.length).toBeGreaterThan(30)
  const theirs = rows.map(([, table, column, needs, made]) => `${table}.${column} ${needs} ${made !== 'null'}`)
  expect(ADOPTED.map((a) => `${a.table}.${a.column} ${a.needs} ${a.made}`).sort()).toEqual(theirs.sort())
})

test('which types will do', () => {
  const uuid = { base: 'uuid', group: 'U' }
  const text = { base: 'text', group: 'S' }
  const double = { base: 'double precision', group: 'N' }
  expect([uuid, text, double].map((t) => fits(t, 'key'))).toEqual([true, true, false])
  expect([uuid, text, double].map((t) => fits(t, 'json'))).toEqual([false, true, false])
  expect(fits({ base: 'timestamp without time zone', group: 'D' }, 'moment')).toBe(true)
  expect(fits(text, 'moment')).toBe(false)
  expect(fits({ base: 'bytea', group: 'U' }, 'json')).toBe(false)
})

test('what is there is not added again', () => {
  const bars = (index_columns: string[][]) =>
    additions({ name: 'lowcap_price_data_ohlc', columns: [], indexes: [], triggers: [], index_columns })
  expect(bars([])).toEqual([{ kind: 'index', object: 'strandline_bars' }])
  expect(bars([['timestamp', 'chain', 'token_contract', 'timeframe', 'source']])).toEqual([])
  const queue = (name: SharedName, indexes: string[]) =>
    touched({ name, columns: [], indexes, triggers: [], index_columns: [] })
  expect(queue('learning_queue', [])).toEqual(['the indexes strandline_queue_closed, strandline_queue_strand'])
  expect(queue('learning_queue', ['strandline_queue_closed', 'strandline_queue_strand'])).toEqual([])
})

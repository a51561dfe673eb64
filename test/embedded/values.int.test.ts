/** What a client of the Supabase endpoint writes is what it reads, whatever the type of the column: the driver underneath must know the types. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPool } from '../../services/supabase/pg/pool.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase(`
    create type mood as enum ('sad', 'so so');
    create table public.every_type (id int primary key, j jsonb, k json, t text[], n int[], b bigint, x numeric, d date, z timestamptz,
      f double precision, yes boolean, u uuid, m mood[], r interval, raw bytea);
    grant all on public.every_type to service_role;
    create function public.same(p jsonb) returns jsonb language sql as $$ select p $$;
    grant execute on function public.same to service_role`)
})
afterAll(() => db?.stop())

const ROWS: Record<string, unknown>[] = [
  { j: { a: [1, { b: null }] }, k: [1, 'two'] },
  { j: [1, 2], k: { x: "it's" } },
  { j: 'a text', k: 5 },
  { j: [], t: [], n: [] },
  { j: true, yes: false },
  { t: ['a,b', '{x}', '"q"', 'ü\\', ''], n: [1, -2] },
  { b: Number.MAX_SAFE_INTEGER, x: 0.1, f: -1.5e-7, d: '2026-02-28', u: '6f1c2b5e-4f5e-4f6b-9d0a-0123456789ab' },
  { z: '2026-05-19T16:38:26.123456+00:00' },
]

test('values of every type come back as they were written', async () => {
  const rows = ROWS.map((row, id): Record<string, unknown> => ({ id, ...row }))
  for (const row of rows) {
    const { error } = await db.store.client.from('every_type').insert(row)
    expect(error).toBe(null)
  }
  const { data } = await db.store.client.from('every_type').select('*').order('id')
  expect(data!.map((row) => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)))).toEqual(
    rows.map((row) => (row.z ? { ...row, z: expect.stringMatching(/^2026-05-19[ T]16:38:26\.123456\+00/) } : row)),
  )
})

test('what PostgreSQL has and JavaScript has not stays a text or a longer number', async () => {
  await db.sql(
    `insert into every_type (id, b, x, m, r, raw) values (100, 9007199254740993, 12345678901234567890.12, '{sad,"so so"}', '1 day', '\\x00ff')`,
  )
  const { data } = await db.store.client.from('every_type').select('x, m, r').eq('id', 100).single()
  expect(data).toEqual({ x: '12345678901234567890.12', m: ['sad', 'so so'], r: '1 day' })
})

test('a statement is told the new type of a column that was altered', async () => {
  await db.sql('create table public.altered (id int, v text[])')
  await db.sql('grant all on public.altered to service_role')
  const pool = createPool({ url: db.databaseUrl, max: 1, name: 'test', prepared: () => false })
  const insert = async (id: number, v: unknown) => {
    const client = await pool.connect()
    await client.query('insert into public.altered (id, v) values ($1, $2)', [id, v])
    client.release()
  }
  await insert(1, ['a'])
  await db.sql('alter table public.altered alter v type jsonb using to_jsonb(v)')
  await pool.schemaChanged()
  await insert(2, ['b'])
  await pool.end()
  expect(await db.sql('select * from public.altered order by id')).toEqual([
    { id: 1, v: ['a'] },
    { id: 2, v: ['b'] },
  ])
})

test('a JSON argument of a function arrives as the JSON it is', async () => {
  for (const p of [{ a: 1 }, [1, 2], 'a text', 7, null]) expect(await db.store.rpc('same', { p })).toEqual(p)
})

test('a host that goes silent costs a request its time limit, not for ever, and the next connection is a new one', async () => {
  const proxy = await startProxy(db.databaseUrl.replace(/^postgres:/, 'http:'))
  const url = new URL(db.databaseUrl)
  url.port = new URL(proxy.url).port
  const pool = createPool({ url: url.href, max: 1, name: 'test', prepared: () => false, timeoutMs: 500 })
  const client = await pool.connect()
  await client.query('begin', [])
  proxy.silence()
  await expect(client.query('select $1::int', [1])).rejects.toThrow(/CONNECTION_CLOSED: Query read timeout/)
  await expect(client.query('rollback', [])).rejects.toThrow(/CONNECTION_CLOSED: Query read timeout/)
  client.release()
  await expect(pool.connect()).rejects.toThrow(/CONNECTION_CLOSED/)
  proxy.speak()
  const next = await pool.connect()
  expect(await next.query('select $1::int as one', [1])).toMatchObject({ rows: [{ one: 1 }] })
  next.release()
  await pool.end()
  await proxy.close()
})

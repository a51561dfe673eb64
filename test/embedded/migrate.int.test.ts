import { afterAll, beforeAll, expect, test } from 'vitest'
import { withClient } from '../../core/store/client.ts'
import { type Migration, migrate, missingMigrations, pasteable, readMigrations } from '../../core/store/migrate.ts'
import { askEngine } from '../support/ask-engine.ts'

let server: string
const made: string[] = []
beforeAll(async () => {
  server = (await askEngine<{ url: string }>('postgres')).url
})
afterAll(() =>
  withClient(server, async (client) => {
    for (const name of made) await client.query(`drop database ${name} with (force)`)
  }),
)

async function emptyDatabase(): Promise<string> {
  const name = `migrate_${made.length}_${process.pid}`
  await withClient(server, (client) => client.query(`create database ${name}`))
  made.push(name)
  return Object.assign(new URL(server), { pathname: `/${name}` }).href
}

const migration = (version: string, sql: string): Migration => ({ version, name: `m${version}`, sql })
const rows = (url: string, text: string) => withClient(url, async (client) => (await client.query(text)).rows)

test('migrations apply once each, in order, and are recorded as the Supabase CLI does', async () => {
  const url = await emptyDatabase()
  const one = migration('20260101000000', '-- first\ncreate table a (x int);\ninsert into a values (1);')
  const two = migration('20260102000000', "insert into a values (2); select ';'")
  expect(await migrate(url, [one])).toEqual([one.version])
  expect(await migrate(url, [one, two])).toEqual([two.version])
  expect(await migrate(url, [one, two])).toEqual([])
  expect(await rows(url, 'select x from a order by x')).toEqual([{ x: 1 }, { x: 2 }])
  expect(await rows(url, 'select * from supabase_migrations.schema_migrations order by version')).toEqual([
    {
      version: one.version,
      name: one.name,
      statements: ['-- first\ncreate table a (x int)', 'insert into a values (1)'],
    },
    { version: two.version, name: two.name, statements: ['insert into a values (2)', "select ';'"] },
  ])
})

test('a migration that fails leaves nothing of itself, and names the statement', async () => {
  const url = await emptyDatabase()
  const bad = migration('20260101000000', 'create table a (x int); insert into nowhere values (1)')
  await expect(migrate(url, [bad])).rejects.toMatchObject({
    code: 'STORE_SCHEMA',
    message: expect.stringMatching(
      /^Migration 20260101000000_m20260101000000 failed at "insert into nowhere values \(1\)": .*nowhere/,
    ),
  })
  expect(await rows(url, `select to_regclass('a') as a, to_regnamespace('supabase_migrations') as b`)).toEqual([
    { a: null, b: null },
  ])
})

test('all that is missing is one transaction: where the second fails, the first leaves nothing either', async () => {
  const url = await emptyDatabase()
  await migrate(url, [migration('20260101000000', 'create table before (x int)')])
  const bad = [
    migration('20260101000000', 'create table before (x int)'),
    migration('20260102000000', 'create table a (x int)'),
    migration('20260103000000', 'insert into nowhere values (1)'),
  ]
  await expect(migrate(url, bad)).rejects.toThrow('Nothing was changed.')
  expect(await rows(url, `select to_regclass('a') as a`)).toEqual([{ a: null }])
  expect(await rows(url, 'select version from supabase_migrations.schema_migrations')).toEqual([
    { version: '20260101000000' },
  ])
})

test('what --dry-run prints does the same, pasted into an SQL editor', async () => {
  const url = await emptyDatabase()
  const one = migration('20260101000000', "create table a (x text);\ninsert into a values ('it''s; -- $$');")
  const two = migration('20260102000000', 'do $$ begin insert into a values (2); end $$')
  two.sql += ';'
  expect((await missingMigrations(url, [one, two])).map((m) => m.version)).toEqual([one.version, two.version])
  expect(await rows(url, `select to_regnamespace('supabase_migrations') as b`)).toEqual([{ b: null }])
  await withClient(url, (client) => client.query(pasteable([one, two])))
  expect(await rows(url, 'select x from a order by x')).toEqual([{ x: '2' }, { x: "it's; -- $$" }])
  expect(await migrate(url, [one, two])).toEqual([])
})

test('migrations of others are none of ours, whatever their version', async () => {
  const url = await emptyDatabase()
  await migrate(url, [migration('20990101000000', 'create table theirs (x int)')])
  expect(await migrate(url, [migration('20260101000000', 'create table ours (x int)')])).toEqual(['20260101000000'])
})

test.each(['20261123000100', '20261125000100'])(
  'a database of a development version is refused, untouched: %s',
  async (version) => {
    const url = await emptyDatabase()
    await migrate(url, [migration(version, 'create table pm_outbox (x int)')])
    await expect(migrate(url)).rejects.toMatchObject({
      code: 'STORE_SCHEMA',
      message: expect.stringContaining('development version'),
    })
    expect(await rows(url, `select to_regnamespace('strandline') as s`)).toEqual([{ s: null }])
  },
)

test('a database that is newer than the program is refused, with both versions named', async () => {
  const url = await emptyDatabase()
  const one = migration('20260101000000', 'select 1')
  await migrate(url, [one, { ...migration('20990101000000', 'select 2'), name: 'strandline_later' }])
  await expect(migrate(url, [one])).rejects.toMatchObject({
    code: 'STORE_SCHEMA',
    message: 'The database has migration 20990101000000; this version of Strandline knows them up to 20260101000000.',
  })
})

test('several that migrate at once take turns', async () => {
  const url = await emptyDatabase()
  const all = [migration('20260101000000', 'create table a (x int); select pg_sleep(0.1)')]
  const applied = await Promise.all(Array.from({ length: 4 }, () => migrate(url, all)))
  expect(applied.flat()).toEqual(['20260101000000'])
})

test('no connection is one sentence without the password', async () => {
  const error = await migrate('postgres://postgres:hunter2@127.0.0.1:1/x').catch((e) => e)
  expect(error).toMatchObject({ code: 'STORE_UNREACHABLE', message: expect.stringContaining('127.0.0.1:1/x') })
  expect(String(error)).not.toContain('hunter2')
})

test('our own migrations: in public, every table has row level security and no policy; anon and authenticated may do nothing anywhere', async () => {
  const url = server.replace(/\/[^/]*$/, '/strandline_template')
  expect((await readMigrations()).length).toBeGreaterThan(0)
  const open = await rows(
    url,
    `select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'public' and c.relkind in ('r', 'p') and (not c.relrowsecurity or exists (select from pg_policy where polrelid = c.oid))`,
  )
  expect(open).toEqual([])
  const reachable = await rows(
    url,
    `select c.relname, r.role from pg_class c join pg_namespace n on n.oid = c.relnamespace, unnest(array['anon', 'authenticated']) as r(role)
     where n.nspname in ('public', 'strandline') and c.relkind in ('r', 'p', 'v', 'm')
       and has_table_privilege(r.role, c.oid, 'select, insert, update, delete, truncate, references, trigger')`,
  )
  expect(reachable).toEqual([])
  const callable = await rows(
    url,
    `select p.oid::regprocedure::text as fn, r.role from pg_proc p join pg_namespace n on n.oid = p.pronamespace, unnest(array['anon', 'authenticated']) as r(role)
     where n.nspname in ('public', 'strandline') and has_function_privilege(r.role, p.oid, 'execute')`,
  )
  expect(callable).toEqual([])
  const loose = await rows(
    url,
    `select p.oid::regprocedure::text as fn from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname in ('public', 'strandline') and (p.prosecdef or not coalesce(p.proconfig, '{}') @> array['search_path=""'])`,
  )
  expect(loose).toEqual([{ fn: 'strandline.their_path()' }]) // what it sets must outlast it; the functions that call it set the empty path again
})

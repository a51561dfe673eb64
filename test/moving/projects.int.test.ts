/** Other projects than the three: tables that are missing, policies that look things up, and none of the old system at all. */
import { randomBytes } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { withClient } from '../../core/store/client.ts'
import { migrate } from '../../core/store/migrate.ts'
import { compareDatabase } from '../../moving/compare.ts'
import { restoreReaders, switchReaders } from '../../moving/switch.ts'
import { planUndo, undo } from '../../moving/undo.ts'
import { createOldDatabase, type OldDatabase, type OldDatabaseOptions } from '../legacy/old-database.ts'
import { schemaOf } from '../legacy/schema-of.ts'
import { askEngine } from '../support/ask-engine.ts'
import { learn } from './learned-old-trades.ts'

const made: { drop(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of made.splice(0)) await one.drop()
})

async function project(options: OldDatabaseOptions): Promise<{ old: OldDatabase; schema: string[] }> {
  const old = await createOldDatabase('text', options)
  made.push(old)
  const schema = await schemaOf(old.databaseUrl)
  await migrate(old.databaseUrl)
  await learn(old)
  return { old, schema }
}

const READ = `select weight from learning_coefficients where module='dm' and scope='lever' and name='curator' and key='moonboy'`

/** What a role is answered, with the claims of a request. */
async function as(old: OldDatabase, role: string, text: string, claims = '{}'): Promise<unknown> {
  return withClient(old.databaseUrl, async (client) => {
    await client.query('begin')
    await client.query(`set local role ${role}`)
    await client.query(`select set_config('request.jwt.claims', $1, true)`, [claims])
    return client.query(text).then(
      ({ rows }) => rows,
      ({ code }) => code,
    )
  })
}

test('without a table of coefficients they are ours from the start, and the configuration is switched alone', async () => {
  const { old, schema } = await project({ change: 'drop view curator_board; drop table learning_coefficients' })
  expect(await as(old, 'service_role', READ)).toEqual([{ weight: expect.any(Number) }])
  expect(await as(old, 'anon', READ)).toBe('42501')
  const baseline = `select config_data -> 'global_rr' ->> 'n' as n from learning_configs where module = 'decision_maker'`
  expect(await as(old, 'authenticated', baseline)).toEqual([{ n: '42' }])
  expect(await compareDatabase(old.databaseUrl)).toMatchObject({ table: null, rows: [] })
  expect(await switchReaders(old.databaseUrl, { clock: systemClock })).toEqual({
    status: 'ok',
    names: ['learning_configs'],
  })
  expect(await as(old, 'authenticated', baseline)).not.toEqual([{ n: '42' }])
  await undo(old.databaseUrl)
  expect(await as(old, 'authenticated', baseline)).toEqual([{ n: '42' }])
  expect(await schemaOf(old.databaseUrl)).toEqual(schema)
})

test('without a configuration that is ours from the start, and the coefficients are switched alone', async () => {
  const { old, schema } = await project({ change: 'drop table learning_configs' })
  const theirs = await as(old, 'anon', READ)
  expect(await switchReaders(old.databaseUrl, { clock: systemClock })).toEqual({
    status: 'ok',
    names: ['learning_coefficients'],
  })
  expect(await as(old, 'anon', READ)).not.toEqual(theirs)
  await undo(old.databaseUrl)
  expect(await as(old, 'anon', READ)).toEqual(theirs)
  expect(await schemaOf(old.databaseUrl)).toEqual(schema)
})

test('a configuration without a row for the decision maker has none again afterwards', async () => {
  const { old } = await project({ change: `delete from learning_configs where module = 'decision_maker'` })
  const rows = () => old.sql('select module from learning_configs order by module')
  await switchReaders(old.databaseUrl, { clock: systemClock })
  expect(await rows()).toEqual([{ module: 'decision_maker' }, { module: 'pm' }])
  await restoreReaders(old.databaseUrl)
  expect(await rows()).toEqual([{ module: 'pm' }])
})

test('by an owner who is no superuser; a policy that looks something up does so with the reader’s own rights', async () => {
  const { old, schema } = await project({
    plainOwner: true,
    change: `
      create table members (name text primary key, level int);
      insert into members values ('ann', 2), ('bob', 0);
      alter table members enable row level security;
      create policy "oneself" on members for select to authenticated using (name = current_setting('request.jwt.claims', true)::json ->> 'sub');
      revoke all on members from anon;
      drop policy "read levers" on learning_coefficients;
      drop policy "read all coefficients" on learning_coefficients;
      create policy "members" on learning_coefficients for select to public
        using (exists (select 1 from members m where m.level > 0 and learning_coefficients.scope = 'lever'));
      create policy "no moonboy on weekends" on learning_coefficients as restrictive for select to authenticated
        using (name <> 'curator' or key <> 'moonboy' or coalesce(current_setting('request.jwt.claims', true)::json ->> 'day', '') <> 'sunday')`,
  })
  const answers = async () => ({
    ann: await as(old, 'authenticated', READ, '{"sub": "ann"}'),
    annOnSunday: await as(old, 'authenticated', READ, '{"sub": "ann", "day": "sunday"}'),
    interactions: await as(
      old,
      'authenticated',
      `select from learning_coefficients where scope = 'interaction'`,
      '{"sub": "ann"}',
    ),
    bob: await as(old, 'authenticated', READ, '{"sub": "bob"}'),
    nobody: await as(old, 'authenticated', READ),
    anon: await as(old, 'anon', READ),
    service: await as(old, 'service_role', READ),
    locked: await as(old, 'service_role', `${READ} for update`),
  })
  const before = await answers()
  expect(before).toMatchObject({
    ann: [{}],
    annOnSunday: [],
    interactions: [],
    bob: [],
    nobody: [],
    anon: '42501',
    service: [{}],
  })
  await switchReaders(old.databaseUrl, { clock: systemClock })
  const after = await answers()
  expect(after).toMatchObject({
    ann: [{}],
    annOnSunday: [],
    interactions: [],
    bob: [],
    nobody: [],
    anon: '42501',
    service: [{}],
    locked: [{}],
  })
  expect(after.ann).not.toEqual(before.ann)
  await undo(old.databaseUrl)
  expect(await answers()).toEqual(before)
  expect(await schemaOf(old.databaseUrl)).toEqual(schema)
})

test('a table with columns that only it has: made by the database, of their own types and names', async () => {
  const { old, schema } = await project({
    change: `
      drop view curator_board;
      drop policy "read levers" on learning_coefficients;
      drop policy "tune coefficients" on learning_coefficients;
      create type scope_kind as enum ('lever', 'interaction', 'pattern');
      alter table learning_coefficients alter column scope type scope_kind using scope::scope_kind;
      alter table learning_coefficients add column "Note, Text" text, add column rid serial, add column seq bigint generated always as identity,
        add column doubled double precision generated always as (weight * 2) stored, add column extra json default '{"a": 1}', alter column n type bigint`,
  })
  const theirs = await old.sql(`select * from learning_coefficients where module = 'pm' order by key`)
  await switchReaders(old.databaseUrl, { clock: systemClock })
  expect(await old.sql(`select * from learning_coefficients where module = 'pm' order by key`)).toEqual(theirs)
  const [ours] = await old.sql(
    `select * from learning_coefficients where scope = 'lever' and name = 'curator' and key = 'moonboy'`,
  )
  // of a row that both have, the columns that only theirs knows
  expect(ours).toMatchObject({ rid: expect.any(Number), extra: { a: 1 }, 'Note, Text': null })
  expect(await old.sql(`select rid, extra from learning_coefficients where key = 'newcomer'`)).toEqual([
    { rid: null, extra: null },
  ])
  await old.sql(
    `insert into learning_coefficients (module, scope, name, key, "Note, Text") values ('pm', 'pattern', 'a', 'b', 'mine')`,
  )
  await old.sql(
    `update learning_coefficients set "Note, Text" = "Note, Text" || '!', weight = 3 where module = 'pm' and name = 'a'`,
  )
  const [added] = await old.sql(
    `select weight, doubled, extra, seq, rid, "Note, Text", updated_at from learning_coefficients where name = 'a'`,
  )
  expect(added).toEqual({
    weight: 3,
    doubled: 6,
    extra: { a: 1 },
    seq: expect.any(String),
    rid: expect.any(Number),
    'Note, Text': 'mine!',
    updated_at: expect.any(Date),
  })
  await old.sql(`delete from learning_coefficients where name = 'a'`)
  await undo(old.databaseUrl)
  expect(await old.sql(`select * from learning_coefficients where module = 'pm' order by key`)).toEqual(theirs)
  expect(await schemaOf(old.databaseUrl)).toEqual(schema)
})

test('policies that hold for the owner too are in the way of a switch, and named', async () => {
  const { old } = await project({
    plainOwner: true,
    change: 'alter table learning_coefficients force row level security',
  })
  const migrated = await schemaOf(old.databaseUrl)
  await expect(switchReaders(old.databaseUrl, { clock: systemClock })).rejects.toMatchObject({
    code: 'STORE_REJECTED',
    message: expect.stringContaining('holds for its owner too (force)'),
    todo: expect.stringContaining('no force row level security'),
  })
  expect(await schemaOf(old.databaseUrl)).toEqual(migrated)
})

test('who does not own the old table cannot switch or undo, and is told whom to be', async () => {
  const { old } = await project({})
  const role = `stranger_${randomBytes(4).toString('hex')}`
  await old.sql(`create role ${role} login password 'x' in role service_role`)
  try {
    const url = Object.assign(new URL(old.databaseUrl), { username: role, password: 'x' }).href
    for (const attempt of [() => switchReaders(url, { clock: systemClock }), () => undo(url)])
      await expect(attempt()).rejects.toMatchObject({
        code: 'STORE_REJECTED',
        message: expect.stringContaining('may not do this'),
        todo: expect.stringContaining('the role that owns the tables'),
      })
  } finally {
    await old.sql(`drop role ${role}`)
  }
})

test('over the API readers and writers are answered before and after, through an endpoint that runs on', async () => {
  const { old } = await project({})
  const { client } = await old.store()
  const read = () =>
    client
      .from('learning_coefficients')
      .select('weight')
      .eq('module', 'dm')
      .eq('scope', 'lever')
      .eq('name', 'curator')
      .eq('key', 'moonboy')
  const before = await read()
  expect(before.data).toEqual([{ weight: expect.any(Number) }])
  await switchReaders(old.databaseUrl, { clock: systemClock })
  const after = await read()
  expect(after.data).toEqual([{ weight: expect.any(Number) }])
  expect(after.data).not.toEqual(before.data)
  const tuned = await client
    .from('learning_coefficients')
    .update({ weight: 1.5 })
    .eq('module', 'pm')
    .eq('key', 'S3')
    .select('weight')
  expect(tuned).toMatchObject({ error: null, data: [{ weight: 1.5 }] })
  const added = await client
    .from('learning_coefficients')
    .insert({ module: 'pm', scope: 'pattern', name: 'x', key: 'y', weight: 2 })
  expect(added.error).toBeNull()
  await restoreReaders(old.databaseUrl)
  expect((await read()).data).toEqual(before.data)
  expect((await client.from('learning_coefficients').select('weight').eq('module', 'pm').eq('key', 'y')).data).toEqual([
    { weight: 2 },
  ])
})

test('a database that had nothing is emptied again, unless it holds what is nowhere else', async () => {
  const { url } = await askEngine<{ url: string }>('postgres')
  const name = `nothing_${randomBytes(5).toString('hex')}`
  await withClient(url, (client) => client.query(`create database ${name} template template0`))
  made.push({
    drop: async () => void (await withClient(url, (client) => client.query(`drop database ${name} with (force)`))),
  })
  const databaseUrl = Object.assign(new URL(url), { pathname: `/${name}` }).href
  const sql = (text: string) => withClient(databaseUrl, async (client) => (await client.query(text)).rows)
  const schema = await schemaOf(databaseUrl)
  await migrate(databaseUrl)
  expect(await switchReaders(databaseUrl, { clock: systemClock, force: true })).toEqual({ status: 'ours', names: [] })
  await sql(`insert into lowcap_positions (timeframe) values ('1h')`)
  expect((await planUndo(databaseUrl)).made).toContainEqual({ table: 'lowcap_positions', rows: 1 })
  await expect(undo(databaseUrl)).rejects.toMatchObject({
    code: 'STORE_REJECTED',
    message: expect.stringContaining('lowcap_positions (1 rows)'),
  })
  await undo(databaseUrl, { dropData: true })
  expect(await schemaOf(databaseUrl)).toEqual(schema)
  await migrate(databaseUrl)
  await undo(databaseUrl)
  expect(await schemaOf(databaseUrl)).toEqual(schema)
})

/** What others put beside our objects is theirs: undo leaves it, or says that it is in the way. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { migrate } from '../../core/store/migrate.ts'
import { undo } from '../../moving/undo.ts'
import { reportExecution } from '../../services/pm/index.ts'
import { drainLearningQueue } from '../../services/pm/sources/learning-queue.ts'
import { createOldDatabase, type OldDatabase } from '../legacy/old-database.ts'
import { schemaOf } from '../legacy/schema-of.ts'
import { closedTrade } from '../support/closed-trade.ts'
import type { TestDatabase } from '../support/database.ts'
import { fullExit, openedPosition, testPortfolio } from '../support/pm.ts'
import { strandTable } from '../support/strand-table.ts'

let old: OldDatabase
let before: string[]
beforeEach(async () => {
  old = await createOldDatabase('text')
  before = (await schemaOf(old.databaseUrl)) as string[]
  await migrate(old.databaseUrl)
})
afterEach(() => old.drop())

test.each([
  ['a table in our schema', 'create table strandline.notes (n integer)', 'drop table strandline.notes', /notes/],
  [
    'a view on ours in our schema',
    'create view strandline.mine as select * from strandline.learning_coefficients',
    'drop view strandline.mine',
    /mine/,
  ],
  [
    'a function in our schema',
    `create function strandline.mine() returns integer language sql as 'select 1'`,
    'drop function strandline.mine',
    /mine/,
  ],
  [
    'an index on a column of ours',
    'create index theirs on lowcap_positions (status, side)',
    'drop index theirs',
    /Somebody built on columns that Strandline added: index .*theirs/,
  ],
  [
    'a check on a column of ours',
    `alter table lowcap_positions add constraint theirs check (side <> 'short' or total_quantity >= 0)`,
    'alter table lowcap_positions drop constraint theirs',
    /constraint theirs on table/,
  ],
])('%s is in the way of an undo, and named; nothing is dropped', async (_, make, drop, says) => {
  await old.sql(make)
  const made = await schemaOf(old.databaseUrl)
  await expect(undo(old.databaseUrl)).rejects.toThrow(says)
  expect(await schemaOf(old.databaseUrl)).toEqual(made)
  await old.sql(drop)
  await undo(old.databaseUrl)
  expect(await schemaOf(old.databaseUrl)).toEqual(before)
})

test('a function named like ours, and a migration of theirs, stay', async () => {
  await old.sql(`create function strandline_report() returns integer language sql as 'select 1'`)
  await old.sql(
    `insert into supabase_migrations.schema_migrations (version, name) values ('20300101000000', 'strandline_for_our_dashboards')`,
  )
  await undo(old.databaseUrl)
  expect(await old.sql('select strandline_report() as n')).toEqual([{ n: 1 }])
  expect(await old.sql('select version from supabase_migrations.schema_migrations')).toEqual([
    { version: '20300101000000' },
  ])
})

test('whoever gets rights on new tables by default has none on ours', async () => {
  const role = `dash_${Math.random().toString(36).slice(2)}`
  await undo(old.databaseUrl)
  await old.sql(`create role ${role}`)
  try {
    for (const kind of ['tables', 'sequences', 'functions', 'schemas'])
      await old.sql(`alter default privileges grant all on ${kind} to ${role}`)
    await migrate(old.databaseUrl)
    const reach = `select bool_or(has_table_privilege('${role}', c.oid, 'select')) as tables,
      has_schema_privilege('${role}', 'strandline', 'usage') as schema,
      (select bool_or(has_function_privilege('${role}', p.oid, 'execute')) from pg_proc p
        where p.proname like 'strandline\\_%' and p.pronamespace = 'public'::regnamespace) as functions
      from pg_class c where c.relnamespace = 'strandline'::regnamespace and c.relkind in ('r', 'v')`
    expect(await old.sql(reach)).toEqual([{ tables: false, schema: false, functions: false }])
  } finally {
    await old.sql(`drop owned by ${role}; drop role ${role}`)
  }
})

/** Of functions that ours call with arguments of other types than PostgreSQL's own: theirs would fit better, wherever they stand. */
const SNARES = [
  ...[
    'text, jsonb',
    'text, text',
    'text, boolean',
    'text, bigint',
    'text, integer',
    'text, double precision',
    'text, timestamptz',
  ].map((args) => ['jsonb_build_object', args, 'jsonb']),
  ...['jsonb', 'text', 'text, text', 'jsonb, jsonb'].map((args) => ['jsonb_build_array', args, 'jsonb']),
  ...['text', 'text, text', 'text, text, text', 'text, text, name'].map((args) => ['format', args, 'text']),
  ...['lowcap_positions', 'ad_strands', 'learning_configs'].flatMap((table) => [
    ['jsonb_populate_record', `public.${table}, jsonb`, `public.${table}`],
    ['to_jsonb', `public.${table}`, 'jsonb'],
  ]),
] as [name: string, args: string, returns: string][]

test('whoever may put functions into public has none of them called by ours', async () => {
  await old.sql('create table snared (name text, role text)')
  for (const [name, args, returns] of SNARES) {
    const given = args.split(',').map((_, i) => `$${i + 1}`)
    await old.sql(`create function public.${name}(${args}) returns ${returns} language plpgsql security invoker as $$
      begin
        insert into public.snared values ('${name}(${args})', current_user);
        return pg_catalog.${name}(${given.join(', ')});
      end $$`)
  }
  await old.sql(`create function public.same(varchar, varchar) returns boolean language plpgsql as $$
    begin insert into public.snared values ('=', current_user); return $1::text operator(pg_catalog.=) $2::text; end $$;
    create operator public.= (function = public.same, leftarg = varchar, rightarg = varchar);
    grant all on public.snared to service_role`)
  const store = await old.store()
  const pm = testPortfolio({ store } as TestDatabase)
  await drainLearningQueue(pm)
  const id = await openedPosition(pm)
  await reportExecution(pm, id, fullExit(id))
  const strands = strandTable({ store, sql: old.sql } as unknown as TestDatabase)
  await strands.project(closedTrade({ position_id: 'snare', source: 'pm', closed_at: Date.now() }))
  await old.sql('select strandline.switch_readers(true); select strandline.restore_readers()')
  await undo(old.databaseUrl, { loseUnpublished: true })
  // lite looks into the catalogs with a path of its own, as its login role
  const ours = `select name, role, count(*) from snared where role not like 'strandline_api%' group by 1, 2`
  expect(await old.sql(ours)).toEqual([])
})

/** Applies supabase/migrations as the Supabase CLI does, and records them where it looks, so that either can go on from the other. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { StrandlineError } from '../errors.ts'
import { withClient } from './client.ts'
import { isLockFailure, LockOrder, SHARED_TABLES, transactionWhenFree } from './lock-order.ts'
import { isConnectionLoss } from './sql-state.ts'
import { sqlStatements } from './sql-statements.ts'

export const MIGRATIONS = fileURLToPath(new URL('../../supabase/migrations/', import.meta.url))

export interface Migration {
  /** The timestamp that the file name starts with; migrations apply in its order. */
  version: string
  name: string
  sql: string
}

export async function readMigrations(dir = MIGRATIONS): Promise<Migration[]> {
  const files = (await readdir(dir)).filter((f) => /^\d+_.+\.sql$/.test(f)).sort()
  return Promise.all(
    files.map(async (file) => {
      const [, version, name] = /^(\d+)_(.+)\.sql$/.exec(file)!
      return { version: version!, name: name!, sql: await readFile(join(dir, file), 'utf8') }
    }),
  )
}

/** What was before it was made by development versions, with other tables and functions under the same names. Nothing of that was released. */
const FIRST_VERSION = '20261125000106'
const EARLIER_FIRST_VERSIONS = [
  '20261123000100',
  '20261125000100',
  '20261125000101',
  '20261125000102',
  '20261125000103',
  '20261125000104',
  '20261125000105',
]
/** As the Supabase CLI makes it. */
const BOOKKEEPING = [
  'create schema if not exists supabase_migrations',
  'create table if not exists supabase_migrations.schema_migrations (version text not null primary key)',
  'alter table supabase_migrations.schema_migrations add column if not exists statements text[]',
  'alter table supabase_migrations.schema_migrations add column if not exists name text',
]
/** Whether the bookkeeping was here before us: what we made of it, `undo` takes away again. */
const NOTE_BOOKKEEPING = `select set_config('strandline.bookkeeping', (to_regclass('supabase_migrations.schema_migrations') is null)::text, true)`
const RECORD_BOOKKEEPING = `do $$ begin
  if current_setting('strandline.bookkeeping', true) = 'true' and to_regclass('strandline.added') is not null then
    insert into strandline.added (kind, table_name, object) values ('schema', '', 'supabase_migrations') on conflict do nothing;
  end if;
end $$`
const LIMITS = [`set local lock_timeout = '10s'`, 'set local statement_timeout = 0']
/** Several callers take turns. */
export const MIGRATION_TURN = `select pg_advisory_xact_lock(hashtextextended('strandline.migrate', 0))`

/** Writers wait until it is through, readers only where a table of theirs gets a column. */
const lockOrder = () => new LockOrder(SHARED_TABLES, 'share row exclusive')

/**
 * Applies what is missing, all of it in one transaction or nothing; several callers take turns. Where a table is in use, from the beginning again for a while.
 * @returns the versions applied now.
 * Errors: STORE_SCHEMA when the database is newer than these migrations, was made by a development version, or one of them fails; STORE_REJECTED when a
 * table was in use all the time; STORE_UNREACHABLE.
 */
export async function migrate(databaseUrl: string, migrations?: Migration[]): Promise<string[]> {
  const known = migrations ?? (await readMigrations())
  const locks = lockOrder()
  return withClient(databaseUrl, async (client) => {
    const applied = await transactionWhenFree(client, () => applyMissing(client, known, locks))
    return applied.map((m) => m.version)
  })
}

async function applyMissing(client: pg.ClientBase, known: readonly Migration[], locks: LockOrder) {
  for (const statement of [...LIMITS, MIGRATION_TURN]) await client.query(statement)
  const missing = await missingOf(client, known)
  if (missing.length === 0) return missing
  await locks.lock(client)
  for (const statement of [NOTE_BOOKKEEPING, ...BOOKKEEPING]) await client.query(statement)
  for (const migration of missing) await apply(client, migration)
  await client.query(RECORD_BOOKKEEPING)
  return missing
}

/** What `migrate` would apply; nothing is changed. Errors: as those of migrate. */
export async function missingMigrations(databaseUrl: string, migrations?: Migration[]): Promise<Migration[]> {
  const known = migrations ?? (await readMigrations())
  return withClient(databaseUrl, (client) => missingOf(client, known))
}

/** Migrations as one text that can be pasted into an SQL editor: the same transaction, with the same bookkeeping. */
export function pasteable(migrations: readonly Migration[]): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`
  const rows = migrations.map((m) => `  (${quoted(m.version)}, ${quoted(m.name)})`).join(',\n')
  return [
    'begin;',
    ...[...LIMITS, ...lockOrder().statements(), NOTE_BOOKKEEPING, ...BOOKKEEPING].map((s) => `${s};`),
    ...migrations.flatMap((m) => ['', `-- ${m.version}_${m.name}.sql`, m.sql.trimEnd()]),
    '',
    `insert into supabase_migrations.schema_migrations (version, name) values\n${rows};`,
    `${RECORD_BOOKKEEPING};`,
    'commit;',
    '',
  ].join('\n')
}

/** The table is others' as well: of its rows, ours are those whose names begin with strandline_. */
async function missingOf(client: pg.ClientBase, known: readonly Migration[]): Promise<Migration[]> {
  const there = await client.query<{ there: boolean }>(
    `select to_regclass('supabase_migrations.schema_migrations') is not null as there`,
  )
  if (!there.rows[0]?.there) return [...known]
  const { rows } = await client.query<{ version: string; name: string | null }>(
    `select version, to_jsonb(m) ->> 'name' as name from supabase_migrations.schema_migrations m`,
  )
  const applied = new Set(rows.map((r) => r.version))
  if (EARLIER_FIRST_VERSIONS.some((v) => applied.has(v)) && !applied.has(FIRST_VERSION))
    throw new StrandlineError(
      'STORE_SCHEMA',
      'This database was made by an earlier development version of Strandline, whose tables were others.',
      {
        todo: 'Use another database (or another --data-dir): learner and projector fold the log again; `import jsonl` takes over what never reached it.',
      },
    )
  const versions = new Set(known.map((m) => m.version))
  const newer = rows.filter((r) => r.name?.startsWith('strandline_') && !versions.has(r.version)).map((r) => r.version)
  if (newer.length > 0)
    throw new StrandlineError(
      'STORE_SCHEMA',
      `The database has migration ${newer.sort().at(-1)}; this version of Strandline knows them up to ${known.at(-1)?.version ?? '0'}.`,
      {
        todo: 'Use the newer version of Strandline, or another database.',
      },
    )
  return known.filter((m) => !applied.has(m.version))
}

async function apply(client: pg.ClientBase, { version, name, sql }: Migration): Promise<void> {
  const statements = sqlStatements(sql)
  let at = ''
  try {
    for (const statement of statements) {
      at = statement
      await client.query(statement)
    }
    await client.query(
      'insert into supabase_migrations.schema_migrations (version, name, statements) values ($1, $2, $3)',
      [version, name, statements],
    )
  } catch (cause) {
    if (isLockFailure(cause) || isConnectionLoss(cause)) throw cause
    const where = at
      .replace(/^(\s*--.*\n)+/, '')
      .replace(/\s+/g, ' ')
      .slice(0, 80)
    throw new StrandlineError(
      'STORE_SCHEMA',
      `Migration ${version}_${name} failed at "${where}": ${(cause as Error).message}. Nothing was changed.`,
      { todo: 'What is in the way, and what to do: ./strandline doctor.', cause },
    )
  }
}

/** Applies supabase/migrations as the Supabase CLI does, and records them where it looks, so that either can go on from the other. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { StrandlineError } from '../core/errors.ts'
import { withClient } from './client.ts'
import { sqlStatements } from './sql-statements.ts'

export const MIGRATIONS = fileURLToPath(new URL('../supabase/migrations/', import.meta.url))

/** Whom the HTTP endpoint connects as. A name of our own: Supabase's `authenticator` must keep its password should this be a real project. */
export const API_ROLE = 'strandline_api'

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

/**
 * Applies what is missing, each migration in a transaction of its own; several callers take turns.
 * @returns the versions applied now.
 * Errors: STORE_SCHEMA when the database is newer than these migrations, or one of them fails; STORE_UNREACHABLE.
 */
export async function migrate(databaseUrl: string, migrations?: Migration[]): Promise<string[]> {
  const known = migrations ?? (await readMigrations())
  return withClient(databaseUrl, async (client) => {
    await client.query(`select pg_advisory_lock(hashtextextended('strandline.migrate', 0))`)
    await client.query('create schema if not exists supabase_migrations')
    await client.query(
      'create table if not exists supabase_migrations.schema_migrations (version text not null primary key)',
    )
    await client.query('alter table supabase_migrations.schema_migrations add column if not exists statements text[]')
    await client.query('alter table supabase_migrations.schema_migrations add column if not exists name text')
    const { rows } = await client.query<{ version: string }>(
      'select version from supabase_migrations.schema_migrations',
    )
    const applied = new Set(rows.map((r) => r.version))
    refuseNewer(applied, known)
    const missing = known.filter((m) => !applied.has(m.version))
    for (const migration of missing) await apply(client, migration)
    return missing.map((m) => m.version)
  })
}

function refuseNewer(applied: Set<string>, known: Migration[]): void {
  const ours = known.at(-1)?.version ?? '0'
  const theirs = [...applied].sort().at(-1) ?? '0'
  if (theirs > ours && !known.some((m) => m.version === theirs))
    throw new StrandlineError(
      'STORE_SCHEMA',
      `The database has migration ${theirs}; this version of Strandline knows them up to ${ours}.`,
      {
        todo: 'Use the newer version of Strandline, or another database.',
      },
    )
}

async function apply(client: pg.Client, { version, name, sql }: Migration): Promise<void> {
  const statements = sqlStatements(sql)
  let at = ''
  await client.query('begin')
  try {
    for (const statement of statements) {
      at = statement
      await client.query(statement)
    }
    await client.query(
      'insert into supabase_migrations.schema_migrations (version, name, statements) values ($1, $2, $3)',
      [version, name, statements],
    )
    await client.query('commit')
  } catch (cause) {
    await client.query('rollback').catch(() => {})
    const where = at
      .replace(/^(\s*--.*\n)+/, '')
      .replace(/\s+/g, ' ')
      .slice(0, 80)
    throw new StrandlineError(
      'STORE_SCHEMA',
      `Migration ${version}_${name} failed at "${where}": ${(cause as Error).message}.`,
      { cause },
    )
  }
}

/**
 * What a Supabase project has before its first migration: the request roles, and a login role for the endpoint with hosted Supabase's limits.
 * The default privileges are as open as there, on purpose: a migration that forgets to revoke is then found here.
 */
export async function prepareDatabase(client: pg.Client, apiPassword: string): Promise<void> {
  const role = (name: string, attributes: string) =>
    client.query(
      `do $$ begin if not exists (select from pg_roles where rolname = '${name}') then create role ${name} ${attributes}; end if; end $$`,
    )
  await role('anon', 'nologin noinherit')
  await role('authenticated', 'nologin noinherit')
  await role('service_role', 'nologin noinherit bypassrls')
  await role(API_ROLE, 'login')
  await client.query(`alter role ${API_ROLE} with password ${client.escapeLiteral(apiPassword)}`)
  // Unlike those of Supabase's authenticator, its rights are inherited: lite looks the tables up in information_schema, which shows only
  // what the login role may use. Said of the role and not of the grant, which PostgreSQL takes as of 16 only: hosted projects also run 15.
  await client.query(`alter role ${API_ROLE} inherit`)
  await client.query(`grant anon, authenticated, service_role to ${API_ROLE}`)
  await client.query(`alter role ${API_ROLE} set statement_timeout = '8s'`)
  await client.query(`alter role ${API_ROLE} set lock_timeout = '8s'`)
  await client.query('grant usage on schema public to anon, authenticated, service_role')
  for (const kind of ['tables', 'functions', 'sequences'])
    await client.query(
      `alter default privileges in schema public grant all on ${kind} to anon, authenticated, service_role`,
    )
}

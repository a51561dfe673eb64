/** Applies supabase/migrations as the Supabase CLI does, and records them where it looks, so that either can go on from the other. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { StrandlineError } from '../core/errors.ts'
import { withClient } from './client.ts'
import { sqlStatements } from './sql-statements.ts'

export const MIGRATIONS = fileURLToPath(new URL('../supabase/migrations/', import.meta.url))

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

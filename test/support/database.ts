/**
 * One PostgreSQL for the run, and for each spec file a fresh database of its own (a copy of a migrated template, about 50 ms) with its own
 * Supabase endpoint: files run beside each other without seeing each other's rows.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { withClient } from '../../core/store/client.ts'
import { createPostgresStore } from '../../core/store/postgres-store.ts'
import { createPostgrestStore, type PostgrestStore } from '../../core/store/postgrest-store.ts'
import { apiUrl } from '../../embedded/database.ts'
import { startSupabase } from '../../services/supabase/index.ts'
import { askEngine } from './ask-engine.ts'
import { PASSWORD, TEMPLATE } from './engine-desk.ts'
import { STATEMENT_MS } from './patience.ts'

export interface TestDatabase {
  /** Its calls go to PostgreSQL itself with TEST_STORE=direct, else through the endpoint. */
  store: PostgrestStore
  /** As the superuser. */
  databaseUrl: string
  supabaseUrl: string
  /** The service role key of supabaseUrl. */
  key: string
  /** With which a program of ours calls it as `store` does. */
  env: Record<string, string>
  /** Runs a statement as the superuser and returns its rows. Unqualified names are those of `public`, then those of `strandline`. */
  sql<Row = Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>
  /** Stops the endpoint and drops the database. */
  drop(): Promise<void>
  /** The same as drop. */
  stop(): Promise<void>
}

/** `objects`: statements that make what the file's own tests need of the schema, run before the endpoint reads it. */
export async function createTestDatabase(objects = ''): Promise<TestDatabase> {
  const { url } = await askEngine<{ url: string }>('postgres')
  const name = `test_${randomBytes(6).toString('hex')}`
  await withClient(url, (client) => client.query(`create database ${name} template ${TEMPLATE}`))
  const databaseUrl = Object.assign(new URL(url), { pathname: `/${name}` }).href
  await withClient(databaseUrl, (client) => client.query(objects))
  const key = `sb_secret_${randomBytes(16).toString('hex')}`
  const supabase = await startSupabase({
    databaseUrl: apiUrl(databaseUrl, PASSWORD),
    port: 0,
    serviceRoleKey: key,
    poolSize: 16,
    timeoutMs: STATEMENT_MS,
  })
  const rest = createPostgrestStore({ url: supabase.url, key, timeoutMs: STATEMENT_MS })
  const directUrl = process.env.TEST_STORE === 'direct' ? apiUrl(databaseUrl, PASSWORD) : undefined
  const direct = directUrl ? createPostgresStore({ url: directUrl, timeoutMs: STATEMENT_MS }) : undefined
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 4, options: '-c search_path=public,strandline' })
  pool.on('error', () => {}) // dropping the database ends its idle connections
  async function drop(): Promise<void> {
    await supabase.stop()
    await direct?.close()
    await pool.end()
    await withClient(url, (client) => client.query(`drop database if exists ${name} with (force)`))
  }
  return {
    store: { ...rest, ...direct },
    databaseUrl,
    supabaseUrl: supabase.url,
    key,
    env: {
      SUPABASE_URL: supabase.url,
      SUPABASE_SERVICE_ROLE_KEY: key,
      ...(directUrl ? { DATABASE_URL: directUrl } : {}),
    },
    sql: async <Row>(text: string, values: unknown[] = []) => (await pool.query(text, values)).rows as Row[],
    drop,
    stop: drop,
  }
}

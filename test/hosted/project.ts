/**
 * A database as a hosted Supabase project is one: its owner is no superuser, `public` belongs to somebody else and grants everything by default, requests come in
 * over a login role with a short patience, and a superuser's event triggers watch every statement that makes something.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { withClient } from '../../core/store/client.ts'
import { createPostgrestStore } from '../../core/store/postgrest-store.ts'
import { startSupabase } from '../../services/supabase/index.ts'
import { askEngine } from '../support/ask-engine.ts'
import type { TestDatabase } from '../support/database.ts'
import { STATEMENT_MS } from '../support/patience.ts'
import { makeProjectOwner } from '../support/project-owner.ts'

export interface HostedProject extends TestDatabase {
  /** As the project's owner, which the SQL editor and `supabase db push` are. */
  ownerUrl: string
  /** Name of the owner. */
  owner: string
}

export async function createHostedProject(): Promise<HostedProject> {
  const { url } = await askEngine<{ url: string }>('postgres')
  const id = randomBytes(5).toString('hex')
  const [name, owner, authenticator] = [`hosted_${id}`, `owner_${id}`, `authenticator_${id}`]
  const password = randomBytes(12).toString('hex')
  const at = (change: object) => Object.assign(new URL(url), { pathname: `/${name}`, ...change }).href
  await withClient(url, async (client) => {
    // Supabase's inherits nothing; lite looks tables up in information_schema, which shows a role only what is its own right
    await client.query(`create role ${authenticator} login inherit password '${password}'`)
    await client.query(`grant anon, authenticated, service_role to ${authenticator}`)
    await client.query(`alter role ${authenticator} set statement_timeout = '8s'`)
    await client.query(`alter role ${authenticator} set lock_timeout = '8s'`)
    await client.query(`create database ${name}`)
  })
  await withClient(at({}), async (client) => {
    await makeProjectOwner(client, owner, password)
    await client.query('create publication supabase_realtime')
    await client.query(WATCH)
  })
  const key = `sb_secret_${randomBytes(16).toString('hex')}`
  const supabase = await startSupabase({
    databaseUrl: at({ username: authenticator, password }),
    port: 0,
    serviceRoleKey: key,
    poolSize: 16,
    timeoutMs: STATEMENT_MS,
  })
  const pool = new pg.Pool({ connectionString: at({}), max: 4 })
  pool.on('error', () => {}) // dropping the database ends its idle connections
  async function drop(): Promise<void> {
    await supabase.stop()
    await pool.end()
    await withClient(url, async (client) => {
      await client.query(`drop database if exists ${name} with (force)`)
      for (const role of [authenticator, owner]) await client.query(`drop role if exists ${role}`)
    })
  }
  return {
    store: createPostgrestStore({ url: supabase.url, key }),
    databaseUrl: at({}),
    ownerUrl: at({ username: owner, password }),
    owner,
    supabaseUrl: supabase.url,
    key,
    env: { SUPABASE_URL: supabase.url, SUPABASE_SERVICE_ROLE_KEY: key },
    sql: async <Row>(text: string, values: unknown[] = []) => (await pool.query(text, values)).rows as Row[],
    drop,
    stop: drop,
  }
}

/** PostgREST is told of every new object by a trigger of the platform's, which runs as whoever makes it. */
const WATCH = `
create function extensions.ddl_watch() returns event_trigger language plpgsql as $$
declare cmd record;
begin
  for cmd in select * from pg_event_trigger_ddl_commands() loop
    if cmd.command_tag in ('CREATE SCHEMA', 'CREATE TABLE', 'ALTER TABLE', 'CREATE VIEW', 'CREATE FUNCTION', 'CREATE TRIGGER') then
      notify pgrst, 'reload schema';
    end if;
  end loop;
end $$;
create event trigger ddl_watch on ddl_command_end execute procedure extensions.ddl_watch()`

/**
 * Whom the HTTP endpoint connects to PostgreSQL as: a role that may only become anon, authenticated or service_role. Never Supabase's `authenticator`,
 * which must keep its password should this be a real project. In a cluster of our own it is made to measure. In a database that was given to us everything
 * else belongs to others: what is missing is made, what is there is left as it is.
 */
import { createHash, createHmac } from 'node:crypto'
import type pg from 'pg'
import { StrandlineError } from '../../core/errors.ts'
import { withClient } from '../../core/store/client.ts'

/** Of an embedded cluster. */
export const API_ROLE = 'strandline_api'

/** Of Supabase: who a request acts as. */
const REQUEST_ROLES = {
  anon: 'nologin noinherit',
  authenticated: 'nologin noinherit',
  service_role: 'nologin noinherit bypassrls',
}
const MEMBER_OF = Object.keys(REQUEST_ROLES).join(', ')

/**
 * What a Supabase project has before its first migration, in a cluster that nobody else uses. The default privileges are as open as there, on purpose: a
 * migration that forgets to revoke is then found here.
 */
export async function prepareOwnCluster(client: pg.Client, apiPassword: string): Promise<void> {
  await makeRequestRoles(client)
  await makeRole(client, API_ROLE, 'login')
  await shapeLogin(client, API_ROLE, apiPassword)
  await client.query(`grant usage on schema public to ${MEMBER_OF}`)
  for (const kind of ['tables', 'functions', 'sequences'])
    await client.query(`alter default privileges in schema public grant all on ${kind} to ${MEMBER_OF}`)
}

/**
 * Makes the endpoint's login role in a database that others use as well, and says how to connect as it. Roles belong to the whole cluster, so its name
 * follows from the database and the key: another endpoint has another one, and several with the same key in front of one database share theirs.
 * Errors: STORE_REJECTED when the role is there and is not as we would have made it; it is not changed.
 */
export async function prepareGivenDatabase(databaseUrl: string, serviceRoleKey: string): Promise<string> {
  return withClient(databaseUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>('select current_database() as name')
    const role = apiRoleOf(serviceRoleKey, rows[0]!.name)
    const password = createHmac('sha256', serviceRoleKey).update(role).digest('base64url')
    const url = Object.assign(new URL(databaseUrl), { username: role, password }).href
    await makeRequestRoles(client)
    await client.query('begin')
    // Whoever makes it, makes all of it before another looks.
    await client.query(`select pg_advisory_xact_lock(hashtextextended('strandline.api_role', 0))`)
    const known = await client.query('select from pg_roles where rolname = $1', [role])
    if (known.rowCount === 0) {
      await client.query(`create role ${role} login`)
      await shapeLogin(client, role, password)
    }
    const { rows: may } = await client.query(`select has_schema_privilege('service_role', 'public', 'usage') as enough`)
    if (!may[0].enough) await client.query('grant usage on schema public to service_role')
    await client.query('commit')
    if (known.rowCount !== 0) await requireOurs(url, role)
    return url
  })
}

export function apiRoleOf(serviceRoleKey: string, database: string): string {
  const hash = createHash('sha256').update(`${serviceRoleKey}\0${database}`).digest('hex')
  return `${API_ROLE}_${hash.slice(0, 8)}`
}

async function requireOurs(url: string, role: string): Promise<void> {
  const wrong = (what: string, cause?: unknown) =>
    new StrandlineError('STORE_REJECTED', `The role ${role} is in this database already, and ${what}.`, {
      todo: `It is not changed unasked. If nothing else uses it, drop it (drop role ${role}) and start again; otherwise choose another SUPABASE_SERVICE_ROLE_KEY.`,
      cause,
    })
  const enough = await withClient(url, async (client) => {
    const { rows } = await client.query(`select pg_has_role('service_role', 'member') as enough`)
    return rows[0].enough as boolean
  }).catch((error) => {
    const state = (error.cause as pg.DatabaseError | undefined)?.code
    // 28: authorization. Anything else is not the role's.
    if (!state?.startsWith('28')) throw error
    throw wrong('does not accept the password that follows from SUPABASE_SERVICE_ROLE_KEY', error)
  })
  if (!enough) throw wrong('may not become service_role')
}

async function makeRequestRoles(client: pg.Client): Promise<void> {
  for (const [role, attributes] of Object.entries(REQUEST_ROLES)) await makeRole(client, role, attributes)
}

/** Only where there is none. Another database of the cluster may be prepared at the same moment. */
async function makeRole(client: pg.Client, role: string, attributes: string): Promise<void> {
  await client.query(`do $$ begin
    if not exists (select from pg_roles where rolname = '${role}') then create role ${role} ${attributes}; end if;
  exception when duplicate_object or unique_violation then null; end $$`)
}

async function shapeLogin(client: pg.Client, role: string, password: string): Promise<void> {
  await client.query(`alter role ${role} with password ${client.escapeLiteral(password)}`)
  // Unlike those of Supabase's authenticator, its rights are inherited: lite looks the tables up in information_schema, which shows only
  // what the login role may use. Said of the role and not of the grant, which PostgreSQL takes as of 16 only: hosted projects also run 15.
  await client.query(`alter role ${role} inherit`)
  await client.query(`grant ${MEMBER_OF} to ${role}`)
  // As hosted Supabase's.
  await client.query(`alter role ${role} set statement_timeout = '8s'`)
  await client.query(`alter role ${role} set lock_timeout = '8s'`)
}

/**
 * Who has no key gets nothing: every table, view, materialised view, sequence and function that the database's own catalog lists, in every schema, asked as
 * PostgreSQL's roles `anon` and `authenticated`, and through the Supabase endpoint with every kind of key that is not the right one. What is made tomorrow is
 * asked tomorrow: nothing here names a table.
 */
import { createHmac } from 'node:crypto'
import type pg from 'pg'
import { withClient } from '../../core/store/client.ts'
import { changedTables, digestOf, quoted, SYSTEM_SCHEMAS } from '../database/digest.ts'
import type { Failure, Found } from '../found.ts'
import { send } from '../http/send.ts'

export interface AccessTargets {
  /** As the superuser. */
  databaseUrl: string
  supabaseUrl: string
  key: string
  /** Of services: without the token, nothing but /healthz. */
  services?: { url: string; paths: string[] }[]
}

export interface AccessFound extends Found {
  relations: number
  functions: number
  /** Attempts. */
  as: Record<string, number>
}

interface Relation {
  schema: string
  name: string
  kind: string
  columns: string[]
}

interface Routine {
  oid: number
  schema: string
  name: string
  kind: string
  arguments: string[]
  /** Types of its arguments. */
  types: string[]
}

/** Insufficient privilege; and no view that can be written to, which PostgreSQL says first. */
const DENIED = ['42501', '55000']

export async function tryAccess(
  targets: AccessTargets,
  { progress }: { progress?(done: number, of: number): void } = {},
): Promise<AccessFound> {
  const failures: Failure[] = []
  const as: Record<string, number> = {}
  const note = (who: string) => {
    as[who] = (as[who] ?? 0) + 1
  }
  return withClient(targets.databaseUrl, async (client) => {
    const except = await changesByItself(client)
    const before = await digestOf(client, except)
    const relations = await relationsOf(client)
    const functions = await routinesOf(client)
    const total = relations.length + functions.length
    let done = 0
    for (const relation of relations) {
      for (const role of ROLES)
        for (const statement of statementsOf(relation)) {
          note(role)
          const problem = await tryAs(client, role, statement)
          if (problem) failures.push({ part: 'access', number: done, problem: `${role}: ${statement}: ${problem}` })
        }
      progress?.(++done, total)
    }
    for (const routine of functions) {
      for (const role of ROLES) {
        note(role)
        const problem = await tryAs(client, role, callOf(routine))
        if (problem) failures.push({ part: 'access', number: done, problem: `${role}: ${callOf(routine)}: ${problem}` })
      }
      progress?.(++done, total)
    }
    for (const [who, headers] of Object.entries(strangers(targets.key)))
      for (const request of requestsFor(relations, functions)) {
        note(who)
        const problem = await tryRequest(targets.supabaseUrl, request, headers)
        if (problem) failures.push({ part: 'access', number: done, problem: `${who}: ${request.line}: ${problem}` })
      }
    const changed = changedTables(before, await digestOf(client, except))
    if (changed.length > 0) failures.push({ part: 'access', number: 0, problem: `${changed.join(', ')} changed` })
    if (relations.length < 20 || functions.length < 40)
      failures.push({
        part: 'access',
        number: 0,
        problem: `the catalog lists ${relations.length} relations and ${functions.length} functions: too few to prove anything`,
      })
    const cases = Object.values(as).reduce((sum, n) => sum + n, 0)
    return { cases, relations: relations.length, functions: functions.length, as, failures }
  })
}

const ROLES = ['anon', 'authenticated']

/** Services that are up write where they are, whoever asks. */
async function changesByItself(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ alive: boolean }>('select exists (select from strandline.services) as alive')
  return rows[0]!.alive ? ['strandline.services', 'strandline.consumer_checkpoints'] : []
}

async function relationsOf(client: pg.ClientBase): Promise<Relation[]> {
  const { rows } = await client.query<Relation>(`
    select n.nspname as schema, c.relname as name, c.relkind as kind,
      array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum) as columns
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and ${SYSTEM_SCHEMAS} order by 1, 2`)
  return rows
}

/** Those of extensions are not ours, and are there before us. Triggers' functions cannot be called, but by a trigger. */
async function routinesOf(client: pg.ClientBase): Promise<Routine[]> {
  const { rows } = await client.query<Routine>(`
    select p.oid::int as oid, n.nspname as schema, p.proname as name, p.prokind as kind, coalesce(p.proargnames[1:p.pronargs], '{}')::text[] as arguments,
      array(select format_type(t, null) from unnest(p.proargtypes) t) as types
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where ${SYSTEM_SCHEMAS} and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
      and not exists (select from pg_depend d where d.objid = p.oid and d.classid = 'pg_proc'::regclass and d.deptype = 'e') order by 2, 3, 1`)
  return rows
}

function statementsOf({ schema, name, kind, columns }: Relation): string[] {
  const table = `${quoted(schema)}.${quoted(name)}`
  if (kind === 'S')
    return [
      `select last_value from ${table}`,
      `select nextval('${table.replaceAll("'", "''")}'::regclass)`,
      `select setval('${table.replaceAll("'", "''")}'::regclass, 1)`,
    ]
  const [first] = columns
  const column = first === undefined ? undefined : quoted(first)
  return [
    `select * from ${table} limit 1`,
    `select count(*) from ${table}`,
    ...columns.map((c) => `select ${quoted(c)} from ${table} limit 1`),
    `insert into ${table} default values`,
    ...(column ? [`update ${table} set ${column} = ${column}`] : []),
    `delete from ${table}`,
    ...(kind === 'r' || kind === 'p' ? [`truncate ${table}`, `lock table ${table}`, `copy ${table} to stdout`] : []),
    ...(kind === 'm' ? [`refresh materialized view ${table}`] : []),
    `drop ${{ v: 'view', m: 'materialized view', f: 'foreign table' }[kind] ?? 'table'} ${table}`,
    `create trigger fuzz before insert on ${table} for each statement execute function suppress_redundant_updates_trigger()`,
    `grant select on ${table} to public`,
  ]
}

function callOf({ schema, name, kind, types }: Routine): string {
  const values = types.map((type) => `null::${type}`).join(', ')
  return `${kind === 'p' ? 'call' : 'select'} ${quoted(schema)}.${quoted(name)}(${values})`
}

/** Undefined: it was denied. In a transaction that is taken back, so that what is open does no harm to what is asked next. */
async function tryAs(client: pg.ClientBase, role: string, statement: string): Promise<string | undefined> {
  await client.query('begin')
  try {
    await client.query(`set local role ${role}`)
    await client.query("select set_config('request.jwt.claims', $1, true)", [
      JSON.stringify({ role, sub: '00000000-0000-0000-0000-000000000001' }),
    ])
    await client.query(statement)
    return 'it was done'
  } catch (error) {
    const { code, message } = error as pg.DatabaseError
    return DENIED.includes(code ?? '') ? undefined : `it was not denied, but failed: ${message} (${code})`
  } finally {
    await client.query('rollback')
  }
}

const base64 = (value: object | Buffer) =>
  (Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value))).toString('base64url')

/** A JWT as Supabase's look, signed with this secret. */
function jwt(claims: object, secret: string, alg = 'HS256'): string {
  const head = `${base64({ alg, typ: 'JWT' })}.${base64(claims)}`
  return `${head}.${alg === 'none' ? '' : base64(createHmac('sha256', secret).update(head).digest())}`
}

/** Everybody who has not the one right key, by what they show. */
function strangers(key: string): Record<string, Record<string, string>> {
  const now = Math.floor(Date.now() / 1_000)
  const both = (token: string) => ({ apikey: token, authorization: `Bearer ${token}` })
  const claims = (role: string, exp = now + 3_600) => ({
    iss: 'supabase',
    ref: 'fuzz',
    role,
    aud: role,
    sub: '00000000-0000-0000-0000-000000000001',
    iat: now - 60,
    exp,
  })
  const another = 'a-secret-of-another-project-altogether-0000'
  return {
    'no key': {},
    'the anon key': both(jwt(claims('anon'), another)),
    'a publishable key': both('sb_publishable_AAAAAAAAAAAAAAAAAAAAAA_AAAAAAAA'),
    'an authenticated user': {
      apikey: jwt(claims('anon'), another),
      authorization: `Bearer ${jwt(claims('authenticated'), another)}`,
    },
    'an expired user': both(jwt(claims('authenticated', now - 60), another)),
    'a forged service role': both(jwt(claims('service_role'), 'guessed')),
    'a service role without a signature': both(jwt(claims('service_role'), '', 'none')),
    'a service role signed with the key': both(jwt(claims('service_role'), key)),
    "another project's service key": both('sb_secret_0123456789abcdef0123456789abcdef'),
    'the right key beside another': { apikey: key, authorization: `Bearer ${jwt(claims('anon'), another)}` },
    'the right key cut short': both(key.slice(0, -1)),
    'the role as a header': { role: 'service_role', 'x-supabase-role': 'service_role', prefer: 'tx=commit' },
  }
}

interface Request {
  line: string
  body?: string
  headers?: Record<string, string>
}

/** Each relation and function by each method, in the schemas that a profile may name; and what else such a platform serves. */
function requestsFor(relations: Relation[], functions: Routine[]): Request[] {
  const profiles = (schema: string) =>
    schema === 'public' ? {} : { 'accept-profile': schema, 'content-profile': schema }
  const ofRelations = relations.flatMap(({ schema, name, columns }) => {
    const path = `/rest/v1/${encodeURIComponent(name)}`
    const column = encodeURIComponent(columns[0] ?? 'id')
    const headers = profiles(schema)
    return [
      { line: `GET ${path}?select=*`, headers },
      { line: `POST ${path}`, body: '{}', headers },
      { line: `PATCH ${path}?${column}=not.is.null`, body: `{"${columns[0] ?? 'id'}": null}`, headers },
      { line: `DELETE ${path}?${column}=not.is.null`, headers },
    ]
  })
  const ofFunctions = functions.flatMap(({ schema, name, arguments: names }) => {
    const path = `/rest/v1/rpc/${encodeURIComponent(name)}`
    const headers = profiles(schema)
    return [
      { line: `POST ${path}`, body: JSON.stringify(Object.fromEntries(names.map((n) => [n, null]))), headers },
      { line: `GET ${path}?${names.map((n) => `${encodeURIComponent(n)}=1`).join('&')}`, headers },
    ]
  })
  const others = [
    '/',
    '/rest/v1/',
    '/rest/v1',
    '/graphql/v1',
    '/auth/v1/admin/users',
    '/auth/v1/token',
    '/storage/v1/bucket',
    '/functions/v1/x',
    '/realtime/v1/websocket',
    '/_system/info',
    '/_system/config',
    '/pg/query',
    '/pg-meta/default/tables',
    '/metrics',
    '/admin',
  ]
  return [
    ...ofRelations,
    ...ofFunctions,
    ...others.flatMap((path) => [{ line: `GET ${path}` }, { line: `POST ${path}`, body: '{}' }]),
  ]
}

async function tryRequest(
  url: string,
  { line, body = '', headers = {} }: Request,
  shown: Record<string, string>,
): Promise<string | undefined> {
  const all = {
    host: new URL(url).host,
    connection: 'close',
    ...headers,
    ...shown,
    ...(body ? { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) } : {}),
  }
  const head = `${line} HTTP/1.1\r\n${Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`
  const sent = await send(url, Buffer.from(head + body), { whole: true, isHead: false })
  const answer = sent === 'hangs' ? undefined : sent.answers[0]
  if (!answer) return 'there is no answer'
  return [401, 403, 404].includes(answer.status) ? undefined : `${answer.status} ${answer.body.slice(0, 100)}`
}

/** `strandline supabase` in front of databases that are not its own, in a cluster that others use: it adds what is its, and changes nothing else. */
import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../core/ports.ts'
import { withClient } from '../../core/store/client.ts'
import { createPostgrestStore } from '../../core/store/postgrest-store.ts'
import { apiRoleOf } from '../../services/supabase/api-role.ts'
import { askEngine } from '../support/ask-engine.ts'
import { type RunningCommand, runCommand, startCommand } from '../support/strandline.ts'

let server: string
const made: string[] = []
const roles: string[] = []
const running: RunningCommand[] = []
beforeAll(async () => {
  server = (await askEngine<{ url: string }>('postgres')).url
})
afterEach(async () => {
  for (const { child } of running) child.kill('SIGTERM')
  await Promise.all(running.splice(0).map(({ ended }) => ended))
})
afterAll(async () => {
  for (const name of made) await sql(server, `drop database ${name} with (force)`)
  for (const role of roles) await sql(server, `drop role if exists ${role}`)
})

const sql = <Row = Record<string, unknown>>(url: string, text: string) =>
  withClient(url, async (client) => (await client.query(text)).rows as Row[])

interface Given {
  name: string
  url: string
  key: string
  role: string
}

async function given(): Promise<Given> {
  const name = `given_${randomBytes(6).toString('hex')}`
  await sql(server, `create database ${name}`)
  made.push(name)
  const key = `sb_secret_${randomBytes(12).toString('hex')}`
  const role = apiRoleOf(key, name)
  roles.push(role)
  return { name, key, role, url: Object.assign(new URL(server), { pathname: `/${name}` }).href }
}

const environment = ({ url, key }: Given) => ({ DATABASE_URL: url, SUPABASE_SERVICE_ROLE_KEY: key, LOG_LEVEL: 'info' })

async function serve(of: Given): Promise<() => Promise<unknown>> {
  const port = await freePort()
  const command = startCommand(['supabase', '--port', String(port)], { env: environment(of) })
  running.push(command)
  await command.says('Supabase listens on')
  const store = createPostgrestStore({ url: `http://127.0.0.1:${port}`, key: of.key })
  return () => store.rpc('strandline_claim', { p_consumer: 'c', p_topic: 't', p_partition: 0, p_holder: 'h' })
}

const roleOf = (name: string) => sql(server, `select * from pg_authid where rolname = '${name}'`)
const everyRoleBut = (...mine: string[]) =>
  sql(
    server,
    `select * from pg_authid where rolname not in (${mine.map((r) => `'${r}'`)}) and rolname not like 'strandline_api_%' order by rolname`,
  )
const defaults = (url: string) => sql(url, 'select * from pg_default_acl order by oid')

test('regression: two endpoints with different keys, each before a database of one cluster, both work, and neither changes what is not its own', async () => {
  const [one, two] = [await given(), await given()]
  await sql(one.url, 'alter default privileges in schema public grant select on tables to pg_monitor')
  const before = {
    defaults: [await defaults(one.url), await defaults(two.url)],
    roles: await everyRoleBut(one.role, two.role),
  }
  const askOne = await serve(one)
  await askOne()
  const role = await roleOf(one.role)
  const askTwo = await serve(two)
  await askTwo()
  await askOne()
  expect(await roleOf(one.role)).toEqual(role)
  // Among them strandline_api, the login role of this run's own endpoints.
  expect(await everyRoleBut(one.role, two.role)).toEqual(before.roles)
  expect([await defaults(one.url), await defaults(two.url)]).toEqual(before.defaults)
})

test('regression: a table that is made later is nobody else’s', async () => {
  const db = await given()
  await (await serve(db))()
  await sql(
    db.url,
    'create table public.later (id int); create sequence public.counted; create function public.told() returns int language sql as $$ select 1 $$; revoke execute on function public.told from public',
  )
  for (const role of ['anon', 'authenticated', 'service_role'])
    expect(
      await sql(
        db.url,
        `select has_table_privilege('${role}', 'public.later', 'select, insert, update, delete') as t,
        has_sequence_privilege('${role}', 'public.counted', 'usage, select, update') as s, has_function_privilege('${role}', 'public.told()', 'execute') as f`,
      ),
    ).toEqual([{ t: false, s: false, f: false }])
})

test('several endpoints with one key before one database agree on their role, also when they start at once and again', async () => {
  const db = await given()
  const asks = await Promise.all([serve(db), serve(db)])
  const role = await roleOf(db.role)
  asks.push(await serve(db))
  for (const ask of asks) await ask()
  expect(await roleOf(db.role)).toEqual(role)
})

test('a role of that name with another password, or that may do less, is not changed: one sentence says what to do', async () => {
  const db = await given()
  await sql(server, `create role ${db.role} login password 'somebody else’s'`)
  const before = await roleOf(db.role)
  const { code, stderr } = await runCommand(['supabase', '--port', '0'], { env: environment(db) })
  expect(code).not.toBe(0)
  expect(stderr).toContain(`The role ${db.role} is in this database already, and does not accept the password`)
  expect(stderr).toContain(`drop role ${db.role}`)
  expect(stderr).not.toContain(db.key)
  expect(await roleOf(db.role)).toEqual(before)

  const another = await given()
  await (await serve(another))()
  await sql(server, `revoke service_role from ${another.role}`)
  const refused = await runCommand(['supabase', '--port', '0'], { env: environment(another) })
  expect(refused.stderr).toContain(
    `The role ${another.role} is in this database already, and may not become service_role.`,
  )
})

import { once } from 'node:events'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../core/ports.ts'
import { isAlive } from '../../core/processes.ts'
import { withClient } from '../../core/store/client.ts'
import { createPostgrestStore } from '../../core/store/postgrest-store.ts'
import { type Database, startDatabase } from '../../embedded/database.ts'
import { startPostgres } from '../../embedded/postgres.ts'

const logger = pino({ level: 'silent' })
let root: string
const running: Database[] = []
beforeAll(async () => {
  // Closed to everyone but its owner, as root's own folders are: PostgreSQL must get in all the same.
  root = await mkdtemp(join(tmpdir(), 'strandline db-'))
})
afterEach(async () => {
  for (const database of running.splice(0)) await database.stop()
})
afterAll(() => rm(root, { recursive: true, force: true }))

async function start(folder: string, changes: Partial<Parameters<typeof startDatabase>[0]> = {}): Promise<Database> {
  const database = await startDatabase({
    dataDir: join(root, folder),
    postgresPort: await freePort(),
    supabasePort: 0,
    // The data need not outlive the machine here, only the processes.
    settings: { fsync: 'off', shared_buffers: '64MB' },
    logger,
    ...changes,
  })
  running.push(database)
  return database
}

const claim = (database: Database, holder = 'h') =>
  createPostgrestStore({ url: database.supabaseUrl, key: database.serviceRoleKey }).rpc<{ epoch: number }>(
    'strandline_claim',
    {
      p_consumer: 'c',
      p_topic: 't',
      p_partition: 0,
      p_holder: holder,
    },
  )

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20))
}

test('rows, key and password outlive a stop, a kill -9 of everything and a change of ports', async () => {
  const first = await start('a')
  expect(first.migrated.length).toBeGreaterThan(0)
  expect(await claim(first)).toMatchObject({ epoch: 1 })
  await running.pop()!.stop()
  expect(isAlive(first.postgres.pid)).toBe(false)

  // Killed with nobody left to start it again: the folder says that it still runs.
  const second = await start('a')
  expect(second.migrated).toEqual([])
  expect(second.serviceRoleKey).toBe(first.serviceRoleKey)
  expect(await claim(second)).toMatchObject({ epoch: 2 })
  const stopped = running.pop()!.stop()
  process.kill(second.postgres.pid, 'SIGKILL')
  await stopped

  const third = await start('a')
  expect(await claim(third)).toMatchObject({ epoch: 3 })
})

test('a PostgreSQL that is killed comes back by itself, and requests are answered again', async () => {
  const said: string[] = []
  const pids: number[] = []
  const database = await start('b', { say: (s) => said.push(s), restarted: (p) => pids.push(p.pid) })
  process.kill(database.postgres.pid, 'SIGKILL')
  await until(() => pids.length === 1)
  expect(said[0]).toMatch(/^PostgreSQL \(process \d+\) ended by itself/)
  // Connections of the one that died are found out one by one; the store reports those as lost answers.
  await expect.poll(() => claim(database).catch(String)).toMatchObject({ epoch: expect.any(Number) })
})

test('a server that an earlier, killed process left behind is found and replaced', async () => {
  const options = { dataDir: join(root, 'c/postgres'), password: 'p', logFile: join(root, 'c/log'), logger }
  const orphan = await startPostgres({ ...options, port: await freePort() })
  const next = await startPostgres({ ...options, port: await freePort() })
  expect(isAlive(orphan.pid)).toBe(false)
  expect((await withClient(next.url(), (client) => client.query('select 1 as one'))).rows).toEqual([{ one: 1 }])
  await next.stop()
})

test('a taken port is one sentence with the port, who has it and the flag that changes it', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const sentence = (what: string) => ({
    code: 'PORT_TAKEN',
    message: expect.stringMatching(
      new RegExp(`^Port ${port}, which ${what} needs, is taken by process ${process.pid}`),
    ),
    todo: expect.stringContaining('--base-port'),
  })
  await expect(start('d', { postgresPort: port })).rejects.toMatchObject(sentence('PostgreSQL'))
  await expect(start('d', { supabasePort: port })).rejects.toMatchObject(sentence('Supabase'))
  server.close()
})

test('secrets are readable by their owner only; a damaged file of them is named', async () => {
  await start('e')
  const path = join(root, 'e/secrets.json')
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  await running.pop()!.stop()
  await writeFile(path, '{ half')
  await expect(start('e')).rejects.toMatchObject({ code: 'FILE_INVALID', message: `${path} is not JSON.` })
  await writeFile(
    path,
    JSON.stringify({ postgresPassword: 'another', apiPassword: 'x', serviceRoleKey: 'sb_secret_x' }),
  )
  await expect(start('e')).rejects.toMatchObject({
    code: 'ENGINE_FAILED',
    message: expect.stringContaining('secrets.json'),
  })
})

test('data of another major version is refused, with both named', async () => {
  await start('f')
  await running.pop()!.stop()
  await writeFile(join(root, 'f/postgres/PG_VERSION'), '17\n')
  await expect(start('f')).rejects.toMatchObject({
    message: expect.stringMatching(/PostgreSQL 17; this is PostgreSQL 18/),
  })
})

test('only the service role gets in, over HTTP', async () => {
  const { supabaseUrl, serviceRoleKey, databaseUrl } = await start('g')
  const ask = (headers: Record<string, string>) =>
    fetch(`${supabaseUrl}/rest/v1/learning_queue`, { headers }).then((r) => r.status)
  expect(await ask({})).toBe(401)
  expect(await ask({ apikey: 'sb_secret_wrong' })).toBe(401)
  expect(await ask({ apikey: serviceRoleKey })).toBe(200)
  const act = await withClient(databaseUrl, (client) => client.query(`select current_user as me`))
  expect(act.rows[0].me).toBe('postgres')
  expect((await fetch(`${supabaseUrl}/healthz`)).status).toBe(200)
})

test('a function is called as service_role, with 30 MB of text in one argument', async () => {
  const { supabaseUrl, serviceRoleKey, databaseUrl } = await start('h')
  await withClient(databaseUrl, (client) =>
    client.query(`create function public.weigh(p_rows text) returns jsonb language sql as
      $$ select jsonb_build_object('me', current_user, 'path', current_setting('request.path'), 'length', length(p_rows), 'md5', md5(p_rows)) $$;
      notify pgrst, 'reload schema'`),
  )
  const text = 'a "quoted" line,\n'.repeat(1_800_000)
  const store = createPostgrestStore({ url: supabaseUrl, key: serviceRoleKey })
  const { createHash } = await import('node:crypto')
  const known = () =>
    store.rpc('weigh', { p_rows: '' }).then(
      () => true,
      () => false,
    )
  await expect.poll(known).toBe(true)
  expect(await store.rpc('weigh', { p_rows: text })).toEqual({
    me: 'service_role',
    path: '/rpc/weigh',
    length: text.length,
    md5: createHash('md5').update(text).digest('hex'),
  })
})

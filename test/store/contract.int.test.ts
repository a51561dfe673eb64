/** The two ways to the database give the same answers, the same errors, and act as the same role. */
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { StrandlineError } from '../../core/errors.ts'
import { withClient } from '../../core/store/client.ts'
import { compareWays } from '../../core/store/open-store.ts'
import { createPostgresStore, type PostgresStore } from '../../core/store/postgres-store.ts'
import { createPostgrestStore } from '../../core/store/postgrest-store.ts'
import { isBrokenOff, isRequestsFault, type Store } from '../../core/store/store.ts'
import { type Pooler, startPgbouncer } from '../hosted/pgbouncer.ts'
import { type Certificates, makeCertificates } from '../security/certificates.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { hasPgbouncer, hasPsql } from '../support/programs.ts'
import { startProxy } from '../support/proxy.ts'

let db: TestDatabase
let direct: PostgresStore
const ways: Record<'direct' | 'postgrest', Store> = { direct: undefined as never, postgrest: undefined as never }
beforeAll(async () => {
  db = await createTestDatabase(`
    create table public.written (id integer primary key, by text default current_user, claims text default current_setting('request.jwt.claims', true));
    create function public.echo(p_text text, p_json jsonb, p_int integer, p_float double precision, p_yes boolean, p_big bigint) returns jsonb language sql as
      $$ select jsonb_build_object('text', p_text, 'json', p_json, 'int', p_int, 'float', p_float, 'yes', p_yes, 'big', p_big) $$;
    create function public.surroundings() returns jsonb language sql as
      $$ select jsonb_build_object('me', current_user, 'path', current_setting('search_path'), 'role', current_setting('request.jwt.claims')::jsonb ->> 'role') $$;
    create function public.write_row(p_id integer, p_fail boolean) returns void language plpgsql as
      $$ begin insert into public.written (id) values (p_id); if p_fail then raise exception 'no: %', p_id; end if; end $$;
    create function public.a_text() returns text language sql as $$ select 'it''s' $$;
    create function public.a_bigint() returns bigint language sql as $$ select 9007199254740991 $$;
    create function public.a_double() returns double precision language sql as $$ select 0.1::double precision $$;
    create function public.a_null() returns jsonb language sql as $$ select null::jsonb $$;
    create function public.backend() returns integer language sql as $$ select pg_backend_pid() $$;
    create function public.slow() returns void language sql as $$ select pg_sleep(60) $$;
    grant all on public.written to service_role;
    create function public.lock_soon() returns void language plpgsql set lock_timeout = '50ms' as $$ begin lock table public.written; end $$;
    create function public.lock_now() returns void language plpgsql as $$ begin lock table public.written nowait; end $$;
    create table public.closed (id integer);
    create function public.lock_both() returns void language plpgsql security definer set deadlock_timeout = '10ms' as $$ begin lock table public.written; perform pg_advisory_xact_lock(42); lock table public.closed; end $$;
    create function public.conflict() returns void language plpgsql as
      $$ begin raise serialization_failure using message = 'could not serialize access due to concurrent update'; end $$;
    revoke all on public.closed from service_role, public;
    create function public.look() returns jsonb language sql as $$ select to_jsonb(count(*)) from public.closed $$`)
  direct = createPostgresStore({ url: db.databaseUrl })
  ways.direct = direct
  ways.postgrest = createPostgrestStore({ url: db.supabaseUrl, key: db.key })
})
afterAll(async () => {
  await direct?.close()
  await db?.drop()
})

const both = (fn: string, args: Record<string, unknown> = {}) =>
  Promise.all([ways.direct.rpc(fn, args), ways.postgrest.rpc(fn, args)])

const VALUES: [what: string, args: Record<string, unknown>][] = [
  ['plain ones', { p_text: 'a', p_json: { a: 1 }, p_int: 7, p_float: 0.1, p_yes: true, p_big: 12 }],
  ['nothing', { p_text: null, p_json: null, p_int: null, p_float: null, p_yes: null, p_big: null }],
  [
    'quotes, backslashes, lines',
    {
      p_text: `'"\\\n\t$1 -- ; drop table x;'`,
      p_json: [`'"\\`, '\n'],
      p_int: -1,
      p_float: -1.5e-7,
      p_yes: false,
      p_big: 0,
    },
  ],
  [
    'other scripts',
    {
      p_text: 'ü 💥 中',
      p_json: { 'ü 💥': 'ü' },
      p_int: 0,
      p_float: 1e300,
      p_yes: true,
      p_big: Number.MAX_SAFE_INTEGER,
    },
  ],
  [
    'JSON as text',
    {
      p_text: '[1, {"a": null}]',
      p_json: { deep: [{ a: [null, false] }] },
      p_int: 1,
      p_float: 123456789.123456,
      p_yes: true,
      p_big: -5,
    },
  ],
]

describe('arguments and answers', () => {
  test.each(VALUES)('%s come back as they were given', async (_, args) => {
    const expected = Object.fromEntries(Object.entries(args).map(([name, value]) => [name.slice(2), value]))
    expect(await both('echo', args)).toEqual([expected, expected])
  })

  test('a text, a number, nothing at all', async () => {
    expect(await both('a_text')).toEqual(["it's", "it's"])
    expect(await both('a_bigint')).toEqual([Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER])
    expect(await both('a_double')).toEqual([0.1, 0.1])
    expect(await both('a_null')).toEqual([null, null])
  })

  test('a function sees the same role, search path and claims', async () => {
    const [here, there] = await both('surroundings')
    expect(here).toEqual({
      me: 'service_role',
      path: expect.stringMatching(/^public, extensions$/),
      role: 'service_role',
    })
    expect(here).toMatchObject({ me: (there as { me: string }).me, role: (there as { role: string }).role })
  })

  test('20 MB in one argument', async () => {
    const text = "a 'quoted' \\ line\n".repeat(1_200_000)
    const { text: back } = await ways.direct.rpc<{ text: string }>('echo', {
      p_text: text,
      p_json: null,
      p_int: null,
      p_float: null,
      p_yes: null,
      p_big: null,
    })
    expect(back === text).toBe(true)
  })
})

const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => 'no error',
    (error) => error.code,
  )
const codes = (fn: string, args: Record<string, unknown> = {}) =>
  Promise.all([codeOf(ways.direct.rpc(fn, args)), codeOf(ways.postgrest.rpc(fn, args))])

describe('errors', () => {
  test('a function that there is not, or not with these arguments', async () => {
    expect(await codes('not_there')).toEqual(['STORE_SCHEMA', 'STORE_SCHEMA'])
    expect(await codes('echo', { p_wrong: 1 })).toEqual(['STORE_SCHEMA', 'STORE_SCHEMA'])
  })

  test('what the function refuses happened not at all', async () => {
    expect(await codes('write_row', { p_id: 1, p_fail: true })).toEqual(['STORE_REJECTED', 'STORE_REJECTED'])
    expect(await db.sql('select id from written')).toEqual([])
  })

  test('a value of another type is the request’s fault', async () => {
    const args = { p_id: 'x', p_fail: false }
    for (const way of Object.values(ways)) {
      const error = await way.rpc<never>('write_row', args).catch((e) => e as StrandlineError)
      expect([error.code, isRequestsFault(error)]).toEqual(['STORE_REJECTED', true])
    }
  })

  test('a text that no database keeps is refused before it is sent', async () => {
    for (const p_text of ['a\0b', 'half \ud800'])
      await expect(ways.direct.rpc('echo', { ...VALUES[1]![1], p_text })).rejects.toMatchObject({
        code: 'STORE_REJECTED',
      })
    await expect(ways.direct.rpc('echo', { ...VALUES[1]![1], p_json: { a: 'a\0b' } })).rejects.toMatchObject({
      code: 'STORE_REJECTED',
    })
  })

  test('a table that service_role may not read', async () => {
    expect(await codes('look')).toEqual(['STORE_REJECTED', 'STORE_REJECTED'])
  })

  test('a statement has eight seconds, and says so', async () => {
    for (const way of Object.values(ways))
      await expect(way.rpc('slow', {})).rejects.toMatchObject({
        code: 'STORE_UNREACHABLE',
        message: expect.stringContaining('statement timeout'),
      })
  })

  test('a lock that somebody else holds too long: the same code by both ways, nothing happened, and the connection is used again', async () => {
    const store = createPostgresStore({ url: db.databaseUrl, max: 1 })
    const pid = await store.rpc<number>('backend', {})
    await withClient(db.databaseUrl, async (client) => {
      await client.query('begin; lock table public.written')
      for (const fn of ['lock_soon', 'lock_now'])
        expect(await codes(fn)).toEqual(['STORE_UNREACHABLE', 'STORE_UNREACHABLE'])
      await expect(store.rpc('lock_now', {})).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
      await client.query('rollback')
    })
    expect(await codes('lock_soon')).toEqual(['no error', 'no error'])
    expect(await store.rpc('backend', {})).toBe(pid)
    await store.close()
  })

  test('a deadlock, a conflict of transactions: the same code by both ways, and no refusal', async () => {
    for (const way of Object.values(ways)) {
      // Whoever closes the circle finds it, after its deadlock_timeout, and gives way: that is the call.
      const deadlock = await withClient(db.databaseUrl, (gate) =>
        withClient(db.databaseUrl, async (other) => {
          const here = '(select oid from pg_database where datname = current_database())'
          const waiting = (what: string) =>
            db.sql(`select 1 from pg_locks where not granted and database = ${here} and ${what}`)
          await gate.query('select pg_advisory_lock(42)')
          const call = way.rpc<never>('lock_both', {}).catch((e) => e as StrandlineError)
          await expect.poll(() => waiting(`locktype = 'advisory'`)).toHaveLength(1)
          await other.query(`begin; set local deadlock_timeout = '1h'; lock table public.closed`)
          const written = other.query('lock table public.written')
          await expect.poll(() => waiting(`relation = 'public.written'::regclass`)).toHaveLength(1)
          await gate.query('select pg_advisory_unlock(42)')
          await written
          await other.query('rollback')
          return await call
        }),
      )
      expect(deadlock.message).toContain('deadlock detected')
      const conflict = await way.rpc<never>('conflict', {}).catch((e) => e as StrandlineError)
      for (const error of [deadlock, conflict])
        expect([error.code, isBrokenOff(error)]).toEqual(['STORE_UNREACHABLE', true])
    }
  })

  test('a statement that somebody cancels: the same code by both ways', async () => {
    for (const way of Object.values(ways)) {
      const slow = codeOf(way.rpc('slow', {}))
      await expect
        .poll(() =>
          db.sql(
            `select pg_cancel_backend(pid) from pg_stat_activity where state = 'active' and query like '%slow%' and pid <> pg_backend_pid()`,
          ),
        )
        .not.toEqual([])
      expect(await slow).toBe('STORE_UNREACHABLE')
    }
  })

  test('a server that cannot be reached leaves the outcome open; one that goes silent, too; then it is used again', async () => {
    const proxy = await startProxy(db.databaseUrl.replace(/^postgres:/, 'http:'))
    const url = Object.assign(new URL(db.databaseUrl), { port: new URL(proxy.url).port }).href
    const store = createPostgresStore({ url, timeoutMs: 1_000, max: 1 })
    const answers = () => expect.poll(() => store.rpc('a_text', {}).catch(String)).toBe("it's")
    await answers()
    proxy.silence()
    await expect(store.rpc('write_row', { p_id: 2, p_fail: false })).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
    })
    proxy.speak()
    await answers()
    await store.close()
    await proxy.close()
    const gone = createPostgresStore({ url, timeoutMs: 1_000 })
    await expect(gone.rpc('a_text', {})).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
    await gone.close()
  })

  test('over HTTP, a request that never gets an answer ends after its time, with an open outcome', async () => {
    const proxy = await startProxy(db.supabaseUrl)
    proxy.silence()
    const store = createPostgrestStore({ url: proxy.url, key: db.key, timeoutMs: 1_000 })
    await expect(store.rpc('a_text', {})).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
      message: expect.stringContaining('no answer within 1 s'),
    })
    await proxy.close()
  })

  test('a connection that PostgreSQL ends costs its call, with an open outcome, and no other', async () => {
    const store = createPostgresStore({ url: db.databaseUrl, max: 2 })
    const slow = store.rpc('slow', {}).catch((e) => e as StrandlineError)
    await expect
      .poll(() =>
        db.sql(
          `select pg_terminate_backend(pid) from pg_stat_activity where state = 'active' and query like '%public.slow(%' and pid <> pg_backend_pid()`,
        ),
      )
      .toEqual([{ pg_terminate_backend: true }])
    expect(await slow).toMatchObject({ code: 'STORE_UNREACHABLE' })
    expect(await store.rpc('a_text', {})).toBe("it's")
    await store.close()
  })

  test('regression: a connection that PostgreSQL ends while nobody uses it ends no process, and costs no call', async () => {
    const store = createPostgresStore({ url: db.databaseUrl, max: 1 })
    const pid = await store.rpc<number>('backend', {})
    const gone = () => db.sql('select pid from pg_stat_activity where pid = $1', [pid])
    await db.sql('select pg_terminate_backend($1)', [pid])
    await expect.poll(gone).toEqual([])
    await expect.poll(() => store.rpc<number>('backend', {}).catch(() => pid)).not.toBe(pid)
    await store.close()
  })

  test('no password in any sentence', async () => {
    const url = Object.assign(new URL(db.databaseUrl), { username: 'nobody', password: 'very-secret' }).href
    const store = createPostgresStore({ url })
    const error = await store.rpc<never>('a_text', {}).catch((e) => e as StrandlineError)
    expect(error.code).toBe('STORE_REJECTED')
    expect(`${error.message} ${error.todo}`).not.toContain('very-secret')
    await store.close()
  })
})

test.skipIf(!hasPgbouncer)(
  'through a pooler in transaction mode: nothing of one call is left for the next',
  async () => {
    const pooler = await startPgbouncer(db.databaseUrl)
    const store = createPostgresStore({ url: pooler.url, max: 8 })
    const calls = await Promise.all(Array.from({ length: 200 }, () => store.rpc('surroundings', {})))
    expect(new Set(calls.map((c) => JSON.stringify(c))).size).toBe(1)
    expect(calls[0]).toMatchObject({ me: 'service_role' })
    const left = await withClient(pooler.url, async (client) => {
      const seen = new Set<string>()
      for (let i = 0; i < 20; i++) {
        const { rows } = await client.query(
          `select current_user = session_user as me, current_setting('statement_timeout') as ms, current_setting('request.jwt.claims', true) as claims`,
        )
        seen.add(JSON.stringify(rows[0]))
      }
      return [...seen]
    })
    for (const one of left) expect(JSON.parse(one)).toMatchObject({ me: true, claims: expect.toSatisfy((c) => !c) })
    await store.close()
    await pooler.stop()
  },
)

describe('both ways configured', () => {
  const supabase = () => ({ url: db.supabaseUrl, key: db.key })

  test('to one database', async () => {
    expect(await compareWays({ store: 'direct', databaseUrl: db.databaseUrl, supabase: supabase() })).toBeNull()
  })

  test('to two: refused in one sentence', async () => {
    const other = await createTestDatabase()
    await expect(
      compareWays({ store: 'direct', databaseUrl: other.databaseUrl, supabase: supabase() }),
    ).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'DATABASE_URL and SUPABASE_URL name two different databases.',
    })
    await other.drop()
  })

  test('one that does not answer is said', async () => {
    const away = { url: 'http://127.0.0.1:9', key: 'k' }
    expect(await compareWays({ store: 'direct', databaseUrl: db.databaseUrl, supabase: away })).toMatch(
      /could not be seen/,
    )
  })
})

describe.skipIf(!hasPgbouncer)('by TLS, with the certificate of an authority of its own', () => {
  let dir: string
  let certificates: Certificates
  let pooler: Pooler
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'strandline-tls-'))
    certificates = await makeCertificates(dir, 'ours')
    pooler = await startPgbouncer(db.databaseUrl, { tls: certificates })
  })
  afterAll(async () => {
    await pooler?.stop()
    await rm(dir, { recursive: true, force: true })
  })

  const ask = async (url: string) => {
    const store = createPostgresStore({ url })
    try {
      return await store.rpc('a_text', {})
    } finally {
      await store.close()
    }
  }

  test.each(['require', 'prefer', 'verify-ca', 'verify-full'])('sslmode=%s, as psql takes it', async (mode) => {
    const ca = mode.startsWith('verify') ? `&sslrootcert=${certificates.caFile}` : ''
    const url = `${pooler.url}?sslmode=${mode}${ca}`
    expect(await ask(url)).toBe("it's")
    await withClient(url, (client) => client.query('select 1'))
    if (hasPsql) execFileSync('psql', [url, '-c', 'select 1'], { stdio: 'ignore' })
  })

  test('an authority that nobody vouches for, and plain text, are refused in a sentence', async () => {
    await expect(ask(`${pooler.url}?sslmode=verify-full`)).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
      message: expect.stringMatching(/certificate/),
      todo: expect.stringContaining('sslrootcert='),
    })
    for (const asked of [ask(pooler.url), withClient(pooler.url, (client) => client.query('select 1'))])
      await expect(asked).rejects.toMatchObject({ todo: expect.stringContaining('sslmode=require') })
    await expect(ask(`${db.databaseUrl}?sslmode=require`)).rejects.toMatchObject({
      todo: expect.stringContaining('no TLS'),
    })
  })
})

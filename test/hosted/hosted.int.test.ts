/** A hosted project: migrations by its owner, who is no superuser, and the loop with nothing but URL and service role key. `lite` stands in for PostgREST. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { withClient } from '../../core/store/client.ts'
import { MIGRATIONS, readMigrations } from '../../core/store/migrate.ts'
import { createPostgrestStore } from '../../core/store/postgrest-store.ts'
import { createOldDatabase } from '../legacy/old-database.ts'
import { schemaOf } from '../legacy/schema-of.ts'
import { learn } from '../moving/learned-old-trades.ts'
import { type Loop, startLoop } from '../support/loop.ts'
import { until } from '../support/pm.ts'
import { hasPgbouncer, hasPsql } from '../support/programs.ts'
import { runCommand } from '../support/strandline.ts'
import { type Pooler, startPgbouncer } from './pgbouncer.ts'
import { createHostedProject, type HostedProject } from './project.ts'

const run = promisify(execFile)
const made: HostedProject[] = []
const project = async () => {
  const one = await createHostedProject()
  made.push(one)
  return one
}
afterAll(() => Promise.all(made.map((one) => one.drop())))

/** What ./strandline migrate --dry-run prints for the database. */
async function script(url: string): Promise<string> {
  const { code, stdout } = await runCommand(['migrate', '--dry-run', '--database-url', url])
  expect(code).toBe(0)
  return stdout
}

/** As the SQL editor runs what is pasted into it: one text, one message. */
const paste = (url: string, text: string) => withClient(url, (client) => client.query(text))

/** As `supabase db push` goes about it: file by file, each with its row of the history in one transaction. */
async function push(url: string, done: (version: string) => void = () => {}): Promise<void> {
  await withClient(url, async (client) => {
    await client.query(`create schema if not exists supabase_migrations;
      create table if not exists supabase_migrations.schema_migrations (version text not null primary key, statements text[], name text)`)
    for (const { version, name, sql } of await readMigrations()) {
      await client.query('begin')
      await client.query(sql)
      await client.query('insert into supabase_migrations.schema_migrations (version, name) values ($1, $2)', [
        version,
        name,
      ])
      await client.query('commit')
      done(version)
    }
  })
}

/** Objects of ours, and who may do what with them; without the owner's name, which each project has another of. */
async function objects({ databaseUrl, owner }: HostedProject): Promise<string[]> {
  return withClient(databaseUrl, async (client) => {
    const { rows } = await client.query<{ line: string }>(`
      select format('%s.%s %s %s %s', n.nspname, c.relname, c.relkind, pg_get_userbyid(c.relowner), c.relacl) as line
      from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('public', 'strandline')
      union all select format('%s %s %s', p.oid::regprocedure, pg_get_userbyid(p.proowner), p.proacl)
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in ('public', 'strandline') order by 1`)
    return rows.map((r) => r.line.replaceAll(owner, 'owner'))
  })
}

test('pasted into the SQL editor, pushed file by file, or by ./strandline migrate: the same objects, all of them the owner’s', async () => {
  const [pasted, pushed, migrated] = await Promise.all([project(), project(), project()])
  await paste(pasted.ownerUrl, await script(pasted.ownerUrl))
  await push(pushed.ownerUrl)
  expect((await runCommand(['migrate', '--database-url', migrated.ownerUrl])).code).toBe(0)
  const expected = await objects(migrated)
  expect(expected.length).toBeGreaterThan(50)
  expect(expected.filter((line) => !/ owner /.test(line))).toEqual([])
  expect(await objects(pasted)).toEqual(expected)
  expect(await objects(pushed)).toEqual(expected)
  for (const one of [pasted, pushed, migrated]) {
    const { code, stdout } = await runCommand(['doctor', '--database-url', one.ownerUrl, '--json'])
    expect({
      code,
      errors: JSON.parse(stdout).findings.filter((f: { severity: string }) => f.severity === 'error'),
    }).toEqual({ code: 0, errors: [] })
    expect((await runCommand(['migrate', '--database-url', one.ownerUrl])).stderr).toContain(
      'The schema is up to date.',
    )
  }
})

test.skipIf(!hasPsql)('psql takes the same text, and stops at nothing', async () => {
  const one = await project()
  const dir = await mkdtemp(join(tmpdir(), 'strandline-hosted-'))
  try {
    await writeFile(join(dir, 'all.sql'), await script(one.ownerUrl))
    await run('psql', [one.ownerUrl, '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', join(dir, 'all.sql')])
    expect((await runCommand(['migrate', '--database-url', one.ownerUrl])).stderr).toContain(
      'The schema is up to date.',
    )
    // and each file by itself
    const another = await project()
    for (const { version, name } of await readMigrations())
      await run('psql', [
        another.ownerUrl,
        '-X',
        '-q',
        '-1',
        '-v',
        'ON_ERROR_STOP=1',
        '-f',
        join(MIGRATIONS, `${version}_${name}.sql`),
      ])
    expect(await objects(another)).toEqual(await objects(one))
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})

test('anon and authenticated get nothing of ours, though the project grants everything by default', async () => {
  const one = await project()
  await paste(one.ownerUrl, await script(one.ownerUrl))
  const open = await one.sql<{ what: string }>(`
    select format('%s %s.%s', r.role, n.nspname, c.relname) as what from pg_class c join pg_namespace n on n.oid = c.relnamespace, unnest(array['anon', 'authenticated']) r(role)
    where n.nspname in ('public', 'strandline') and c.relkind in ('r', 'v', 'm', 'p') and has_any_column_privilege(r.role, c.oid, 'select, insert, update, references')
    union all
    select format('%s %s', r.role, p.oid::regprocedure) from pg_proc p join pg_namespace n on n.oid = p.pronamespace, unnest(array['anon', 'authenticated']) r(role)
    where n.nspname in ('public', 'strandline') and has_function_privilege(r.role, p.oid, 'execute')
    union all
    select r.role || ' schema strandline' from unnest(array['anon', 'authenticated']) r(role) where has_schema_privilege(r.role, 'strandline', 'usage')`)
  expect(open).toEqual([])
})

test('a statement without a where would be refused there (safeupdate): our functions have none', async () => {
  const one = await project()
  await paste(one.ownerUrl, await script(one.ownerUrl))
  const functions = await one.sql<{ name: string; body: string }>(`
    select p.oid::regprocedure::text as name, p.prosrc as body from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'strandline' or (n.nspname = 'public' and p.proname like 'strandline\\_%')`)
  expect(functions.length).toBeGreaterThan(30)
  expect(functions.flatMap(({ name, body }) => withoutWhere(body).map((text) => `${name}: ${text}`))).toEqual([])
  expect(
    withoutWhere('update a set b = 1; delete from c where d; with e as (delete from f) select (select 1 where true)'),
  ).toEqual(['update a set b = 1', 'delete from f'])
})

/** Updates and deletes of a function's body that have no where of their own. */
function withoutWhere(body: string): string[] {
  const text = body.replace(/--.*$/gm, '').replace(/'(?:[^']|'')*'/g, "''")
  return [...text.matchAll(/\b(update\s+[\w.]+\s+(?:as\s+)?(?:\w+\s+)?set|delete\s+from)\b/gi)].flatMap((match) => {
    let depth = 0
    let own = ''
    for (const char of text.slice(match.index)) {
      if (char === '(') depth++
      else if (char === ')' && depth-- === 0) break
      else if (char === ';' && depth === 0) break
      else if (depth === 0) own += char
    }
    return /\bwhere\b/i.test(own) ? [] : [own.trim()]
  })
}

describe('the loop, with URL and service role key alone', () => {
  let loop: Loop
  let one: HostedProject
  beforeAll(async () => {
    one = await project()
    await paste(one.ownerUrl, await script(one.ownerUrl))
    loop = await startLoop({ ...one, drop: async () => {} })
  })
  afterAll(() => loop?.stop())

  test('close → log → learner → coefficients → projector → decision', async () => {
    for (const [i, price] of [3, 3, 1.5].entries()) {
      const id = `h${i}`
      const entry_context = { curator: price > 2 ? 'ana' : 'bob', chain: 'base' }
      await loop.post('/v1/positions', {
        id,
        token_chain: 'base',
        token_contract: `0x${id}`,
        token_ticker: id,
        timeframe: '1h',
        entry_context,
      })
      const { error } = await one.store.client.from('lowcap_price_data_ohlc').insert({
        token_contract: `0x${id}`,
        chain: 'base',
        timeframe: '1h',
        timestamp: '2026-01-05T10:00:00Z',
        open_usd: 2,
        high_usd: 3,
        low_usd: 1,
        close_usd: 2,
        volume: 1,
      })
      expect(error).toBeNull()
      await loop.post(`/v1/positions/${id}/executions`, {
        id: `${id}-in`,
        kind: 'entry',
        quantity: 10,
        price: 2,
        executed_at: '2026-01-05T10:00:00Z',
      })
      const { closed } = await loop.post<{ closed: { rr: number } }>(`/v1/positions/${id}/executions`, {
        id: `${id}-out`,
        kind: 'emergency_exit',
        price,
        executed_at: '2026-01-05T10:30:00Z',
      })
      expect(closed.rr).toBeCloseTo(price === 3 ? 1 : -0.5, 6)
    }
    const learned = async () =>
      await one.store.client
        .from('learning_coefficients')
        .select('key, n')
        .eq('name', 'curator')
        .order('key')
        .then(({ data }) => data ?? [])
    expect(
      await until(learned, (rows) => JSON.stringify(rows) === '[{"key":"ana","n":2},{"key":"bob","n":1}]'),
    ).toHaveLength(2)
    const strands = () => one.sql('select from strandline.position_closed_strands')
    expect(await until(strands, (rows) => rows.length === 3)).toHaveLength(3)
    const decided = await loop.post<{ multiplier?: number }>('/v1/allocations', {
      entry_context: { curator: 'ana', chain: 'base' },
      base: 100,
      min: 0,
      max: 1000,
      timeframe: '1h',
    })
    expect(decided).toMatchObject({ multiplier: expect.any(Number) })
  })

  test('the bridge takes what the old PM queues', async () => {
    const { error } = await one.store.client.from('ad_strands').insert({
      id: 'old-1',
      module: 'pm',
      kind: 'position_closed',
      symbol: 'OLD',
      timeframe: '1h',
      position_id: 'old',
      trade_id: 't1',
      content: {
        chain: 'base',
        entry_context: { curator: 'eve', chain: 'base' },
        completed_trades: [
          {
            rr: 2,
            entry_price: 1,
            exit_price: 2,
            entry_timestamp: '2026-01-01T00:00:00Z',
            exit_timestamp: '2026-01-02T00:00:00Z',
          },
        ],
      },
    })
    expect(error).toBeNull()
    const learned = async () =>
      await one.store.client
        .from('learning_coefficients')
        .select('n')
        .eq('name', 'curator')
        .eq('key', 'eve')
        .then(({ data }) => data ?? [])
    expect(await until(learned, (rows) => rows.length === 1)).toEqual([{ n: 1 }])
    expect(await one.sql(`select status from learning_queue where strand_id = 'old-1'`)).toEqual([
      { status: 'completed' },
    ])
  })

  test('the audit and the doctor agree, and neither had a database URL', async () => {
    const { config } = loop.deps
    const env = {
      SUPABASE_URL: one.supabaseUrl,
      SUPABASE_SERVICE_ROLE_KEY: one.key,
      KAFKA_BROKERS: config.kafka.brokers.join(','),
      SCHEMA_REGISTRY_URL: config.registry.url,
      STRANDLINE_TOPIC: config.topic,
      STRANDLINE_PARTITIONS: String(config.partitions),
    }
    const audited = await runCommand(['audit', '--wait', '--json'], { env })
    expect(JSON.parse(audited.stdout)).toMatchObject({ closed: 4, in_ledger: 4, lost: 0, double: 0, wrong: 0 })
    const { code, stdout } = await runCommand(['doctor', '--json'], { env })
    expect({
      code,
      errors: JSON.parse(stdout).findings.filter((f: { severity: string }) => f.severity === 'error'),
    }).toEqual({ code: 0, errors: [] })
  })

  test('our tables are not exposed, and anon’s key opens nothing', async () => {
    const { error } = await one.store.client
      .schema('strandline' as 'public')
      .from('pm_outbox')
      .select('*')
    expect(error).not.toBeNull()
    const anon = createPostgrestStore({ url: one.supabaseUrl, key: 'sb_publishable_x' })
    await expect(anon.rpc('strandline_lag', { p_topic: 'x' })).rejects.toMatchObject({ code: 'STORE_REJECTED' })
  })
})

describe.skipIf(!hasPgbouncer)('through a pooler in transaction mode', () => {
  let pooler: Pooler | undefined
  afterEach(async () => {
    await pooler?.stop()
    pooler = undefined
  })

  test('doctor, migrate --dry-run, migrate, doctor: what takes a database URL', async () => {
    const one = await project()
    pooler = await startPgbouncer(one.ownerUrl)
    const { url } = pooler
    const command = (...args: string[]) => runCommand([...args, '--database-url', url])
    expect((await command('doctor')).code).toBe(0)
    expect((await command('migrate', '--dry-run')).stdout).toContain('create schema strandline')
    // several at once take turns, whichever connections they get
    const all = await Promise.all([command('migrate'), command('migrate'), command('migrate')])
    expect(all.map((o) => o.code)).toEqual([0, 0, 0])
    expect(all.filter((o) => o.stderr.includes('Applied '))).toHaveLength(1)
    const { code, stdout } = await command('doctor', '--json')
    expect({
      code,
      errors: JSON.parse(stdout).findings.filter((f: { severity: string }) => f.severity === 'error'),
    }).toEqual({ code: 0, errors: [] })
  })

  test('compare-legacy, switch and undo on an old system: whatever connections they get, and nothing is left', async () => {
    const old = await createOldDatabase('text', { plainOwner: true })
    try {
      const schema = await schemaOf(old.databaseUrl)
      pooler = await startPgbouncer(old.databaseUrl)
      const { url } = pooler
      expect((await runCommand(['migrate', '--database-url', url])).code).toBe(0)
      await learn(old)
      for (const args of [
        ['compare-legacy'],
        ['switch', '--dry-run'],
        ['switch', '--yes', '--force'],
        ['doctor'],
        ['undo', '--switch-only', '--yes'],
        ['undo', '--dry-run'],
        ['undo', '--yes', '--lose-unpublished'],
      ]) {
        const { code, stderr } = await runCommand([...args, '--database-url', url])
        expect({ args, code, stderr }).toMatchObject({ args, code: 0 })
      }
      expect(await schemaOf(old.databaseUrl)).toEqual(schema)
    } finally {
      await pooler?.stop()
      pooler = undefined
      await old.drop()
    }
  })
})

/** The doctor at the database of an old system, before anything of ours is in it. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withClient } from '../../core/store/client.ts'
import { migrate } from '../../core/store/migrate.ts'
import { additions } from '../../doctor/database/adoption.ts'
import { readOnly } from '../../doctor/database/read-only.ts'
import { inspectTables } from '../../doctor/database/shared-tables.ts'
import type { Finding, Report } from '../../doctor/finding.ts'
import { makeOldSystem, type VariantName } from '../legacy/old-system.ts'
import { askEngine } from '../support/ask-engine.ts'
import { runCommand } from '../support/strandline.ts'
import { footprint } from './footprint.ts'

let server: string
const made: string[] = []
const roles: string[] = []
beforeAll(async () => {
  server = (await askEngine<{ url: string }>('postgres')).url
})
afterAll(async () => {
  for (const name of made) await sql(server, `drop database if exists ${name} with (force)`)
  for (const role of roles) await sql(server, `drop role if exists ${role}`)
})

const sql = (url: string, text: string) => withClient(url, async (client) => (await client.query(text)).rows)

async function database(variant?: VariantName): Promise<string> {
  const name = `doctor_${randomBytes(6).toString('hex')}`
  await sql(server, `create database ${name}`)
  made.push(name)
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href
  if (variant) await makeOldSystem(url, variant, { positions: 60, otherStrands: 40 })
  return url
}

async function doctor(url: string): Promise<Report & { code: number | null }> {
  const { code, stdout, stderr } = await runCommand(['doctor', '--database-url', url, '--json'])
  expect(stderr).toMatch(/^Stack: the database postgres:\/\/127\.0\.0\.1:\d+\/\w+\n$/)
  return { code, ...JSON.parse(stdout) }
}
const errors = ({ findings }: Report) => findings.filter((f) => f.severity === 'error').map((f) => f.what)
const of = ({ findings }: Report, area: Finding['area'], part: string) =>
  findings.find((f) => f.area === area && f.what.includes(part))

describe.each<VariantName>(['text', 'uuid', 'bigint'])('%s ids', (variant) => {
  test('says what is there and what each step would touch, and changes nothing', async () => {
    const url = await database(variant)
    const before = await footprint(url)
    const report = await doctor(url)
    expect(await footprint(url)).toEqual(before)
    expect({ code: report.code, ok: report.ok, errors: errors(report) }).toEqual({ code: 0, ok: true, errors: [] })
    expect(of(report, 'migrations', 'Nothing of ours')?.todo).toContain('migrate --dry-run')
    expect(of(report, 'tables', 'public.ad_strands is a table')?.what).toContain(`id ${variant}`)
    expect(of(report, 'tables', 'public.lowcap_positions is a table')?.what).toMatch(
      /migrate adds the columns [^;]*side, .*strandline_touch_position/,
    )
    expect(of(report, 'tables', 'public.learning_coefficients is a table')?.what).toContain('switch keeps it as')
    const [queue] = await sql(
      url,
      `select count(*)::integer as n from learning_queue where status = 'pending' and strand_type = 'position_closed'`,
    )
    expect(of(report, 'bridge', 'wait in learning_queue')?.what).toMatch(
      new RegExp(`^${queue.n} rows .* the oldest since 20`),
    )
    expect(of(report, 'backfill', 'not in the log')?.what).toMatch(
      /^Of (\d+) closed trades of the old tables, \1 are not in the log\./,
    )
  })

  test('what it foretells of each table is what migrate adds', async () => {
    const url = await database(variant)
    const foretold = (await readOnly(url, inspectTables)).flatMap((t) =>
      additions(t).map(({ kind, object }) => `${t.name} ${kind} ${object}`),
    )
    await migrate(url)
    const added = await sql(
      url,
      `select table_name || ' ' || kind || ' ' || object as line from strandline.added where table_name <> ''`,
    )
    expect(foretold.sort()).toEqual(added.map((a) => a.line).sort())
    const report = await doctor(url)
    expect(errors(report)).toEqual([])
    expect(of(report, 'tables', 'public.ad_strands is a table')?.what).not.toContain('migrate adds')
    expect(of(report, 'undo', 'undo takes away')?.what).toContain('the column side of lowcap_positions')
    expect(of(report, 'tables', 'learning_coefficients_before_strandline')).toBeDefined()
  })

  test('works as a role that may only read, and says that it could not migrate', async () => {
    const url = await database(variant)
    const role = `reader_${randomBytes(4).toString('hex')}`
    roles.push(role)
    await sql(
      url,
      `create role ${role} login password 'x'; grant usage on schema public to ${role}; grant select on all tables in schema public to ${role}`,
    )
    const report = await doctor(Object.assign(new URL(url), { username: role, password: 'x' }).href)
    expect(report.code).toBe(1)
    expect(of(report, 'rights', `The role ${role} may not make a schema`)?.severity).toBe('error')
    expect(of(report, 'rights', 'public.lowcap_positions belongs to postgres')?.severity).toBe('error')
    const [{ hidden }] = await sql(
      url,
      `select relrowsecurity as hidden from pg_class where oid = 'public.learning_queue'::regclass`,
    )
    expect(of(report, 'rights', 'Row level security hides rows of public.learning_queue') !== undefined).toBe(hidden)
    expect(errors(report).filter((what) => what.includes('could not be looked at'))).toEqual([])
    await sql(url, `drop owned by ${role}`)
  })
})

describe('what is in the way', () => {
  test.each<[string, string, string, RegExp]>([
    [
      'a materialized view in the table’s place',
      `drop view curator_board; alter table learning_coefficients rename to old_c; create materialized view learning_coefficients as select * from old_c`,
      'tables',
      /learning_coefficients is a materialized view/,
    ],
    ['a schema of our name', 'create schema strandline', 'tables', /There is a schema strandline that is not ours/],
    [
      'a function of our name',
      `create function public.strandline_lag(p_topic text) returns jsonb language sql as $$ select '{}'::jsonb $$`,
      'tables',
      /taken by others: function public\.strandline_lag/,
    ],
    [
      'an id of another type',
      'alter table strand_scores drop constraint strand_scores_pkey; drop view open_positions; alter table lowcap_positions alter column id drop default, alter column id type bytea using id::bytea',
      'tables',
      /lowcap_positions\.id is of the type bytea/,
    ],
  ])('%s', async (_, text, area, what) => {
    const url = await database('text')
    await sql(url, text)
    const report = await doctor(url)
    expect(report.code).toBe(1)
    const before = await footprint(url)
    await expect(migrate(url)).rejects.toMatchObject({ code: 'STORE_SCHEMA' })
    const { written: _w, ...after } = await footprint(url)
    expect(after).toEqual(Object.fromEntries(Object.entries(before).filter(([name]) => name !== 'written')))
    expect(report.findings[0]).toMatchObject({
      severity: 'error',
      area,
      what: expect.stringMatching(what),
      todo: expect.any(String),
    })
  })

  test('regression: a queue whose check does not know failed: what is no trade would stay pending', async () => {
    const url = await database('text')
    const said = async () => of(await doctor(url), 'bridge', 'does not know failed')
    expect(await said()).toBeUndefined()
    await sql(
      url,
      `alter table learning_queue add constraint queue_states check (status in ('pending', 'processing', 'completed')) not valid`,
    )
    expect(await said()).toMatchObject({
      severity: 'warning',
      what: 'The check queue_states of public.learning_queue does not know failed: queue rows that are no trade stay pending.',
    })
    await migrate(url)
    expect(await said()).toMatchObject({ severity: 'warning' })
  })

  test('a transaction that is open for long', async () => {
    const url = await database('text')
    await withClient(url, async (client) => {
      await client.query(`begin; lock table ad_strands in row exclusive mode; select pg_sleep(11)`)
      const report = await doctor(url)
      expect(of(report, 'database', 'holds locks on ad_strands')).toMatchObject({ severity: 'warning' })
      expect(report.ok).toBe(true)
    })
  })

  test('what cannot be read is a finding, and the rest is seen', async () => {
    const url = await database('bigint')
    await sql(
      url,
      `alter table learning_queue drop column created_at; alter table lowcap_positions drop column completed_trades cascade, drop column total_quantity cascade`,
    )
    const report = await doctor(url)
    expect(of(report, 'tables', 'public.lowcap_positions has no column total_quantity')?.severity).toBe('error')
    expect(of(report, 'bridge', 'wait in learning_queue')?.what).not.toContain('since')
    expect(of(report, 'tables', 'public.ad_strands is a table')).toBeDefined()
  })
})

test('after migrate, what is behind and what is newer', async () => {
  const url = await database()
  const applied = await migrate(url)
  expect(errors(await doctor(url))).toEqual([])
  await sql(url, `delete from supabase_migrations.schema_migrations where version = '${applied.at(-1)}'`)
  expect(errors(await doctor(url))).toEqual([expect.stringContaining('The database is behind: 1 migration is missing')])
  await sql(
    url,
    `insert into supabase_migrations.schema_migrations (version, name) values ('${applied.at(-1)}', 'x'), ('29990101000000', 'strandline_x'), ('29990101000001', 'theirs')`,
  )
  expect(errors(await doctor(url))).toEqual([expect.stringContaining('has our migration 29990101000000')])
})

test('a database that is away, and one that never answers, are findings', async () => {
  const gone = await doctor('postgres://postgres:hunter2@127.0.0.1:1/x')
  expect(gone.code).toBe(1)
  expect(errors(gone)).toEqual([
    expect.stringMatching(/The database could not be looked at: No connection to the database at 127\.0\.0\.1:1\/x/),
  ])
  expect(JSON.stringify(gone)).not.toContain('hunter2')
})

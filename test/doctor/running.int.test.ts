/** The doctor at a running loop: green in the morning, or what is wrong. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chooseTargets } from '../../cli/doctor-targets.ts'
import { systemClock } from '../../core/clock.ts'
import { createLogger } from '../../core/logger.ts'
import { examine } from '../../doctor/doctor.ts'
import type { Finding, Report } from '../../doctor/finding.ts'
import { testKafkaAt } from '../support/kafka.ts'
import { type Loop, startLoop } from '../support/loop.ts'
import { until } from '../support/pm.ts'
import { runCommand } from '../support/strandline.ts'
import { footprint } from './footprint.ts'

let loop: Loop
let env: Record<string, string>
const servers: Server[] = []
beforeAll(async () => {
  loop = await startLoop()
  const { config } = loop.deps
  env = {
    DATABASE_URL: loop.db.databaseUrl,
    SUPABASE_URL: loop.db.supabaseUrl,
    SUPABASE_SERVICE_ROLE_KEY: loop.db.key,
    KAFKA_BROKERS: config.kafka.brokers.join(','),
    SCHEMA_REGISTRY_URL: config.registry.url,
    STRANDLINE_TOPIC: config.topic,
    STRANDLINE_PARTITIONS: '3',
  }
  await settings({ 'message.timestamp.type': 'LogAppendTime' })
  for (let i = 0; i < 3; i++) {
    const id = `p${i}`
    await loop.post('/v1/positions', {
      id,
      token_chain: 'base',
      token_contract: '0xabc',
      token_ticker: 'ABC',
      timeframe: '1h',
      entry_context: { curator: 'ana', chain: 'base' },
    })
    await loop.post(`/v1/positions/${id}/executions`, { id: `in-${i}`, kind: 'entry', quantity: 10, price: 1 })
    await loop.post(`/v1/positions/${id}/executions`, {
      id: `out-${i}`,
      kind: 'emergency_exit',
      size_frac: 1,
      price: 2,
    })
  }
})
afterAll(async () => {
  for (const server of servers) server.close()
  await loop?.stop()
})

async function settings(change: Record<string, string>): Promise<void> {
  const { config } = loop.deps
  const kafka = testKafkaAt({ brokers: config.kafka.brokers[0]!, registryUrl: config.registry.url })
  const admin = kafka.client.admin()
  await admin.connect()
  // what is not named goes back to the broker's default
  const all = { 'retention.ms': '-1', 'message.timestamp.type': 'LogAppendTime', ...change }
  await admin.alterConfigs({
    validateOnly: false,
    resources: [
      { type: 2, name: config.topic, configEntries: Object.entries(all).map(([name, value]) => ({ name, value })) },
    ],
  })
  await admin.disconnect()
  await kafka.close()
}

async function doctor(change: Record<string, string> = {}): Promise<Report & { code: number | null; stderr: string }> {
  const { code, stdout, stderr } = await runCommand(['doctor', '--json'], { env: { ...env, ...change } })
  return { code, stderr, ...JSON.parse(stdout) }
}
const amiss = ({ findings }: Report) => findings.filter((f) => f.severity !== 'info')
const errors = (report: Report) => amiss(report).filter((f) => f.severity === 'error')
const of = ({ findings }: Report, area: Finding['area']) => findings.filter((f) => f.area === area).map((f) => f.what)

test('all is well: no error, no warning, and nothing is left behind', async () => {
  await until(
    doctor,
    (report) =>
      of(report, 'consumers').join() ===
      'The learner has applied all of the log.,The projector has applied all of the log.',
  )
  // the PM notes by itself whose outbox it is, a while after the first event
  await until(
    () => loop.db.sql('select topic from outbox_topic'),
    (noted) => noted.length === 1,
  )
  const seen = async () => {
    const { log, config } = loop.deps
    const kafka = testKafkaAt({ brokers: config.kafka.brokers[0]!, registryUrl: config.registry.url })
    const admin = kafka.client.admin()
    await admin.connect()
    const left = {
      topics: (await admin.listTopics()).sort(),
      // the audit reads the log as a member of a group of its own, which commits nothing and which the broker forgets within minutes
      groups: (await admin.listGroups()).groups
        .map((g) => g.groupId)
        .filter((id) => !id.startsWith('strandline-read-'))
        .sort(),
      ends: await log.offsets(config.topic),
      schemas: await (await fetch(`${config.registry.url}/schemas`)).json(),
    }
    await admin.disconnect()
    await kafka.close()
    return left
  }
  const [before, rows] = [await seen(), await footprint(loop.db.databaseUrl)]
  const report = await doctor()
  expect({ code: report.code, ok: report.ok, amiss: amiss(report) }).toEqual({ code: 0, ok: true, amiss: [] })
  expect(await seen()).toEqual(before)
  const { written: _, ...after } = await footprint(loop.db.databaseUrl)
  // the services go on claiming and polling, which may write; tables that only they write to are left out
  for (const name of Object.keys(after))
    if (!/consumer_checkpoints/.test(name)) expect({ name, rows: after[name] }).toEqual({ name, rows: rows[name] })
  // who names the database by its URL alone is told the same of the loop
  const byUrl = await doctor({ SUPABASE_URL: '', SUPABASE_SERVICE_ROLE_KEY: '' })
  expect([errors(byUrl), of(byUrl, 'consumers'), of(byUrl, 'audit')]).toEqual([
    [],
    of(report, 'consumers'),
    of(report, 'audit'),
  ])
  expect(of(report, 'clocks')).toEqual([
    'The database’s clock agrees with this machine’s.',
    'The broker’s clock agrees with the database’s.',
  ])
  expect(of(report, 'audit')).toEqual(['Every one of 3 closed trades is accounted for, once.'])
  expect(of(report, 'backfill')).toEqual([
    'Of 3 closed trades of the old tables, every one is in the log or on the way.',
  ])
})

test('for a person: what is there, and a verdict', async () => {
  const { code, stdout } = await runCommand(['doctor'], { env })
  expect(code).toBe(0)
  expect(stdout).toMatch(/All is well\.\n$/)
  expect(stdout).not.toContain(loop.db.key)
})

test('a retention of a day', async () => {
  await settings({ 'retention.ms': '86400000' })
  try {
    const report = await doctor()
    expect(report.code).toBe(1)
    expect(report.findings[0]).toMatchObject({
      severity: 'error',
      area: 'topics',
      todo: expect.stringContaining('--set retention.ms=-1'),
    })
    expect(report.findings[0]?.what).toContain('retention.ms is 86400000')
    expect((await doctor({ STRANDLINE_ACCEPT_LOG_SETTINGS: 'yes' })).ok).toBe(true)
  } finally {
    await settings({})
  }
})

test('a key that is wrong, and the anon key', async () => {
  const report = await doctor({ SUPABASE_SERVICE_ROLE_KEY: 'sb_secret_wrong' })
  expect(report.code).toBe(1)
  expect(errors(report)).toMatchObject([{ area: 'key', what: expect.stringContaining('refused our key') }])
  const payload = Buffer.from(JSON.stringify({ role: 'anon' })).toString('base64url')
  const anon = await doctor({ SUPABASE_SERVICE_ROLE_KEY: `e30.${payload}.x` })
  expect(errors(anon).map((f) => f.what)).toContainEqual(expect.stringContaining('The key is that of the role anon'))
  expect(JSON.stringify(anon)).not.toContain(payload)
})

test('a broker that is down is an error; everything else is still seen', async () => {
  const report = await doctor({ KAFKA_BROKERS: '127.0.0.1:1' })
  expect(report.code).toBe(1)
  expect(errors(report)).toMatchObject([
    { area: 'broker', what: expect.stringContaining('Kafka could not be looked at') },
  ])
  expect(of(report, 'registry')).toEqual([expect.stringContaining('Our schema is registered')])
  expect(of(report, 'migrations')).toEqual([expect.stringContaining('are applied')])
})

test('engines that take a connection and never answer: every look has an end', async () => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  servers.push(silent)
  await once(silent, 'listening')
  const { port } = silent.address() as { port: number }
  const started = Date.now()
  const report = await doctor({
    DATABASE_URL: `postgres://u:p@127.0.0.1:${port}/x`,
    SUPABASE_URL: `http://127.0.0.1:${port}`,
    KAFKA_BROKERS: `127.0.0.1:${port}`,
    SCHEMA_REGISTRY_URL: `http://127.0.0.1:${port}`,
  })
  expect(report.code).toBe(1)
  expect(new Set(errors(report).map((f) => f.area))).toEqual(new Set(['database', 'key', 'broker', 'registry']))
  expect(Date.now() - started).toBeLessThan(60_000)
})

test('clocks that differ', async () => {
  const targets = chooseTargets({ dataDir: '/none', explicit: false, env, running: undefined })
  const logger = createLogger({ level: 'silent' })
  const clock = { ...systemClock, now: () => Date.now() + 600_000 }
  const report = await examine(targets, { clock, logger })
  expect(errors(report)).toMatchObject([
    { area: 'clocks', what: expect.stringMatching(/^The database’s clock is 10 min behind this machine’s\./) },
  ])
  // the broker's: it stamped what the database says was written an hour later
  const hour = (sign: '+' | '-') =>
    loop.db.sql(
      `update strandline.pm_outbox set created_at = created_at ${sign} interval '1 hour', published_at = published_at ${sign} interval '1 hour'`,
    )
  await hour('+')
  expect(of(await doctor(), 'clocks')).toContainEqual(
    expect.stringMatching(/^The broker’s clock is 60 min behind the database’s/),
  )
  await hour('-')
})

describe('what is wrong in the database', () => {
  test('closed trades that nobody publishes, and rows that were set aside', async () => {
    await loop.db.sql(`insert into strandline.pm_outbox (event_id, revision, payload, created_at, refused, last_error)
      values ('doctor-1', 0, '{}', now() - interval '2 hours', true, 'the schema refuses it')`)
    await loop.db.sql(`insert into strandline.set_aside (kind, id, reason) values ('strand', '1', 'no exit time')`)
    const report = await doctor()
    expect(errors(report)).toMatchObject([
      { area: 'outbox', what: expect.stringContaining('1 closed trade is refused') },
    ])
    expect(amiss(report).map((f) => f.what)).toContainEqual('Set aside: 1 strands of the old queue (no exit time).')
    await loop.db.sql(`delete from strandline.pm_outbox where event_id = 'doctor-1'; delete from strandline.set_aside`)
  })

  test('a strand that is gone', async () => {
    const [row] = await loop.db.sql<{ id: string }>(
      `select id from public.ad_strands where kind = 'position_closed' limit 1`,
    )
    await loop.db.sql(`delete from public.ad_strands where id = $1`, [row!.id])
    const report = await doctor()
    expect(errors(report)).toMatchObject([
      { area: 'audit', what: expect.stringContaining('The audit does not reconcile: lost 1') },
    ])
  })
})

test('with URL and key alone, what could not be seen is said', async () => {
  const { DATABASE_URL: _, ...hosted } = env
  const { code, stdout } = await runCommand(['doctor', '--json'], { env: hosted })
  const report: Report = JSON.parse(stdout)
  expect({ code, errors: errors(report).filter((f) => f.area !== 'audit') }).toMatchObject({ errors: [] })
  expect(of(report, 'database')).toEqual([expect.stringContaining('Without a database URL, this was not looked at')])
  expect(of(report, 'tables')).toEqual([expect.stringContaining('The API shows lowcap_positions')])
  expect(of(report, 'outbox')).toEqual(['Every closed trade of the outbox is in the log.'])
  expect(of(report, 'backfill')).toEqual([
    'Of 3 closed trades of the old tables, every one is in the log or on the way.',
  ])
})

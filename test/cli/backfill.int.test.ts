/** `backfill` as a person runs it, against a real database and a real Kafka. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { until } from '../support/pm.ts'
import { runCommand } from '../support/strandline.ts'

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))
const TRADES = 4_000
let db: TestDatabase
let kafka: TestKafka
let dir: string
let env: Record<string, string>
let topic: string
beforeAll(async () => {
  ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
  dir = await mkdtemp(join(tmpdir(), 'strandline-cli-'))
  topic = kafka.name('closed')
  env = {
    PATH: process.env.PATH!,
    SUPABASE_URL: db.supabaseUrl,
    SUPABASE_SERVICE_ROLE_KEY: db.key,
    KAFKA_BROKERS: kafka.brokers,
    SCHEMA_REGISTRY_URL: kafka.registryUrl,
    STRANDLINE_TOPIC: topic,
  }
  await db.sql(
    `insert into ad_strands (id, kind, timeframe, position_id, content)
     select 's' || i, 'position_closed', '15m', 'pos-' || i, jsonb_build_object('completed_trades', jsonb_build_object('trade_id', 't' || i, 'rr', case when i = 7 then '"x"' else '1' end::jsonb,
       'entry_timestamp', '2026-01-01T00:00:00Z', 'exit_timestamp', '2026-01-02T00:00:00Z'::timestamptz + i * interval '1 minute'))
     from generate_series(1, $1) i`,
    [TRADES],
  )
})
afterAll(async () => {
  await kafka?.close()
  await db?.drop()
  await rm(dir, { recursive: true, force: true })
})

const strandline = (args: string[], change: Record<string, string> = {}) =>
  runCommand(args, { cwd: dir, env: { ...env, ...change } })
const inLog = async () => (await kafka.log.offsets(topic)).reduce((n, p) => n + p.end - p.start, 0)
const outbox = async () => Number((await db.sql('select count(*) as n from pm_outbox'))[0]!.n)

test('a dry run says what there is, needs no broker, and writes nothing', async () => {
  const { KAFKA_BROKERS: _, SCHEMA_REGISTRY_URL: __, ...rest } = env
  const dry = await runCommand(['backfill', '--dry-run'], { cwd: dir, env: rest })
  expect(dry).toMatchObject({
    code: 0,
    stdout: [
      '3,999 trades would be published.',
      '0 already known.',
      '1 unusable:',
      '  1 × Rr is …, not a finite number.',
      '      strand s7: Rr is "x", not a finite number.',
      'Nothing was written (--dry-run).',
      '',
    ].join('\n'),
  })
  expect(await outbox()).toBe(0)
})

test('a time that is none is named', async () => {
  expect(await strandline(['backfill', '--since', 'yesterday', '--json'])).toMatchObject({
    code: 2,
    stdout: expect.stringMatching(/^\{"error":\{"code":"USAGE","message":".*--since.*It must be a date/),
  })
})

test('interrupted it ends with what to do; killed it leaves no trace; run again, all is in the log once', async () => {
  const first = spawn(process.execPath, [MAIN, 'backfill'], { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  first.stderr.on('data', (chunk) => {
    said += chunk
  })
  await until(outbox, (n) => n > 0)
  first.kill('SIGINT')
  const [code] = await once(first, 'close')
  expect(await outbox()).toBeLessThan(TRADES - 1)
  expect({ code, said }).toEqual({
    code: 3,
    said: expect.stringContaining('The backfill was stopped. Run ./strandline backfill again: it goes on from there.'),
  })

  const before = await outbox()
  const second = spawn(process.execPath, [MAIN, 'backfill'], { cwd: dir, env, stdio: 'ignore' })
  await until(outbox, (n) => n > before)
  second.kill('SIGKILL')
  await once(second, 'close')

  const third = await strandline(['backfill', '--json'])
  expect(third.code).toBe(0)
  expect(JSON.parse(third.stdout)).toEqual({
    summary: {
      dry_run: false,
      complete: true,
      resumed: expect.any(Boolean),
      since: null,
      published: expect.any(Number),
      already_known: expect.any(Number),
      before_since: 0,
      unusable: 1,
      reasons: [expect.objectContaining({ reason: 'Rr is …, not a finite number.', count: 1 })],
      waiting: 0,
    },
  })
  const { summary } = JSON.parse(third.stdout)
  expect(summary.published + summary.already_known).toBe(TRADES - 1)
  expect(third.stderr).toMatch(/strands read: [\d,]+ trades published/)
  expect(await outbox()).toBe(TRADES - 1)
  expect(await db.sql('select 1 from pm_outbox where published_at is null')).toEqual([])
  expect(await inLog()).toBeGreaterThanOrEqual(TRADES - 1)
})

test('without a broker the trades are in the outbox, and it says so', async () => {
  await db.sql(
    `insert into lowcap_positions (id, timeframe, completed_trades) values ('late', '15m', '[{"trade_id": "t", "rr": 1, "exit_timestamp": "2026-02-01T00:00:00Z"}]')`,
  )
  const away = await strandline(['backfill'], { KAFKA_BROKERS: '127.0.0.1:1' })
  expect(away).toMatchObject({
    code: 3,
    stdout: expect.stringContaining('1 trade published.\n3,999 already known.'),
    stderr: expect.stringMatching(/1 trades? (is|are) in the outbox and not in the log yet: .*127\.0\.0\.1:1/),
  })
  expect(await strandline(['backfill'])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('4,000 already known.'),
  })
})

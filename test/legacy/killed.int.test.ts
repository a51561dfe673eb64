/** An old system moves in while everything that moves it is killed, and in the end each of its trades is in the log, and learned, once. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import { readConfig } from '../../core/config.ts'
import { migrate } from '../../core/store/migrate.ts'
import { openStore } from '../../core/store/open-store.ts'
import { eventId } from '../../domain/event.ts'
import { apiUrl } from '../../embedded/database.ts'
import { learnUntilCaughtUp } from '../../services/learner/catch-up.ts'
import { startSupabase } from '../../services/supabase/index.ts'
import { PASSWORD } from '../support/engine-desk.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { logger, until } from '../support/pm.ts'
import { createOldDatabase, type OldDatabase } from './old-database.ts'

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

let old: OldDatabase
let kafka: TestKafka
let supabase: Awaited<ReturnType<typeof startSupabase>>
let env: Record<string, string>
let dir: string
const running = new Set<ChildProcess>()
beforeAll(async () => {
  // The other types of ids: history.int.test.ts.
  ;[old, kafka] = await Promise.all([createOldDatabase('text'), createTestKafka()])
  await migrate(old.databaseUrl)
  const key = `sb_secret_${randomBytes(16).toString('hex')}`
  supabase = await startSupabase({
    databaseUrl: apiUrl(old.databaseUrl, PASSWORD),
    port: 0,
    serviceRoleKey: key,
    poolSize: 16,
  })
  dir = await mkdtemp(join(tmpdir(), 'strandline-killed-'))
  env = {
    PATH: process.env.PATH!,
    SUPABASE_URL: supabase.url,
    SUPABASE_SERVICE_ROLE_KEY: key,
    KAFKA_BROKERS: kafka.brokers,
    SCHEMA_REGISTRY_URL: kafka.registryUrl,
    STRANDLINE_TOPIC: kafka.name('closed'),
    LOG_LEVEL: 'error',
  }
})
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL')
  await supabase?.stop()
  await kafka?.close()
  await old?.drop()
  await rm(dir, { recursive: true, force: true })
})

function start(...args: string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  let out = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    out += chunk
  })
  const ended = once(child, 'close').then(([code, signal]) => {
    running.delete(child)
    return { code, signal, out }
  })
  return { child, ended }
}
const count = async (of: string) => Number((await old.sql<{ n: string }>(`select count(*) as n from ${of}`))[0]!.n)
const outbox = () => count('strandline.pm_outbox')
const waiting = () => count(`public.learning_queue where status = 'pending' and strand_type = 'position_closed'`)

test('backfill, bridge and live PM together, each killed: every trade is in the log and in the ledger once', async () => {
  // Five trades end while it moves: their positions come to zero, and two of them are closed by the old PM as well.
  const closing = old.held.slice(0, 5)
  await old.sql(
    `update public.lowcap_positions set total_quantity = 0, avg_exit_price = 3 where id::text = any ($1::text[])`,
    [closing],
  )
  const live = await old.sql<{ id: string; trade_id: string }>(
    `select id::text, current_trade_id::text as trade_id from public.lowcap_positions where id::text = any ($1::text[])`,
    [closing],
  )

  const pm = start('pm', '--port', '0')
  await until(outbox, (n) => n > 0)
  pm.child.kill('SIGKILL')
  expect((await pm.ended).signal).toBe('SIGKILL')

  const first = start('backfill', '--json')
  const secondPm = start('pm', '--port', '0')
  await until(
    () => old.sql('select 1 from strandline.backfill_runs where after is not null'),
    (rows) => rows.length > 0,
  )
  first.child.kill('SIGKILL')
  secondPm.child.kill('SIGKILL')
  await Promise.all([first.ended, secondPm.ended])

  for (const { id, trade_id } of live.slice(0, 2))
    await old.sql(
      `insert into public.ad_strands (id, kind, symbol, timeframe, content)
         values ('live-${id}', 'position_closed', 'LIVE', '15m', $1)`,
      [
        JSON.stringify({
          position_id: id,
          trade_id,
          completed_trades: [
            { trade_id, entry_price: 2.5, exit_price: 3, rr: 1, exit_timestamp: new Date().toISOString() },
          ],
        }),
      ],
    )
  const thirdPm = start('pm', '--port', '0')
  const second = start('backfill', '--json')
  const done = await second.ended
  expect(done).toMatchObject({ code: 0 })
  expect(JSON.parse(/^\{"summary".*$/m.exec(done.out)![0])).toMatchObject({
    summary: { complete: true, waiting: 0 },
  })
  await until(waiting, (n) => n === 0)
  await until(
    () => count('strandline.pm_outbox where published_at is null'),
    (n) => n === 0,
  )
  await until(
    () => count(`strandline.pm_outbox where payload ->> 'position_id' in (${closing.map((id) => `'${id}'`)})`),
    (n) => n >= closing.length,
  )
  thirdPm.child.kill('SIGTERM')
  expect((await thirdPm.ended).code).toBe(0)

  const config = readConfig(env)
  const metrics = new Registry()
  const deps = {
    config,
    log: kafka.log,
    store: openStore(config),
    codec: createCodec(config),
    clock: systemClock,
    logger,
    metrics,
  }
  await learnUntilCaughtUp(deps, 'lowcap-v4')

  const expected = [
    ...old.trades.filter((t) => t.usable),
    ...live.map((l) => ({ position_id: l.id, trade_id: l.trade_id })),
  ]
  const ids = expected.map((t) => eventId(t.position_id, t.trade_id)).sort()
  const ledger = await old.sql<{ event_id: string }>(
    'select event_id::text from strandline.learner_ledger where not voided',
  )
  expect(ledger.map((row) => row.event_id).sort()).toEqual(ids)
  const published = await old.sql<{ event_id: string }>(
    'select distinct event_id from strandline.pm_outbox where published_at is not null',
  )
  expect(published.map((row) => row.event_id).sort()).toEqual(ids)
})

/**
 * From close to coefficient: exits reported to the PM over HTTP at a steady rate, on the whole loop as `./strandline up` runs it (PM, learner, projector and
 * decision maker, each a process of its own and unchanged). The exits keep to the clock whether or not earlier ones are answered: a slow answer delays no later
 * close, and hides none of what it would have waited. When a coefficient was committed, PostgreSQL itself says: the time of the transaction that wrote the
 * trade into the ledger.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { StrandlineError } from '../core/errors.ts'
import { withClient } from '../core/store/client.ts'
import { createPostgrestStore } from '../core/store/postgrest-store.ts'
import { simulateMarket } from '../demo/market.ts'
import { insertBars, openAll } from '../demo/trader.ts'
import { type Close, closeSteadily } from './close-steadily.ts'
import { type Bench, environment } from './context.ts'
import { cpuOf, differences } from './cpu.ts'
import { transactions, walBytes } from './database.ts'
import { type Cpu, share, total } from './rate.ts'
import { percentile } from './statistics.ts'
import type { DatabaseAddress, ServiceAddress } from './workers/engines.ts'

/** By closes a second. */
export type LatencyResult = Record<number, RateLatency>

export interface RateLatency {
  closes: number
  /** Milliseconds from the report of the exit being sent to its coefficients committed. */
  p50: number
  p99: number
  max: number
  /** Milliseconds from the report being sent to the PM's answer: the close is committed, with its outbox row. */
  closed: { p50: number; p99: number }
  /** Reports that the PM asked for again (503). */
  repeated: number
  /** Milliseconds of processor of all processes; null where one is not known. */
  cpu_ms_per_close: number | null
  /** The same by process. */
  processes: Cpu
  /** Of the database, those of services that look whether there is something to do among them. */
  transactions_per_close: number
  wal_bytes_per_close: number
}

const SECONDS = 30
const WARM_UP_SECONDS = 5
const LEARNED_MS = 30_000
const LOOK_MS = 100

interface Loop {
  bench: Bench
  database: DatabaseAddress
  sql: pg.Client
  pmUrl: string
  used(): Cpu
}

export async function measureLatency(bench: Bench): Promise<LatencyResult> {
  const { engines, kafka, options } = bench
  const database = await engines.ask<DatabaseAddress>('database', {
    name: 'latency',
    settings: { track_commit_timestamp: 'on' },
  })
  const env = {
    ...environment(kafka, database, options.store),
    STRANDLINE_TOPIC: 'bench.closes',
    STRANDLINE_PARTITIONS: String(options.partitions),
    LOG_LEVEL: 'warn',
  }
  try {
    const pids: Record<string, number> = {}
    let pmUrl = ''
    for (const name of ['pm', 'learner', 'projector', 'decision']) {
      const { url, pid } = await engines.ask<ServiceAddress>('service', { name, env })
      if (name === 'pm') pmUrl = url
      pids[name] = pid
    }
    const used = () => ({
      ...cpuOf({ ...pids, lite: engines.pid, kafka: kafka.pid }),
      ...cpuOf({ postgres: database.pid }, { children: true }),
    })
    return await withClient(database.databaseUrl, async (sql) => {
      const result: LatencyResult = {}
      for (const rate of options.rates) result[rate] = await measureRate({ bench, database, sql, pmUrl, used }, rate)
      return result
    })
  } finally {
    await engines.ask('stopServices')
    await engines.ask('stopDatabase', { name: 'latency' })
  }
}

async function measureRate({ bench, database, sql, pmUrl, used }: Loop, rate: number): Promise<RateLatency> {
  const warmUp = WARM_UP_SECONDS * rate
  const trades = simulateMarket(warmUp + SECONDS * rate, 1, randomUUID().slice(0, 8), Date.now() - 60_000)
  bench.progress(`opening ${trades.length} positions`)
  await insertBars(createPostgrestStore({ url: database.supabaseUrl, key: database.key }), trades)
  await openAll(pmUrl, trades, () => {})
  bench.progress(`closing ${rate} positions a second for ${SECONDS} s`)
  await committedTimes(sql, await closeSteadily(pmUrl, trades.slice(0, warmUp), rate))
  const before = { cpu: used(), transactions: await transactions(sql), wal: await walBytes(sql) }
  const closes = await closeSteadily(pmUrl, trades.slice(warmUp), rate)
  const committed = await committedTimes(sql, closes)
  const processes = share(differences(used(), before.cpu), closes.length, 1_000)
  const [done, wal] = [await transactions(sql), await walBytes(sql)]
  const waited = closes.map((c) => (committed.get(c.event_id) as number) - c.sent)
  const answered = closes.map((c) => c.answered - c.sent)
  return {
    closes: closes.length,
    p50: percentile(waited, 0.5),
    p99: percentile(waited, 0.99),
    max: percentile(waited, 1),
    closed: { p50: percentile(answered, 0.5), p99: percentile(answered, 0.99) },
    repeated: closes.reduce((sum, c) => sum + c.repeated, 0),
    cpu_ms_per_close: total(processes),
    processes,
    transactions_per_close: (done - before.transactions) / closes.length,
    wal_bytes_per_close: (wal - before.wal) / closes.length,
  }
}

/** When the ledger got each trade, ms since 1970, by event id. Waits for all of them. Errors: ENGINE_FAILED. */
async function committedTimes(sql: pg.Client, closes: Close[]): Promise<Map<string, number>> {
  const ids = closes.map((c) => c.event_id)
  const until = performance.now() + LEARNED_MS
  for (;;) {
    const { rows } = await sql.query<{ event_id: string; at: number }>(
      `select event_id, extract(epoch from pg_xact_commit_timestamp(xmin))::double precision * 1000 as at
       from strandline.learner_ledger where event_id = any($1::uuid[])`,
      [ids],
    )
    if (rows.length === ids.length) return new Map(rows.map((r) => [r.event_id, r.at]))
    if (performance.now() > until)
      throw new StrandlineError(
        'ENGINE_FAILED',
        `${ids.length - rows.length} closes had no coefficient after ${LEARNED_MS / 1000} s.`,
      )
    await sleep(LOOK_MS)
  }
}

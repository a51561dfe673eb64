/**
 * The bridge with a backlog, and a backfill over it: what a page costs by the number of rows that wait, how fast they drain, and what a live PM beside it notices.
 *   node bench/bridge.ts [--rows 1000000] [--drain 200000] [--json]
 * Engines of its own in a temporary folder. The bridge and the live PM share a process, as in the service; what they publish stays in the outbox.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { pino } from 'pino'
import { systemClock } from '../core/clock.ts'
import { createPostgrestStore } from '../core/store/postgrest-store.ts'
import type { Store } from '../core/store/store.ts'
import { openPosition, type Portfolio, portfolioStores, reportExecution } from '../services/pm/index.ts'
import { backfill, backfillStores } from '../services/pm/sources/backfill.ts'
import { drainLearningQueue, firstScan, startBridge } from '../services/pm/sources/learning-queue.ts'
import { cpuSeconds } from './cpu.ts'
import { percentile } from './statistics.ts'
import { startWorker } from './worker.ts'
import type { DatabaseAddress } from './workers/engines.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    drain: { type: 'string', default: 'all' },
    json: { type: 'boolean', default: false },
  },
})
const ROWS = Number(values.rows)
const DRAIN = values.drain === 'all' ? ROWS : Number(values.drain)
const SIZES = [25_000, 100_000, 400_000, 1_000_000].filter((n) => n < ROWS).concat(ROWS)
const CALLS = 30
const LIVE_MS = 20_000
const PER_SECOND = 5

const say = (text: string) => process.stderr.write(`${text}\n`)

/** Strands as an old PM wrote them, in both shapes, one in ten without an R/R; they queue themselves. */
const fill = (from: number, to: number) => `
insert into public.ad_strands (id, module, kind, symbol, timeframe, position_id, trade_id, content, created_at)
select 'old-' || i, 'pm', 'position_closed', 'TKN' || i % 5000, (array['1m','15m','1h','4h'])[1 + i % 4],
  'pos-' || i / 4, 't' || i,
  jsonb_build_object('token_contract', '0x' || i % 5000, 'chain', 'base', 'decision_type', 'trim',
    'entry_context', jsonb_build_object('curator', 'c' || i % 300, 'chain', 'base', 'mcap_bucket', '1m-2m', 'vol_at_entry', i % 1000000, 'intent', 'new_mention'),
    'completed_trades', jsonb_build_array(case when i % 2 = 0 then trade else jsonb_build_object('trade_id', 't' || i, 'actions', '[]'::jsonb, 'summary', trade) end)),
  '2026-01-01'::timestamptz + i * interval '10 seconds'
from generate_series(${from}, ${to - 1}) i,
  lateral (select jsonb_build_object('trade_id', 't' || i, 'entry_price', 1.5, 'exit_price', 1.5 + (i % 7) / 10.0,
    'entry_timestamp', '2026-01-01'::timestamptz + i * interval '10 seconds' - interval '1 hour',
    'exit_timestamp', '2026-01-01'::timestamptz + i * interval '10 seconds',
    'rr', case when i % 10 > 0 then (i % 600) / 100.0 - 2 end) as trade) t`

interface Live {
  close_p50_ms: number
  close_p99_ms: number
  closes: number
}

async function live(pm: Portfolio, prefix: string, until: () => boolean): Promise<Live> {
  const took: number[] = []
  const running: Promise<void>[] = []
  const started = performance.now()
  for (let i = 0; !until(); i++) {
    const id = `${prefix}-${i}`
    const due = started + (i * 1000) / PER_SECOND
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())))
    running.push(
      (async () => {
        const position = {
          id,
          token_chain: 'base',
          token_contract: `0x${id}`,
          token_ticker: 'LIVE',
          timeframe: '15m',
          entry_context: {},
        }
        await openPosition(pm, position)
        await reportExecution(pm, id, { id: `${id}-buy`, kind: 'buy', quantity: 10, price: 1 })
        const begun = performance.now()
        await reportExecution(pm, id, { id: `${id}-exit`, kind: 'trim', size_frac: 1, quantity: 10, price: 2 })
        took.push(performance.now() - begun)
      })(),
    )
  }
  await Promise.all(running)
  return { close_p50_ms: percentile(took, 0.5), close_p99_ms: percentile(took, 0.99), closes: took.length }
}

/** A backfill over what the bridge has published: rows a second, and its longest call. */
async function measureBackfill(store: Store) {
  const calls: number[] = []
  const timed = {
    ...store,
    rpc: async <T>(fn: string, args: Record<string, unknown>) => {
      const asked = performance.now()
      const answer = await store.rpc<T>(fn, args)
      calls.push(performance.now() - asked)
      return answer
    },
  }
  const backfillFrom = performance.now()
  const filledBack = await backfill({ stores: backfillStores(timed), clock: systemClock, owner: 'bench' })
  const backfilled = {
    rows: filledBack.read.strands + filledBack.read.positions,
    known: filledBack.known,
    seconds: (performance.now() - backfillFrom) / 1000,
    longest_call_ms: Math.max(...calls),
  }
  say(
    `A backfill over them, all known: ${Math.round(backfilled.rows / backfilled.seconds)} rows a second; the longest call took ${Math.round(backfilled.longest_call_ms)} ms.`,
  )
  return backfilled
}

const dataDir = await mkdtemp(join(tmpdir(), 'strandline-bench-bridge-'))
const engines = startWorker('engines', { BENCH_DATA_DIR: dataDir })
try {
  const { databaseUrl, supabaseUrl, key, pid } = await engines.ask<DatabaseAddress>('database', { name: 'bridge' })
  const store = createPostgrestStore({ url: supabaseUrl, key })
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const pm: Portfolio = { ...portfolioStores(store), clock: systemClock, logger: pino({ level: 'error' }) }

  const pages: { waiting: number; page_ms: number; settle_ms: number }[] = []
  let filled = 0
  for (const size of SIZES) {
    while (filled < size) {
      const to = Math.min(size, filled + 50_000)
      await client.query(fill(filled, to))
      filled = to
    }
    say(`${size} strands wait.`)
    const page: number[] = []
    for (let i = 0; i < CALLS; i++) {
      const begun = performance.now()
      await store.rpc('strandline_bridge_page', { p_after: null, p_limit: 100 })
      page.push(performance.now() - begun)
    }
    const settle: number[] = []
    for (let i = 0; i < 10; i++) {
      const ending = new AbortController()
      const begun = performance.now()
      const looked = drainLearningQueue(pm, { ...firstScan(), page: 100 }, ending.signal)
      ending.abort()
      await looked
      settle.push(performance.now() - begun)
    }
    pages.push({ waiting: size, page_ms: percentile(page, 0.5), settle_ms: percentile(settle, 0.5) })
    say(
      `  a page of 100: read ${pages.at(-1)!.page_ms.toFixed(1)} ms, read and settled ${pages.at(-1)!.settle_ms.toFixed(1)} ms (medians)`,
    )
  }

  const quietFrom = performance.now()
  const quiet = await live(pm, 'quiet', () => performance.now() - quietFrom > LIVE_MS)
  say(`A live close beside nothing: p50 ${quiet.close_p50_ms.toFixed(1)} ms, p99 ${quiet.close_p99_ms.toFixed(1)} ms.`)

  const waiting = async () =>
    Number((await client.query(`select count(*) from public.learning_queue where status = 'pending'`)).rows[0].count)
  const before = await waiting()
  const used = () => ({
    postgres: cpuSeconds(pid, { children: true })!,
    lite: cpuSeconds(engines.pid)!,
    bridge: process.cpuUsage().user / 1e6,
  })
  const usedBefore = used()
  const begun = performance.now()
  let bridge = startBridge(pm)
  let done = false
  const stops: number[] = []
  const watch = (async () => {
    for (let n = 0; ; n++) {
      await new Promise((resolve) => setTimeout(resolve, 10_000))
      const left = await waiting()
      say(`  ${left} wait, ${Math.round((before - left) / ((performance.now() - begun) / 1000))} a second`)
      if (before - left >= Math.min(before, DRAIN)) break
      if (n < 3) {
        const asked = performance.now()
        await bridge.stop()
        stops.push(performance.now() - asked)
        bridge = startBridge(pm)
      }
    }
    done = true
  })()
  const beside = await live(pm, 'beside', () => done)
  await watch
  const seconds = (performance.now() - begun) / 1000
  await bridge.stop()
  const drained = before - (await waiting())
  const usedAfter = used()
  const cpu_ms_a_row = Object.fromEntries(
    Object.entries(usedAfter).map(([name, s]) => [
      name,
      ((s - usedBefore[name as keyof typeof usedBefore]) * 1000) / drained,
    ]),
  )
  const outbox = Number(
    (await client.query(`select count(*) from strandline.pm_outbox where payload ->> 'source' = 'learning-queue'`))
      .rows[0].count,
  )
  const backfilled = DRAIN >= ROWS ? await measureBackfill(store) : null
  const result = {
    pages,
    waiting: before,
    drained,
    seconds,
    rows_a_second: drained / seconds,
    cpu_ms_a_row,
    in_outbox: outbox,
    longest_stop_ms: Math.max(...stops),
    live: { quiet, beside },
    backfilled,
  }
  say(
    `${drained} rows in ${seconds.toFixed(0)} s: ${Math.round(result.rows_a_second)} a second. A stop took ${Math.round(result.longest_stop_ms)} ms at most.`,
  )
  say(
    `A live close beside it: p50 ${beside.close_p50_ms.toFixed(1)} ms, p99 ${beside.close_p99_ms.toFixed(1)} ms (${beside.closes}).`,
  )
  say(
    `Processor time of a row: ${Object.entries(cpu_ms_a_row)
      .map(([name, ms]) => `${name} ${ms.toFixed(2)} ms`)
      .join(', ')}.`,
  )
  say(`${outbox} of ${filled} trades are in the outbox.`)
  if (values.json) console.log(JSON.stringify(result))
  if (DRAIN >= ROWS && outbox !== filled) process.exitCode = 1
  await client.end()
} finally {
  await engines.stop()
  await rm(dataDir, { recursive: true, force: true })
}

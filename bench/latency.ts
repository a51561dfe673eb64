/**
 * From close to coefficient: exits reported to the PM over HTTP at a steady rate, on the whole loop as `./strandline up` runs it (PM, learner, projector and
 * decision maker, each a process of its own). The exits keep to the clock whether or not earlier ones are answered: a slow answer delays no later
 * close, and hides none of what it would have waited.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { StrandlineError } from '../core/errors.ts'
import { tokenHeader } from '../core/http-guard.ts'
import { createPostgrestStore } from '../core/store/postgrest-store.ts'
import { type MarketTrade, simulateMarket } from '../demo/market.ts'
import { insertBars, openAll } from '../demo/trader.ts'
import { type Bench, environment } from './context.ts'
import { cpuSeconds, difference } from './cpu.ts'
import { percentile } from './statistics.ts'
import { startWorker } from './worker.ts'
import type { DatabaseAddress, ServiceAddress } from './workers/engines.ts'
import { instant } from './workers/serve.ts'

export interface LatencyResult {
  closes: number
  per_second: number
  /** Milliseconds from the report of the exit being sent to its coefficients committed. */
  close_to_coefficient: Percentiles
  /** Milliseconds from the report being sent to the PM's answer: the close is committed, with its outbox row. */
  close_committed: Percentiles
  /** Reports that the PM asked for again (503). */
  repeated: number
  /** Processor seconds of each process meanwhile. */
  cpu_s: Record<string, number | null>
}

interface Percentiles {
  p50: number
  p99: number
  max: number
}

export const PER_SECOND = 100
const SECONDS = 30
const WARM_UP_SECONDS = 5
const PATIENCE_MS = 30_000
const REPEAT_MS = 50

export async function measureLatency(bench: Bench): Promise<LatencyResult> {
  const { engines, kafka, options, progress } = bench
  const topic = 'bench.closes'
  const database = await engines.ask<DatabaseAddress>('database', { name: 'latency' })
  const env = {
    ...environment(kafka, database),
    STRANDLINE_TOPIC: topic,
    STRANDLINE_PARTITIONS: String(options.partitions),
    LOG_LEVEL: 'warn',
  }
  const learner = startWorker('learner', env)
  try {
    const pids: Record<string, number> = { learner: learner.pid, kafka: kafka.pid, lite: engines.pid }
    let pmUrl = ''
    for (const name of ['pm', 'projector', 'decision']) {
      const { url, pid } = await engines.ask<ServiceAddress>('service', { name, env })
      if (name === 'pm') pmUrl = url
      pids[name] = pid
    }
    const used = (): Record<string, number | null> => ({
      ...Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuSeconds(pid)])),
      postgres: cpuSeconds(database.pid, { children: true }),
    })
    const committed = new Map<string, number>()
    learner.hear('committed', (done: [string, number][]) => {
      for (const [key, at] of done) if (!committed.has(key)) committed.set(key, at)
    })
    await learner.ask('learn', { topic, watch: true })

    const warmUp = WARM_UP_SECONDS * PER_SECOND
    const trades = simulateMarket(warmUp + SECONDS * PER_SECOND, 1, randomUUID().slice(0, 8), Date.now() - 60_000)
    progress(`opening ${trades.length} positions`)
    await insertBars(createPostgrestStore({ url: database.supabaseUrl, key: database.key }), trades)
    await openAll(pmUrl, trades, () => {})
    await closeSteadily(pmUrl, trades.slice(0, warmUp))
    progress(`closing ${PER_SECOND} positions a second for ${SECONDS} s`)
    const measured = trades.slice(warmUp)
    const before = used()
    const closes = await closeSteadily(pmUrl, measured)
    await allCommitted(trades, committed)
    const after = used()
    return {
      closes: measured.length,
      per_second: PER_SECOND,
      close_to_coefficient: percentiles(closes.map((c) => (committed.get(c.id) as number) - c.sent)),
      close_committed: percentiles(closes.map((c) => c.answered - c.sent)),
      cpu_s: Object.fromEntries(Object.keys(after).map((name) => [name, difference(after[name], before[name])])),
      repeated: closes.reduce((sum, c) => sum + c.repeated, 0),
    }
  } finally {
    await learner.stop()
    await engines.ask('stopServices')
    await engines.ask('stopDatabase', { name: 'latency' })
  }
}

interface Close {
  id: string
  sent: number
  answered: number
  /** Times that the PM asked for the report again. */
  repeated: number
}

async function closeSteadily(pmUrl: string, trades: MarketTrade[]): Promise<Close[]> {
  const started = instant()
  const closes: Promise<Close>[] = []
  for (const [i, trade] of trades.entries()) {
    const due = started + (i * 1_000) / PER_SECOND
    const wait = due - instant()
    if (wait > 0) await sleep(wait)
    closes.push(close(pmUrl, trade))
    closes.at(-1)?.catch(() => {}) // seen by Promise.all below
  }
  return Promise.all(closes)
}

/** Reports one exit; 503 means: report it again. What was waited for that counts. */
async function close(pmUrl: string, trade: MarketTrade): Promise<Close> {
  const sent = instant()
  for (let repeated = 0; ; repeated++) {
    const response = await fetch(`${pmUrl}/v1/positions/${trade.position_id}/executions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...tokenHeader() },
      body: JSON.stringify({
        id: `${trade.position_id}-exit`,
        kind: trade.exit,
        size_frac: 1,
        price: trade.exit_price,
        executed_at: new Date(trade.closed_at).toISOString(),
      }),
    })
    const answered = instant()
    const answer = (await response.json()) as { closed?: { rr: number | null } | null }
    if (response.status === 503 && answered - sent < PATIENCE_MS) {
      await sleep(REPEAT_MS)
      continue
    }
    if (!response.ok || typeof answer.closed?.rr !== 'number')
      throw new StrandlineError(
        'ENGINE_FAILED',
        `The PM did not close ${trade.position_id} with an R/R: ${response.status} ${JSON.stringify(answer).slice(0, 300)}`,
      )
    return { id: trade.position_id, sent, answered, repeated }
  }
}

async function allCommitted(trades: MarketTrade[], committed: Map<string, number>): Promise<void> {
  const until = instant() + PATIENCE_MS
  for (;;) {
    const missing = trades.filter((t) => !committed.has(t.position_id)).length
    if (missing === 0) return
    if (instant() > until)
      throw new StrandlineError('ENGINE_FAILED', `${missing} closes had no coefficient after ${PATIENCE_MS / 1000} s.`)
    await sleep(50)
  }
}

function percentiles(ms: number[]): Percentiles {
  return { p50: percentile(ms, 0.5), p99: percentile(ms, 0.99), max: percentile(ms, 1) }
}

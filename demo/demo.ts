/** The main job, seen whole: a market with known edges is traded through the running services, and what they learned is compared with what was planted. */

import { StrandlineError } from '../core/errors.ts'
import type { StoredLag } from '../core/lag/lag.ts'
import { loadModel } from '../core/load-model.ts'
import type { ServiceDeps } from '../core/service.ts'
import { createCoefficientStore } from '../core/store/coefficient-store.ts'
import { readAllCoefficients } from '../core/store/learned.ts'
import { createModelVersionStore } from '../core/store/model-versions.ts'
import { createPostgrestStore } from '../core/store/postgrest-store.ts'
import type { Factor } from '../domain/sizing/allocation.ts'
import { type AuditReport, audit } from '../services/audit/audit.ts'
import { allocate } from '../services/decision/decide.ts'
import { openVersion } from '../services/learner/learner-store.ts'
import { percentile, watchCheckpoints } from './latency.ts'
import { bestContext, plantedWeights, simulateMarket } from './market.ts'
import { DEMO_PREFIX, requireOwnTrades } from './own-trades.ts'
import { closeAll, insertBars, openAll } from './trader.ts'

export interface DemoOptions {
  positions: number
  seed: number
  /** The stack's folder, for people. */
  stack: string
  pmUrl: string
  /** PostgreSQL itself, to watch the positions. */
  databaseUrl: string
  /** Closes a second. */
  rate?: number
  progress: (text: string, done?: number, total?: number) => void
}

export interface LearnedRow {
  name: string
  key: string
  planted: number
  learned: number | null
  n: number
}

export interface DemoReport {
  audit: AuditReport
  /** From the exit being reported to a reader seeing its coefficient, ms. */
  latency_ms: { p50: number; p99: number }
  learned: LearnedRow[]
  allocation: { context: Record<string, unknown>; before: number; after: number; factors: Factor[] }
}

/** What the demo asks to be sized, beside the context. */
export const SIZING = { timeframe: '1h', base: 4, min: 1, max: 10 }
const WAIT_MS = 60_000
const CONSUMERS = ['learner', 'projector']

export async function runDemo(
  deps: ServiceDeps,
  { positions, seed, stack, pmUrl, databaseUrl, rate = 100, progress }: DemoOptions,
): Promise<DemoReport> {
  const { store, clock, config } = deps
  await requireOwnTrades(store, stack)
  // tables as supabase-js shows them: the market's bars and positions are written as a user's program does
  const rest = createPostgrestStore(config.supabase as NonNullable<typeof config.supabase>)
  const { count } = await rest.client
    .from('lowcap_positions')
    .select('id', { count: 'exact', head: true })
    .like('id', `${DEMO_PREFIX}%`)
  // another run on the same data adds other trades, not the same ones again
  const trades = simulateMarket(positions, seed + (count ?? 0), clock.now().toString(36), clock.now() - 60_000)
  const model = loadModel(config.model)
  const { consumer } = await openVersion(createModelVersionStore(store), model, config.topic)
  const context = bestContext()
  const ask = () => allocate(store, { entry_context: context, ...SIZING })

  const before = await ask()
  progress(`${await insertBars(rest, trades)} price bars of a simulated market`)
  await openAll(pmUrl, trades, (done) => progress('positions opened', done + 1, positions))
  const watch = await watchCheckpoints(databaseUrl, config.topic, consumer, clock)
  const closed = await closeAll(pmUrl, trades, rate, (done) => progress('positions closed', done + 1, positions))
  await untilConsumed(deps, progress)
  await watch.stop()
  const latencies = await latenciesOf(deps, closed, watch.learnedAt)
  progress('counting every store')
  const report = await audit(deps)
  const after = await ask()
  return {
    audit: report,
    latency_ms: { p50: Math.round(percentile(latencies, 0.5)), p99: Math.round(percentile(latencies, 0.99)) },
    learned: await learnedRows(
      deps,
      plantedWeights(model.definition.weight ?? { min: 0, max: Number.POSITIVE_INFINITY }),
    ),
    allocation: { context, before: before.allocation, after: after.allocation, factors: after.factors },
  }
}

/** Waits until the learner and the projector have reached the end that the log has now. */
async function untilConsumed(
  { store, log, config, clock }: ServiceDeps,
  progress: DemoOptions['progress'],
): Promise<void> {
  const waiting = clock.now()
  for (;;) {
    const { depth } = await store.rpc<{ depth: number }>('strandline_pm_outbox_state', {})
    const ends = await log.offsets(config.topic)
    const { checkpoints } = await store.rpc<StoredLag>('strandline_lag', { p_topic: config.topic })
    const behind = CONSUMERS.flatMap((name) =>
      ends
        .filter((e) => e.end > e.start)
        .map((e) => {
          const at = checkpoints
            .filter((r) => r.consumer.startsWith(name) && r.partition === e.partition)
            .map((r) => Number(r.checkpoint ?? 0))
          return Math.max(0, e.end - Math.max(0, ...at))
        }),
    ).reduce((a, b) => a + b, 0)
    if (behind === 0 && depth === 0) return
    progress(`waiting for the learner and the projector: ${behind} records behind`)
    if (clock.now() - waiting > WAIT_MS)
      throw new StrandlineError(
        'ENGINE_FAILED',
        `The learner and the projector are still ${behind} records behind after ${WAIT_MS / 1000} s.`,
        {
          todo: 'Their log says why (the folder logs of the data directory).',
        },
      )
    await clock.sleep(100)
  }
}

async function latenciesOf(
  { store }: ServiceDeps,
  closed: { event_id: string; at: number }[],
  learnedAt: (partition: number, offset: number) => number | undefined,
): Promise<number[]> {
  const started = new Map(closed.map((c) => [c.event_id, c.at]))
  const out: number[] = []
  const ids = [...started.keys()]
  for (let i = 0; i < ids.length; i += 100) {
    const places = await store.rpc<[id: string, partition: number, offset: number][]>('strandline_pm_outbox_places', {
      p_ids: JSON.stringify(ids.slice(i, i + 100)),
    })
    for (const [id, partition, offset] of places) {
      const at = learnedAt(partition, offset)
      if (at !== undefined) out.push(at - (started.get(id) as number))
    }
  }
  return out
}

async function learnedRows(
  { store }: ServiceDeps,
  planted: { name: string; key: string; planted: number }[],
): Promise<LearnedRow[]> {
  const rows = new Map(
    (await readAllCoefficients(createCoefficientStore(store), { scope: 'lever' })).map((r) => [
      `${r.name}\0${r.key}`,
      r,
    ]),
  )
  return planted.map((p) => {
    const row = rows.get(`${p.name}\0${p.key}`)
    return { ...p, learned: row?.weight ?? null, n: row?.n ?? 0 }
  })
}

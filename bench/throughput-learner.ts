/** One measurement of the learner: from its first fetch to the checkpoint of the last partition committed in the database. */
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import type { Config } from '../core/config.ts'
import { withClient } from '../core/store/client.ts'
import { within } from '../core/within.ts'
import { type Bench, environment } from './context.ts'
import { cpuOf, differences, mainThreadSeconds, peakMemory } from './cpu.ts'
import { functionTimes, learned, trackFunctions, walBytes } from './database.ts'
import type { Cardinality } from './generate.ts'
import type { Outcome } from './peers/kafka-streams.ts'
import type { Measurement } from './rate.ts'
import type { ProfileSummary } from './stages.ts'
import { topicOf, WARM_UP_TOPIC, warmUpEvents } from './topics.ts'
import { startWorker, type Worker } from './worker.ts'
import type { DatabaseAddress } from './workers/engines.ts'
import { instant } from './workers/serve.ts'

const POLL_MS = 20
const BEGIN_MS = 120_000
const BASELINE_MS = 10_000

export interface LearnerRun {
  store: Config['store']
  cardinality: Cardinality
  /** With V8's profiler on, and the times of the database's functions. */
  profile?: boolean
}

export async function measureLearner(
  { options, kafka, engines }: Bench,
  database: DatabaseAddress,
  { store, cardinality, profile = false }: LearnerRun,
): Promise<Measurement> {
  const worker = startWorker('learner', environment(kafka, database, store))
  const used = () => ({
    ...cpuOf({ learner: worker.pid, lite: engines.pid, kafka: kafka.pid }),
    ...cpuOf({ postgres: database.pid }, { children: true }),
  })
  const learn = async (sql: pg.Client, topic: string, events: number) => {
    await forget(sql)
    const began = new Promise<number>((resolve) => worker.hear('began', resolve))
    await worker.ask('learn', { topic, profile })
    const startedAt = await within(began, BEGIN_MS)
    const before = { cpu: used(), main: mainThreadSeconds(worker.pid), wal: await walBytes(sql) }
    const endedAt = await learned(sql, topic, events)
    const cpu = differences(used(), before.cpu)
    const { main } = differences({ main: mainThreadSeconds(worker.pid) }, { main: before.main })
    return { seconds: (endedAt - startedAt) / 1000, cpu, main, walBytes: (await walBytes(sql)) - before.wal }
  }
  try {
    return await withClient(database.databaseUrl, async (sql) => {
      await learn(sql, WARM_UP_TOPIC, warmUpEvents(options.events))
      await worker.ask('finish')
      if (profile) await trackFunctions(sql, true)
      const { main = null, ...measured } = await learn(sql, topicOf(cardinality), options.events)
      const peak = peakMemory(worker.pid) ?? undefined
      const outcome = await outcomeOf(sql, options.events)
      const { learner, sql: functions } = await profileOf(worker, sql, profile)
      const cpuSeconds = { main, process: measured.cpu.learner ?? null }
      return {
        ...measured,
        peakMemory: peak,
        outcome,
        profile: learner && { learner, cpuSeconds, sql: functions },
      }
    })
  } finally {
    await worker.stop()
  }
}

async function profileOf(worker: Worker, sql: pg.Client, profile: boolean) {
  const learner = await worker.ask<ProfileSummary | undefined>('finish')
  if (!profile) return { sql: [] }
  const functions = await functionTimes(sql)
  await trackFunctions(sql, false)
  return { learner, sql: functions }
}

/** Tables of what is learned, whatever they are called, and of which version: the next one is the first, and so the active one. */
const LEARNED = `
  select string_agg(c.oid::regclass::text, ', ') as tables
  from pg_class c
  where c.relkind in ('r', 'p') and not c.relispartition
    and (c.relnamespace = 'strandline'::regnamespace and c.relname ~ '^(learner_|model_versions|consumer_checkpoints|dead_letters)'
      or c.oid = to_regclass('public.learning_configs'))`

/** A database that has learned nothing, with its dirty pages written. */
async function forget(sql: pg.Client): Promise<void> {
  const { rows } = await sql.query<{ tables: string }>(LEARNED)
  await sql.query(`truncate ${rows[0]!.tables}`)
  await sql.query('checkpoint')
}

/** As readers see it. The baseline may be written a moment after the last commit: it is waited for, not believed. */
async function outcomeOf(sql: pg.Client, events: number): Promise<Outcome> {
  const until = instant() + BASELINE_MS
  for (;;) {
    const { rows } = await sql.query<{ rr_short: number; n: number }>(
      `select (g ->> 'rr_short')::double precision as rr_short, (g ->> 'n')::integer as n
       from (select config_data -> 'global_rr' as g from strandline.learning_configs where module = 'decision_maker') baseline`,
    )
    const { rr_short, n } = rows[0] ?? { rr_short: Number.NaN, n: 0 }
    if (n >= events || instant() > until) {
      const all = await sql.query<{ updates: string }>('select sum(n) as updates from strandline.learning_coefficients')
      return { rr_short, n, updates: n + Number(all.rows[0]!.updates) }
    }
    await sleep(POLL_MS)
  }
}

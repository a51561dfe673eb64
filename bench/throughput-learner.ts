/** One measurement of the learner: from its first fetch to the checkpoint of the last partition committed in the database. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { StrandlineError } from '../core/errors.ts'
import { type Bench, environment } from './context.ts'
import { cpuSeconds, difference } from './cpu.ts'
import type { Cardinality } from './generate.ts'
import type { Measurement } from './measurement.ts'
import type { Outcome } from './peers/kafka-streams.ts'
import { watched } from './profiled.ts'
import { topicOf, WARM_UP_TOPIC, warmUpEvents } from './topics.ts'
import { startWorker } from './worker.ts'
import type { DatabaseAddress } from './workers/engines.ts'
import type { LearnResult } from './workers/learner.ts'
import { instant } from './workers/serve.ts'

const POLL_MS = 20
const STALLED_MS = 120_000

export async function measureLearner(
  { options, kafka, engines }: Bench,
  database: DatabaseAddress,
  cardinality: Cardinality,
  profile = false,
): Promise<Measurement> {
  const worker = startWorker('learner', environment(kafka, database))
  const sql = new pg.Client({ connectionString: database.databaseUrl, options: '-c search_path=public,strandline' })
  await sql.connect()
  const used = () => ({
    lite: cpuSeconds(engines.pid),
    postgres: cpuSeconds(database.pid, { children: true }),
    kafka: cpuSeconds(kafka.pid),
  })
  try {
    const learn = async (topic: string, events: number, withProfile: boolean) => {
      await forget(sql)
      const before = used()
      await worker.ask('learn', { topic, profile: withProfile })
      const endedAt = await learned(sql, topic, events)
      const after = used()
      const outcome = await outcomeOf(sql)
      return { endedAt, before, after, outcome, result: await worker.ask<LearnResult>('finish') }
    }
    await learn(WARM_UP_TOPIC, warmUpEvents(options.events), false)
    const main = () => learn(topicOf(cardinality), options.events, profile)
    const { endedAt, before, after, outcome, result, around } = profile
      ? await watched(engines, sql, main)
      : { ...(await main()), around: undefined }
    return {
      seconds: (endedAt - result.startedAt) / 1000,
      cpu: {
        learner: result.cpuSeconds,
        lite: difference(after.lite, before.lite),
        postgres: difference(after.postgres, before.postgres),
        kafka: difference(after.kafka, before.kafka),
      },
      peakMemory: result.peakMemory,
      peaks: result.peaks,
      profile: result.profile && around && { learner: result.profile, ...around },
      outcome,
    }
  } finally {
    await sql.end()
    await worker.stop()
  }
}

/** A database that has learned nothing, with its dirty pages written. */
async function forget(sql: pg.Client): Promise<void> {
  await sql.query('truncate learner_ledger, learner_partials, learning_configs, consumer_checkpoints, dead_letters')
  await sql.query('checkpoint')
}

/** Waits until the committed checkpoints of the topic's partitions amount to `events`; resolves to when. */
async function learned(sql: pg.Client, topic: string, events: number): Promise<number> {
  let last = -1
  let moved = instant()
  for (;;) {
    const { rows } = await sql.query<{ sum: string | null }>(
      'select sum(checkpoint) from consumer_checkpoints where topic = $1',
      [topic],
    )
    const at = instant()
    const now = Number(rows[0]?.sum ?? 0)
    if (now >= events) return at
    if (now !== last) moved = at
    last = now
    if (at - moved > STALLED_MS)
      throw new StrandlineError('ENGINE_FAILED', `The learner stands still at ${now} of ${events} events.`, {
        todo: 'LOG_LEVEL=info shows what it does.',
      })
    await sleep(POLL_MS)
  }
}

async function outcomeOf(sql: pg.Client): Promise<Outcome> {
  const { rows } = await sql.query<{ rr_short: number; n: string; updates: string }>(
    `select rr_short, n, (select sum(n) from learner_partials) as updates
     from learner_groups where name = 'global' and key = ''`,
  )
  const { rr_short, n, updates } = rows[0]!
  return { rr_short, n: Number(n), updates: Number(updates) }
}

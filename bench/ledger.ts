/**
 * What one event costs with a short and with a long ledger. Each ledger is what the learner itself made of a topic of that many trades, nearly every one
 * a combination of its own; then single events are applied, on the one and the other in turns.
 */
import { randomUUID } from 'node:crypto'
import { withClient } from '../core/store/client.ts'
import type { PositionClosed } from '../domain/event.ts'
import { type Bench, environment } from './context.ts'
import { peakMemory } from './cpu.ts'
import { learned } from './database.ts'
import { eventStream, NEWEST } from './generate.ts'
import { percentile } from './statistics.ts'
import { startWorker, type Worker } from './worker.ts'
import type { DatabaseAddress } from './workers/engines.ts'
import type { PlacedEvent, Produced, ProduceTask } from './workers/producer.ts'

export interface Cost {
  p50: number
  p95: number
}

export interface LedgerResult {
  /** Short and long. */
  sizes: LedgerSize[]
  /** Milliseconds from a record in hand to its transaction committed, short and long. */
  event: Cost[]
  correction: Cost[]
  /** A correction that takes the newer of two trades 200 days apart out of a group. */
  old_left: Cost[]
  /** Long by short, of the medians. */
  ratio: { event: number; correction: number; old_left: number }
}

export interface LedgerSize {
  rows: number
  /** Of the whole database. */
  bytes: number
  /** Writing the topic and learning it. */
  seconds: number
  /** Peak resident memory of the learner that made it, bytes. */
  memory: number
}

interface Side {
  name: string
  worker: Worker
  size: LedgerSize
  /** Trades of the ledger, to be corrected. */
  known: PlacedEvent[]
}

const EVENTS = 400
const WARM_UP = 100
const OLD_LEFT = 5
const CURATORS = 10_000
const DAY_MS = 86_400_000

export async function measureLedger(bench: Bench, [short, long]: [number, number]): Promise<LedgerResult> {
  const { engines, options, progress } = bench
  const sides: Side[] = []
  try {
    for (const [name, rows] of [
      ['ledger-short', short],
      ['ledger-long', long],
    ] as const) {
      progress(`learning ${rows.toLocaleString('en')} trades`)
      sides.push(await prepare(bench, name, rows))
    }
    const apply = ({ worker }: Side, event: PositionClosed, partition: number) =>
      worker.ask<number>('apply', { event, partition })
    progress('one event at a time, in turns')
    const trades = [...eventStream(WARM_UP + EVENTS, 'distinct', 99, NEWEST, CURATORS)]
    const event = await inTurns(sides, EVENTS, WARM_UP, (side, i) =>
      apply(side, { ...trades[i]!, event_id: randomUUID() }, i % options.partitions),
    )
    const correction = await inTurns(sides, EVENTS, WARM_UP, (side, i) => {
      const { event: trade, partition } = side.known[i]!
      return apply(side, { ...trade, revision: 1, rr: -0.5 }, partition)
    })
    progress('corrections that leave only an old trade')
    const old_left = await inTurns(sides, OLD_LEFT, 1, async (side, i) => {
      const [old, recent, changed] = twoFarApart(trades[0]!, i) as [PositionClosed, PositionClosed, PositionClosed]
      for (const one of [old, recent]) await apply(side, one, 0)
      return apply(side, changed, 0)
    })
    const ratio = ([a, b]: Cost[]) => b!.p50 / a!.p50
    return {
      sizes: sides.map((s) => s.size),
      event,
      correction,
      old_left,
      ratio: { event: ratio(event), correction: ratio(correction), old_left: ratio(old_left) },
    }
  } finally {
    for (const { name, worker } of sides) {
      await worker.stop()
      await engines.ask('stopDatabase', { name })
    }
  }
}

async function prepare(bench: Bench, name: string, rows: number): Promise<Side> {
  const { engines, kafka, options } = bench
  const topic = `bench.${name}`
  const started = performance.now()
  const known = await produce(bench, topic, rows)
  const database = await engines.ask<DatabaseAddress>('database', { name })
  const env = environment(kafka, database)
  const memory = await learnAll(env, database, topic, rows)
  const seconds = (performance.now() - started) / 1000
  const bytes = await settle(database)
  const worker = startWorker('fed-learner', env)
  await worker.ask('open', { topic, partitions: options.partitions })
  return { name, worker, known, size: { rows, bytes, seconds, memory } }
}

async function produce({ kafka, options }: Bench, topic: string, rows: number): Promise<PlacedEvent[]> {
  const producer = startWorker('producer', environment(kafka))
  try {
    const task: ProduceTask = {
      topic,
      partitions: options.partitions,
      parts: [{ cardinality: 'distinct', count: rows, seed: 21, curators: CURATORS }],
      headers: options.headers,
      sample: WARM_UP + EVENTS,
    }
    return (await producer.ask<Produced>('produce', task)).sample
  } finally {
    await producer.stop()
  }
}

/** Resolves to the learner's peak memory. */
async function learnAll(
  env: Record<string, string>,
  database: DatabaseAddress,
  topic: string,
  rows: number,
): Promise<number> {
  const learner = startWorker('learner', env)
  try {
    await learner.ask('learn', { topic })
    await withClient(database.databaseUrl, (sql) => learned(sql, topic, rows))
    const memory = peakMemory(learner.pid)
    await learner.ask('finish')
    return memory ?? Number.NaN
  } finally {
    await learner.stop()
  }
}

/** Nothing is left to be tidied up while it is measured. Resolves to the size of the database. */
const settle = (database: DatabaseAddress): Promise<number> =>
  withClient(database.databaseUrl, async (sql) => {
    await sql.query('vacuum (analyze)')
    await sql.query('checkpoint')
    const { rows } = await sql.query<{ bytes: string }>('select pg_database_size(current_database()) as bytes')
    return Number(rows[0]!.bytes)
  })

/** Each side once, then each side again: what the machine does meanwhile hits both. */
async function inTurns(
  sides: Side[],
  times: number,
  warmUp: number,
  apply: (side: Side, i: number) => Promise<number>,
): Promise<Cost[]> {
  const ms: number[][] = sides.map(() => [])
  for (let i = 0; i < warmUp + times; i++)
    for (const [s, side] of sides.entries()) {
      const took = await apply(side, i)
      if (i >= warmUp) ms[s]!.push(took)
    }
  return ms.map((all) => ({ p50: percentile(all, 0.5), p95: percentile(all, 0.95) }))
}

/** Two trades of a curator of their own, 200 days apart, and a correction of the newer: what remains without it has too few digits left. */
function twoFarApart(trade: PositionClosed, i: number): PositionClosed[] {
  const mine = { ...trade, levers: { ...trade.levers, curator: `rare_${i}` } }
  const old = { ...mine, event_id: randomUUID(), closed_at: NEWEST - 200 * DAY_MS }
  const recent = { ...mine, event_id: randomUUID(), closed_at: NEWEST + i }
  return [old, recent, { ...recent, revision: 1, rr: 2 }]
}

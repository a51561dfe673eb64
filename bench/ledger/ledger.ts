/** What one event costs with a short and with a long ledger: the same single-event chunks on two databases, one after the other, in turns. */
import { createHash, randomUUID } from 'node:crypto'
import type { PositionClosed } from '../../domain/event.ts'
import { type Bench, environment } from '../context.ts'
import { percentile } from '../statistics.ts'
import { startWorker, type Worker } from '../worker.ts'
import type { DatabaseAddress } from '../workers/engines.ts'
import { fillLedger, type LedgerSize, NEWEST } from './fill.ts'
import { leversOf, TIMEFRAME } from './vocabulary.ts'

export interface Cost {
  p50: number
  p95: number
}

export interface LedgerResult {
  /** Short and long. */
  sizes: LedgerSize[]
  fill_seconds: number
  /** Milliseconds from a record in hand to its transaction committed, short and long. */
  event: Cost[]
  correction: Cost[]
  /** A correction that takes the newer of two trades 200 days apart out of a group. */
  old_left: Cost[]
  /** Long by short, of the medians. */
  ratio: { event: number; correction: number; old_left: number }
}

interface Side {
  name: string
  rows: number
  worker: Worker
  size: LedgerSize
}

const EVENTS = 400
const WARM_UP = 100
const OLD_LEFT = 5
/** Filling is not logged; a single commit costs the same. */
const SETTINGS = { wal_level: 'minimal', max_wal_senders: '0' }
const DAY_MS = 86_400_000

export async function measureLedger(bench: Bench, [short, long]: [number, number]): Promise<LedgerResult> {
  const { engines, progress } = bench
  const sides: Side[] = []
  const started = performance.now()
  try {
    for (const [name, rows] of [
      ['ledger-short', short],
      ['ledger-long', long],
    ] as const) {
      progress(`filling a ledger with ${rows.toLocaleString('en')} rows`)
      sides.push(await prepare(bench, name, rows))
    }
    const fill_seconds = (performance.now() - started) / 1000
    progress('one event at a time, in turns')
    const event = await inTurns(sides, EVENTS, WARM_UP, async ({ rows, worker }, i) =>
      worker.ask<number>('apply', { event: newTrade(rows + i), partition: i % bench.options.partitions }),
    )
    const correction = await inTurns(sides, EVENTS, WARM_UP, async ({ rows, worker }, i) => {
      const trade =
        Math.floor((((i * 0.6180339887498949) % 1) * rows) / bench.options.partitions) * bench.options.partitions
      const partition = i % bench.options.partitions
      return worker.ask<number>('apply', { event: corrected(trade + partition, rows), partition })
    })
    progress('corrections that leave only an old trade')
    const old_left = await inTurns(sides, OLD_LEFT, 1, async ({ worker }, i) => {
      const [old, recent, changed] = twoFarApart(i)
      for (const event of [old, recent]) await worker.ask('apply', { event, partition: 0 })
      return worker.ask<number>('apply', { event: changed, partition: 0 })
    })
    const ratio = ([a, b]: Cost[]) => b!.p50 / a!.p50
    return {
      sizes: sides.map((s) => s.size),
      fill_seconds,
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

async function prepare({ engines, kafka, options }: Bench, name: string, rows: number): Promise<Side> {
  const database = await engines.ask<DatabaseAddress>('database', { name, settings: SETTINGS })
  const worker = startWorker('fed-learner', environment(kafka, database))
  await worker.ask('open', { partitions: options.partitions })
  return { name, rows, worker, size: await fillLedger(database.databaseUrl, 1, rows, options.partitions) }
}

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

const BLANK: Omit<PositionClosed, 'event_id' | 'closed_at' | 'rr' | 'levers'> = {
  revision: 0,
  voided: false,
  position_id: 'bench',
  trade_id: 'bench',
  symbol: 'TOKEN',
  token_contract: '0x0',
  chain: 'base',
  timeframe: TIMEFRAME,
  decision_type: 'trim',
  opened_at: NEWEST - DAY_MS,
  entry_price: 1,
  exit_price: 1.1,
  return: 0.1,
  max_drawdown: 0.1,
  max_gain: 0.3,
  unscored_reason: null,
  measures: {},
  regime_context: {},
  source: 'pm',
}

/** The next trade after those of the ledger: known lever values, most of the time a new combination. */
const newTrade = (i: number): PositionClosed => ({
  ...BLANK,
  event_id: randomUUID(),
  closed_at: NEWEST + (i % DAY_MS),
  rr: 1.25,
  levers: leversOf(i),
})

/** A higher revision of trade i of the filled ledger. */
function corrected(i: number, rows: number): PositionClosed {
  const hex = createHash('md5').update(String(i)).digest('hex')
  return {
    ...BLANK,
    event_id: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    revision: 1,
    closed_at: Math.floor(NEWEST - 90 * DAY_MS + (i * 90 * DAY_MS) / rows),
    rr: -0.5,
    levers: leversOf(i),
  }
}

/** Two trades of a curator of their own, 200 days apart, and a correction of the newer: what remains without it has too few digits left. */
function twoFarApart(i: number): PositionClosed[] {
  const levers = { ...leversOf(0), curator: `rare_${i}` }
  const old = { ...newTrade(0), closed_at: NEWEST - 200 * DAY_MS, levers }
  const recent = { ...newTrade(0), closed_at: NEWEST + i, levers }
  return [old, recent, { ...recent, revision: 1, rr: 2 }]
}

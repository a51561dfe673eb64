/** The PM on a test's database: its functions, its rows, and a relay whose log the test owns. */
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { type Clock, systemClock } from '../../core/clock.ts'
import type { Codec } from '../../core/codec/codec.ts'
import { createDecoder } from '../../core/codec/decoder.ts'
import { frame, positionClosedType } from '../../core/codec/position-closed-codec.ts'
import { StrandlineError } from '../../core/errors.ts'
import type { EventLog } from '../../core/log/log.ts'
import { createOutbox } from '../../core/store/outbox-store.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { openPosition, type Portfolio, portfolioStores, reportExecution } from '../../services/pm/index.ts'
import { pmMetrics } from '../../services/pm/metrics.ts'
import { startRelay } from '../../services/pm/relay.ts'
import type { TestDatabase } from './database.ts'
import { PATIENCE_MS } from './patience.ts'

export const logger = pino({ level: process.env.TEST_LOG ?? 'silent' })
export const T0 = Date.parse('2026-03-02T10:00:00Z')
export const MIN = 60_000
export const at = (minutes: number) => new Date(T0 + minutes * MIN).toISOString()

/** The real codec's bytes, with a schema id of the test instead of a registry's. */
export const testCodec: Codec = {
  async encode(event) {
    if (!positionClosedType.isValid(event))
      throw new StrandlineError('EVENT_INVALID', `Event ${event.event_id} does not fit the schema.`)
    return frame(1, positionClosedType.toBuffer(event))
  },
  decode: async (value) =>
    createDecoder<PositionClosed>(
      { register: async () => 1, writerType: async () => positionClosedType },
      positionClosedType,
    )(value),
}

export function testPortfolio(db: TestDatabase, more: Partial<Portfolio> = {}): Portfolio {
  return { ...portfolioStores(db.store), clock: systemClock, logger, metrics: pmMetrics(new Registry()), ...more }
}

let ids = 0

/** A position with an entry of 10 tokens at 100, at minute 0. Returns its id. */
export async function openedPosition(pm: Portfolio, change: Record<string, unknown> = {}): Promise<string> {
  const id = `p${++ids}`
  await openPosition(pm, {
    id,
    token_chain: 'base',
    token_contract: `0x${id}`,
    token_ticker: 'PEPE',
    timeframe: '15m',
    entry_context: { curator: 'detweiler', mcap_at_entry: 2e6 },
    ...change,
  })
  await reportExecution(pm, id, { id: `${id}-buy`, kind: 'buy', quantity: 10, price: 100, executed_at: at(0) })
  return id
}

/** The exit of everything that openedPosition bought, at minute 30. */
export const fullExit = (id: string, change: Record<string, unknown> = {}) => ({
  id: `${id}-exit`,
  kind: 'trim',
  size_frac: 1,
  quantity: 10,
  price: 110,
  executed_at: at(30),
  ...change,
})

/** 15m bars: [minute of its start, low, high]. */
export async function insertBars(
  db: TestDatabase,
  id: string,
  bars: [number, number, number][],
  change: Record<string, unknown> = {},
): Promise<void> {
  const rows = bars.map(([minute, low, high]) => ({
    token_contract: `0x${id}`,
    chain: 'base',
    timeframe: '15m',
    timestamp: at(minute),
    open_usd: low,
    high_usd: high,
    low_usd: low,
    close_usd: high,
    volume: 1,
    ...change,
  }))
  const { error } = await db.store.client.from('lowcap_price_data_ohlc').insert(rows)
  if (error) throw new Error(error.message)
}

export interface OutboxRecord {
  id: string
  event_id: string
  revision: number
  payload: PositionClosed
  published_at: Date | null
  claimed_by: string | null
  claimed_until: Date | null
  attempts: number
  refused: boolean
  last_error: string | null
  topic: string | null
  partition: number | null
  offset: string | null
}

export const outboxOf = (db: TestDatabase, positionId: string) =>
  db.sql<OutboxRecord>(`select * from pm_outbox where payload ->> 'position_id' = $1 order by revision`, [positionId])

export async function positionOf(db: TestDatabase, id: string): Promise<Record<string, unknown>> {
  return (await db.sql('select * from lowcap_positions where id = $1', [id]))[0]!
}

export interface RelayChange {
  id?: string
  leaseMs?: number
  pollMs?: number
  clock?: Clock
  codec?: Codec
  topic?: string
  prepare?: () => Promise<void>
}

/** A relay on the test's database and log. Its polls are the test's, unless pollMs is given. */
export function testRelay(
  db: TestDatabase,
  log: Pick<EventLog, 'produce' | 'offsets' | 'ensureTopics'>,
  change: RelayChange = {},
) {
  const {
    id = 'relay',
    leaseMs = 30_000,
    pollMs = 3_600_000,
    clock = systemClock,
    codec = testCodec,
    topic = 'closed',
    prepare,
  } = change
  const relay = startRelay({
    outbox: createOutbox(db.store, id, leaseMs),
    log: log as EventLog,
    codec,
    clock,
    logger,
    topic,
    prepare,
    pollMs,
  })
  return { ...relay, id, leaseMs }
}

/** Waits until something holds; fails with what it saw last. */
export async function until<T>(look: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const end = Date.now() + PATIENCE_MS
  for (;;) {
    const value = await look()
    if (holds(value)) return value
    if (Date.now() > end)
      throw new Error(`still not so after ${PATIENCE_MS / 60_000} minutes: ${JSON.stringify(value)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

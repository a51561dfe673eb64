/** Executions, closes and late scores: one answer, whichever adapter gives it; and any sequence of calls, in memory and in PostgreSQL, step by step. */
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { createMemoryDatabase, type MemoryDatabase } from '../../core/store/memory/database.ts'
import { outboxOf } from '../../core/store/memory/outbox.ts'
import { type MemoryPosition, writePosition } from '../../core/store/memory/positions.ts'
import { strandTables } from '../../core/store/memory/strands.ts'
import { createImportOutbox } from '../../core/store/outbox-store.ts'
import { closingOf, type FlatTrade, rescored } from '../../domain/closing/closing.ts'
import { parseExecution } from '../../domain/closing/execution.ts'
import { barsAreFinal } from '../../domain/closing/final-bars.ts'
import type { Score } from '../../domain/closing/rr.ts'
import { eventId, type PositionClosed } from '../../domain/event.ts'
import { createBarStore } from '../../services/pm/bar-store.ts'
import { createMemoryBars, insertBar } from '../../services/pm/memory-bars.ts'
import { createMemoryImportOutbox } from '../../services/pm/memory-outbox.ts'
import { createMemoryPositions } from '../../services/pm/memory-positions.ts'
import {
  createPositionStore,
  type LateTrade,
  type RecordedExecution,
  type ScoredTrade,
} from '../../services/pm/position-store.ts'
import { APPLIED_TABLES, projectorApplied } from './applied.ts'
import { adapters, outcome, useWays, WAYS, type Way } from './ways.ts'

const T0 = Date.parse('2026-03-02T10:00:00Z')
const MIN = 60_000
const at = (minute: number) => new Date(T0 + minute * MIN).toISOString()
const RELAY = { relay: 'r', leaseMs: 60_000 }

const ways = useWays(...WAYS)
const positionsOf = adapters(createMemoryPositions, createPositionStore)
const barsOf = adapters(createMemoryBars, createBarStore)
const importsOf = adapters(createMemoryImportOutbox, createImportOutbox)

const TABLES = `lowcap_positions, lowcap_price_data_ohlc, strandline.pm_executions, strandline.pm_provisional, strandline.pm_outbox,
  strandline.trade_entries, strandline.trade_names, strandline.renamed_revisions, strandline.set_aside, ${APPLIED_TABLES}`

const opened = (id: string, more: object = {}) => ({
  id,
  token_chain: 'base',
  token_contract: `0x${id}`,
  token_ticker: 'PEPE',
  timeframe: '15m',
  side: 'long',
  entry_context: { curator: 'c' },
  regime_context: {},
  ...more,
})

function reported(position: string, body: Record<string, unknown>): RecordedExecution {
  const execution = parseExecution(position, body, [])
  return { ...execution, trade_id: eventId(position, `execution ${execution.id}`), max_skew_ms: 300_000 }
}

const record = (way: Way, position: string, body: Record<string, unknown>) =>
  positionsOf(way).record(reported(position, body))

const scored = (flat: FlatTrade): ScoredTrade => {
  const { position_id, trade_id, fingerprint } = flat
  return { ...closingOf({ ...flat, bars: flat.bars ?? [] }), position_id, trade_id, fingerprint, traceparent: null }
}

const close = async (way: Way, flat: FlatTrade) => positionsOf(way).close(scored(flat), RELAY)

/** Somebody else writes the row. */
async function write(way: Way, id: string, changes: Partial<MemoryPosition>): Promise<void> {
  if (way.memory) return void way.memory.transaction(() => writePosition(way.memory, id, changes))
  const values = Object.entries(changes).map(([name, value]) =>
    /_timestamp$/.test(name) && typeof value === 'number' ? new Date(value).toISOString() : value,
  )
  const columns = Object.keys(changes).map((name, i) => `${name} = $${i + 2}`)
  await way.db.sql(`update lowcap_positions set ${columns.join(', ')} where id = $1`, [id, ...values])
}

async function bar(way: Way, id: string, minute: number, low: number, high: number): Promise<void> {
  const start = T0 + minute * MIN
  const of = { token_contract: `0x${id}`, chain: 'base', timeframe: '15m' }
  if (way.memory)
    return way.memory.transaction(() => insertBar(way.memory, { ...of, start, low_usd: low, high_usd: high }))
  await way.db.sql(
    `insert into lowcap_price_data_ohlc (token_contract, chain, timeframe, timestamp, low_usd, high_usd) values ($1, $2, $3, $4, $5, $6)
     on conflict do nothing`,
    [of.token_contract, of.chain, of.timeframe, new Date(start).toISOString(), low, high],
  )
}

/** Nobody waits for bars any more. */
async function waitedLongEnough(way: Way): Promise<void> {
  if (!way.memory) return void (await way.db.sql('update pm_provisional set waits_until = now()'))
  const notes = way.memory.table<{ waits_until: number }>('pm_provisional')
  way.memory.transaction(() => {
    for (const id of notes.keys()) {
      const note = notes.get(id)
      if (note) notes.put(id, { ...note, waits_until: Date.now() })
    }
  })
}

const nextOf = ({ event, side, bars }: LateTrade) => rescored(event, side, bars ?? [], 'a tick')

/** A revision by a person, through the outbox. */
const corrected = (event: PositionClosed, change: Partial<PositionClosed>) => ({
  ...event,
  revision: event.revision + 1,
  revised_by: 'somebody',
  ...change,
})

/** What was written. */
async function contents(way: Way): Promise<unknown> {
  if (way.memory) {
    const rows = outboxOf(way.memory).rows()
    const { setAside } = strandTables(way.memory)
    return {
      outbox: rows.sort((a, b) => a.id - b.id).map((r) => [r.id, r.event_id, r.revision, r.claimed_by, r.payload]),
      aside: setAside.rows().map((a) => [a.kind, a.id, a.scope, a.reason, a.attempts]),
      late: way.memory
        .table<{ event_id: string; revision: number | null; bars_seen: number }>('pm_provisional')
        .rows()
        .map((u) => [u.event_id, u.revision, u.bars_seen]),
    }
  }
  const all = async (text: string) => (await way.db.sql<{ row: unknown }>(text)).map(({ row }) => row)
  return {
    outbox: await all(
      'select jsonb_build_array(id, event_id, revision, claimed_by, payload) as row from pm_outbox order by id',
    ),
    aside: await all('select jsonb_build_array(kind, id, scope, reason, attempts) as row from set_aside'),
    late: await all('select jsonb_build_array(event_id, revision, bars_seen) as row from pm_provisional'),
  }
}

/** Times as numbers; those of the running test, and what follows from them, are all `now`. A fingerprint is nobody else's business. */
function untimed(answer: unknown): unknown {
  const recent = Date.now() - 3_600_000
  return JSON.parse(JSON.stringify(answer ?? null), (name, value) => {
    if (name === 'fingerprint' || name === 'reason') return typeof value
    const ms = typeof value === 'string' && /^\d{4}-\d\d-\d\d[T ]\d\d:/.test(value) ? Date.parse(value) : value
    return typeof ms === 'number' && ms > recent ? 'now' : ms
  })
}

const sorted = (found: unknown) =>
  JSON.parse(JSON.stringify(found), (_, value) =>
    Array.isArray(value) && Array.isArray(value[0])
      ? value.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
      : value,
  )

describe.each(WAYS)('%s', (name) => {
  let memory: MemoryDatabase
  const way = (): Way => (name === 'memory' ? { name, memory } : ways[name])
  beforeEach(async () => {
    memory = createMemoryDatabase()
    await ways[name].db?.sql(`truncate ${TABLES} restart identity`)
    await positionsOf(way()).open(opened('a'))
  })

  const buy = (more: object = {}) =>
    record(way(), 'a', { id: 'b1', kind: 'buy', quantity: 10, price: 100, executed_at: at(0), ...more })
  const sell = (more: object = {}) =>
    record(way(), 'a', { id: 's1', kind: 'trim', size_frac: 1, price: 110, executed_at: at(30), ...more })

  test('a position is opened once', async () => {
    expect(await positionsOf(way()).open(opened('a', { timeframe: '4h' }))).toMatchObject({
      status: 'exists',
      position: { id: 'a', timeframe: '15m', status: 'watchlist', total_quantity: 0 },
    })
    expect(await positionsOf(way()).read('nobody')).toBeNull()
  })

  test('an execution is recorded once, and another of its id refused', async () => {
    expect(await buy()).toMatchObject({ status: 'recorded', left: 10, trade: null })
    expect(await positionsOf(way()).read('a')).toMatchObject({ status: 'active' })
    expect(await buy()).toMatchObject({ status: 'duplicate', left: 10, trade: null })
    expect(await buy({ price: 101 })).toEqual({ status: 'conflict' })
    expect(await record(way(), 'nobody', { id: 'x', kind: 'buy', quantity: 1, price: 1 })).toEqual({
      status: 'unknown_position',
    })
    expect(await sell({ size_frac: null, quantity: 11 })).toEqual({ status: 'more_than_held', held: 10 })
    expect(await sell({ executed_at: at(-1) })).toMatchObject({ status: 'before_entry' })
    expect(await sell({ executed_at: new Date(Date.now() + 600_000).toISOString() })).toMatchObject({
      status: 'in_future',
    })
  })

  test('a close writes position, outbox and note at once; a second one finds it closed', async () => {
    await buy()
    const { trade } = (await sell()) as { trade: FlatTrade }
    expect(await positionsOf(way()).flatTrades('15m', '', 5)).toMatchObject([{ position_id: 'a', exit_price: 110 }])
    expect(await close(way(), trade)).toMatchObject({ status: 'closed', outbox: { id: 1, payload: { rr: null } } })
    expect(await close(way(), trade)).toMatchObject({ status: 'already_closed', event: { trade_id: trade.trade_id } })
    expect(await positionsOf(way()).flatTrade('a')).toBeNull()
    expect(await positionsOf(way()).read('a')).toMatchObject({ status: 'watchlist', current_trade_id: null })
    expect(untimed(await contents(way()))).toMatchObject({ late: [[eventId('a', trade.trade_id), null, 0]] })
  })

  test('an exit that leaves nothing is recorded and closed at once, as it was scored before', async () => {
    await buy()
    const port = positionsOf(way())
    const exit = reported('a', { id: 's1', kind: 'trim', size_frac: 1, price: 110, executed_at: at(30) })
    const flat = await port.tradeAfter(exit)
    expect(flat).toMatchObject({ exit_price: 110, closed_at: T0 + 30 * MIN, decision_type: 'trim' })
    expect(await port.tradeAfter({ ...exit, size_frac: 0.5 })).toBeNull()
    expect(await port.read('a')).toMatchObject({ total_quantity: 10 })
    expect(await port.exit(exit, scored(flat!), RELAY)).toMatchObject({
      status: 'recorded',
      left: 0,
      trade: null,
      close: { status: 'closed', outbox: { id: 1 } },
    })
    expect(await port.tradeAfter(exit)).toBeNull()
    expect(await port.exit(exit, scored(flat!), RELAY)).toEqual(
      expect.not.objectContaining({ close: expect.anything() }),
    )
  })

  test('an exit that finds another trade than the one that was scored is recorded all the same', async () => {
    await buy()
    const port = positionsOf(way())
    const exit = reported('a', { id: 's1', kind: 'trim', size_frac: 1, price: 110, executed_at: at(30) })
    const flat = await port.tradeAfter(exit)
    await write(way(), 'a', { avg_entry_price: 1 })
    expect(await port.exit(exit, scored(flat!), RELAY)).toMatchObject({
      status: 'recorded',
      close: { status: 'changed' },
    })
    expect(await contents(way())).toMatchObject({ outbox: [] })
  })

  test('what changed since it was read is not closed', async () => {
    await buy()
    const { trade } = (await sell()) as { trade: FlatTrade }
    await write(way(), 'a', { avg_exit_price: 150 })
    expect(await close(way(), trade)).toEqual({ status: 'changed' })
    await write(way(), 'a', { total_quantity: 1 })
    expect(await close(way(), trade)).toMatchObject({ status: 'not_flat' })
    expect(await contents(way())).toMatchObject({ outbox: [] })
  })

  const late = async (): Promise<LateTrade[]> => (await positionsOf(way()).lateTrades('15m', '', 5)).trades
  const completed = async () =>
    ((await positionsOf(way()).read('a')) as unknown as { completed_trades: object[] }).completed_trades
  /** The position, closed at minute 30. */
  const closed = async () => {
    await buy()
    await close(way(), ((await sell()) as { trade: FlatTrade }).trade)
  }

  test('a trade that closed without bars is scored once they have come', async () => {
    await closed()
    const port = positionsOf(way())
    expect(await port.lateTrades('15m', '', 5)).toEqual({ trades: [], provisional: 0 })
    await bar(way(), 'a', 0, 90, 105)
    expect(await late()).toMatchObject([{ revision: null, exit_bar: null, later_bar: false, over: false }])
    expect(await late()).toMatchObject([{ over: false, bars: [[T0, 90, 105]] }]) // no new one, but they are waited for
    await bar(way(), 'a', 30, 95, 120)
    const [trade] = await late()
    expect(trade).toMatchObject({ later_bar: true, settled: false })
    const next = nextOf(trade!)!
    expect(await port.scoreLate(next, RELAY)).toMatchObject({ status: 'scored', outbox: { payload: { revision: 1 } } })
    expect(await port.scoreLate(next, RELAY)).toEqual({ status: 'superseded' })
    expect(await completed()).toMatchObject([{ revision: 1, rr: next.score.rr }])
    expect(await port.event(trade!.event_id)).toMatchObject({ revision: 1, revised_by: 'a tick' })
  })

  test('a trade without a score is over when it was waited for and no bar came since the last look', async () => {
    await closed()
    await bar(way(), 'a', 0, 90, 105)
    await late()
    await waitedLongEnough(way())
    expect(await late()).toMatchObject([{ over: true }])
    await bar(way(), 'a', -5, 90, 105)
    expect(await late()).toMatchObject([{ over: false }])
  })

  describe('a trade that closed before its last bar was stored', () => {
    beforeEach(async () => {
      await bar(way(), 'a', 0, 90, 105)
      await closed()
    })

    test('is noted with its revision, and asks for nothing before a bar is there that may cover the exit', async () => {
      const port = positionsOf(way())
      const { late: notes } = (await contents(way())) as { late: [string, number, number][] }
      expect(notes).toEqual([[expect.any(String), 0, 0]])
      expect(await port.event(notes[0]![0])).toMatchObject({ provisional: true, rr: 1 })
      expect(await port.lateTrades('15m', '', 5)).toEqual({ trades: [], provisional: 1 })
      await bar(way(), 'a', 15, 80, 120)
      expect(await late()).toMatchObject([{ revision: 0, exit_bar: T0 + 15 * MIN, later_bar: false, over: false }])
      expect(await port.lateTrades('1h', '', 5)).toEqual({ trades: [], provisional: 0 })
    })

    test('gets one revision, and is noted no more, whoever asks again', async () => {
      const port = positionsOf(way())
      await bar(way(), 'a', 15, 80, 120)
      const [trade] = await late()
      const next = nextOf(trade!)!
      const answers = await Promise.all([port.scoreLate(next, RELAY), port.scoreLate(next, RELAY)])
      expect(answers.map((a) => a.status).sort()).toEqual(['scored', 'superseded'])
      expect(await contents(way())).toMatchObject({
        late: [],
        outbox: [
          [1, trade!.event_id, 0, 'r', trade!.event],
          [2, trade!.event_id, 1, 'r', next.event],
        ],
      })
      expect(await port.event(trade!.event_id)).toMatchObject({ provisional: false })
      expect(await completed()).toMatchObject([{ revision: 1, rr: 0.5, max_drawdown: 0.2 }])
    })

    test('is noted no more when all bars say the same; its event stays, and is final', async () => {
      const port = positionsOf(way())
      await bar(way(), 'a', 15, 95, 104)
      const [trade] = await late()
      expect(nextOf(trade!)).toBeNull()
      await port.confirmScores([[trade!.event_id, 1]]) // of another revision
      expect(await late()).toHaveLength(1)
      await port.confirmScores([[trade!.event_id, 0]])
      expect(await port.lateTrades('15m', '', 5)).toEqual({ trades: [], provisional: 0 })
      expect(await port.event(trade!.event_id)).toEqual({ ...trade!.event, provisional: false })
      expect(await port.scoreLate({ event: { ...trade!.event, revision: 1 }, score: {} as Score }, RELAY)).toEqual({
        status: 'superseded',
      })
    })

    test('is waited for so long, and scored on what has come', async () => {
      await waitedLongEnough(way())
      expect(await late()).toMatchObject([{ over: true, bars: [[T0, 90, 105]] }])
    })

    test.each([
      ['corrected', { rr: 3 }],
      ['retracted', { voided: true }],
    ])('and was %s meanwhile stays what it was made', async (_, change) => {
      const port = positionsOf(way())
      await bar(way(), 'a', 15, 80, 120)
      const [trade] = await late()
      const next = nextOf(trade!)!
      await importsOf(way()).add([corrected(trade!.event, change)])
      expect(await port.scoreLate(next, RELAY)).toEqual({ status: 'superseded' })
      const above = { ...next, event: { ...next.event, revision: 2 } } // as if it had been read since
      expect(await port.scoreLate(above, RELAY)).toEqual({ status: 'superseded' })
      expect(await late()).toMatchObject([{ settled: true, bars: null }])
      expect(await port.lateTrades('15m', '', 5)).toEqual({ trades: [], provisional: 0 })
      expect(await port.event(trade!.event_id)).toMatchObject({ revision: 1, ...change })
      expect(await completed()).toMatchObject([{ revision: 0, rr: 1 }])
    })

    test('regression: and has a newer revision in the log than in the outbox, as the database was put back, stays what that made of it', async () => {
      const port = positionsOf(way())
      await bar(way(), 'a', 15, 80, 120)
      const [trade] = await late()
      await projectorApplied(way(), { event_id: trade!.event_id, revision: 1 })
      expect(await port.scoreLate(nextOf(trade!)!, RELAY)).toEqual({ status: 'superseded' })
      expect(await late()).toMatchObject([{ settled: true, bars: null }])
      expect(await port.lateTrades('15m', '', 5)).toEqual({ trades: [], provisional: 0 })
    })
  })

  test('bars come in pieces, and those of many trades in their order', async () => {
    for (const minute of [-30, -15, 0, 15, 30, 45]) await bar(way(), 'a', minute, 1, 2)
    const trade = {
      token_contract: '0xa',
      chain: 'base',
      timeframe: '15m',
      opened_at: T0 + 1,
      closed_at: T0 + 30 * MIN,
    }
    const starts = (rows: [number, ...unknown[]][]) => rows.map(([start]) => (start - T0) / MIN)
    const port = barsOf(way())
    expect(starts(await port.read(trade, null, 2))).toEqual([0, 15])
    expect(starts(await port.read(trade, T0 + 15 * MIN, 2))).toEqual([30])
    const none = { ...trade, timeframe: 'none' }
    expect((await port.readAll([none, trade])).map(starts)).toEqual([[], [0, 15, 30]])
  })
})

/** The trade that was read of the position last. */
const OLD_TRADE = 'the old one'

const position = fc.constantFrom('p1', 'p1', 'p2')
const amount = fc.constantFrom(0.1, 1, 2, 3)
/** What is reported: mostly entries, and exits of everything. */
const report = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('buy', 'add'), quantity: amount }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'trim', size_frac: 1 }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('trim', 'emergency_exit'), quantity: amount }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'trim', size_frac: 0.5 }) },
)
const step = fc.oneof(
  /** In and out again. */
  {
    weight: 6,
    arbitrary: fc.record({
      trade: amount,
      exit: amount,
      how: fc.constantFrom('in two', 'at once', 'overtaken'),
      /** A bar is there that ends before the exit. */
      half: fc.boolean(),
      position,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      record: report,
      price: amount,
      /** Minutes after the step's own time. */
      late: fc.constantFrom(0, 0, 0, 0, -12),
      /** Reported before, or a new one. */
      id: fc.constantFrom(null, null, null, null, null, null, 0, 1),
      curator: fc.constantFrom(null, 'x', 'y'),
      position,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      close: fc.constantFrom('now', 'now', 'as read before', 'not yet', 'once it has changed', 'before its bars come'),
      position,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ look: fc.constantFrom('row', 'pages', 'late', 'late', 'late', 'late'), position }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      late: fc.constantFrom<'over' | Partial<PositionClosed>>('over', { rr: 7 }, { voided: true }, { rr: null }),
      position,
    }),
  },
  { weight: 1, arbitrary: fc.record({ bar: fc.constantFrom(-15, -5, 0, 5), position, low: amount, high: amount }) },
  {
    weight: 2,
    arbitrary: fc.record({
      write: fc.constantFrom<Partial<MemoryPosition>>(
        { total_quantity: 0, avg_exit_price: 2 },
        { avg_exit_price: 3 },
        { total_quantity: 5, avg_entry_price: 1 },
        { total_quantity: 5, bought_quantity: 5, first_entry_timestamp: T0 },
        { status: 'paused' },
        { status: 'active' },
        { current_trade_id: null },
        { current_trade_id: 'named by others' },
        { current_trade_id: OLD_TRADE },
        { current_trade_id: OLD_TRADE },
        { status: 'watchlist', first_entry_timestamp: T0 + MIN },
      ),
      position,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ aside: fc.array(position, { maxLength: 2 }), timeframe: fc.constantFrom('15m', '1h') }),
  },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** @param read flat trades as this side read them last */
async function take(way: Way, one: Step, i: number, read: Map<string, FlatTrade>): Promise<unknown> {
  const port = positionsOf(way)
  if ('record' in one) {
    const { price, late, id, curator } = one
    const more = { price, id: `e${id ?? `-${i}`}`, executed_at: at(i * 5 + late) }
    return record(way, one.position, { ...one.record, ...more, entry_context: curator === null ? null : { curator } })
  }
  if ('trade' in one) {
    const buy = { id: `in-${i}`, kind: 'buy', quantity: one.trade, price: 1, executed_at: at(i * 5) }
    const sell = { id: `out-${i}`, kind: 'trim', size_frac: 1, price: one.exit, executed_at: at(i * 5 + 4) }
    const bought = await record(way, one.position, buy)
    if (one.half) await bar(way, one.position, i * 5 - 12, 0.5, 2)
    if (one.how === 'in two') return [bought, await record(way, one.position, sell)]
    const flat = await port.tradeAfter(reported(one.position, sell))
    if (flat) read.set(one.position, flat)
    if (one.how === 'overtaken') await write(way, one.position, { avg_entry_price: i + 2 })
    return [bought, flat && (await outcome(port.exit(reported(one.position, sell), scored(flat), RELAY))), flat]
  }
  if ('close' in one) {
    const flat = one.close === 'as read before' ? read.get(one.position) : await port.flatTrade(one.position)
    if (!flat) return null
    read.set(one.position, flat)
    if (one.close === 'not yet') return flat
    if (one.close === 'once it has changed') await write(way, one.position, { avg_exit_price: i + 2 })
    const answer = await outcome(close(way, flat))
    if (one.close === 'before its bars come' && typeof flat.opened_at === 'number')
      await bar(way, one.position, (flat.opened_at - T0) / MIN, 0.5, 3)
    return [flat, answer]
  }
  if ('bar' in one) return bar(way, one.position, i * 5 + one.bar, one.low, one.high)
  if ('write' in one) {
    const old = read.get(one.position)?.trade_id ?? null
    const named = one.write.current_trade_id === OLD_TRADE ? { current_trade_id: old } : {}
    return write(way, one.position, { ...one.write, ...named })
  }
  if ('late' in one) {
    if (one.late === 'over') return waitedLongEnough(way)
    const last = await port.event(eventId(one.position, read.get(one.position)?.trade_id ?? ''))
    return last && importsOf(way).add([corrected(last, one.late)])
  }
  if ('aside' in one)
    return port.setAside(
      one.timeframe,
      [...new Set(one.aside)].map((id) => [id, `no ${i}`]),
    )
  if (one.look === 'row') return port.read(one.position)
  if (one.look === 'pages')
    return [
      await port.flatTrades('15m', '', 1),
      await port.flatTrades('15m', 'p1', 5),
      await port.otherTimeframes(['1h']),
    ]
  const first = await port.lateTrades('15m', '', 2)
  const late = await port.lateTrades('15m', '', 2)
  const answers = []
  for (const trade of late.trades) {
    if (trade.settled || !(trade.over || barsAreFinal(trade.event, trade))) continue
    const next = nextOf(trade)
    if (next) answers.push(await port.scoreLate(next, RELAY))
    else await port.confirmScores([[trade.event_id, trade.revision ?? 0]])
  }
  return [first, answers, late]
}

test('any sequence of calls has the same answers in memory as in PostgreSQL, one by one, and the same outcome', async () => {
  const { direct } = ways

  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 40, size: 'max' }), async (steps) => {
      const memory: Way = { name: 'memory', memory: createMemoryDatabase() }
      await direct.db!.sql(`truncate ${TABLES} restart identity`)
      const read = { memory: new Map<string, FlatTrade>(), direct: new Map<string, FlatTrade>() }
      for (const way of [memory, direct]) for (const id of ['p1', 'p2']) await positionsOf(way).open(opened(id))
      for (const [i, one] of steps.entries()) {
        const here = await outcome(take(memory, one, i, read.memory))
        const there = await outcome(take(direct, one, i, read.direct))
        expect(untimed(here)).toEqual(untimed(there))
      }
      expect(sorted(untimed(await contents(memory)))).toEqual(sorted(untimed(await contents(direct))))
      for (const id of ['p1', 'p2'])
        expect(untimed(await positionsOf(memory).read(id))).toEqual(untimed(await positionsOf(direct).read(id)))
    }),
    { numRuns: 40 },
  )
})

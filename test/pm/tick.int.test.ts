import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../core/clock.ts'
import { StrandlineError } from '../../core/errors.ts'
import { withClient } from '../../core/store/client.ts'
import { createImportOutbox } from '../../core/store/outbox-store.ts'
import { type BarRow, scoreOn } from '../../domain/closing/closing.ts'
import { eventId } from '../../domain/event.ts'
import { rescoredOn } from '../../domain/revision.ts'
import { type Portfolio, reportExecution, tick } from '../../services/pm/index.ts'
import { startTicks } from '../../services/pm/ticks.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import {
  at,
  fullExit,
  insertBars,
  MIN,
  openedPosition,
  outboxOf,
  positionOf,
  T0,
  testPortfolio,
  until,
} from '../support/pm.ts'

let db: TestDatabase
let pm: Portfolio
beforeAll(async () => {
  db = await createTestDatabase()
  pm = testPortfolio(db)
})
afterAll(() => db.drop())

/** A row as the existing system writes it, straight into the table. */
const foreign = async (id: string, change: Record<string, unknown> = {}) => {
  const row = {
    id,
    token_chain: 'base',
    token_contract: `0x${id}`,
    token_ticker: 'WIF',
    timeframe: '15m',
    status: 'active',
    current_trade_id: `${id}-trade`,
    total_quantity: 5,
    avg_entry_price: 100,
    first_entry_timestamp: at(0),
    entry_context: { curator: 'someone' },
    ...change,
  }
  const { error } = await db.store.client.from('lowcap_positions').insert(row)
  if (error) throw new Error(error.message)
}
const foreignExit = async (id: string, change: Record<string, unknown> = {}) => {
  const { error } = await db.store.client
    .from('lowcap_positions')
    .update({ total_quantity: 0, avg_exit_price: 110, closed_at: at(30), ...change })
    .eq('id', id)
  if (error) throw new Error(error.message)
}

const notesOf = (eventId: string) => db.sql('select revision from pm_provisional where event_id = $1', [eventId])
/** Nobody waits for bars any more. */
const waitedLongEnough = () => db.sql('update pm_provisional set waits_until = now()')

describe('a position that someone else brought to zero', () => {
  test('is closed by the tick of its timeframe, once', async () => {
    await foreign('f1')
    await insertBars(db, 'f1', [[15, 95, 120]])
    expect((await tick(pm, '15m')).closed).toBe(0)
    await foreignExit('f1')
    expect((await tick(pm, '1h')).closed).toBe(0)
    expect(await tick(pm, '15m')).toEqual({ closed: 1, scored: 0, provisional: 0, refused: [] })
    expect(await tick(pm, '15m')).toEqual({ closed: 0, scored: 0, provisional: 0, refused: [] })
    expect(await outboxOf(db, 'f1')).toMatchObject([
      {
        payload: {
          event_id: eventId('f1', 'f1-trade'),
          rr: 2,
          decision_type: 'external',
          closed_at: Date.parse(at(30)),
          levers: { curator: 'someone' },
        },
      },
    ])
    expect(await positionOf(db, 'f1')).toMatchObject({
      status: 'watchlist',
      current_trade_id: null,
      completed_trades: [{ trade_id: 'f1-trade' }],
    })
  })

  test('without a time of its exit: it is when the quantity became 0', async () => {
    await foreign('f2')
    const before = Date.now()
    await foreignExit('f2', { closed_at: undefined })
    await db.sql(`update lowcap_positions set token_ticker = 'later' where id = 'f2'`)
    await tick(pm, '15m')
    const [row] = await outboxOf(db, 'f2')
    expect(row!.payload.closed_at).toBeGreaterThanOrEqual(before - 1_000)
    expect(row!.payload.closed_at).toBeLessThanOrEqual(Date.now() + 1_000)
  })

  test('without a trade id: the trade is named after its entry', async () => {
    await foreign('f3', { current_trade_id: null })
    await foreignExit('f3')
    await tick(pm, '15m')
    expect(await outboxOf(db, 'f3')).toMatchObject([{ payload: { trade_id: `entry-${Date.parse(at(0))}` } }])
  })

  test.each([
    ['no exit price', { avg_exit_price: null }, 'has no exit price'],
    ['a NaN exit price', { avg_exit_price: 'NaN' }, 'its exit price is NaN'],
    ['an infinite entry price', { avg_entry_price: 'Infinity' }, 'its entry price is Infinity'],
    ['an exit price of 0', { avg_exit_price: 0 }, 'its exit price is 0'],
  ])('with %s is named and left open, and does not keep others', async (name, change, sentence) => {
    const [bad, good] = [`a-${name}`, `z-${name}`]
    for (const id of [bad, good]) await foreign(id, { timeframe: '1h' })
    await foreignExit(bad, change)
    await foreignExit(good)
    const { closed, refused } = await tick(pm, '1h')
    expect(closed).toBe(1)
    expect(refused.find((r) => r.position_id === bad)?.reason).toContain(sentence)
    expect(await positionOf(db, bad)).toMatchObject({ status: 'active', completed_trades: [] })
    expect(await outboxOf(db, bad)).toHaveLength(0)
    expect(await outboxOf(db, good)).toHaveLength(1)
    await foreignExit(bad, { avg_entry_price: 100 })
    expect((await tick(pm, '1h')).closed).toBe(1)
  })

  test('that never had an entry is not touched', async () => {
    await foreign('f4', { total_quantity: 0, first_entry_timestamp: null, avg_entry_price: null, timeframe: '4h' })
    await foreign('f5', { total_quantity: 0, status: 'dormant', timeframe: '4h' })
    expect(await tick(pm, '4h')).toEqual({ closed: 0, scored: 0, provisional: 0, refused: [] })
  })

  test('more than one page of them', async () => {
    await db.sql(
      `insert into lowcap_positions (id, timeframe, status, current_trade_id, total_quantity, avg_entry_price, avg_exit_price, first_entry_timestamp, closed_at)
       select 'm' || lpad(i::text, 4, '0'), '1m', 'active', 't' || i, 0, 100, case when i % 60 = 0 then -1 else 110 end, $1, $2 from generate_series(1, 130) i`,
      [at(0), at(30)],
    )
    const result = await tick(pm, '1m')
    expect(result.closed).toBe(128)
    expect(result.refused.map((r) => r.position_id)).toEqual(['m0060', 'm0120'])
    await db.sql(`delete from lowcap_positions where avg_exit_price = -1`)
  })

  test('closed by four ticks at once is one event', async () => {
    await foreign('f6')
    await foreignExit('f6')
    const results = await Promise.all([1, 2, 3, 4].map(() => tick(pm, '15m')))
    expect(results.reduce((n, r) => n + r.closed, 0)).toBe(1)
    expect(await outboxOf(db, 'f6')).toHaveLength(1)
  })
})

describe('a trade that closed without bars', () => {
  const unscored = async (change: Record<string, unknown> = {}, price = 110) => {
    const id = await openedPosition(pm, change)
    const { closed } = await reportExecution(pm, id, fullExit(id, { price }))
    expect(closed).toMatchObject({ rr: null, unscored_reason: 'no_ohlcv', return: 0.1 })
    return id
  }

  test('is scored by the tick once its bars are there: revision 1, and the numbers in completed_trades', async () => {
    const id = await unscored()
    expect((await tick(pm, '15m')).scored).toBe(0)
    await insertBars(db, id, [
      [0, 95, 105],
      [15, 100, 120],
    ])
    expect(await tick(pm, '15m')).toMatchObject({ scored: 1 })
    expect(await tick(pm, '15m')).toMatchObject({ scored: 0 })
    const outbox = await outboxOf(db, id)
    expect(outbox).toMatchObject([
      { revision: 0, payload: { rr: null } },
      {
        revision: 1,
        payload: {
          revision: 1,
          rr: 2,
          max_drawdown: 0.05,
          unscored_reason: null,
          entry_price: 100,
          revised_by: 'pm: scored when its last bar was stored',
        },
      },
    ])
    expect(outbox[1]!.event_id).toBe(outbox[0]!.event_id)
    expect((await positionOf(db, id)).completed_trades).toMatchObject([
      { rr: 2, revision: 1, unscored_reason: null, exit_price: 110 },
    ])
  })

  test('waits while only the first of its bars is there, and takes what there is when no more come', async () => {
    const id = await unscored()
    await insertBars(db, id, [[0, 95, 105]])
    for (let look = 0; look < 3; look++) expect((await tick(pm, '15m')).scored).toBe(0)
    await waitedLongEnough()
    expect((await tick(pm, '15m')).scored).toBe(1)
    expect((await outboxOf(db, id))[1]!.payload).toMatchObject({ rr: 2, max_gain: 0.1 })
  })

  test('of a short position is mirrored, also later', async () => {
    const id = await unscored({ side: 'short' }, 90)
    await insertBars(db, id, [[15, 80, 105]])
    await tick(pm, '15m')
    expect((await outboxOf(db, id))[1]!.payload).toMatchObject({ max_drawdown: 0.05, max_gain: 0.2, rr: 2 })
  })

  test('scored by four ticks at once gets one revision', async () => {
    const id = await unscored()
    await insertBars(db, id, [[15, 95, 120]])
    const results = await Promise.all([1, 2, 3, 4].map(() => tick(pm, '15m')))
    expect(results.reduce((n, r) => n + r.scored, 0)).toBe(1)
    expect(await outboxOf(db, id)).toHaveLength(2)
  })

  test('is left alone when someone corrected it meanwhile', async () => {
    const id = await unscored()
    const [row] = await outboxOf(db, id)
    const corrected = { ...row!.payload, revision: 1, rr: 3, unscored_reason: null }
    await db.store.rpc('strandline_pm_outbox_add', { p_events: JSON.stringify([corrected]) })
    await insertBars(db, id, [[15, 95, 120]])
    await tick(pm, '15m')
    expect((await outboxOf(db, id)).map((o) => o.payload.rr)).toEqual([null, 3])
    expect(await notesOf(row!.event_id)).toEqual([])
  })
})

describe('a trade that closed before its last bar was stored', () => {
  /** Closed at minute 30 with one bar from minute 0 on: R/R 2. */
  const provisional = async (change: Record<string, unknown> = {}) => {
    const id = await openedPosition(pm, change)
    await insertBars(db, id, [[0, 95, 105]])
    const { closed } = await reportExecution(pm, id, fullExit(id))
    return { id, event: closed! }
  }
  const BARS: BarRow[] = [
    [T0, 95, 105],
    [T0 + 15 * MIN, 90, 120],
  ]

  test('is published at once, and says that its score is provisional', async () => {
    const { id, event } = await provisional()
    expect(event).toMatchObject({ rr: 2, max_gain: 0.1, revision: 0, provisional: true })
    expect(await outboxOf(db, id)).toMatchObject([{ payload: event }])
    expect(await notesOf(event.event_id)).toEqual([{ revision: 0 }])
    expect(await reportExecution(pm, id, fullExit(id))).toMatchObject({ status: 'duplicate', closed: event })
    expect(await tick(pm, '15m')).toMatchObject({ scored: 0, provisional: expect.any(Number) })
    expect(await outboxOf(db, id)).toHaveLength(1)
  })

  test('is scored again by the tick once that bar is stored: what a backfill, or rescore, makes of it', async () => {
    const { id, event } = await provisional()
    await insertBars(db, id, [[15, 90, 120]])
    expect(await tick(pm, '15m')).toMatchObject({ scored: 1 })
    expect(await tick(pm, '15m')).toMatchObject({ scored: 0 })
    const [, last] = await outboxOf(db, id)
    expect(last!.payload).toMatchObject({
      revision: 1,
      ...scoreOn(event, 'long', BARS),
      provisional: false,
      revised_by: 'pm: scored again when its last bar was stored',
    })
    expect(rescoredOn(last!.payload, BARS, 'rescore')).toBeNull()
    expect((await positionOf(db, id)).completed_trades).toMatchObject([{ revision: 1, rr: 1, max_gain: 0.2 }])
    expect(await notesOf(event.event_id)).toEqual([])
    expect(await reportExecution(pm, id, fullExit(id))).toMatchObject({ closed: { revision: 1, rr: 1 } })
  })

  test('stays one event where that bar says nothing new, and is not provisional any more', async () => {
    const { id, event } = await provisional()
    await insertBars(db, id, [[15, 96, 104]])
    expect(await tick(pm, '15m')).toMatchObject({ scored: 0 })
    expect(await outboxOf(db, id)).toHaveLength(1)
    expect(await notesOf(event.event_id)).toEqual([])
    const { closed } = await reportExecution(pm, id, fullExit(id))
    expect(closed).toMatchObject({ rr: 2, revision: 0, provisional: false })
  })

  test('is final when a later bar is stored: nobody traded while the last one ran', async () => {
    const { id, event } = await provisional()
    await insertBars(db, id, [[45, 1, 1_000]])
    await tick(pm, '15m')
    expect(await notesOf(event.event_id)).toEqual([])
    expect(await outboxOf(db, id)).toHaveLength(1)
  })

  test('is final after some days without any: nobody trades any more', async () => {
    const { id, event } = await provisional()
    await insertBars(db, id, [[-15, 1, 1_000]])
    await tick(pm, '15m')
    expect(await notesOf(event.event_id)).toHaveLength(1)
    await waitedLongEnough()
    await tick(pm, '15m')
    expect(await notesOf(event.event_id)).toEqual([])
    expect(await outboxOf(db, id)).toHaveLength(1)
  })

  test('waits while the bar that covers the exit is stored and still runs', async () => {
    const id = await openedPosition(pm)
    const now = Date.now()
    const minutes = (ms: number) => (ms - T0) / MIN
    const runs = Math.floor(now / (15 * MIN)) * 15 * MIN
    await insertBars(db, id, [[minutes(runs), 95, 105]])
    const { closed } = await reportExecution(pm, id, fullExit(id, { executed_at: new Date(now).toISOString() }))
    expect(closed).toMatchObject({ provisional: true, rr: 2 })
    await tick(pm, '15m')
    expect(await notesOf(closed!.event_id)).toEqual([{ revision: 0 }])
    await db.sql(`update lowcap_price_data_ohlc set low_usd = 90 where token_contract = '0x' || $1`, [id])
    await insertBars(db, id, [[minutes(runs) + 15, 80, 120]])
    expect(await tick(pm, '15m')).toMatchObject({ scored: 1 })
    expect((await outboxOf(db, id)).map((o) => o.payload.rr)).toEqual([2, 1])
  })

  test('gets one revision from four ticks at once, though answers are lost', async () => {
    const { id, event } = await provisional()
    await insertBars(db, id, [[15, 90, 120]])
    const losing: Portfolio['positions'] = {
      ...pm.positions,
      async scoreLate(...asked) {
        await pm.positions.scoreLate(...asked)
        throw new StrandlineError('STORE_UNREACHABLE', 'The answer is lost.')
      },
    }
    const ticks = [pm, { ...pm, positions: losing }, pm, { ...pm, positions: losing }]
    await Promise.allSettled(ticks.map((one) => tick(one, '15m')))
    await tick(pm, '15m')
    expect((await outboxOf(db, id)).map((o) => [o.revision, o.payload.rr])).toEqual([
      [0, 2],
      [1, 1],
    ])
    expect(await notesOf(event.event_id)).toEqual([])
  })

  test.each([
    ['corrects', { rr: 3 }],
    ['retracts', { voided: true }],
  ])('stays what somebody made of it who %s it meanwhile, also while a tick is at it', async (_, change) => {
    const { id, event } = await provisional()
    await insertBars(db, id, [[15, 90, 120]])
    const revision = { ...event, ...change, provisional: false, revision: 1, revised_by: 'somebody' }
    const racing: Portfolio['positions'] = {
      ...pm.positions,
      async scoreLate(...asked) {
        await createImportOutbox(db.store).add([revision])
        return pm.positions.scoreLate(...asked)
      },
    }
    expect(await tick({ ...pm, positions: racing }, '15m')).toMatchObject({ scored: 0 })
    expect(await tick(pm, '15m')).toMatchObject({ scored: 0 })
    expect((await outboxOf(db, id)).map((o) => o.payload)).toEqual([event, revision])
    expect(await notesOf(event.event_id)).toEqual([])
    expect((await positionOf(db, id)).completed_trades).toMatchObject([{ revision: 0, rr: 2 }])
  })

  test('stays what somebody makes of it whose transaction has begun before the tick’s', async () => {
    const { id, event } = await provisional()
    await insertBars(db, id, [[15, 90, 120]])
    const revision = { ...event, rr: 3, provisional: false, revision: 1 }
    const did = await withClient(db.databaseUrl, async (client) => {
      await client.query('begin')
      await client.query('select public.strandline_pm_outbox_add($1)', [JSON.stringify([revision])])
      const ticking = tick(pm, '15m')
      await until(
        () => db.sql(`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`),
        (waiting) => waiting.length > 0,
      )
      await client.query('commit')
      return ticking
    })
    expect(did.scored).toBe(0)
    expect((await outboxOf(db, id)).map((o) => o.payload.rr)).toEqual([2, 3])
    expect((await positionOf(db, id)).completed_trades).toMatchObject([{ revision: 0, rr: 2 }])
    await tick(pm, '15m')
    expect(await notesOf(event.event_id)).toEqual([])
  })

  test('in great numbers: all of them, page by page, and how many are left is told', async () => {
    await db.sql('truncate pm_provisional')
    const trades = []
    for (let n = 0; n < 60; n++) trades.push(await provisional())
    expect(await tick(pm, '15m')).toMatchObject({ scored: 0, provisional: 60 })
    for (const { id } of trades.slice(3)) await insertBars(db, id, [[15, Number(id.slice(1)) % 2 === 0 ? 90 : 96, 104]])
    const did = await tick(pm, '15m')
    expect(did.scored).toBeGreaterThan(20)
    expect(did.provisional).toBe(3)
    expect(await db.sql('select 1 from pm_provisional')).toHaveLength(3)
  })
})

describe('the loop', () => {
  /** A clock whose sleepers the test wakes. */
  function manualClock() {
    const sleeping: { ms: number; wake: () => void }[] = []
    const clock: Clock = {
      ...systemClock,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted) return resolve()
          sleeping.push({ ms, wake: resolve })
          signal?.addEventListener('abort', () => resolve(), { once: true })
        }),
    }
    return { clock, sleeping }
  }

  test('every timeframe ticks at start, then once in its own period', async () => {
    const { clock, sleeping } = manualClock()
    await foreign('loop1', { timeframe: '4h' })
    await foreignExit('loop1')
    const ticks = startTicks({ ...pm, clock }, ['1m', '15m', '1h', '4h'])
    await until(
      async () => sleeping.length,
      (n) => n === 4,
    )
    expect(sleeping.map((s) => s.ms).sort((a, b) => a - b)).toEqual([60_000, 900_000, 3_600_000, 14_400_000])
    expect(await outboxOf(db, 'loop1')).toHaveLength(1)
    await foreign('loop2', { timeframe: '4h' })
    await foreignExit('loop2')
    sleeping.find((s) => s.ms === 14_400_000)!.wake()
    await until(
      async () => (await outboxOf(db, 'loop2')).length,
      (n) => n === 1,
    )
    await ticks.stop()
  })

  test('a tick that fails is tried again soon, not after its period', async () => {
    const { clock, sleeping } = manualClock()
    let failing = true
    const positions: Portfolio['positions'] = {
      ...pm.positions,
      flatTrades: (...asked) => (failing ? Promise.reject(new Error('gone')) : pm.positions.flatTrades(...asked)),
    }
    const ticks = startTicks({ ...pm, positions, clock }, ['4h'])
    await until(
      async () => sleeping.length,
      (n) => n === 1,
    )
    expect(sleeping[0]!.ms).toBeLessThanOrEqual(10_000)
    failing = false
    sleeping[0]!.wake()
    await until(
      async () => sleeping.length,
      (n) => n === 2,
    )
    expect(sleeping[1]!.ms).toBe(14_400_000)
    await ticks.stop()
  })
})

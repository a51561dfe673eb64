import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Store } from '../../core/store/store.ts'
import { eventId } from '../../domain/event.ts'
import {
  closePosition,
  openPosition,
  type Portfolio,
  portfolioStores,
  reportExecution,
  tick,
} from '../../services/pm/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { at, fullExit, insertBars, openedPosition, outboxOf, positionOf, testPortfolio } from '../support/pm.ts'

let db: TestDatabase
let pm: Portfolio
beforeAll(async () => {
  db = await createTestDatabase()
  pm = testPortfolio(db)
})
afterAll(() => db.drop())

/** The PM, whose calls to the database go through `rpc`. */
const withRpc = (rpc: (fn: string, args: Record<string, unknown>) => Promise<unknown>): Portfolio => ({
  ...pm,
  ...portfolioStores({ rpc: rpc as Store['rpc'] }),
})

describe('a full exit', () => {
  test('closes the position: score from the bars, completed trade, status, time, outbox row', async () => {
    const id = await openedPosition(pm)
    await insertBars(db, id, [
      [-30, 1, 1000],
      [0, 95, 105],
      [15, 100, 120],
      [30, 1, 1000],
    ])
    const { trade_id } = await reportExecution(pm, id, {
      id: `${id}-add`,
      kind: 'add',
      quantity: 10,
      price: 100,
      executed_at: at(5),
    })
    const result = await reportExecution(pm, id, fullExit(id, { quantity: 20 }))
    const score = { return: 0.1, max_drawdown: 0.05, max_gain: 0.2, rr: 2, unscored_reason: null }
    expect(result).toMatchObject({
      status: 'recorded',
      left: 0,
      trade_id,
      closed: { ...score, event_id: eventId(id, trade_id) },
    })
    expect(await positionOf(db, id)).toMatchObject({
      status: 'watchlist',
      total_quantity: 0,
      current_trade_id: null,
      closed_at: new Date(at(30)),
      completed_trades: [
        {
          trade_id,
          ...score,
          entry_price: 100,
          exit_price: 110,
          entry_timestamp: at(0),
          exit_timestamp: at(30),
          decision_type: 'trim',
        },
      ],
    })
    const outbox = await outboxOf(db, id)
    expect(outbox).toHaveLength(1)
    expect(outbox[0]!.payload).toMatchObject({
      ...score,
      stake: 2_000,
      net_return: null, // executions say no fees
      revision: 0,
      voided: false,
      position_id: id,
      trade_id,
      symbol: 'PEPE',
      token_contract: `0x${id}`,
      chain: 'base',
      timeframe: '15m',
      decision_type: 'trim',
      opened_at: Date.parse(at(0)),
      closed_at: Date.parse(at(30)),
      entry_price: 100,
      exit_price: 110,
      levers: { curator: 'detweiler' },
      measures: { mcap_at_entry: 2e6 },
      source: 'pm',
    })
  })

  test('averages entries and exits by quantity, and counts the whole time', async () => {
    const id = await openedPosition(pm)
    await reportExecution(pm, id, { id: `${id}-add`, kind: 'add', quantity: 30, price: 200, executed_at: at(5) })
    expect(
      await reportExecution(pm, id, {
        id: `${id}-part`,
        kind: 'trim',
        size_frac: 0.5,
        quantity: 20,
        price: 300,
        executed_at: at(10),
      }),
    ).toMatchObject({
      left: 20,
      closed: null,
    })
    const { closed } = await reportExecution(pm, id, {
      id: `${id}-exit`,
      kind: 'emergency_exit',
      price: 100,
      executed_at: at(30),
    })
    expect(closed).toMatchObject({
      entry_price: 175,
      exit_price: 200,
      decision_type: 'emergency_exit',
      closed_at: Date.parse(at(30)),
    })
  })

  test('has the risk that its entry context says; one that is none costs the trade nothing', async () => {
    const id = await openedPosition(pm, { entry_context: { risk_at_entry: 0.05 } })
    expect((await reportExecution(pm, id, fullExit(id))).closed).toMatchObject({ risk_at_entry: 0.05, stake: 1_000 })
    const other = await openedPosition(pm)
    await db.sql(`update lowcap_positions set entry_context = '{"risk_at_entry": 5}' where id = $1`, [other])
    expect(await reportExecution(pm, other, fullExit(other))).toMatchObject({
      closed: { risk_at_entry: null, measures: { risk_at_entry: 5 } },
      left_out: ['risk_at_entry'],
    })
  })

  test('of a short trade mirrors its score', async () => {
    const id = await openedPosition(pm, { side: 'short' })
    await insertBars(db, id, [[0, 80, 105]])
    expect((await reportExecution(pm, id, fullExit(id, { price: 90 }))).closed).toMatchObject({
      return: 0.1,
      max_drawdown: 0.05,
      max_gain: 0.2,
      rr: 2,
    })
  })

  test('leaves the position open while something is left of it, and the tick too', async () => {
    const id = await openedPosition(pm)
    expect(await reportExecution(pm, id, fullExit(id, { quantity: 6 }))).toMatchObject({ left: 4, closed: null })
    expect(await closePosition(pm, id)).toBeNull()
    expect(await positionOf(db, id)).toMatchObject({ status: 'active', total_quantity: 4 })
  })

  test('sees through rounding: 0.1 + 0.2 bought, 0.3 sold', async () => {
    const id = await openedPosition(pm)
    await reportExecution(pm, id, { id: `${id}-a`, kind: 'add', quantity: 0.1, price: 100, executed_at: at(1) })
    await reportExecution(pm, id, { id: `${id}-b`, kind: 'add', quantity: 0.2, price: 100, executed_at: at(2) })
    expect(await reportExecution(pm, id, fullExit(id, { quantity: 10.3 }))).toMatchObject({
      left: 0,
      closed: { entry_price: 100 },
    })
  })

  test('a trim of everything without a share is one as well', async () => {
    const id = await openedPosition(pm)
    expect((await reportExecution(pm, id, fullExit(id, { size_frac: undefined }))).closed).not.toBeNull()
  })

  test('a trim below 0.999 that leaves nothing is no confirmed exit: the tick closes the position', async () => {
    const id = await openedPosition(pm, { timeframe: '4h' })
    expect(await reportExecution(pm, id, fullExit(id, { size_frac: 0.9 }))).toMatchObject({ left: 0, closed: null })
    expect(await positionOf(db, id)).toMatchObject({ status: 'active', total_quantity: 0 })
    expect(await tick(pm, '4h')).toMatchObject({ closed: 1 })
    expect((await outboxOf(db, id))[0]!.payload).toMatchObject({ closed_at: Date.parse(at(30)), decision_type: 'trim' })
  })
})

describe('an execution is counted once by its id', () => {
  test('the same report again changes nothing and has the same answer', async () => {
    const id = await openedPosition(pm)
    const first = await reportExecution(pm, id, fullExit(id))
    const again = await reportExecution(pm, id, fullExit(id))
    expect(again).toEqual({ ...first, status: 'duplicate' })
    expect(await outboxOf(db, id)).toHaveLength(1)
    expect((await positionOf(db, id)).completed_trades).toHaveLength(1)
  })

  test('twenty at once are one', async () => {
    const id = await openedPosition(pm)
    const buy = { id: `${id}-more`, kind: 'add', quantity: 1, price: 100, executed_at: at(1) }
    const answers = await Promise.all(Array.from({ length: 20 }, () => reportExecution(pm, id, buy)))
    expect(answers.filter((a) => a.status === 'recorded')).toHaveLength(1)
    expect(await positionOf(db, id)).toMatchObject({ total_quantity: 11 })
  })

  test('the same id with other content, or for another position, is refused', async () => {
    const [a, b] = [await openedPosition(pm), await openedPosition(pm)]
    await expect(
      reportExecution(pm, a, { id: `${a}-buy`, kind: 'buy', quantity: 11, price: 100, executed_at: at(0) }),
    ).rejects.toThrow(/reported before/)
    await expect(
      reportExecution(pm, b, { id: `${a}-buy`, kind: 'buy', quantity: 10, price: 100, executed_at: at(0) }),
    ).rejects.toThrow(/reported before/)
    expect(await positionOf(db, a)).toMatchObject({ total_quantity: 10 })
    expect(await positionOf(db, b)).toMatchObject({ total_quantity: 10 })
  })

  test('a report whose answer was lost has its event when it is repeated', async () => {
    const id = await openedPosition(pm)
    const lossy = withRpc(async (fn, args) => {
      const answer = await db.store.rpc(fn, args)
      if (fn === 'strandline_pm_exit') throw new Error('killed')
      return answer
    })
    await expect(reportExecution(lossy, id, fullExit(id))).rejects.toThrow('killed')
    const [row] = await outboxOf(db, id)
    expect(await reportExecution(pm, id, fullExit(id))).toMatchObject({ status: 'duplicate', closed: row!.payload })
    expect(await outboxOf(db, id)).toHaveLength(1)
  })

  test('a report that was recorded without its close closes the position when it is repeated', async () => {
    const id = await openedPosition(pm)
    const lossy = withRpc((fn, args) =>
      fn === 'strandline_pm_trade_after'
        ? Promise.resolve(null)
        : fn === 'strandline_pm_close'
          ? Promise.reject(new Error('killed'))
          : db.store.rpc(fn, args),
    )
    await expect(reportExecution(lossy, id, fullExit(id))).rejects.toThrow('killed')
    expect(await positionOf(db, id)).toMatchObject({ status: 'active', total_quantity: 0 })
    expect(await reportExecution(pm, id, fullExit(id))).toMatchObject({
      status: 'duplicate',
      closed: { position_id: id },
    })
    expect(await outboxOf(db, id)).toHaveLength(1)
  })
})

describe('closing is one transaction', () => {
  test('an outbox insert that fails leaves the position open, and the next try closes it', async () => {
    const id = await openedPosition(pm, { timeframe: '1h' })
    await db.sql(
      `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'disk full'; end $$`,
    )
    await db.sql('create trigger refuse before insert on pm_outbox for each row execute function refuse()')
    try {
      await expect(reportExecution(pm, id, fullExit(id))).rejects.toThrow(/disk full/)
      expect(await positionOf(db, id)).toMatchObject({ status: 'active', completed_trades: [], closed_at: null })
    } finally {
      await db.sql('drop trigger refuse on pm_outbox')
      await db.sql('drop function refuse()')
    }
    expect(await tick(pm, '1h')).toMatchObject({ closed: 1 })
    expect(await outboxOf(db, id)).toHaveLength(1)
  })

  test('a position update that fails leaves no outbox row', async () => {
    const id = await openedPosition(pm, { timeframe: '1h' })
    await reportExecution(pm, id, fullExit(id, { size_frac: 0.9 }))
    await db.sql(`alter table lowcap_positions add constraint no_watchlist check (status <> 'watchlist') not valid`)
    await expect(closePosition(pm, id)).rejects.toThrow(/no_watchlist/)
    expect(await outboxOf(db, id)).toHaveLength(0)
    await db.sql('alter table lowcap_positions drop constraint no_watchlist')
    expect((await closePosition(pm, id))?.now).toBe(true)
  })

  test('twenty closes at once make one event', async () => {
    const id = await openedPosition(pm)
    await reportExecution(pm, id, fullExit(id, { size_frac: 0.9 }))
    const closes = await Promise.all(Array.from({ length: 20 }, () => closePosition(pm, id)))
    expect(closes.filter((c) => c?.now)).toHaveLength(1)
    expect(await outboxOf(db, id)).toHaveLength(1)
    expect((await positionOf(db, id)).completed_trades).toHaveLength(1)
  })

  test('a trade that changed after it was scored is scored again, not closed as it was', async () => {
    const id = await openedPosition(pm)
    let changed = false
    const racing = withRpc(async (fn, args) => {
      if (fn === 'strandline_pm_close' && !changed) {
        changed = true
        await db.sql('update lowcap_positions set avg_exit_price = 150 where id = $1', [id])
      }
      return db.store.rpc(fn, args)
    })
    await reportExecution(pm, id, fullExit(id, { size_frac: 0.9 }))
    expect((await closePosition(racing, id))?.event).toMatchObject({ exit_price: 150, return: 0.5 })
  })

  test('execution, close and outbox row of a full exit are one call', async () => {
    const id = await openedPosition(pm)
    const calls: string[] = []
    const noting = withRpc((fn, args) => {
      calls.push(fn)
      return db.store.rpc(fn, args)
    })
    const { closed, status } = await reportExecution(noting, id, fullExit(id))
    expect([status, closed?.position_id]).toEqual(['recorded', id])
    expect(calls).toEqual(['strandline_pm_trade_after', 'strandline_pm_exit']) // the first only reads
    // now() is when the transaction began
    const [written] = await db.sql<{ together: boolean }>(
      `select e.recorded_at = o.created_at and l.updated_at = o.created_at as together from lowcap_positions l
       join pm_executions e on e.id = $2 join pm_outbox o on o.payload ->> 'position_id' = l.id where l.id = $1`,
      [id, `${id}-exit`],
    )
    expect(written).toEqual({ together: true })
  })

  test('an exit that says it sells a part is not scored beforehand', async () => {
    const id = await openedPosition(pm)
    const calls: string[] = []
    const noting = withRpc((fn, args) => {
      calls.push(fn)
      return db.store.rpc(fn, args)
    })
    expect(await reportExecution(noting, id, fullExit(id, { size_frac: 0.5, quantity: 5 }))).toMatchObject({ left: 5 })
    expect(calls).toEqual(['strandline_pm_record_execution'])
  })

  test('an exit that finds another entry than the one that was scored is recorded, and closes with what is there', async () => {
    const id = await openedPosition(pm)
    let added = false
    const racing = withRpc(async (fn, args) => {
      if (fn === 'strandline_pm_exit' && !added) {
        added = true
        await reportExecution(pm, id, { id: `${id}-add`, kind: 'add', quantity: 10, price: 200, executed_at: at(1) })
      }
      return db.store.rpc(fn, args)
    })
    const { quantity: _, ...all } = fullExit(id, { kind: 'emergency_exit', size_frac: 1 })
    expect(await reportExecution(racing, id, all)).toMatchObject({
      status: 'recorded',
      left: 0,
      closed: { entry_price: 150 },
    })
    expect((await outboxOf(db, id)).map((o) => o.payload.entry_price)).toEqual([150])
  })

  test('a close of something that is still held changes nothing, whoever asks for it', async () => {
    const id = await openedPosition(pm)
    const { trade_id } = await reportExecution(pm, id, fullExit(id, { quantity: 4 }))
    const [{ fingerprint }] = (await db.sql(
      'select pm_fingerprint(read_position(to_jsonb(p))) as fingerprint from lowcap_positions p where id = $1',
      [id],
    )) as [{ fingerprint: string }]
    const p_close = JSON.stringify({
      position_id: id,
      trade_id,
      fingerprint,
      event: { event_id: 'e', revision: 0, entry_price: 1, exit_price: 1 },
    })
    expect(await db.store.rpc('strandline_pm_close', { p_close, p_relay: null, p_lease_ms: 0 })).toEqual({
      status: 'not_flat',
      left: 6,
    })
    expect(await positionOf(db, id)).toMatchObject({ status: 'active', completed_trades: [] })
  })

  test('a trade whose event is in the outbox already (it came from elsewhere) still closes its position, and stays one event', async () => {
    const id = await openedPosition(pm)
    const { trade_id } = await reportExecution(pm, id, fullExit(id, { size_frac: 0.9 }))
    const foreign = { event_id: eventId(id, trade_id), revision: 0, position_id: id }
    await db.store.rpc('strandline_pm_outbox_add', { p_events: JSON.stringify([foreign]) })
    expect((await closePosition(pm, id))?.now).toBe(true)
    expect(await positionOf(db, id)).toMatchObject({ status: 'watchlist', completed_trades: [{ trade_id }] })
    expect((await outboxOf(db, id)).map((o) => o.payload)).toEqual([foreign])
  })
})

describe('the next trade of a position', () => {
  test('has an identity, averages and a context of its own', async () => {
    const id = await openedPosition(pm)
    const first = await reportExecution(pm, id, fullExit(id))
    await reportExecution(pm, id, {
      id: `${id}-again`,
      kind: 'buy',
      quantity: 1,
      price: 50,
      executed_at: at(60),
      entry_context: { curator: 'other' },
    })
    expect(await positionOf(db, id)).toMatchObject({
      status: 'active',
      total_quantity: 1,
      avg_entry_price: 50,
      avg_exit_price: null,
      closed_at: null,
    })
    const second = await reportExecution(
      pm,
      id,
      fullExit(id, { id: `${id}-exit2`, quantity: 1, price: 60, executed_at: at(90) }),
    )
    expect(second.closed).toMatchObject({
      entry_price: 50,
      exit_price: 60,
      opened_at: Date.parse(at(60)),
      levers: { curator: 'other' },
    })
    expect(second.trade_id).not.toBe(first.trade_id)
    expect(await outboxOf(db, id)).toHaveLength(2)
    expect((await positionOf(db, id)).completed_trades).toMatchObject([
      { trade_id: first.trade_id },
      { trade_id: second.trade_id },
    ])
  })

  test('that starts before the last one was closed closes it first', async () => {
    const id = await openedPosition(pm)
    await reportExecution(pm, id, fullExit(id, { size_frac: 0.9 }))
    await reportExecution(pm, id, { id: `${id}-again`, kind: 'buy', quantity: 1, price: 50, executed_at: at(60) })
    expect(await outboxOf(db, id)).toMatchObject([{ payload: { entry_price: 100, exit_price: 110 } }])
    expect(await positionOf(db, id)).toMatchObject({ status: 'active', total_quantity: 1, avg_entry_price: 50 })
  })

  test('that someone prepares before its first entry is not closed with the prices of the last one', async () => {
    const id = await openedPosition(pm)
    await reportExecution(pm, id, fullExit(id))
    await db.sql(`update lowcap_positions set status = 'active', current_trade_id = 'prepared' where id = $1`, [id])
    expect(await closePosition(pm, id)).toBeNull()
    expect(await outboxOf(db, id)).toHaveLength(1)
    expect(
      (await reportExecution(pm, id, { id: `${id}-again`, kind: 'buy', quantity: 1, price: 50, executed_at: at(60) }))
        .trade_id,
    ).toBe('prepared')
  })

  test('takes the trade id that someone set beforehand, but not the one of a trade that is over', async () => {
    const id = await openedPosition(pm)
    const first = await reportExecution(pm, id, fullExit(id))
    await db.sql('update lowcap_positions set current_trade_id = $2 where id = $1', [id, first.trade_id])
    const buy = (n: number) => ({ id: `${id}-again${n}`, kind: 'buy', quantity: 1, price: 50, executed_at: at(60 * n) })
    const second = await reportExecution(pm, id, buy(1))
    expect(second.trade_id).not.toBe(first.trade_id)
    await reportExecution(pm, id, fullExit(id, { id: `${id}-exit2`, quantity: 1, executed_at: at(90) }))
    await db.sql(`update lowcap_positions set current_trade_id = 'set-before' where id = $1`, [id])
    expect((await reportExecution(pm, id, buy(2))).trade_id).toBe('set-before')
  })
})

describe('what is refused changes nothing', () => {
  test.each([
    ['a NaN price', { price: Number.NaN }, /price/],
    ['an infinite price', { price: Number.POSITIVE_INFINITY }, /price/],
    ['a price of zero', { price: 0 }, /price is 0/],
    ['a negative price', { price: -5 }, /price is -5/],
    ['more than is held', { quantity: 10.1 }, /sells more than the 10/],
    ['an exit before the entry', { executed_at: at(-1) }, /before its entry/],
  ])('%s', async (_name, change, sentence) => {
    const id = await openedPosition(pm)
    const before = await positionOf(db, id)
    await expect(reportExecution(pm, id, fullExit(id, change))).rejects.toThrow(sentence)
    expect(await positionOf(db, id)).toEqual(before)
    expect(await db.sql('select 1 from pm_executions where id = $1', [`${id}-exit`])).toHaveLength(0)
  })

  test('an exit of a position that holds nothing, and of one that does not exist', async () => {
    await openPosition(pm, { id: 'empty', timeframe: '1h' })
    await expect(reportExecution(pm, 'empty', fullExit('empty'))).rejects.toThrow(/holds nothing/)
    await expect(reportExecution(pm, 'nobody', fullExit('nobody'))).rejects.toThrow('There is no position nobody.')
  })

  test('opening a position twice leaves the first', async () => {
    expect((await openPosition(pm, { id: 'twice', timeframe: '1h', token_ticker: 'A' })).status).toBe('opened')
    expect(await openPosition(pm, { id: 'twice', timeframe: '4h', token_ticker: 'B' })).toMatchObject({
      status: 'exists',
      position: { token_ticker: 'A' },
    })
  })

  test.each([
    [{ timeframe: '5m' }, /timeframe is "5m"/],
    [{ timeframe: '1h', side: 'up' }, /side is "up"/],
    [{ timeframe: '1h', entry_context: 3 }, /entry_context is not an object/],
    [{ timeframe: '1h', token_chain: 5 }, /token_chain/],
  ])('a position like %j', async (body, sentence) => {
    await expect(openPosition(pm, body)).rejects.toThrow(sentence)
  })
})

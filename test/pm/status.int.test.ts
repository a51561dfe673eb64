/** What a position holds decides, not its status: regression for exits refused and adds that lost what was held on `paused` and `dormant` ones. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Portfolio, reportExecution, tick } from '../../services/pm/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { at, outboxOf, positionOf, testPortfolio } from '../support/pm.ts'

let db: TestDatabase
let pm: Portfolio
beforeAll(async () => {
  db = await createTestDatabase()
  pm = testPortfolio(db)
})
afterAll(() => db.drop())

let ids = 0
/** A row as the old system writes it. */
async function row(status: string, change: Record<string, unknown> = {}): Promise<string> {
  const id = `s${++ids}`
  const { error } = await db.store.client
    .from('lowcap_positions')
    .insert({ id, token_chain: 'base', token_contract: `0x${id}`, timeframe: '15m', status, ...change })
  if (error) throw new Error(error.message)
  return id
}
const HELD = {
  current_trade_id: 'theirs',
  total_quantity: 100,
  avg_entry_price: 1,
  first_entry_timestamp: at(0),
}
const report = (id: string, kind: string, change: object = {}) =>
  reportExecution(pm, id, { id: `${id}-${kind}`, kind, price: 2, executed_at: at(10), ...change })

const STATUSES = ['watchlist', 'active', 'dormant', 'paused', 'archived', 'on_hold'] as const
/** With a running trade, and after it. */
const WHILE = { watchlist: 'active', active: 'active', dormant: 'active' } as Record<string, string>
const AFTER = { watchlist: 'watchlist', active: 'watchlist', dormant: 'watchlist' } as Record<string, string>

describe.each(STATUSES)('a position that is %s', (status) => {
  const running = WHILE[status] ?? status
  const over = AFTER[status] ?? status

  test('and holds nothing: an entry opens a trade', async () => {
    const id = await row(status)
    expect(await report(id, 'entry', { quantity: 5 })).toMatchObject({ left: 5, closed: null })
    expect(await positionOf(db, id)).toMatchObject({
      status: running,
      total_quantity: 5,
      avg_entry_price: 2,
      first_entry_timestamp: new Date(at(10)),
    })
    const sold = await report(id, 'emergency_exit', { executed_at: at(20) })
    expect(sold.closed).toMatchObject({ trade_id: sold.trade_id, entry_price: 2, opened_at: Date.parse(at(10)) })
    expect(await positionOf(db, id)).toMatchObject({ status: over, current_trade_id: null, total_quantity: 0 })
  })

  test('and holds 100: an add of 5 makes it 105, at the average of both', async () => {
    const id = await row(status, HELD)
    expect(await report(id, 'add', { quantity: 5 })).toMatchObject({ left: 105, trade_id: 'theirs' })
    const { avg_entry_price, ...after } = await positionOf(db, id)
    expect(after).toMatchObject({ status: running, total_quantity: 105, first_entry_timestamp: new Date(at(0)) })
    expect(avg_entry_price).toBeCloseTo(110 / 105, 12)
  })

  test('and holds 100: a trim of 40 leaves 60, and the status', async () => {
    const id = await row(status, HELD)
    expect(await report(id, 'trim', { quantity: 40 })).toMatchObject({ left: 60, closed: null, trade_id: 'theirs' })
    expect(await positionOf(db, id)).toMatchObject({ status, total_quantity: 60, avg_exit_price: 2 })
  })

  test('and holds 100: a full exit closes it, once', async () => {
    const id = await row(status, HELD)
    const { closed } = await report(id, 'emergency_exit')
    expect(closed).toMatchObject({ trade_id: 'theirs', entry_price: 1, exit_price: 2, return: 1 })
    expect(await positionOf(db, id)).toMatchObject({ status: over, current_trade_id: null, total_quantity: 0 })
    await tick(pm, '15m')
    expect(await outboxOf(db, id)).toHaveLength(1)
    await expect(report(id, 'trim', { quantity: 1 })).rejects.toThrow(/holds nothing/)
  })

  test('and sold through us down to nothing: the tick closes it', async () => {
    const id = await row(status, HELD)
    expect(await report(id, 'trim', { size_frac: 0.9, quantity: 100 })).toMatchObject({ left: 0, closed: null })
    await tick(pm, '15m')
    expect(await outboxOf(db, id)).toMatchObject([{ payload: { trade_id: 'theirs', exit_price: 2 } }])
    expect(await positionOf(db, id)).toMatchObject({ status: over })
  })

  test('and never had an entry is left alone by the tick', async () => {
    const id = await row(status, { current_trade_id: 'prepared' })
    expect((await tick(pm, '15m')).refused).toEqual([])
    expect(await outboxOf(db, id)).toHaveLength(0)
    expect(await positionOf(db, id)).toMatchObject({ status })
  })
})

describe('a trade that somebody else brought to zero', () => {
  const toZero = async (id: string, change: object = {}) => {
    const { error } = await db.store.client
      .from('lowcap_positions')
      .update({ total_quantity: 0, avg_exit_price: 2, closed_at: at(30), ...change })
      .eq('id', id)
    if (error) throw new Error(error.message)
  }

  test.each(['active', 'dormant', 'paused', 'on_hold'])('is closed by the tick where it is %s', async (status) => {
    const id = await row(status, HELD)
    await toZero(id)
    await tick(pm, '15m')
    expect(await outboxOf(db, id)).toMatchObject([{ payload: { trade_id: 'theirs', closed_at: Date.parse(at(30)) } }])
    await tick(pm, '15m')
    expect(await outboxOf(db, id)).toHaveLength(1)
  })

  test.each([
    ['watchlist', { current_trade_id: null }],
    ['archived', { current_trade_id: null }],
    ['watchlist', {}],
    ['paused', { current_trade_id: null }],
    ['paused', { completed_trades: [{ trade_id: 'theirs' }] }],
  ])('and closed there itself (%s %j) is not closed a second time', async (status, change) => {
    const id = await row('active', HELD)
    await toZero(id, { status, ...change })
    expect((await tick(pm, '15m')).refused).toEqual([])
    expect(await outboxOf(db, id)).toHaveLength(0)
  })
})

describe('something is held, and no entry was noted', () => {
  test.each([
    ['no first entry', { first_entry_timestamp: null }],
    ['an entry at no time', { first_entry_timestamp: '-infinity' }],
    ['the entry of a trade that was closed', { settled_entry: at(0) }],
  ])('%s: it can be added to, and sold', async (_, change) => {
    const id = await row('paused', { ...HELD, ...change })
    expect(await report(id, 'add', { quantity: 100 })).toMatchObject({ left: 200 })
    const { closed } = await report(id, 'emergency_exit', { executed_at: at(20) })
    expect(closed).toMatchObject({ entry_price: 1.5, opened_at: Date.parse(at(10)), closed_at: Date.parse(at(20)) })
  })
})

test('a tick looks at running trades only: 100,000 others cost it nothing', async () => {
  await db.sql(
    `insert into lowcap_positions (id, timeframe, status, first_entry_timestamp, avg_entry_price, avg_exit_price, settled_entry)
     select 'old' || i, '4h', (array['watchlist', 'archived', 'dormant'])[1 + i % 3], $1, 1, 2, case when i % 2 = 0 then $1::timestamptz end
     from generate_series(1, 100000) i`,
    [at(0)],
  )
  await db.sql('analyze lowcap_positions')
  const one = await row('paused', { ...HELD, timeframe: '4h' })
  await report(one, 'trim', { size_frac: 0.9, quantity: 100 })
  const plan = JSON.stringify(
    await db.sql(
      `explain (analyze, buffers, format json) select * from lowcap_positions p
       where p.first_entry_timestamp is not null and p.first_entry_timestamp is distinct from p.settled_entry
         and (p.status = 'active' or p.current_trade_id is not null) and coalesce(p.timeframe, '') = '4h' and p.id::text > '' order by p.id limit 50`,
    ),
  )
  expect(plan).toContain('strandline_positions_running')
  expect((await tick(pm, '4h')).closed).toBe(1)
})

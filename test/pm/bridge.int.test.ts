import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { withClient } from '../../core/store/client.ts'
import { eventId } from '../../domain/event.ts'
import { strandOf } from '../../domain/strand.ts'
import { type Portfolio, reportExecution, tick } from '../../services/pm/index.ts'
import { drainLearningQueue, startBridge } from '../../services/pm/sources/learning-queue.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { at, fullExit, insertBars, openedPosition, outboxOf, testPortfolio, until } from '../support/pm.ts'

let db: TestDatabase
let pm: Portfolio
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())
beforeEach(async () => {
  await db.sql('truncate ad_strands, learning_queue, pm_outbox, pm_provisional, strandline.strands')
  pm = testPortfolio(db)
})

const trade = (change: object = {}) => ({
  trade_id: 't1',
  entry_price: 100,
  exit_price: 110,
  entry_timestamp: at(0),
  exit_timestamp: at(30),
  rr: 2,
  ...change,
})

/** As the old PM inserts it; the existing trigger queues it. */
async function insertStrand(id: string, change: Record<string, unknown> = {}, trades: object[] = [trade()]) {
  const { error } = await db.store.client.from('ad_strands').insert({
    id,
    module: 'pm',
    kind: 'position_closed',
    symbol: 'PEPE',
    timeframe: '15m',
    position_id: `pos-${id}`,
    trade_id: 't1',
    content: {
      entry_context: { curator: 'x' },
      completed_trades: trades,
      token: `0x${id}`,
      chain: 'base',
      decision_type: 'trim',
    },
    ...change,
  })
  if (error) throw new Error(error.message)
}
const queue = () =>
  db.sql<{ strand_id: string; status: string; processed_at: Date | null; error: string | null }>(
    'select * from learning_queue order by id',
  )

test('a position_closed strand of somebody else becomes an event through the outbox, and its row completed', async () => {
  await insertStrand('s1')
  expect(await drainLearningQueue(pm)).toEqual({ published: 1, known: 0, failed: 0 })
  expect(await outboxOf(db, 'pos-s1')).toMatchObject([
    {
      event_id: eventId('pos-s1', 't1'),
      revision: 0,
      payload: { rr: 2, source: 'learning-queue', token_contract: '0xs1', levers: { curator: 'x' } },
    },
  ])
  expect(await queue()).toMatchObject([
    { strand_id: 's1', status: 'completed', error: null, processed_at: expect.any(Date) },
  ])
  expect(await drainLearningQueue(pm)).toEqual({ published: 0, known: 0, failed: 0 })
})

test('its strand is tied to the event: the projector makes no second one', async () => {
  await insertStrand('s1')
  await drainLearningQueue(pm)
  expect(await db.sql(`select event_id, strand_id, adopted from strandline.strands`)).toEqual([
    { event_id: eventId('pos-s1', 't1'), strand_id: 's1', adopted: true },
  ])
})

test('a strand that cannot be read is failed with the reason, and does not keep the others', async () => {
  await insertStrand('bad', { content: { completed_trades: [trade({ exit_price: -1 })] } })
  await insertStrand('good')
  expect(await drainLearningQueue(pm)).toEqual({ published: 1, known: 0, failed: 1 })
  expect(await queue()).toMatchObject([
    { strand_id: 'bad', status: 'failed', error: 'Exit price is -1, not above 0.', processed_at: expect.any(Date) },
    { strand_id: 'good', status: 'completed' },
  ])
})

test('a strand that our projector wrote is completed and never taken for a new one', async () => {
  const row = strandOf(closedTrade(), { topic: 't', partition: 0, offset: 1 })
  await db.store.client.from('ad_strands').insert({ ...row })
  expect(await queue()).toMatchObject([{ status: 'pending' }])
  expect(await drainLearningQueue(pm)).toEqual({ published: 0, known: 0, failed: 0 })
  expect(await queue()).toMatchObject([{ status: 'completed', processed_at: expect.any(Date) }])
  expect(await db.sql('select 1 from pm_outbox')).toHaveLength(0)
})

test('a strand of ours whose row the projector is settling at this moment is left to it', async () => {
  await db.store.client
    .from('ad_strands')
    .insert({ ...strandOf(closedTrade(), { topic: 't', partition: 0, offset: 1 }) })
  await withClient(db.databaseUrl, async (projector) => {
    await projector.query('begin; select 1 from learning_queue for update')
    expect(await drainLearningQueue(pm)).toEqual({ published: 0, known: 0, failed: 0 })
    await projector.query('commit')
  })
  expect(await db.sql('select 1 from pm_outbox')).toHaveLength(0)
})

test('other strand types are left alone', async () => {
  await insertStrand('social', { kind: 'social_lowcap' })
  await insertStrand('decision', { kind: 'decision_lowcap' })
  await drainLearningQueue(pm)
  expect(await queue()).toMatchObject([
    { status: 'pending', processed_at: null },
    { status: 'pending', processed_at: null },
  ])
})

test('a strand that is gone is failed', async () => {
  await insertStrand('s1')
  await db.sql(`delete from ad_strands`)
  await drainLearningQueue(pm)
  expect(await queue()).toMatchObject([{ status: 'failed', error: expect.stringContaining('not in ad_strands') }])
})

describe('a trade that arrives both ways counts once', () => {
  test('our PM closed it first', async () => {
    const id = await openedPosition(pm)
    const { trade_id, closed } = await reportExecution(pm, id, fullExit(id))
    await insertStrand('s1', { position_id: id, trade_id })
    expect(await drainLearningQueue(pm)).toEqual({ published: 0, known: 1, failed: 0 })
    expect((await outboxOf(db, id)).map((o) => o.payload)).toEqual([closed])
    expect(await queue()).toMatchObject([{ status: 'completed' }])
  })

  test('the old PM’s strand came first, then its position is seen at zero', async () => {
    await db.sql(
      `insert into lowcap_positions (id, timeframe, status, current_trade_id, total_quantity, avg_entry_price, avg_exit_price, first_entry_timestamp, closed_at)
       values ('both', '15m', 'active', 't1', 0, 100, 110, $1, $2)`,
      [at(0), at(30)],
    )
    await insertStrand('s1', { position_id: 'both' })
    await drainLearningQueue(pm)
    expect((await tick(pm, '15m')).closed).toBe(1)
    expect(await outboxOf(db, 'both')).toMatchObject([{ revision: 0, payload: { source: 'learning-queue' } }])
  })

  test('two strands of one trade', async () => {
    await insertStrand('s1', { position_id: 'one' })
    await insertStrand('s2', { position_id: 'one' })
    expect(await drainLearningQueue(pm)).toEqual({ published: 1, known: 1, failed: 0 })
    expect((await queue()).map((q) => q.status)).toEqual(['completed', 'completed'])
  })

  test('four bridges at once', async () => {
    for (let i = 0; i < 30; i++) await insertStrand(`s${i}`)
    const drained = await Promise.all([1, 2, 3, 4].map(() => drainLearningQueue(pm)))
    expect(drained.reduce((n, d) => n + d.published, 0)).toBe(30)
    expect(drained.reduce((n, d) => n + d.known + d.failed, 0)).toBe(0)
    expect(await db.sql('select 1 from pm_outbox')).toHaveLength(30)
  })
})

test('a strand without R/R is scored on the bars; without bars, later', async () => {
  await insertStrand('with', {}, [trade({ rr: null })])
  await insertStrand('without', {}, [trade({ rr: null })])
  await insertBars(db, 'with', [[0, 95, 120]])
  expect(await drainLearningQueue(pm)).toMatchObject({ published: 2 })
  expect(await outboxOf(db, 'pos-with')).toMatchObject([{ payload: { rr: 2, return: 0.1 } }])
  expect(await outboxOf(db, 'pos-without')).toMatchObject([{ payload: { rr: null, unscored_reason: 'no_ohlcv' } }])
  await insertBars(db, 'without', [[15, 95, 120]])
  expect((await tick(pm, '15m')).scored).toBe(1)
  expect(await outboxOf(db, 'pos-without')).toMatchObject([{ revision: 0 }, { revision: 1, payload: { rr: 2 } }])
})

test('regression: a strand that says its timeframe and no side has that of its position', async () => {
  for (const id of ['scored', 'unscored']) {
    await db.sql(`insert into lowcap_positions (id, timeframe, side) values ('pos-${id}', '15m', 'short')`)
    await insertStrand(id, {}, [trade({ rr: null, exit_price: 90 })])
  }
  await insertBars(db, 'scored', [[0, 88, 105]])
  expect(await drainLearningQueue(pm)).toMatchObject({ published: 2 })
  const [scored] = await outboxOf(db, 'pos-scored')
  expect(scored!.payload).toMatchObject({ rr: expect.toSatisfy((rr) => rr > 0), return: 0.1 })
  expect(await db.sql('select side from pm_provisional')).toEqual([{ side: 'short' }])
})

test('event and queue row are one transaction: a failing outbox leaves the row pending', async () => {
  await insertStrand('s1')
  await db.sql(`alter table pm_outbox add constraint full_disk check (false) not valid`)
  await expect(drainLearningQueue(pm)).rejects.toThrow(/full_disk/)
  expect(await queue()).toMatchObject([{ status: 'pending' }])
  await db.sql(`alter table pm_outbox drop constraint full_disk`)
  expect(await drainLearningQueue(pm)).toMatchObject({ published: 1 })
})

test('the bridge of a running PM finds new strands by itself', async () => {
  const bridge = startBridge(pm, 20)
  await insertStrand('s1')
  await until(queue, ([row]) => row!.status === 'completed')
  await bridge.stop()
})

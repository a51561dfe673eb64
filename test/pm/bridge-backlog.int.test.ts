/** The bridge in front of years of strands that nobody read: what a page costs, who waits for whom, and how it stops. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { withClient } from '../../core/store/client.ts'
import { eventId } from '../../domain/event.ts'
import { type Portfolio, tick } from '../../services/pm/index.ts'
import { drainLearningQueue, firstScan, startBridge } from '../../services/pm/sources/learning-queue.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { at, outboxOf, testPortfolio, until } from '../support/pm.ts'

let db: TestDatabase
let pm: Portfolio
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())
beforeEach(async () => {
  await db.sql(
    'truncate ad_strands, learning_queue, lowcap_positions, pm_outbox, pm_provisional, strandline.trade_entries, strandline.trade_names, strandline.renamed_revisions, strandline.set_aside',
  )
  pm = testPortfolio(db)
})

/** Strands [from, to), two trades a position, as the old PM inserts them; the trigger queues them. */
const insertStrands = (from: number, to: number, exit = at(30)) =>
  db.sql(
    `insert into ad_strands (id, module, kind, symbol, timeframe, position_id, trade_id, content)
     select 's' || lpad(i::text, 7, '0'), 'pm', 'position_closed', 'PEPE', '15m', 'pos-' || i / 2, 't' || i, jsonb_build_object('entry_context', '{}'::jsonb,
       'completed_trades', jsonb_build_array(jsonb_build_object('trade_id', 't' || i, 'entry_price', 1, 'exit_price', 2, 'rr', 1,
       'entry_timestamp', $3::timestamptz + i * interval '1 ms', 'exit_timestamp', $4::timestamptz + i * interval '1 ms')))
     from generate_series($1::integer, $2::integer - 1) i`,
    [from, to, at(0), exit],
  )
const waiting = async () =>
  Number((await db.sql(`select count(*) from learning_queue where status = 'pending'`))[0]!.count)

/** Rows that a call visits in the queue and in ad_strands, as PostgreSQL counts them. */
async function visited(call: string): Promise<{ queue: number; strands: number }> {
  return withClient(db.databaseUrl, async (client) => {
    await client.query('begin')
    await client.query(`set local search_path = ''`)
    await client.query(call)
    const { rows } = await client.query(
      `select relname, seq_tup_read + coalesce(idx_tup_fetch, 0) as n from pg_catalog.pg_stat_xact_user_tables
       where relname in ('learning_queue', 'ad_strands')`,
    )
    await client.query('rollback')
    const of = (name: string) => Number(rows.find((r) => r.relname === name)?.n)
    return { queue: of('learning_queue'), strands: of('ad_strands') }
  })
}

describe('a page costs the same', () => {
  const page = (after: string) => `select public.strandline_bridge_page(${after}, 100)`

  test('however many wait, also where the statistics know of none', async () => {
    await db.sql('analyze learning_queue, ad_strands')
    await insertStrands(0, 500)
    const few = await visited(page('null'))
    await insertStrands(500, 30_000)
    expect(few).toEqual({ queue: 100, strands: 100 })
    expect(await visited(page('null'))).toEqual(few)
    const [{ id }] = (await db.sql(`select id from learning_queue order by id offset 15000 limit 1`)) as [
      { id: string },
    ]
    expect(await visited(page(`'${id}'`))).toEqual(few)
    await db.sql('analyze learning_queue, ad_strands')
    expect(await visited(page('null'))).toEqual(few)
    expect(await visited(page(`'${id}'`))).toEqual(few)
  })

  test('to settle, too', async () => {
    await db.sql('analyze learning_queue, ad_strands')
    await insertStrands(0, 5_000)
    const settle = async () => {
      const rows = await db.sql(`select id from learning_queue where status = 'pending' order by id limit 100`)
      const results = rows.map(({ id }) => ({ id: String(id), error: 'no trade' }))
      return visited(`select public.strandline_bridge_settle('${JSON.stringify(results)}', null, 0, false)`)
    }
    await insertStrands(5_000, 30_000)
    const cost = { queue: 200, strands: 0 } // each row is locked, and updated
    expect(await settle()).toEqual(cost)
    // what autovacuum may do at any moment, and with what it knew before
    await db.sql('analyze learning_queue, ad_strands')
    expect(await settle()).toEqual(cost)
    await insertStrands(30_000, 60_000)
    expect(await settle()).toEqual(cost)
  })
})

test('a backlog of several pages is drained, and of a page each trade once', async () => {
  await insertStrands(0, 2_500)
  expect(await drainLearningQueue(pm)).toEqual({ published: 2_500, known: 0, failed: 0 })
  expect(await waiting()).toBe(0)
  expect(await db.sql('select count(distinct event_id)::integer as n from pm_outbox')).toEqual([{ n: 2_500 }])
})

test('a large page is left to the polls of relays, a small one is published at once', async () => {
  const offered: unknown[] = []
  pm = testPortfolio(db, { relay: { id: 'ours', leaseMs: 30_000, offer: (row) => offered.push(row) } })
  await insertStrands(0, 200)
  await drainLearningQueue(pm)
  expect(offered).toEqual([])
  expect(await db.sql('select 1 from pm_outbox where claimed_by is not null')).toEqual([])
  await insertStrands(200, 220)
  await drainLearningQueue(pm)
  expect(offered).toHaveLength(20)
  expect(await db.sql(`select 1 from pm_outbox where claimed_by = 'ours'`)).toHaveLength(20)
})

test('rows that the database refuses cost the others of their page nothing', async () => {
  await insertStrands(0, 1_000)
  await db.sql(
    `alter table pm_outbox add constraint whim check (payload ->> 'position_id' not in ('pos-100', 'pos-400')) not valid`,
  )
  expect(await drainLearningQueue(pm)).toEqual({ published: 996, known: 0, failed: 0 })
  expect(await waiting()).toBe(4)
  await db.sql('alter table pm_outbox drop constraint whim')
  await db.sql('update strandline.set_aside set retry_at = now()')
  expect(await drainLearningQueue(pm)).toEqual({ published: 4, known: 0, failed: 0 })
})

test('while more than a page rests, new strands are found without a look at those, and those again after a minute', async () => {
  let now = systemClock.now()
  pm = testPortfolio(db, { clock: { ...systemClock, now: () => now } })
  const tomorrow = new Date(Date.now() + 3_600_000).toISOString()
  await insertStrands(0, 1_200, tomorrow)
  const look = firstScan()
  expect(await drainLearningQueue(pm, look)).toEqual({ published: 0, known: 0, failed: 0 })
  expect(await drainLearningQueue(pm, look)).toEqual({ published: 0, known: 0, failed: 0 }) // now they rest
  await insertStrands(5_000, 5_003)
  await db.sql('update strandline.set_aside set retry_at = now()')
  await db.sql(
    `update ad_strands set content = jsonb_set(content, '{completed_trades,0,exit_timestamp}', to_jsonb($1::text))`,
    [at(30)],
  )
  expect(await drainLearningQueue(pm, look)).toEqual({ published: 3, known: 0, failed: 0 })
  now += 61_000
  await drainLearningQueue(pm, look)
  expect(await drainLearningQueue(pm, look)).toEqual({ published: 1_200, known: 0, failed: 0 })
})

test('a bridge that is stopped ends after its page, and another goes on', async () => {
  await insertStrands(0, 8_000)
  const bridge = startBridge(pm, 10)
  await until(waiting, (n) => n < 8_000)
  await bridge.stop()
  expect(await waiting()).toBeGreaterThan(0)
  await Promise.all([drainLearningQueue(pm), drainLearningQueue(pm)])
  expect(await waiting()).toBe(0)
  expect(await db.sql('select count(*)::integer as n from pm_outbox')).toEqual([{ n: 8_000 }])
})

describe('one trade with and without its id is one trade', () => {
  /** A position that somebody brought to zero; without an id of its trade it is named after its entry. */
  const position = (trade_id: string | null) =>
    db.sql(
      `insert into lowcap_positions (id, timeframe, status, current_trade_id, total_quantity, avg_entry_price, avg_exit_price, first_entry_timestamp, closed_at)
       values ('p', '15m', 'active', $3, 0, 1, 2, $1::timestamptz + interval '123.456 ms', $2)`,
      [at(0), at(30), trade_id],
    )
  const strand = (id: string, trade_id: string | null) =>
    db.sql(
      `insert into ad_strands (id, kind, timeframe, position_id, trade_id, content) values ($1, 'position_closed', '15m', 'p', $2, $3)`,
      [
        id,
        trade_id,
        {
          completed_trades: [
            {
              entry_price: 1,
              exit_price: 2,
              rr: 1,
              entry_timestamp: at(0).replace('.000Z', '.123456+00:00'),
              exit_timestamp: at(30),
            },
          ],
        },
      ],
    )
  const events = async () => (await outboxOf(db, 'p')).map((r) => r.event_id)
  const named = eventId('p', 't1')
  const byEntry = eventId('p', `entry-${Date.parse(at(0)) + 123}`)

  test.each<[string, string | null, string | null, string]>([
    ['the strand knows it, the position does not', 't1', null, named],
    ['the position knows it, the strand does not', null, 't1', byEntry],
    ['nobody knows it', null, null, byEntry],
    ['both know it', 't1', 't1', named],
  ])('%s; the strand first', async (_how, ofStrand, ofPosition, event_id) => {
    await position(ofPosition)
    await strand('s', ofStrand)
    await drainLearningQueue(pm)
    expect((await tick(pm, '15m')).closed).toBe(1)
    expect(await events()).toEqual([event_id])
  })

  test.each<[string, string | null, string | null, string]>([
    ['the strand knows it, the position does not', 't1', null, byEntry],
    ['the position knows it, the strand does not', null, 't1', named],
  ])('%s; the position first', async (_how, ofStrand, ofPosition, event_id) => {
    await position(ofPosition)
    expect((await tick(pm, '15m')).closed).toBe(1)
    await strand('s', ofStrand)
    expect(await drainLearningQueue(pm)).toEqual({ published: 0, known: 1, failed: 0 })
    expect(await events()).toEqual([event_id])
  })

  test('two strands of one page, and the id that one of them knows is its name', async () => {
    await strand('a', null)
    await strand('b', 't1')
    expect(await drainLearningQueue(pm)).toEqual({ published: 1, known: 1, failed: 0 })
    expect(await events()).toEqual([named])
  })

  test('both at the same moment', async () => {
    for (let round = 0; round < 5; round++) {
      await db.sql(
        'truncate ad_strands, learning_queue, lowcap_positions, pm_outbox, strandline.trade_entries, strandline.trade_names, strandline.renamed_revisions',
      )
      await position(null)
      await strand('s', 't1')
      await Promise.all([drainLearningQueue(pm), tick(pm, '15m'), drainLearningQueue(pm)])
      expect(await events()).toHaveLength(1)
    }
  })

  test('two ids are two trades, whenever they began', async () => {
    await strand('a', 't1')
    await strand('b', 't2')
    expect(await drainLearningQueue(pm)).toEqual({ published: 2, known: 0, failed: 0 })
  })
})

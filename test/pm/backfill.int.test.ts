/** The backfill on a database of ours: it goes on where it was broken off, and its sums stay right. (On old systems: test/legacy/history.int.test.ts) */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { StrandlineError } from '../../core/errors.ts'
import { withClient } from '../../core/store/client.ts'
import type { Store } from '../../core/store/store.ts'
import { type Portfolio, reportExecution } from '../../services/pm/index.ts'
import { type BackfillOptions, backfill, backfillStores } from '../../services/pm/sources/backfill.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { at, fullExit, insertBars, openedPosition, outboxOf, testPortfolio } from '../support/pm.ts'

let db: TestDatabase
let pm: Portfolio
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())
beforeEach(async () => {
  await db.sql(
    'truncate ad_strands, learning_queue, lowcap_positions, pm_outbox, pm_provisional, trade_entries, trade_names, renamed_revisions, set_aside, strands, duplicate_strands, backfill_runs',
  )
  pm = testPortfolio(db)
})

let owners = 0
const run = (more: Partial<BackfillOptions> = {}) =>
  backfill({ stores: backfillStores(db.store), clock: systemClock, owner: `test-${++owners}`, ...more })

const trade = (i: string) => `jsonb_build_object('trade_id', 't' || ${i}, 'entry_price', 1, 'exit_price', 2, 'rr', 1,
  'entry_timestamp', '${at(0)}'::timestamptz + ${i} * interval '1 ms', 'exit_timestamp', '${at(30)}'::timestamptz + ${i} * interval '1 minute')`
const insertStrands = (from: number, to: number, kind = 'position_closed') =>
  db.sql(`insert into ad_strands (id, module, kind, timeframe, position_id, content)
    select 's' || lpad(i::text, 7, '0'), 'pm', '${kind}', '15m', 'pos-' || i, jsonb_build_object('completed_trades', jsonb_build_array(${trade('i')}))
    from generate_series(${from}, ${to - 1}) i`)
const insertPositions = (from: number, to: number, each: number) =>
  db.sql(`insert into lowcap_positions (id, timeframe, completed_trades)
    select 'pos-' || lpad(i::text, 7, '0'), '15m', (select jsonb_agg(${trade('k')}) from generate_series(1, ${each}) k)
    from generate_series(${from}, ${to - 1}) i`)
const inOutbox = async () => Number((await db.sql('select count(distinct event_id) as n from pm_outbox'))[0]!.n)

/** A store whose calls a test looks at, or breaks. */
const storeWith = (around: (fn: string, call: () => Promise<never>) => Promise<unknown>): Store => ({
  rpc: (fn, args) => around(fn, () => db.store.rpc(fn, args)) as Promise<never>,
})

test('strands and positions, each trade once; again, all are known', async () => {
  await insertStrands(0, 30)
  await insertPositions(100, 120, 3)
  await db.sql(`update lowcap_positions set id = 'pos-5' where id = 'pos-0000105'`) // one of the strands is of it, too
  await db.sql(
    `update ad_strands set content = jsonb_set(content, '{completed_trades,0,trade_id}', '"t2"') where id = 's0000005'`,
  )
  expect(await run()).toMatchObject({ published: 30 + 60 - 1, known: 1, done: true, resumed: false })
  expect(await inOutbox()).toBe(89)
  expect(await run()).toMatchObject({ published: 0, known: 90, resumed: false })
  expect(await db.sql(`select distinct payload ->> 'source' as source, claimed_by from pm_outbox`)).toEqual([
    { source: 'backfill', claimed_by: null },
  ])
})

test('what our own PM closed is known', async () => {
  const id = await openedPosition(pm)
  await reportExecution(pm, id, fullExit(id))
  expect(await run()).toMatchObject({ published: 0, known: 1 })
  expect(await outboxOf(db, id)).toHaveLength(1)
})

test('without an R/R it is scored on bars, and later where they come later', async () => {
  await insertPositions(0, 2, 1)
  await db.sql(
    `update lowcap_positions set token_contract = '0x' || id, token_chain = 'base', completed_trades = completed_trades #- '{0,rr}'`,
  )
  await insertBars(db, 'pos-0000000', [[0, 0.5, 2]])
  expect(await run()).toMatchObject({ published: 2 })
  expect(await outboxOf(db, 'pos-0000000')).toMatchObject([{ payload: { rr: 2 } }])
  expect(await outboxOf(db, 'pos-0000001')).toMatchObject([{ payload: { rr: null, unscored_reason: 'no_ohlcv' } }])
  expect(await db.sql('select position_id from pm_provisional')).toEqual([{ position_id: 'pos-0000001' }])
})

test('a trade that was held for a year is scored on bars that are read in pieces', async () => {
  await db.sql(
    `insert into lowcap_positions (id, timeframe, token_contract, token_chain, completed_trades) values ('year', '1m', '0xyear', 'base',
      '[{"trade_id": "t", "entry_price": 100, "exit_price": 110, "entry_timestamp": "2025-01-01T00:00:00Z", "exit_timestamp": "2025-03-01T00:00:00Z"}]')`,
  )
  await db.sql(
    `insert into lowcap_price_data_ohlc (token_contract, chain, timeframe, timestamp, low_usd, high_usd)
     select '0xyear', 'base', '1m', t, case when t = '2025-02-20T00:00:00Z' then 80 else 100 end, 110
     from generate_series('2025-01-01T00:00:00Z'::timestamptz, '2025-03-01T00:00:00Z', '1 minute') t`,
  )
  let pieces = 0
  const store = storeWith((fn, call) => {
    if (fn === 'strandline_pm_bars') pieces++
    return call()
  })
  expect(await run({ stores: backfillStores(store) })).toMatchObject({ published: 1 })
  expect(await outboxOf(db, 'year')).toMatchObject([{ payload: { rr: 0.5, max_drawdown: 0.2 } }])
  expect(pieces).toBeGreaterThan(3)
})

test('since: what closed before it is left out and counted', async () => {
  await insertStrands(0, 10)
  expect(await run({ since: Date.parse(at(34)) })).toMatchObject({ published: 6, report: { before_since: 4 } })
  expect(await run()).toMatchObject({ published: 4, known: 6 })
})

test('a dry run counts as a run would, and writes nothing', async () => {
  await insertStrands(0, 10)
  await insertPositions(100, 103, 2)
  await insertPositions(100, 101, 0).catch(() => {})
  await db.sql(`update lowcap_positions set id = 'pos-3' where id = 'pos-0000100'`)
  await db.sql(
    `update ad_strands set content = jsonb_set(content, '{completed_trades,0,trade_id}', '"t1"') where id = 's0000003'`,
  )
  await insertStrands(20, 21)
  await db.sql(`update ad_strands set content = '{}' where id = 's0000020'`)
  const dry = await run({ dryRun: true })
  expect(
    await db.sql('select 1 from pm_outbox union all select 1 from backfill_runs union all select 1 from strands'),
  ).toEqual([])
  const real = await run()
  expect([dry.published, dry.known, dry.report]).toEqual([real.published, real.known, real.report])
  expect(await run({ dryRun: true })).toMatchObject({ published: 0, known: real.published + real.known })
})

describe('broken off', () => {
  test('after any page, and gone on with: its sums are those of one run', async () => {
    await insertStrands(0, 2_500)
    await insertPositions(5_000, 5_700, 2)
    await db.sql(`update ad_strands set content = '{"chain": "x"}' where id in ('s0000100', 's0001100', 's0002100')`)
    let runs = 0
    let pages = 0
    let whole = false // the run that is gone on with, which a fresh one follows
    for (let done = false; !done; runs++) {
      const stopping = new AbortController()
      const store = storeWith((fn, call) => {
        if (fn === 'strandline_backfill_end') whole = true
        if (!whole && /backfill_(strands|positions)$/.test(fn)) pages++
        if (fn === 'strandline_backfill_step' && runs < 4) stopping.abort()
        return call()
      })
      const result = await run({ stores: backfillStores(store), signal: stopping.signal })
      done = result.done
      expect(result.resumed).toBe(runs > 0)
      if (done) expect(result).toMatchObject({ published: 2_497 + 1_400, known: 0 })
    }
    expect(runs).toBeGreaterThan(4)
    expect(pages).toBeLessThanOrEqual(runs + 2)
    expect(await inOutbox()).toBe(2_497 + 1_400)
    const reports = await db.sql<{ report: { unusable: object } }>('select report from backfill_runs')
    expect(reports.map(({ report }) => Object.values(report.unusable))).toMatchObject([[{ count: 3 }], [{ count: 3 }]])
  })

  test('a step whose answer is lost is not counted twice', async () => {
    await insertStrands(0, 1_500)
    await insertPositions(5_000, 5_010, 2)
    let lost = 0
    const store = storeWith(async (fn, call) => {
      const answer = await call()
      if (fn === 'strandline_backfill_step' && lost++ % 2 === 0)
        throw new StrandlineError('STORE_UNREACHABLE', 'no answer')
      return answer
    })
    const clock = { ...systemClock, sleep: async () => {} }
    expect(await run({ stores: backfillStores(store), clock })).toMatchObject({
      published: 1_520,
      known: 0,
      done: true,
    })
    expect(lost).toBeGreaterThan(2)
  })

  test('one that another process took over ends, and says so', async () => {
    await insertStrands(0, 2_500)
    let other: Promise<unknown> | undefined
    const store = storeWith(async (fn, call) => {
      if (fn === 'strandline_backfill_step') other ??= run()
      await other
      return call()
    })
    await expect(run({ stores: backfillStores(store) })).rejects.toThrow(/Another backfill has taken over/)
    expect(await other).toMatchObject({ published: 2_500, done: true })
    expect(await inOutbox()).toBe(2_500)
  })
})

test('what the database refuses is unusable, and keeps no other', async () => {
  await insertStrands(0, 50)
  await db.sql(
    `alter table pm_outbox add constraint whim check (payload ->> 'position_id' not in ('pos-7', 'pos-9')) not valid`,
  )
  const result = await run()
  await db.sql('alter table pm_outbox drop constraint whim')
  expect(result).toMatchObject({ published: 48, known: 0, done: true })
  expect(Object.entries(result.report.unusable)).toEqual([
    [
      expect.stringContaining('whim'),
      { count: 2, examples: [expect.objectContaining({ in: 'strand', id: 's0000007' }), expect.anything()] },
    ],
  ])
  expect(await run()).toMatchObject({ published: 2, known: 48 })
})

describe('regression: what a step was taken without is in the report', () => {
  beforeEach(async () => {
    await insertStrands(0, 50)
    await db.sql(
      `alter table pm_outbox add constraint whim check (payload ->> 'position_id' not in ('pos-7', 'pos-9')) not valid`,
    )
    return () => db.sql('alter table pm_outbox drop constraint whim')
  })
  const refused = [
    expect.stringMatching(/^The database refused it: .*whim/),
    {
      count: 2,
      examples: [expect.objectContaining({ in: 'strand', id: 's0000007', trade_id: 't7' }), expect.anything()],
    },
  ]
  /** The step is taken, and its answer is this. */
  function afterFirstStep(error: Error) {
    let steps = 0
    const store = storeWith(async (fn, call) => {
      const answer = (await call()) as { status?: string }
      if (fn === 'strandline_backfill_step' && answer.status === 'ok' && steps++ === 0) throw error
      return answer
    })
    return backfillStores(store)
  }

  test('where its answer is lost', async () => {
    const stores = afterFirstStep(new StrandlineError('STORE_UNREACHABLE', 'no answer'))
    const clock = { ...systemClock, sleep: async () => {} }
    const result = await run({ stores, clock })
    expect(result).toMatchObject({ published: 48, known: 0, done: true })
    expect(Object.entries(result.report.unusable)).toEqual([refused])
    const [kept] = await db.sql<{ report: object }>('select report from backfill_runs')
    expect(kept?.report).toEqual(result.report)
  })

  test('where the process is killed before the next one', async () => {
    await expect(run({ stores: afterFirstStep(new Error('killed')) })).rejects.toThrow('killed')
    expect(await run()).toMatchObject({ published: 48, resumed: true, done: true })
    const [kept] = await db.sql<{ report: { unusable: object } }>('select report from backfill_runs order by id')
    expect(Object.entries(kept!.report.unusable)).toEqual([refused])
  })
})

test('regression: what is no trade counts once, also where a page was taken in several steps and broken off between them', async () => {
  await insertPositions(0, 500, 3)
  await db.sql(
    `update lowcap_positions set completed_trades = '["nothing"]' where id in ('pos-0000010', 'pos-0000490')`,
  )
  let steps = 0
  const stopping = new AbortController()
  const store = storeWith((fn, call) => {
    // an empty page of strands comes first
    if (fn === 'strandline_backfill_step' && steps++ === 1) stopping.abort()
    return call()
  })
  const first = await run({ stores: backfillStores(store), signal: stopping.signal })
  expect(first).toMatchObject({ done: false })
  expect(await run()).toMatchObject({ done: true, resumed: true, published: 498 * 3 })
  const [kept] = await db.sql<{ report: { unusable: object } }>('select report from backfill_runs order by id')
  expect(Object.values(kept!.report.unusable)).toMatchObject([{ count: 2 }])
})

test('regression: one that is gone on with looks behind where it stood as well, before it says that this is all', async () => {
  await insertStrands(1_000, 3_000)
  const stopping = new AbortController()
  const store = storeWith((fn, call) => {
    if (fn === 'strandline_backfill_step') stopping.abort()
    return call()
  })
  expect(await run({ stores: backfillStores(store), signal: stopping.signal })).toMatchObject({ published: 1_000 })
  await insertStrands(0, 30) // lies behind it
  await db.sql(`update ad_strands set content = '{}' where id = 's0000005'`)
  let again = 0
  expect(await run({ again: () => again++ })).toMatchObject({
    resumed: true,
    done: true,
    published: 2_029,
    known: 0,
    read: { strands: 2_030, positions: 0 },
    report: { unusable: { 'The strand has no content.': { count: 1 } } },
  })
  expect([await inOutbox(), again]).toEqual([2_029, 1])
  expect(await run()).toMatchObject({ resumed: false, published: 0, known: 2_029 })
})

test('a strand that nobody queued is tied to its trade as well', async () => {
  await insertStrands(0, 3)
  await db.sql('truncate learning_queue')
  await run()
  expect(await db.sql('select strand_id, adopted from strands order by strand_id')).toEqual(
    [0, 1, 2].map((i) => ({ strand_id: `s000000${i}`, adopted: true })),
  )
})

test('a page visits as many rows whatever they are, and however many there are', async () => {
  const visited = (table: string, call: string) =>
    withClient(db.databaseUrl, async (client) => {
      await client.query('begin')
      await client.query(call)
      const { rows } = await client.query(
        `select seq_tup_read + coalesce(idx_tup_fetch, 0) as n from pg_stat_xact_user_tables where relname = '${table}'`,
      )
      await client.query('rollback')
      return Number(rows[0].n)
    })
  const strands = (after: string) => visited('ad_strands', `select public.strandline_backfill_strands('${after}', 200)`)
  const positions = () => visited('lowcap_positions', `select public.strandline_backfill_positions(null, 200)`)
  await insertStrands(0, 1_000, 'pm_action')
  await insertPositions(0, 1_000, 1)
  const few = [await strands('s0000100'), await positions()]
  await insertStrands(1_000, 30_000, 'pm_action')
  await insertStrands(30_000, 31_000)
  await insertPositions(1_000, 20_000, 1)
  await db.sql('analyze ad_strands, lowcap_positions')
  const many = [await strands('s0000100'), await positions(), await strands('s0029900')]
  for (const n of [...few, ...many]) expect(n).toBeLessThanOrEqual(201)
})

test('a page of large rows is cut, and all of them are read', async () => {
  await insertPositions(0, 12, 2)
  await db.sql(
    `update lowcap_positions set completed_trades = jsonb_set(completed_trades, '{0,note}', to_jsonb(repeat('x', 1000000)))`,
  )
  let pages = 0
  const store = storeWith((fn, call) => {
    if (fn === 'strandline_backfill_positions') pages++
    return call()
  })
  expect(await run({ stores: backfillStores(store) })).toMatchObject({ published: 24 })
  expect(pages).toBeGreaterThan(3)
})

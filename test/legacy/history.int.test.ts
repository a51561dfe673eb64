/** Every closed trade of an old system comes into the outbox once, by the backfill, the bridge and a live PM together, and what is none is said. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { migrate } from '../../core/store/migrate.ts'
import type { Store } from '../../core/store/store.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { type Portfolio, portfolioStores, tick } from '../../services/pm/index.ts'
import { backfill, backfillStores } from '../../services/pm/sources/backfill.ts'
import { unusableCount } from '../../services/pm/sources/backfill-report.ts'
import { drainLearningQueue } from '../../services/pm/sources/learning-queue.ts'
import { logger } from '../support/pm.ts'
import { createOldDatabase, type OldDatabase } from './old-database.ts'
import { type ClosedTrade, VARIANTS, type VariantName } from './old-system.ts'

const key = (t: { position_id: string; trade_id: string }) => `${t.position_id} ${t.trade_id}`

const REASONS = [
  'Completed_trades is …, not a list.',
  'Exit price is …, not above 0.',
  'Rr is …, not a finite number.',
  'The element … is no trade.',
  'The exit time is …, not a time.',
  'The exit time is …, which lies in the future.',
  'The strand has neither a trade_id nor an entry time.',
  'The strand has neither an R/R nor the prices for one.',
  'The strand has no content.',
  'The strand has no position_id.',
  'The trade has neither an R/R nor the prices for one.',
  'The trade has no exit time.',
]

describe.each(Object.keys(VARIANTS) as VariantName[])('an old system with ids of type %s', (variant) => {
  let db: OldDatabase
  let store: Store
  let pm: Portfolio
  let usable: ClosedTrade[]
  beforeAll(async () => {
    db = await createOldDatabase(variant)
    await migrate(db.databaseUrl)
    store = await db.store()
    pm = { ...portfolioStores(store), clock: systemClock, logger }
    usable = db.trades.filter((t) => t.usable)
  })
  afterAll(() => db.drop())

  const outbox = () => db.sql<{ payload: PositionClosed }>('select payload from strandline.pm_outbox order by id')
  const runOf = (owner: string, more: object = {}) =>
    backfill({ stores: backfillStores(store), clock: systemClock, owner, ...more })

  test('a dry run counts them and writes nothing', async () => {
    const done = await runOf('dry', { dryRun: true })
    expect({ published: done.published, done: done.done }).toEqual({ published: usable.length, done: true })
    expect(await outbox()).toEqual([])
    expect(await db.sql('select 1 from strandline.backfill_runs')).toEqual([])
    const junk = db.trades.filter((t) => !t.usable)
    expect(unusableCount(done.report)).toBeGreaterThanOrEqual(junk.length)
  })

  test('backfill, bridge and a live PM together: each once, as the old system had it', async () => {
    const stopping = new AbortController()
    await Promise.all([
      runOf('first', { signal: stopping.signal, progress: () => stopping.abort() }), // broken off after its first page
      drainLearningQueue(pm),
      ...['1m', '15m', '1h', '4h'].map((timeframe) => tick(pm, timeframe)),
    ])
    // of two runs at once the one that came later goes on, where the other was
    await Promise.allSettled([runOf('second'), drainLearningQueue(pm), runOf('third')])
    await runOf('fourth')
    const events = (await outbox()).map((row) => row.payload)
    expect(new Set(events.map(key)).size).toBe(events.length)
    const expected = usable.map((t) => ({
      trade: key(t),
      closed_at: t.closed_at,
      rr: t.rr === null ? null : expect.closeTo(t.rr, 9),
    }))
    const found = events.map((e) => ({ trade: key(e), closed_at: e.closed_at, rr: e.rr }))
    const byTrade = (a: { trade: string }, b: { trade: string }) => (a.trade < b.trade ? -1 : 1)
    expect(found.sort(byTrade)).toEqual(expected.sort(byTrade))
  })

  test('again, it knows all of them; its summary says why others are none', async () => {
    const again = await runOf('again')
    expect(again).toMatchObject({ published: 0, resumed: false, done: true })
    expect(await drainLearningQueue(pm)).toMatchObject({ published: 0 })
    expect(
      await db.sql(`select 1 from learning_queue where status = 'pending' and strand_type = 'position_closed'`),
    ).toEqual([])
    expect(Object.keys(again.report.unusable).sort()).toEqual(REASONS)
  })

  test('each strand of theirs is tied to its trade, so that our projector makes no second one', async () => {
    const ties = await db.sql<{
      n: string
    }>(`select count(*) as n from public.ad_strands s where s.kind = 'position_closed'
      and not exists (select 1 from strandline.strands t where t.strand_id = s.id::text and t.adopted)
      and not exists (select 1 from strandline.duplicate_strands d where d.strand_id = s.id::text)`)
    const unusable = await db.sql<{ n: string }>(`select count(*) as n from strandline.set_aside where kind = 'strand'`)
    expect(Number(ties[0]!.n)).toBeGreaterThan(0)
    expect(Number(ties[0]!.n)).toBeLessThanOrEqual(Number(unusable[0]!.n) + 10)
  })
})

/** The audit must find what is wrong: each store is damaged in turn. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { simulateMarket } from '../../demo/market.ts'
import { insertBars } from '../../demo/trader.ts'
import { eventUuid } from '../../domain/event.ts'
import { audit } from '../../services/audit/audit.ts'
import { retain } from '../../services/pm/retention.ts'
import { createRetentionStore } from '../../services/pm/retention-store.ts'
import { type Loop, startLoop } from '../support/loop.ts'
import { PATIENT } from '../support/patience.ts'

const TRADES = 12
let loop: Loop
beforeAll(async () => {
  loop = await startLoop()
  const trades = simulateMarket(TRADES, 5, 'audit', Date.now() - 60_000)
  await insertBars(loop.db.store, trades)
  for (const t of trades) {
    await loop.post('/v1/positions', {
      id: t.position_id,
      token_chain: t.chain,
      token_contract: t.token,
      token_ticker: t.ticker,
      timeframe: t.timeframe,
      entry_context: t.entry_context,
    })
    const report = (body: object) => loop.post(`/v1/positions/${t.position_id}/executions`, body)
    await report({
      id: `${t.position_id}-in`,
      kind: 'entry',
      quantity: 1,
      price: t.entry_price,
      executed_at: new Date(t.opened_at).toISOString(),
    })
    await report({
      id: `${t.position_id}-out`,
      kind: t.exit,
      size_frac: 1,
      price: t.exit_price,
      executed_at: new Date(t.closed_at).toISOString(),
    })
  }
  await vi.waitFor(
    async () => expect(await audit(loop.deps)).toMatchObject({ in_ledger: TRADES, in_ad_strands: TRADES }),
    PATIENT,
  )
})
afterAll(() => loop?.stop())

test('a loop in order closes: every store has each trade, and the log gives the same coefficients', async () => {
  expect(await audit(loop.deps)).toMatchObject({
    closed: TRADES,
    in_log: TRADES,
    in_ledger: TRADES,
    in_ad_strands: TRADES,
    lost: 0,
    double: 0,
    recomputed: { different: 0 },
  })
})

test('a trade that is gone from the ledger is lost', async () => {
  const [row] = await loop.db.sql(
    'delete from learner_ledger where event_id = (select min(event_id::text)::uuid from learner_ledger) returning *',
  )
  expect(await audit(loop.deps)).toMatchObject({ in_ledger: TRADES - 1, lost: 1, lost_ids: [row?.event_id] })
  await loop.db.sql('insert into learner_ledger select * from jsonb_populate_record(null::learner_ledger, $1)', [
    JSON.stringify(row),
  ])
})

test('a trade that is gone from ad_strands is lost', async () => {
  const [row] = await loop.db.sql(
    `delete from ad_strands where id = (select min(id) from ad_strands where kind = 'position_closed') returning *`,
  )
  expect(await audit(loop.deps)).toMatchObject({ in_ad_strands: TRADES - 1, lost: 1 })
  await loop.db.sql('insert into ad_strands select * from jsonb_populate_record(null::ad_strands, $1)', [
    JSON.stringify(row),
  ])
  expect(await audit(loop.deps)).toMatchObject({ lost: 0 })
})

test('regression: a correction that a strand does not show is lost', async () => {
  const [strand] = await loop.db.sql<{ event_id: string }>(
    'update strandline.strands set revision = -1 where event_id = (select min(event_id) from strandline.strands) returning event_id',
  )
  const id = eventUuid(strand!.event_id)
  expect(await audit(loop.deps)).toMatchObject({ in_ad_strands: TRADES, lost: 1, lost_ids: [id] })
  await loop.db.sql('update strandline.strands set revision = 0 where event_id = $1', [strand!.event_id])
  expect(await audit(loop.deps)).toMatchObject({ lost: 0 })
})

test('a trade that counts twice is double, and its coefficients differ from what the log gives', async () => {
  await loop.db.sql(
    // one row, however many partitions and periods the trades lie in
    `update learner_partials set n = n + 1, weight_short = weight_short + 1, weighted_rr_short = weighted_rr_short + 1 where ctid = (select min(ctid) from learner_partials where name = 'global')`,
  )
  const report = await audit(loop.deps)
  expect(report.double).toBe(1)
  expect(report.recomputed.different).toBeGreaterThan(0)
})

test('an event that another producer put into the log is counted apart', async () => {
  const [outbox] = await loop.db.sql('select payload from pm_outbox limit 1')
  const event = {
    ...(outbox?.payload as Record<string, unknown>),
    event_id: 'from-elsewhere',
    position_id: 'elsewhere',
  }
  await loop.deps.log.produce(loop.deps.config.topic, [
    { key: 'elsewhere', value: await loop.deps.codec.encode(event as never) },
  ])
  expect(await audit(loop.deps)).toMatchObject({ closed: TRADES, published_by_others: 1 })
})

test('what the retention takes of the outbox changes no number', async () => {
  const before = await audit(loop.deps)
  const published = () => loop.db.sql<{ whole: boolean }>('select payload is not null as whole from pm_outbox')
  await vi.waitFor(
    async () => expect(await loop.db.sql('select 1 from pm_outbox where published_at is null')).toEqual([]),
    PATIENT,
  )
  await loop.db.sql(`update pm_outbox set published_at = published_at - interval '400 days'`)
  expect(await retain(createRetentionStore(loop.db.store), 'pm_outbox', 365)).toBe(TRADES)
  expect((await published()).filter((r) => r.whole)).toEqual([])
  expect(await audit(loop.deps)).toEqual(before)
})

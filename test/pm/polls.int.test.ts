/** What services ask for every few seconds costs the same, however much has been published, reported, settled and refused before. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withClient } from '../../core/store/client.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const ROWS = 30_000
const TABLES = [
  'pm_outbox',
  'pm_executions',
  'pm_provisional',
  'lowcap_price_data_ohlc',
  'learning_queue',
  'dead_letters',
]
/** A page of an index has more than it is asked for; a scan of the table would read ROWS. */
const FEW = 500

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase()
  await db.sql(`insert into pm_outbox (event_id, revision, payload, published_at, topic, partition, "offset")
    select 'e' || i, 0, '{"rr": 1, "voided": false}', now(), 't', 0, i from generate_series(1, ${ROWS}) i`)
  await db.sql(
    `insert into pm_outbox (event_id, revision, payload) select 'w' || i, 0, '{}' from generate_series(1, 5) i`,
  )
  await db.sql(`insert into pm_executions (id, position_id, trade_id, kind, quantity, price, left_quantity, executed_at, request)
    select 'x' || i, 'p' || i, 't', 'buy', 1, 1, 1, now(), '{}' from generate_series(1, ${ROWS}) i`)
  await db.sql(`insert into learning_queue (strand_id, strand_type, status, processed_at)
    select 's' || i, 'position_closed', case when i > ${ROWS} - 5 then 'pending' else 'completed' end, now() from generate_series(1, ${ROWS}) i`)
  await db.sql(`insert into dead_letters (consumer, topic, partition, "offset", reason, redriven_at)
    select 'c', 't', 0, i, 'bad_magic', case when i > 5 then now() end from generate_series(1, ${ROWS}) i`)
  // trades of another timeframe wait for their last bars, five of this one have theirs; bars of before and behind
  await db.sql(`insert into pm_provisional (event_id, position_id, trade_id, side, token_contract, chain, timeframe, opened_at, closed_at, revision, waits_until)
    select 'e' || i, 'p' || i, 't', 'long', '0x' || i, 'base', case when i > 5 then '4h' else '1m' end, now() - interval '9 minutes', now() - interval '5 minutes', 0,
      now() + interval '1 day' from generate_series(1, ${ROWS}) i`)
  await db.sql(`insert into lowcap_price_data_ohlc (token_contract, chain, timeframe, timestamp, low_usd, high_usd)
    select '0x1', 'base', '1m', now() - i * interval '1 minute', 1, 2 from generate_series(1, ${ROWS}) i`)
  await db.sql('analyze')
})
afterAll(() => db.drop())

const POLLS: [string, string][] = [
  ['the relay: rows of others', `strandline_pm_outbox_claim('r', 500, 1000)`],
  ['the relay, readiness: what waits', 'strandline_pm_outbox_state()'],
  ['the bridge', 'strandline_bridge_page(null, 500)'],
  ['a tick: what is flat', `strandline_pm_flat_trades('1m', '', 50)`],
  ['a tick: what came late', `strandline_pm_late_trades('1m', '', 50)`],
  ['a tick: other timeframes', `strandline_pm_other_timeframes('["1m"]')`],
  ['the watch of a consumer', `strandline_consumer_checkpoints('c', 't')`],
  ['lag', `strandline_lag('t')`],
  ['the retention of the outbox, with nothing to do', `strandline_retain('pm_outbox', 30, '', 100)`],
  ['the retention of executions', `strandline_retain('pm_executions', 30, '', 100)`],
  ['the retention of dead letters', `strandline_retain('dead_letters', 30, '', 100)`],
]

test.each(POLLS)('%s', async (_name, call) => {
  const read = await withClient(db.databaseUrl, async (client) => {
    const counts = async () => {
      await client.query('select pg_stat_force_next_flush()')
      await client.query('select pg_stat_clear_snapshot()')
      const { rows } = await client.query<{ name: string; n: number }>(
        `select relname as name, (seq_tup_read + coalesce(idx_tup_fetch, 0))::int as n from pg_stat_user_tables where relname = any ($1)`,
        [TABLES],
      )
      return new Map(rows.map((r) => [r.name, r.n]))
    }
    const before = await counts()
    await client.query(`select public.${call}`)
    const after = await counts()
    return TABLES.map((table) => [table, (after.get(table) ?? 0) - (before.get(table) ?? 0)])
  })
  expect(read.filter(([, n]) => (n as number) > FEW)).toEqual([])
})

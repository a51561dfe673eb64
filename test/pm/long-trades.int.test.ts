/** Trades that were held for long have more bars than one statement can read in the 8 s that a hosted project gives it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Portfolio, tick } from '../../services/pm/index.ts'
import { drainLearningQueue } from '../../services/pm/sources/learning-queue.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { outboxOf, testPortfolio } from '../support/pm.ts'

const YEAR = 365 * 24 * 60
const IDS = ['y1', 'y2']

let db: TestDatabase
let pm: Portfolio
beforeAll(async () => {
  db = await createTestDatabase()
  pm = testPortfolio(db)
})
afterAll(() => db.drop())

/** A trade of a year of 1m bars, brought to zero by its own PM. Its lowest low, 50, is in one bar in the middle. */
const yearLong = (id: string) =>
  db.sql(
    `insert into lowcap_positions (id, token_chain, token_contract, timeframe, status, current_trade_id, total_quantity, avg_entry_price, avg_exit_price,
       first_entry_timestamp, closed_at) values ($1, 'base', '0x' || $1, '1m', 'active', $1 || '-t', 0, 100, 150, '2025-06-01T00:00:00Z', '2026-06-01T00:00:00Z')`,
    [id],
  )
const bars = (id: string) =>
  db.sql(
    `insert into lowcap_price_data_ohlc (token_contract, chain, timeframe, timestamp, low_usd, high_usd)
     select '0x' || $1, 'base', '1m', timestamptz '2025-06-01T00:00:00Z' + i * interval '1 minute', case when i = ${YEAR / 2} then 50 else 90 end, 160
     from generate_series(0, ${YEAR}) i`,
    [id],
  )

test('regression: a page of trades held for a year of 1m bars is closed by one tick, each scored on all of its bars', async () => {
  for (const id of IDS) {
    await yearLong(id)
    await bars(id)
  }
  expect(await tick(pm, '1m')).toEqual({ closed: 2, scored: 0, provisional: 0, refused: [] })
  for (const id of IDS) expect((await outboxOf(db, id))[0]?.payload).toMatchObject({ max_drawdown: 0.5, rr: 1 })
})

test('regression: such trades whose bars came late are scored by one tick', async () => {
  await db.sql('truncate lowcap_price_data_ohlc')
  for (const id of IDS) await yearLong(`late-${id}`)
  expect((await tick(pm, '1m')).closed).toBe(2)
  for (const id of IDS) await bars(`late-${id}`)
  expect((await tick(pm, '1m')).scored).toBe(2)
  for (const id of IDS)
    expect((await outboxOf(db, `late-${id}`)).at(-1)?.payload).toMatchObject({ revision: 1, max_drawdown: 0.5, rr: 1 })
})

test('regression: a foreign strand of such a trade that brings no R/R is scored on all of its bars', async () => {
  await db.sql(
    `insert into ad_strands (id, kind, position_id, trade_id, timeframe, content) values ('s', 'position_closed', 'foreign', 't', '1m', $1)`,
    [
      JSON.stringify({
        token: '0xlate-y1', // whose bars are there,
        chain: 'base',
        completed_trades: [
          {
            entry_price: 100,
            exit_price: 150,
            entry_timestamp: '2025-06-01T00:00:00Z',
            exit_timestamp: '2026-06-01T00:00:00Z',
          },
        ],
      }),
    ],
  )
  expect((await drainLearningQueue(pm)).published).toBe(1)
  expect((await outboxOf(db, 'foreign'))[0]?.payload).toMatchObject({ max_drawdown: 0.5, rr: 1 })
})

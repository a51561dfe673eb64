/** The three tests of the original plan, on the real loop: Kafka, database, PM, learner, projector, decision maker. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createCoefficientStore } from '../../core/store/coefficient-store.ts'
import { readAllCoefficients } from '../../core/store/learned.ts'
import { type Loop, startLoop } from '../support/loop.ts'

let loop: Loop
beforeEach(async () => {
  loop = await startLoop()
})
afterEach(() => loop?.stop())

const ENTRY = '2026-01-05T12:00:00.000Z'
/** One for all trades: their decayed means are plain means then. */
const EXIT = '2026-01-05T14:00:00.000Z'

/**
 * Opens a position, reports its entry at 2 and its full exit, over a price path whose low is 1.6: a drawdown of 0.2, so that an exit at
 * 2 · (1 + 0.2 · rr) is a trade of that R/R.
 */
async function trade(id: string, rr: number, entry_context: Record<string, unknown>, timeframe = '1h'): Promise<void> {
  const exit = 2 * (1 + 0.2 * rr)
  const bar = (timestamp: string) => ({
    token_contract: `0x${id}`,
    chain: 'base',
    timeframe,
    timestamp,
    open_usd: 2,
    high_usd: Math.max(2, exit),
    low_usd: 1.6,
    close_usd: exit,
    volume: 1,
  })
  const { error } = await loop.db.store.client
    .from('lowcap_price_data_ohlc')
    .insert([bar(ENTRY), bar('2026-01-05T13:00:00.000Z')])
  if (error) throw error
  await loop.post('/v1/positions', {
    id,
    token_chain: 'base',
    token_contract: `0x${id}`,
    token_ticker: id.toUpperCase(),
    timeframe,
    entry_context,
  })
  await loop.post(`/v1/positions/${id}/executions`, {
    id: `${id}-in`,
    kind: 'entry',
    quantity: 10,
    price: 2,
    executed_at: ENTRY,
  })
  const closed = await loop.post(`/v1/positions/${id}/executions`, {
    id: `${id}-out`,
    kind: 'emergency_exit',
    price: exit,
    executed_at: EXIT,
  })
  expect(closed).toMatchObject({ left: 0, closed: { rr: expect.closeTo(rr, 9) } })
}

async function strand(position_id: string) {
  // biome-ignore lint/suspicious/noExplicitAny: a row as the database gives it
  const rows = await loop.db.sql<any>('select * from strandline.position_closed_strands where position_id = $1', [
    position_id,
  ])
  return rows[0] ?? null
}

async function baseline() {
  const { data } = await loop.db.store.client
    .from('learning_configs')
    .select('config_data')
    .eq('module', 'decision_maker')
    .maybeSingle()
  return data?.config_data.global_rr as { rr_short: number; rr_long: number; n: number } | undefined
}

const learnedOf = (n: number) => expect.poll(async () => (await baseline())?.n).toBe(n)

describe('the loop', () => {
  test('strand emission: a full exit becomes a strand with entry_context, completed_trades and timeframe', async () => {
    await trade(
      'pepe',
      2.5,
      { curator: '0xdetweiler', chain: 'base', mcap_bucket: '1m-2m', vol_at_entry: 120000 },
      '15m',
    )
    await expect.poll(() => strand('pepe')).not.toBeNull()
    const row = await strand('pepe')
    expect(row).toMatchObject({
      kind: 'position_closed',
      module: 'pm',
      symbol: 'PEPE',
      timeframe: '15m',
      chain: 'base',
      decision_type: 'emergency_exit',
      entry_context: { curator: '0xdetweiler', chain: 'base', mcap_bucket: '1m-2m', vol_at_entry: 120000 },
      completed_trades: [
        {
          entry_price: 2,
          exit_price: 3,
          entry_timestamp: ENTRY,
          exit_timestamp: EXIT,
          rr: expect.closeTo(2.5, 9),
          return: expect.closeTo(0.5, 9),
          max_drawdown: expect.closeTo(0.2, 9),
          max_gain: expect.closeTo(0.5, 9),
        },
      ],
      content: { ts: EXIT, token: '0xpepe', trade_summary: { rr: expect.closeTo(2.5, 9) } },
    })
    expect(new Date(row.created_at).toISOString()).toBe(EXIT)
  })

  test('learning system processing: the coefficients and the baseline are updated', async () => {
    await trade('one', 2, { curator: 'alice', chain: 'base' })
    await trade('two', 1, { curator: 'bob', chain: 'base' })
    await learnedOf(2)
    expect(await baseline()).toMatchObject({ rr_short: expect.closeTo(1.5, 9), rr_long: expect.closeTo(1.5, 9), n: 2 })
    const rows = (await readAllCoefficients(createCoefficientStore(loop.db.store))).map((r) => [
      r.name,
      r.key,
      r.n,
      r.rr_short,
      r.weight,
    ])
    const close = (value: number) => expect.closeTo(value, 9)
    expect(rows).toEqual([
      ['interaction', 'chain=base|curator=alice', 1, close(2), close(2 / 1.5)],
      ['interaction', 'chain=base|curator=bob', 1, close(1), close(1 / 1.5)],
      ['chain', 'base', 2, close(1.5), close(1)],
      ['curator', 'alice', 1, close(2), close(2 / 1.5)],
      ['curator', 'bob', 1, close(1), close(1 / 1.5)],
      ['timeframe', '1h', 2, close(1.5), close(1)],
    ])
  })

  test('end-to-end loop: known levers and R/R move the matching coefficients, and the next allocation changes as computed by hand', async () => {
    const question = { entry_context: { curator: 'alice', chain: 'base' }, timeframe: '1h', base: 5, min: 0.5, max: 40 }
    const ask = () => loop.post<{ allocation: number; levers_damped: boolean }>('/v1/allocations', question)
    expect((await ask()).allocation).toBe(5)

    await trade('one', 3, { curator: 'alice', chain: 'base' })
    await trade('two', 1, { curator: 'bob', chain: 'solana' })
    await trade('three', 0.5, { curator: 'bob', chain: 'base' }, '4h')
    await learnedOf(3)
    // baseline 1.5; alice 3 → 2.0; base (3 + 0.5) / 2 = 1.75 → 7/6; 1h (3 + 1) / 2 = 2 → 4/3; alice on base 3 → 2.0, so levers lose a fifth
    const damped = (w: number) => w + 0.2 * (1 - w)
    const first = await ask()
    expect(first.levers_damped).toBe(true)
    expect(first.allocation).toBeCloseTo(5 * damped(2) * damped(7 / 6) * damped(4 / 3) * 2, 8)

    await trade('four', 0, { curator: 'alice', chain: 'base' })
    await learnedOf(4)
    // baseline 1.125; alice and alice on base 1.5 → 4/3; base 3.5 / 3 = 7/6 → 28/27; 1h 4/3 → 32/27
    expect((await ask()).allocation).toBeCloseTo(5 * damped(4 / 3) * damped(28 / 27) * damped(32 / 27) * (4 / 3), 8)

    await expect
      .poll(() => loop.db.store.rpc('strandline_strands_event_count', {}))
      .toMatchObject({ events: 4, rows: 4 })
  })
})

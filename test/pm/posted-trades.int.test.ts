/** A bot that keeps its own positions: one closed trade over HTTP, scored, once in the log, corrected and retracted. */
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Host, startHost } from '../../core/host.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { type Portfolio, tick } from '../../services/pm/index.ts'
import { pmRoutes } from '../../services/pm/routes.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createMemoryLog } from '../support/memory-log.ts'
import { fullExit, logger, openedPosition, outboxOf, testPortfolio, testRelay, until } from '../support/pm.ts'

let db: TestDatabase
let host: Host
let pm: Portfolio
let log: ReturnType<typeof createMemoryLog>
let relay: ReturnType<typeof testRelay>
beforeAll(async () => {
  db = await createTestDatabase()
  log = createMemoryLog()
  relay = testRelay(db, log)
  pm = testPortfolio(db, { relay })
  host = await startHost({
    service: {
      name: 'pm',
      ready: async () => ({ ok: true }),
      routes: (app) => pmRoutes(app, pm),
      stop: () => relay.stop(),
    },
    port: 0,
    metrics: new Registry(),
    logger,
  })
})
afterAll(async () => {
  await host?.stop()
  await db?.drop()
})

interface Answer {
  status: number
  body: {
    status: string
    event_id: string
    event: PositionClosed
    error: { code: string; message: string; todo: string }
  }
}

async function send(path: string, body: object): Promise<Answer> {
  const answer = await fetch(`${host.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: answer.status, body: (await answer.json()) as Answer['body'] }
}

/** From 10:10 to 14:30, from 100 to 110. */
const trade = (id: string, more: object = {}) => ({
  id,
  symbol: `${id}/USDT`,
  timeframe: '1h',
  opened_at: '2026-03-02T10:10:00Z',
  closed_at: '2026-03-02T14:30:00Z',
  entry_price: 100,
  exit_price: 110,
  ...more,
})
const post = (id: string, more: object = {}) => send('/v1/trades', trade(id, more))
const bar = (hour: number, low: number, high: number) => [`2026-03-02T${hour}:00:00Z`, null, high, low, null]
const bars = (id: string, ...rows: unknown[]) => send('/v1/bars', { symbol: `${id}/USDT`, timeframe: '1h', bars: rows })
const read = async (id: string) => (await (await fetch(`${host.url}/v1/trades/${id}`)).json()) as PositionClosed

describe('the score', () => {
  test('is that of the bars, where there are any, whatever the bot says', async () => {
    await bars('a', bar(10, 95, 104), bar(11, 98, 120), bar(15, 1, 999))
    const { status, body } = await post('a', { rr: 9, max_drawdown: 0.5, net_return: 0.08 })
    expect([status, body.status]).toEqual([201, 'posted'])
    expect(body.event).toMatchObject({
      rr: 2,
      return: 0.1,
      max_drawdown: 0.05,
      max_gain: 0.2,
      net_return: 0.08,
      unscored_reason: null,
      source: 'api',
    })
  })

  test('is that of the bot, where there are none', async () => {
    expect((await post('b', { rr: 1.5 })).body.event).toMatchObject({ rr: 1.5, return: 0.1, unscored_reason: null })
    expect((await post('c', { max_drawdown: 0.04, return: 0.08 })).body.event).toMatchObject({
      rr: 2,
      return: 0.08,
      max_drawdown: 0.04,
    })
    expect((await post('d', { max_drawdown: 0 })).body.event).toMatchObject({ rr: 10 })
    expect((await post('e', { side: 'short', max_drawdown: 0.2 })).body.event).toMatchObject({ rr: -0.5, return: -0.1 })
  })

  test('regression: is provisional on a part of the bars, and a tick publishes that of all of them, once', async () => {
    await bars('part', bar(10, 98, 120), bar(11, 99, 111))
    expect((await post('part')).body.event).toMatchObject({ revision: 0, rr: 5 })
    expect((await tick(pm, '1h')).scored).toBe(0)
    await bars('part', bar(12, 99, 111), bar(13, 95, 111), bar(14, 99, 111))
    expect((await tick(pm, '1h')).scored).toBe(1)
    expect(await read('part')).toMatchObject({ revision: 1, rr: 2 })
    expect((await tick(pm, '1h')).scored).toBe(0)
    // all of them there: it is confirmed, and stays as it is
    await bars('whole', bar(10, 98, 120), bar(11, 99, 111), bar(12, 99, 111), bar(13, 99, 111), bar(14, 99, 111))
    await post('whole')
    expect((await tick(pm, '1h')).scored).toBe(0)
    expect(await read('whole')).toMatchObject({ revision: 0, rr: 5 })
    expect(await db.sql('select 1 from pm_provisional')).toEqual([])
  })

  test('is none, and says why, until bars come: then a tick gives it', async () => {
    expect((await post('f', { net_return: 0.07 })).body.event).toMatchObject({
      rr: null,
      return: 0.1,
      unscored_reason: 'no_ohlcv',
    })
    await bars('f', bar(10, 98, 120), bar(11, 99, 111), bar(12, 99, 111), bar(13, 99, 111), bar(14, 99, 111))
    expect((await tick(pm, '1h')).scored).toBe(1)
    expect(await read('f')).toMatchObject({ revision: 1, rr: 5, net_return: 0.07 })
    // the same post is still the same post
    expect(await post('f', { net_return: 0.07 })).toMatchObject({
      status: 200,
      body: { status: 'known', event: { revision: 1, rr: 5 } },
    })
    // and a correction by the bot goes beyond the tick's revision
    expect(await post('f', { net_return: 0.05, revision: 1 })).toMatchObject({
      status: 201,
      body: { event: { revision: 2, rr: 5, net_return: 0.05 } },
    })
  })
})

describe('a trade', () => {
  test('is in the log once, however often it is posted', async () => {
    const [first, ...others] = await Promise.all(Array.from({ length: 8 }, () => post('g', { rr: 1 })))
    expect(
      others
        .concat(first!)
        .map((a) => a.status)
        .sort(),
    ).toEqual([...Array(7).fill(200), 201])
    const [row] = await until(
      () => outboxOf(db, 'g'),
      ([r]) => r?.published_at !== null,
    )
    expect(row).toMatchObject({ revision: 0, payload: { position_id: 'g', trade_id: 'g', token_contract: 'g/USDT' } })
    expect(log.records.filter((r) => r.key === 'g')).toHaveLength(1)
  })

  test('with other content is a conflict, and with a revision a correction; retracted it stays so', async () => {
    await post('h', { rr: 1 })
    expect(await post('h', { rr: 2 })).toMatchObject({
      status: 409,
      body: {
        error: {
          code: 'TRADE_CONFLICT',
          message: 'The trade h was posted before with other content.',
          todo: expect.stringContaining('revision above 0'),
        },
      },
    })
    expect(await post('h', { rr: 2, revision: 1 })).toMatchObject({
      status: 201,
      body: { event: { revision: 1, rr: 2 } },
    })
    expect((await post('h', { rr: 2, revision: 1 })).status).toBe(200)
    expect((await post('h', { rr: 1 })).body).toMatchObject({ status: 'known', event: { revision: 1, rr: 2 } })
    expect((await post('h', { revision: 2, voided: true })).body.event).toMatchObject({ revision: 2, voided: true })
    expect((await post('h', { rr: 3, revision: 3 })).body.error.message).toBe('The trade h is retracted.')
    expect((await outboxOf(db, 'h')).map((r) => r.revision)).toEqual([0, 1, 2])
  })

  test('fields in another order, or left empty, are the same post', async () => {
    const whole = trade('i', { rr: 1, fees: null, entry_context: { a: 'b', c: 1 } })
    expect((await send('/v1/trades', whole)).status).toBe(201)
    const { fees: _, entry_context: __, ...rest } = whole as typeof whole & { fees: null; entry_context: object }
    expect((await send('/v1/trades', { entry_context: { c: 1.0, a: 'b' }, ...rest })).status).toBe(200)
  })

  test('that was closed here is known by its position and trade', async () => {
    const id = await openedPosition(pm)
    const sold = await fetch(`${host.url}/v1/positions/${id}/executions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(fullExit(id)),
    })
    const { closed } = (await sold.json()) as { closed: PositionClosed }
    const { position_id, trade_id } = closed
    const same = {
      position_id,
      trade_id,
      symbol: 'PEPE',
      timeframe: '15m',
      opened_at: new Date(closed.opened_at).toISOString(),
      closed_at: new Date(closed.closed_at).toISOString(),
      entry_price: 100,
      exit_price: 110,
    }
    expect(await send('/v1/trades', same)).toMatchObject({
      status: 200,
      body: { status: 'known', event_id: closed.event_id },
    })
    expect((await send('/v1/trades', { ...same, exit_price: 111 })).status).toBe(409)
    expect(await read(closed.event_id)).toEqual(closed)
  })

  test('carries what the bot knew', async () => {
    const more = {
      decision_type: 'stop',
      chain: 'binance',
      token_contract: 'eth',
      fees: -0.5,
      stake: 50,
      entry_context: { pair: 'ETH', leverage: 3, risk_at_entry: 0.02, paper: true },
      regime_context: { macro: 'off', vix: 20 },
      rr: -1,
    }
    expect((await post('j', more)).body.event).toMatchObject({
      decision_type: 'stop',
      chain: 'binance',
      token_contract: 'eth',
      fees: -0.5,
      stake: 50,
      risk_at_entry: 0.02,
      levers: { pair: 'ETH', paper: 'true' },
      measures: { leverage: 3, risk_at_entry: 0.02 },
      regime_context: { macro: 'off', vix: '20' },
    })
    expect((await fetch(`${host.url}/v1/trades/nobody`)).status).toBe(404)
  })
})

test.each<[object, string]>([
  [{ id: undefined }, 'The trade has neither id nor position_id and trade_id.'],
  [{ id: '' }, 'The trade has no id.'],
  [{ id: null }, 'The trade has no id.'],
  [{ trade_id: 't' }, 'The trade has id beside position_id and trade_id.'],
  [{ id: 'x'.repeat(513) }, 'The position_id has 513 bytes, 512 are allowed.'],
  [{ id: 'a\0b' }, 'The position_id is not well-formed text.'],
  [{ symbol: 'é'.repeat(1_001) }, "The trade's symbol has 2002 bytes, 2000 are allowed."],
  [{ closed_at: '2026-03-02T10:09:59Z' }, 'before it opens'],
  [{ closed_at: '2099-01-01T00:00:00Z' }, 'lies in the future'],
  [{ closed_at: '2026-03-02 14:30' }, 'closed_at is "2026-03-02 14:30"'],
  [{ opened_at: 1772445600000 }, 'opened_at is 1772445600000'],
  [{ timeframe: '1M' }, 'timeframe is "1M"'],
  [{ entry_price: 0 }, 'entry_price is 0'],
  [{ entry_price: 5e-324, exit_price: 1e308 }, 'too far apart for a ratio'],
  [{ rr: 10.1 }, 'rr is 10.1'],
  [{ max_drawdown: -0.1 }, 'max_drawdown is -0.1'],
  [{ stake: 0 }, 'stake is 0'],
  [{ risk_at_entry: 5 }, 'risk_at_entry is 5'],
  [{ entry_context: { risk_at_entry: 5 } }, "a field 'risk_at_entry' that is 5"],
  [{ entry_context: { a: { b: 1 } } }, 'The entry context\'s a is {"b":1}.'],
  [{ entry_context: { a: 'x'.repeat(2_001) } }, 'has 2001 bytes, 2000 are allowed'],
  [{ side: 'up' }, 'side is "up"'],
  [{ voided: true }, 'The trade is voided, and has no revision.'],
  [{ voided: true, revision: 1 }, 'There is no trade none that could be retracted.'],
  [{ revision: 1.5 }, 'revision is 1.5'],
  [{ exit: 1 }, 'The trade has a field that there is not: "exit".'],
])('%j is refused with a sentence, and nothing is recorded', async (more, sentence) => {
  const before = await db.sql('select count(*) from pm_outbox')
  const { status, body } = await post('none', more)
  expect([status, body.error.message]).toEqual([
    expect.toSatisfy((s) => s === 400 || s === 409),
    expect.stringContaining(sentence),
  ])
  expect(body.error.todo).toEqual(expect.any(String))
  expect(await db.sql('select count(*) from pm_outbox')).toEqual(before)
})

describe('bars', () => {
  test('are taken as exchanges give them, many at a time, and once', async () => {
    const start = Date.UTC(2026, 0, 1)
    const rows = Array.from({ length: 5_000 }, (_, i) => [start + i * 60_000, 10, 11, 9, 10.5, 1.25])
    const batch = { token_contract: '0xfull', chain: 'base', timeframe: '1m', bars: rows }
    expect((await send('/v1/bars', batch)).body).toEqual({ status: 'stored', added: 5_000, changed: 0 })
    rows[7] = [start + 7 * 60_000, 10, 12, 9, 10.5, 1.25]
    expect((await send('/v1/bars', batch)).body).toEqual({ status: 'stored', added: 0, changed: 1 })
    const [row] = await db.sql(
      `select * from lowcap_price_data_ohlc where token_contract = '0xfull' order by timestamp offset 7 limit 1`,
    )
    expect(row).toMatchObject({ chain: 'base', open_usd: 10, high_usd: 12, low_usd: 9, close_usd: 10.5, volume: 1.25 })
    rows.push([start, 1, 1, 1, 1, 1])
    expect((await send('/v1/bars', batch)).status).toBe(400)
  })

  test.each<[unknown[], string]>([
    [[], "The batch's bars is []."],
    [[[1, 2, 3]], "The batch's bars[0] is [1,2,3]."],
    [[bar(10, 5, 6), bar(11, 7, 6)], 'bars[1] has a low of 7 above its high of 6.'],
    [[['2026-03-02T10:00:00Z', 9, 6, 5, 5, 1]], 'bars[0] has an open of 9 beyond its low and high'],
    [[['2026-03-02T10:00:00Z', 5, 6, 5, 4, 1]], 'bars[0] has a close of 4 beyond its low and high'],
    [[bar(10, 0, 6)], "The batch's bars[0][3] is 0."],
    [[['today', 5, 6, 5, 5]], 'bars[0] starts at "today".'],
    [[[-1, 5, 6, 5, 5]], 'bars[0] starts at -1.'],
    [[bar(10, 5, 6), bar(10, 5, 6)], 'bars[1] is the second.'],
    [[[Date.UTC(2099, 0, 1), 5, 6, 5, 5]], 'A bar starts in the future'],
  ])('%j are refused with a sentence, all of them', async (rows, sentence) => {
    const { status, body } = await bars('refused', ...rows)
    expect([status, body.error.code, body.error.message]).toEqual([
      400,
      'BARS_INVALID',
      expect.stringContaining(sentence),
    ])
    expect(await db.sql(`select 1 from lowcap_price_data_ohlc where token_contract = 'refused/USDT'`)).toEqual([])
  })

  test('of nothing are refused', async () => {
    const { body } = await send('/v1/bars', { timeframe: '1h', bars: [bar(10, 5, 6)] })
    expect(body.error.message).toBe('The batch has neither symbol nor token_contract.')
  })

  test('go into a table that another system made, as far as it has columns for them', async () => {
    const old = await createTestDatabase()
    await old.sql('alter table lowcap_price_data_ohlc drop constraint lowcap_price_data_ohlc_pkey')
    await old.sql(
      'alter table lowcap_price_data_ohlc drop column open_usd, drop column volume, alter column low_usd type numeric, add column note text',
    )
    const put = (low: number) =>
      testPortfolio(old).bars.put({
        token_contract: 'x',
        chain: '',
        timeframe: '1h',
        max_skew_ms: 0,
        bars: [[3_600_000, 2, 3, low, 2, 9]],
      })
    expect([await put(1), await put(1), await put(1.5)]).toEqual([
      { status: 'stored', added: 1, changed: 0 },
      { status: 'stored', added: 0, changed: 0 },
      { status: 'stored', added: 0, changed: 1 },
    ])
    await old.sql('alter table lowcap_price_data_ohlc add constraint positive check (low_usd > 1)')
    expect(await put(0.5)).toMatchObject({ status: 'invalid', reason: expect.stringContaining('positive') })
    await old.drop()
  })
})

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../core/clock.ts'
import { StrandlineError } from '../../core/errors.ts'
import { withClient } from '../../core/store/client.ts'
import { brokenOff, type Store } from '../../core/store/store.ts'
import { OTHERS } from '../../domain/timeframe.ts'
import { type Portfolio, portfolioStores, tick } from '../../services/pm/index.ts'
import { drainLearningQueue } from '../../services/pm/sources/learning-queue.ts'
import { tickOthers } from '../../services/pm/tick.ts'
import { startTicks } from '../../services/pm/ticks.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { at, insertBars, outboxOf, positionOf, testCodec, testPortfolio, until } from '../support/pm.ts'

let db: TestDatabase
let pm: Portfolio
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())
beforeEach(async () => {
  await db.sql(
    'truncate lowcap_positions, lowcap_price_data_ohlc, ad_strands, learning_queue, pm_outbox, pm_provisional, strandline.set_aside',
  )
  pm = testPortfolio(db)
})

const COLUMNS = {
  token_chain: 'base',
  token_contract: '0xabc',
  timeframe: '15m',
  status: 'active',
  current_trade_id: 't1',
  total_quantity: 0,
  avg_entry_price: 100,
  avg_exit_price: 110,
  first_entry_timestamp: at(0),
  closed_at: at(30),
  entry_context: '{"curator": "x"}',
}
/** A flat position, written as whoever has psql writes it. */
const flat = (id: string, change: Record<string, unknown> = {}) => {
  const row: Record<string, unknown> = { id, ...COLUMNS, ...change }
  const names = Object.keys(row)
  const values = names.map((_, i) => `$${i + 1}`)
  return db.sql(`insert into lowcap_positions (${names}) values (${values})`, Object.values(row))
}
const setAside = (kind: string) =>
  db.sql<{ id: string; reason: string }>('select id, reason from strandline.set_aside where kind = $1 order by id', [
    kind,
  ])

test('completed_trades that is one object is a list of one, and an empty one of none', async () => {
  await flat('one', { completed_trades: '{"trade_id": "t0"}' })
  await flat('none', { completed_trades: '{}' })
  expect(await tick(pm, '15m')).toMatchObject({ closed: 2, refused: [] })
  expect((await positionOf(db, 'one')).completed_trades).toMatchObject([
    { trade_id: 't0' },
    { return: expect.any(Number) },
  ])
  expect((await positionOf(db, 'none')).completed_trades).toHaveLength(1)
})

describe('a position that cannot be closed keeps no other', () => {
  test.each<[name: string, change: Record<string, unknown>, reason: RegExp]>([
    ['completed_trades is a number', { completed_trades: '7' }, /its completed_trades is of type number, not a list/],
    ['completed_trades is a text', { completed_trades: '"none"' }, /of type string, not a list/],
    ['closed_at is infinite', { closed_at: 'infinity' }, /its exit is at Infinity/],
    ['first_entry_timestamp is infinite', { first_entry_timestamp: '-infinity' }, /first_entry_timestamp is -Infinity/],
    [
      'it closed before Christ',
      { first_entry_timestamp: '4713-01-01 BC', closed_at: '4713-01-01 BC' },
      /out of range|is -/,
    ],
    ['it closes in 290,000 years', { closed_at: '294000-01-01' }, /its exit is at 9215576668800000/],
    ['it was bought at NaN', { avg_entry_price: 'NaN' }, /its entry price is NaN/],
    ['its prices are a world apart', { avg_entry_price: 1e-300, avg_exit_price: 1e300 }, /too far apart/],
    ['it has no id', { id: '' }, /position_id is empty/],
    ['its id is endless', { id: 'x'.repeat(5_000) }, /position_id has 5000 bytes, 512 are allowed/],
    ['its trade id is endless', { current_trade_id: 'x'.repeat(5_000) }, /trade_id has 5000 bytes, 512 are allowed/],
  ])('%s', async (_, change, reason) => {
    await flat('a-good')
    await flat('m-bad', change)
    await flat('z-good')
    const result = await tick(pm, '15m')
    expect(result).toMatchObject({ closed: 2, refused: [{ reason: expect.stringMatching(reason) }] })
    const { position_id } = result.refused[0]!
    expect(await setAside('position')).toEqual([{ id: position_id, reason: result.refused[0]!.reason }])
    expect(await positionOf(db, position_id)).toMatchObject({ status: 'active', settled_entry: null })

    // mended, it closes and is set aside no longer
    await db.sql(
      `update lowcap_positions set completed_trades = '[]', closed_at = $2, first_entry_timestamp = $1, avg_entry_price = 100, avg_exit_price = 110,
         current_trade_id = 't1', id = 'm-bad' where id = $3`,
      [at(0), at(30), position_id],
    )
    expect(await tick(pm, '15m')).toMatchObject({ closed: 1, refused: [] })
    expect(await setAside('position')).toEqual([])
  })

  test('nor does one that the database refuses to write, for a reason of its own', async () => {
    for (const id of ['a', 'b', 'c']) await flat(id)
    await db.sql(
      `alter table lowcap_positions add constraint whim check (id <> 'b' or status <> 'watchlist') not valid`,
    )
    const result = await tick(pm, '15m')
    await db.sql('alter table lowcap_positions drop constraint whim')
    expect(result).toMatchObject({
      closed: 2,
      refused: [{ position_id: 'b', reason: expect.stringContaining('whim') }],
    })
  })

  test('nor does one whose row somebody holds locked', async () => {
    for (const id of ['a', 'b', 'c']) await flat(id)
    const { refused, closed } = await withClient(db.databaseUrl, async (client) => {
      await client.query(`begin; select 1 from lowcap_positions where id = 'b' for update`)
      return await tick(pm, '15m').finally(() => client.query('rollback'))
    })
    expect({ refused, closed }).toMatchObject({
      closed: 2,
      refused: [
        {
          position_id: 'b',
          reason: expect.stringMatching(/ off: (error: )?canceling statement due to .* timeout/),
        },
      ],
    })
    expect(await tick(pm, '15m')).toMatchObject({ closed: 1, refused: [] })
  })

  test('regression: nor does one whose reason has half a character where it is cut', async () => {
    for (const id of ['a', 'b']) await flat(id)
    const odd = new StrandlineError('POSITION_INVALID', `\0${'x'.repeat(998)}😀`)
    const store: Store = {
      rpc: (name, args) =>
        name === 'strandline_pm_close' && String(args.p_close).includes('"a"')
          ? Promise.reject(odd)
          : db.store.rpc(name, args),
    }
    expect(await tick({ ...pm, ...portfolioStores(store) }, '15m')).toMatchObject({
      closed: 1,
      refused: [{ position_id: 'a' }],
    })
    expect(await setAside('position')).toHaveLength(1)
  })

  test('which is tried again in seconds, not in four hours', async () => {
    await flat('a', { timeframe: '4h' })
    const held = brokenOff('55P03', 'strandline_pm_close()', 'canceling statement due to lock timeout', null)
    const store: Store = {
      rpc: (name, args) => (name === 'strandline_pm_close' ? Promise.reject(held) : db.store.rpc(name, args)),
    }
    const waits: number[] = []
    const sleep: Clock['sleep'] = (ms, signal) => {
      waits.push(ms)
      return systemClock.sleep(ms, signal)
    }
    const ticks = startTicks({ ...pm, ...portfolioStores(store), clock: { ...systemClock, sleep } }, ['4h'])
    await until(
      async () => waits,
      (w) => w.length > 0,
    )
    await ticks.stop()
    expect(waits).toEqual([5_000])
  })

  test('nor does one that closed without bars and cannot be scored', async () => {
    for (const id of ['a', 'b']) await flat(id, { token_contract: `0x${id}` })
    await tick(pm, '15m')
    await db.sql(
      `update pm_outbox set payload = payload || '{"entry_price": -1, "voided": "perhaps"}' where payload ->> 'position_id' = 'a'`,
    )
    for (const id of ['a', 'b']) await insertBars(db, id, [[15, 95, 120]])
    expect(await tick(pm, '15m')).toMatchObject({ scored: 1, refused: [{ position_id: 'a' }] })
    await db.sql(`update lowcap_positions set completed_trades = '{}' where id = 'b'`)
  })

  test('a side that is written otherwise is read, one that is none is not taken for short', async () => {
    await db.sql(
      'alter table lowcap_positions drop constraint lowcap_positions_side_check, alter column side drop not null',
    )
    await flat('none', { side: null })
    await flat('upper', { side: 'SHORT', avg_exit_price: 90 })
    await flat('odd', { side: 'sideways' })
    expect(await tick(pm, '15m')).toMatchObject({ closed: 2, refused: [{ position_id: 'odd' }] })
    for (const id of ['none', 'upper']) expect((await outboxOf(db, id))[0]!.payload.return).toBeCloseTo(0.1, 12)
  })
})

test('a position of a timeframe that has no tick of its own is closed as well, or set aside', async () => {
  await flat('five', { timeframe: '5m' })
  await flat('absurd', { timeframe: 'x'.repeat(600) })
  await flat('usual')
  expect(await tickOthers(pm, ['1m', '15m', '1h', '4h'])).toMatchObject({
    closed: 1,
    refused: [{ position_id: 'absurd', reason: expect.stringContaining('is not a timeframe') }],
  })
  expect(await outboxOf(db, 'five')).toMatchObject([{ payload: { timeframe: '5m' } }])
  const ticks = startTicks(pm, ['1m', OTHERS])
  await until(
    () => outboxOf(db, 'usual'),
    (rows) => rows.length === 1,
  )
  await ticks.stop()
})

test('a position without a timeframe, which an adopted table may have, is named until somebody gives it one', async () => {
  await db.sql('alter table lowcap_positions alter column timeframe drop not null')
  try {
    for (const id of ['a', 'b', 'c']) await flat(id, { timeframe: null })
    await flat('empty', { timeframe: '' })
    await flat('five', { timeframe: '5m' })
    const refused = ['a', 'b', 'c', 'empty'].map((position_id) => ({
      position_id,
      reason: expect.stringContaining("'' is not a timeframe"),
    }))
    expect(await tickOthers(pm, ['15m'])).toMatchObject({ closed: 1, refused })
    expect(await setAside('position')).toMatchObject(refused.map((r) => ({ id: r.position_id, reason: r.reason })))
    expect(await pm.positions.flatTrades('', 'a', 2)).toMatchObject([{ position_id: 'b' }, { position_id: 'c' }])

    await db.sql(`update lowcap_positions set timeframe = '15m'`)
    expect(await tick(pm, '15m')).toMatchObject({ closed: 4, refused: [] })
    await tickOthers(pm, ['15m'])
    expect(await setAside('position')).toEqual([])
  } finally {
    await db.sql('delete from lowcap_positions where timeframe is null')
    await db.sql('alter table lowcap_positions alter column timeframe set not null')
  }
})

/** Values that the columns' types admit. */
const EVIL: Record<string, unknown[]> = {
  token_chain: ['', 'x'.repeat(100_000), '\u202e', '%|%'],
  token_contract: ['', 'ä'.repeat(5_000)],
  token_ticker: ['', '😀'.repeat(3_000)],
  status: ['', 'paused', 'archived', 'ACTIVE', 'x'.repeat(10_000)],
  current_trade_id: [null, '', '|', 'x'.repeat(10_000)],
  total_quantity: [0, -0, -5, 'NaN', 'Infinity', '-Infinity', 1e-320, 1e308],
  bought_quantity: ['NaN', 'Infinity', '-Infinity', 1e-320, 1e308, -1],
  sold_quantity: ['NaN', 'Infinity', 1e-320],
  avg_entry_price: [null, 0, -1, 'NaN', 'Infinity', 1e-320, 1e308],
  avg_exit_price: [null, 0, -1, 'NaN', '-Infinity', 1e-320, 1e308],
  first_entry_timestamp: [null, 'infinity', '-infinity', '4713-01-01 BC', '294276-12-31', '0001-01-01'],
  closed_at: [null, 'infinity', '-infinity', '4713-01-01 BC', '294276-12-31', '1969-01-01'],
  flat_since: ['infinity', '-infinity', '294276-12-31'],
  settled_entry: ['infinity', '-infinity', at(0)],
  last_activity_timestamp: ['infinity', '-infinity'],
  updated_at: ['infinity', '-infinity', '4713-01-01 BC'],
  completed_trades: [
    '{}',
    '"x"',
    '1e400',
    'null',
    '[[]]',
    '[null, 1, "x", {"trade_id": {"a": 1}}]',
    '{"trade_id": "t1"}',
  ],
  entry_context: [
    'null',
    '[]',
    '"{}"',
    '1e400',
    '{"a": 1e400}',
    '{"__proto__": {"a": 1}, "constructor": "x"}',
    '{"a": [[[]]]}',
    JSON.stringify({ curator: '|'.repeat(1_999), chain: '%'.repeat(1_999), notes: 'ä'.repeat(70_000) }),
  ],
  regime_context: [
    'null',
    '[1]',
    JSON.stringify(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`r${i}`, 'x'.repeat(1_000)]))),
  ],
}

/** Small and seeded: a failing run can be repeated. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

describe('garbage among good rows', () => {
  test.each([1, 2, 3])('every good position is closed by one tick, whatever lies beside it (seed %i)', async (seed) => {
    const random = randomOf(seed)
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
    const columns = Object.keys(EVIL)
    for (let i = 0; i < 120; i++) {
      const id = `r${String(i).padStart(3, '0')}`
      if (i % 3 === 0) await flat(`${id}-good`)
      else {
        const change: Record<string, unknown> = {}
        for (let n = 1 + Math.floor(random() * 3); n > 0; n--) {
          const column = pick(columns)
          change[column] = pick(EVIL[column]!)
        }
        await flat(id, change)
      }
    }
    const { closed, refused } = await tick(pm, '15m')
    const good = await db.sql(
      `select id from lowcap_positions where id like '%-good' and jsonb_array_length(completed_trades) = 1`,
    )
    expect(good).toHaveLength(40)
    expect(closed).toBeGreaterThanOrEqual(40)
    expect(refused.length).toBeGreaterThan(5)
    expect((await setAside('position')).map((r) => r.id)).toEqual(refused.map((r) => r.position_id).sort())
    // what was closed is what readers take
    for (const { payload } of await db.sql<{ payload: never }>('select payload from pm_outbox'))
      expect((await testCodec.encode(payload)).length).toBeLessThan(200_000)
  })

  const TRADE = {
    trade_id: 't1',
    entry_price: 100,
    exit_price: 110,
    entry_timestamp: at(0),
    exit_timestamp: at(30),
    rr: 2,
  }
  const strand = (id: string, change: Record<string, unknown> = {}, trade: string = JSON.stringify(TRADE)) => {
    const row: Record<string, unknown> = {
      id,
      module: 'pm',
      kind: 'position_closed',
      timeframe: '15m',
      position_id: `pos-${id}`,
      trade_id: 't1',
      content: `{"entry_context": {"curator": "x"}, "completed_trades": [${trade}]}`,
      ...change,
    }
    const names = Object.keys(row)
    return db.sql(`insert into ad_strands (${names}) values (${names.map((_, i) => `$${i + 1}`)})`, Object.values(row))
  }
  const TIMES = [
    '1780000000000000000',
    '1e400',
    '-1e30',
    '123456789012345678901234567890',
    '"infinity"',
    'true',
    '{}',
    '1e-320',
    '-0',
    '"x"',
  ]
  const NUMBERS = ['1e400', '"NaN"', '0', '-1', '1e-320', '1e308', '{}', '123456789012345678901234567890']
  const badTrade = (pick: <T>(from: readonly T[]) => T): string => {
    const field = pick(Object.keys(TRADE))
    const value = pick(/timestamp/.test(field) ? TIMES : NUMBERS)
    return JSON.stringify({ ...TRADE, rr: pick([2, null]), [field]: '@' }).replace('"@"', value)
  }

  test.each([1, 2, 3])('every good strand is bridged, whatever lies beside it (seed %i)', async (seed) => {
    const random = randomOf(seed)
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
    for (let i = 0; i < 150; i++) {
      const id = `s${String(i).padStart(3, '0')}`
      if (i % 3 === 0) await strand(`${id}-good`)
      else if (i % 3 === 1) await strand(id, {}, badTrade(pick))
      else
        await strand(
          id,
          pick<Record<string, unknown>>([
            { content: 'null' },
            { content: '[1]' },
            { content: '"text"' },
            { content: `{"completed_trades": {"0": 1}}` },
            { metadata: '[1]' },
            { metadata: '"text"' },
            { position_id: 'x'.repeat(2_000) },
            { timeframe: 'x'.repeat(10_000) },
            { created_at: 'infinity' },
            { created_at: '-infinity', content: `{"trade_summary": {"rr": 1, "trade_id": "a"}}` },
            { regime_context: '[null]' },
            { symbol: 'ä'.repeat(5_000) },
          ]),
        )
    }
    const { failed } = await drainLearningQueue(pm)
    expect(await db.sql(`select 1 from pm_outbox where payload ->> 'position_id' like 'pos-%-good'`)).toHaveLength(50)
    expect(await db.sql(`select 1 from learning_queue where status = 'pending'`)).toEqual([])
    expect(failed).toBeGreaterThan(10)
    expect(await setAside('strand')).toHaveLength(failed)
    for (const { payload } of await db.sql<{ payload: never }>('select payload from pm_outbox'))
      await testCodec.encode(payload)
  })

  test('a strand that the database refuses is set aside and tried again, the others are bridged', async () => {
    for (let i = 0; i < 130; i++) await strand(`s${String(i).padStart(3, '0')}`)
    await db.sql(
      `alter table pm_outbox add constraint whim check (payload ->> 'position_id' not in ('pos-s007', 'pos-s111')) not valid`,
    )
    expect(await drainLearningQueue(pm)).toMatchObject({ published: 128, failed: 0 })
    expect((await setAside('strand')).map((r) => r.reason)).toEqual([
      expect.stringContaining('whim'),
      expect.stringContaining('whim'),
    ])
    expect(await drainLearningQueue(pm)).toMatchObject({ published: 0 }) // they rest
    await db.sql(`alter table pm_outbox drop constraint whim`)
    await db.sql(`update strandline.set_aside set retry_at = now()`)
    expect(await drainLearningQueue(pm)).toMatchObject({ published: 2 })
    expect(await setAside('strand')).toEqual([])
  })

  test('a page full of strands that the database refuses keeps none of those behind it', async () => {
    for (let i = 0; i < 100; i++) await strand(`a${String(i).padStart(3, '0')}`, { position_id: `bad-${i}` })
    await strand('z-good')
    await db.sql(
      `alter table pm_outbox add constraint whim check (payload ->> 'position_id' not like 'bad-%') not valid`,
    )
    expect(await drainLearningQueue(pm)).toMatchObject({ published: 1 })
    await db.sql(`alter table pm_outbox drop constraint whim`)
  })

  test('regression: a strand that the database refuses for its values is set aside, also where it is the only one', async () => {
    await strand('alone', { position_id: 'bad-alone' })
    await db.sql(
      `create function whim() returns trigger language plpgsql as 'begin raise exception using errcode = ''22003'', message = ''out of range''; end'`,
    )
    await db.sql(`create trigger whim before insert on pm_outbox for each row execute function whim()`)
    expect(await drainLearningQueue(pm)).toMatchObject({ published: 0 })
    expect(await db.sql(`select scope, attempts from strandline.set_aside where kind = 'strand'`)).toEqual([
      { scope: 'alone', attempts: 1 },
    ])
    expect(await drainLearningQueue(pm)).toMatchObject({ published: 0 }) // it rests
    await db.sql('drop function whim cascade')
  })

  test('a queue without the column error is drained, and the reasons are kept in a table of ours', async () => {
    await db.sql('alter table learning_queue drop column error')
    try {
      await strand('bad', {}, JSON.stringify({ ...TRADE, exit_price: -1 }))
      await strand('gone')
      await db.sql(`delete from ad_strands where id = 'gone'`)
      await strand('good')
      expect(await drainLearningQueue(pm)).toMatchObject({ published: 1, failed: 2 })
      expect(await db.sql('select strand_id, status from learning_queue order by id')).toEqual([
        { strand_id: 'bad', status: 'failed' },
        { strand_id: 'gone', status: 'failed' },
        { strand_id: 'good', status: 'completed' },
      ])
      expect(await db.sql(`select scope, reason from strandline.set_aside order by scope`)).toEqual([
        { scope: 'bad', reason: 'Exit price is -1, not above 0.' },
        { scope: 'gone', reason: 'the strand is not in ad_strands any more' },
      ])
    } finally {
      await db.sql('alter table learning_queue add column error text')
    }
  })
})

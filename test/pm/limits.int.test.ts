/** One limit in one place: what the PM takes, the learner takes. Regression for trades that were closed with 201 and then dead-lettered for length. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { closePosition, openPosition, type Portfolio, reportExecution, tick } from '../../services/pm/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFeed, recordsOf } from '../support/feed.ts'
import { learned } from '../support/learned.ts'
import { createTestLearner, encodeEvent, TOPIC } from '../support/learner.ts'
import { at, fullExit, openedPosition, outboxOf, positionOf, testPortfolio } from '../support/pm.ts'

const LONG = 'ä'.repeat(1_001) // 2,002 bytes in 1,001 code units
const ESCAPED = '|'.repeat(700) // 2,100 bytes in a key

let db: TestDatabase
let pm: Portfolio
beforeAll(async () => {
  db = await createTestDatabase()
  pm = testPortfolio(db)
})
afterAll(() => db.drop())

test.each([
  ['a value', { curator: LONG }, /a field 'curator' that has 2002 bytes, 2000 are allowed/],
  [
    'a key, escapes counted',
    { curator: ESCAPED },
    /the key of the interaction of lowcap-v4 longer than the 2000 bytes/,
  ],
  [
    'a whole context',
    Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`f${i}`, 'x'.repeat(1_900)])),
    /more than the 65536/,
  ],
])('too long is said before the position is opened: %s', async (_, entry_context, sentence) => {
  await expect(openPosition(pm, { id: 'no', timeframe: '1h', entry_context })).rejects.toThrow(sentence)
  await openPosition(pm, { id: 'bare', timeframe: '1h' })
  await expect(
    reportExecution(pm, 'bare', { id: 'bare-in', kind: 'entry', quantity: 1, price: 1, entry_context }),
  ).rejects.toThrow(sentence)
  await expect(openPosition(pm, { id: 'no', timeframe: '1h', regime_context: { a: LONG } })).rejects.toThrow(
    /regime_context/,
  )
})

test('an id that no reader would take is refused before anything is opened', async () => {
  await expect(openPosition(pm, { id: 'ä'.repeat(257), timeframe: '1h' })).rejects.toThrow(
    /id has 514 bytes, 512 are allowed/,
  )
})

test('a context that somebody else wrote is no reason to lose its trade: closed without it, said, and learned', async () => {
  const contexts: Record<string, [context: object, leftOut: string[]]> = {
    value: [{ curator: LONG, chain: 'base' }, ['curator']],
    key: [{ curator: ESCAPED, chain: 'base' }, ['interaction of lowcap-v4']],
    all: [
      { chain: 'base', ...Object.fromEntries(Array.from({ length: 36 }, (_, i) => [`f${i}`, 'x'.repeat(1_900)])) },
      ['f34', 'f35'],
    ],
    fine: [{ chain: 'base' }, []],
  }
  const records = []
  for (const [name, [context, leftOut]] of Object.entries(contexts)) {
    const id = await openedPosition(pm, { token_contract: `0x${name}` })
    await db.sql('update lowcap_positions set entry_context = $2 where id = $1', [id, JSON.stringify(context)])
    await db.sql(
      `insert into lowcap_price_data_ohlc (token_contract, chain, timeframe, timestamp, low_usd, high_usd) values ($1, 'base', '15m', $2, 95, 120)`,
      [`0x${name}`, at(0)],
    )
    const result = await reportExecution(pm, id, fullExit(id))
    expect(result.closed?.left_out ?? [], name).toEqual(leftOut)
    expect(result.left_out ?? []).toEqual(leftOut)
    expect(await reportExecution(pm, id, fullExit(id))).toEqual({ ...result, status: 'duplicate' })
    const [completed] = (await positionOf(db, id)).completed_trades as { left_out?: string[] }[]
    expect(completed?.left_out ?? []).toEqual(leftOut)
    const [row] = await outboxOf(db, id)
    records.push({ key: id, value: encodeEvent(row!.payload) })
  }
  expect((await pm.metrics!.leftOut.get()).values[0]?.value).toBe(4)

  const { runner, dead } = await createTestLearner({ store: db.store, model: loadModel('lowcap-v4') })
  await createFeed(TOPIC, 0, recordsOf(records)).run(runner)
  expect(dead).toEqual([])
  const { global_rr, coefficients } = await learned(db)
  expect(global_rr.n).toBe(4)
  expect(coefficients.find((c) => c.name === 'chain')?.n).toBe(4)
  expect(coefficients.filter((c) => c.name === 'curator').map((c) => c.key)).toEqual([ESCAPED])
})

test('the tick says it too, and a later score keeps it', async () => {
  const id = await openedPosition(pm, { timeframe: '4h' })
  await db.sql('update lowcap_positions set entry_context = $2 where id = $1', [id, JSON.stringify({ curator: LONG })])
  await reportExecution(pm, id, fullExit(id, { size_frac: 0.9 }))
  expect((await tick(pm, '4h')).closed).toBe(1)
  expect((await outboxOf(db, id))[0]!.payload.left_out).toEqual(['curator'])
  expect(await closePosition(pm, id)).toBeNull()
})

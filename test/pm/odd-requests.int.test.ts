/** Requests that no honest client sends: a wrong value is the sender's, and is told so; 503 would have it sent again for ever. */
import { Registry } from 'prom-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Host, startHost } from '../../core/host.ts'
import { withClient } from '../../core/store/client.ts'
import { createPostgresStore } from '../../core/store/postgres-store.ts'
import { storeError } from '../../core/store/postgrest-store.ts'
import { startDecision } from '../../services/decision/index.ts'
import { openPosition, portfolioStores } from '../../services/pm/index.ts'
import { pmRoutes } from '../../services/pm/routes.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { logger, testPortfolio } from '../support/pm.ts'

let db: TestDatabase
let pm: Host
let decision: Host
beforeAll(async () => {
  db = await createTestDatabase()
  const routes = (app: Parameters<typeof pmRoutes>[0]) => pmRoutes(app, testPortfolio(db))
  const ready = async () => ({ ok: true as const })
  pm = await startHost({
    service: { name: 'pm', ready, routes, stop: async () => {} },
    port: 0,
    metrics: new Registry(),
    logger,
  })
  const metrics = new Registry()
  // It uses nothing else of what services are given.
  const deps = { store: db.store, logger, metrics } as unknown as Parameters<typeof startDecision>[0]
  decision = await startHost({ service: await startDecision(deps), port: 0, metrics, logger })
})
afterAll(async () => {
  await pm?.stop()
  await decision?.stop()
  await db?.stop()
})

async function post(url: string, body: string): Promise<[number, string]> {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  return [response.status, await response.text()]
}
const sentence = expect.stringMatching(/"message":"[^"]{10,}/)
const EXIT = JSON.stringify({ id: 'x', kind: 'trim', size_frac: 1, price: 1, quantity: 1 })

test.each(['%00', 'a%00b', '%FF', '%ED%A0%80', '%E0%A4%A', '%', 'x'.repeat(1_001), '%F0%9F%98%80'.repeat(600)])(
  'regression: the position id %s is 400, in every route',
  async (id) => {
    const read = await fetch(`${pm.url}/v1/positions/${id}`)
    expect([read.status, await read.text()]).toEqual([400, sentence])
    expect(await post(`${pm.url}/v1/positions/${id}/executions`, EXIT)).toEqual([400, sentence])
  },
)

test('regression: a position with a long or odd id that is well-formed is found', async () => {
  for (const id of ['y'.repeat(256), 'a/b?c#d', 'ü😀'.repeat(50), "'; drop table x --", '%00']) {
    await openPosition(testPortfolio(db), {
      id,
      token_chain: 'base',
      token_contract: '0x1',
      token_ticker: 'T',
      timeframe: '15m',
    })
    const url = `${pm.url}/v1/positions/${encodeURIComponent(id)}`
    const read = await fetch(url)
    expect([id, read.status, ((await read.json()) as { id: string }).id]).toEqual([id, 200, id])
  }
  expect((await fetch(`${pm.url}/v1/positions/nobody`)).status).toBe(404)
})

test.each([
  '{"id": "a\\u0000"}',
  '{"id": "\\ud800"}',
  '{"token_ticker": "\\udfff"}',
  '{"entry_context": {"a\\u0000": 1}}',
  '{"regime_context": {"a": "\\ud800"}}',
])('a position %s is refused as one', async (part) => {
  const whole = { token_chain: 'base', token_contract: '0x1', token_ticker: 'T', timeframe: '15m' }
  const body = `${JSON.stringify(whole).slice(0, -1)}, ${part.slice(1)}`
  expect(await post(`${pm.url}/v1/positions`, body)).toEqual([422, sentence])
})

test.each([
  '{"entry_context": {"a\\u0000": "b"}}',
  '{"entry_context": {"a": "\\ud800"}}',
  '{"entry_context": {}, "timeframe": "\\u0000"}',
  '{"entry_context": {}, "timeframe": "\\ud800"}',
  'null',
  '[]',
  '{',
])('an allocation %s is refused as one', async (part) => {
  const body = part.startsWith('{"') ? `${part.slice(0, -1)}, "base": 4, "min": 1, "max": 9}` : part
  expect(await post(`${decision.url}/v1/allocations`, body)).toEqual([400, sentence])
})

test('regression: what a refused request says is not taken for trouble with the database, whatever words are in it', () => {
  const said = 'invalid input syntax for type uuid: "connection timeout, terminating"'
  expect(storeError({ message: said, code: '22P02' }, 400, 'f()', 'u').code).toBe('STORE_REJECTED')
  expect(
    storeError({ message: 'canceling statement due to statement timeout', code: '57014' }, 500, 'f()', 'u').code,
  ).toBe('STORE_UNREACHABLE')
  expect(storeError({ message: 'slow down' }, 429, 'f()', 'u').code).toBe('STORE_UNREACHABLE')
})

test('an entry into a row that somebody holds locked is 503 by the direct way, too, and is taken when it is sent again', async () => {
  const store = createPostgresStore({ url: db.databaseUrl })
  const portfolio = testPortfolio(db, portfolioStores(store))
  const direct = await startHost({
    service: {
      name: 'pm',
      ready: async () => ({ ok: true }),
      routes: (app) => pmRoutes(app, portfolio),
      stop: () => store.close(),
    },
    port: 0,
    metrics: new Registry(),
    logger,
  })
  const at = { token_chain: 'base', token_contract: '0x1', token_ticker: 'T', timeframe: '15m' }
  await openPosition(portfolio, { id: 'held', ...at })
  const enter = () =>
    post(
      `${direct.url}/v1/positions/held/executions`,
      JSON.stringify({ id: 'held-entry', kind: 'entry', price: 1, quantity: 1 }),
    )
  await withClient(db.databaseUrl, async (client) => {
    await client.query(`begin; select 1 from lowcap_positions where id = 'held' for update`)
    expect(await enter()).toEqual([503, expect.stringContaining('canceling statement')])
    await client.query('rollback')
  })
  expect((await enter())[0]).toBe(201)
  await direct.stop()
})

import fastify, { type FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { StrandlineError } from '../../core/errors.ts'
import type { Service, ServiceDeps } from '../../core/service.ts'
import { createPostgrestStore } from '../../core/store/postgrest-store.ts'
import { startPm } from '../../services/pm/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createMemoryLog } from '../support/memory-log.ts'
import { at, fullExit, insertBars, logger, outboxOf, testCodec, until } from '../support/pm.ts'

let db: TestDatabase
let app: FastifyInstance
let pm: Service
let log: ReturnType<typeof createMemoryLog>
let metrics: Registry
const deps = (): ServiceDeps => ({
  config: { topic: 'closed', deadLetterTopic: 'dead', partitions: 1 } as ServiceDeps['config'],
  log,
  store: db.store,
  codec: testCodec,
  clock: systemClock,
  logger,
  metrics,
})
beforeAll(async () => {
  db = await createTestDatabase()
  log = createMemoryLog()
  metrics = new Registry()
  pm = await startPm(deps())
  app = fastify()
  pm.routes?.(app)
})
afterAll(async () => {
  await pm.stop()
  await app.close()
  await db.drop()
})

const post = (url: string, payload: object) => app.inject({ method: 'POST', url, payload })
const open = (id: string, more: object = {}) =>
  post('/v1/positions', {
    id,
    token_chain: 'base',
    token_contract: `0x${id}`,
    token_ticker: 'PEPE',
    timeframe: '15m',
    ...more,
  })
const buy = (id: string) => ({ id: `${id}-buy`, kind: 'buy', quantity: 10, price: 100, executed_at: at(0) })

test('over HTTP: a position opens, is bought, is sold, closes, and its event is in the log at once', async () => {
  expect((await open('h1')).statusCode).toBe(201)
  expect((await open('h1')).statusCode).toBe(200)
  await insertBars(db, 'h1', [[0, 95, 120]])
  const bought = await post('/v1/positions/h1/executions', buy('h1'))
  expect([bought.statusCode, bought.json().closed]).toEqual([201, null])
  const sold = await post('/v1/positions/h1/executions', fullExit('h1'))
  expect([sold.statusCode, sold.json()]).toMatchObject([
    201,
    { status: 'recorded', left: 0, closed: { rr: 2, position_id: 'h1' } },
  ])
  const again = await post('/v1/positions/h1/executions', fullExit('h1'))
  expect([again.statusCode, again.json()]).toEqual([200, { ...sold.json(), status: 'duplicate' }])
  await until(
    () => outboxOf(db, 'h1'),
    ([row]) => row!.published_at !== null,
  )
  expect(log.records.map((r) => r.key)).toEqual(['h1'])
  expect((await app.inject('/v1/positions/h1')).json()).toMatchObject({
    id: 'h1',
    status: 'watchlist',
    total_quantity: 0,
  })
})

describe('nonsense is refused with a sentence', () => {
  test.each([
    ['no such position', '/v1/positions/nobody/executions', buy('nobody'), 404, 'There is no position nobody.'],
    ['no id', '/v1/positions/h2/executions', { ...buy('h2'), id: undefined }, 400, 'The execution has no id.'],
    ['an unknown kind', '/v1/positions/h2/executions', { ...buy('h2'), kind: 'hodl' }, 400, 'kind is "hodl"'],
    ['a price of 0', '/v1/positions/h2/executions', { ...buy('h2'), price: 0 }, 400, 'price is 0'],
    ['a list', '/v1/positions/h2/executions', [], 400, 'not a JSON object'],
    ['an exit of nothing', '/v1/positions/h2/executions', fullExit('h2'), 409, 'holds nothing'],
    ['a timeframe without a tick', '/v1/positions', { timeframe: '2h' }, 422, 'timeframe is "2h"'],
  ])('%s', async (_name, url, body, status, sentence) => {
    await open('h2')
    const answer = await post(url, body)
    expect([answer.statusCode, answer.json().error.message]).toEqual([status, expect.stringContaining(sentence)])
  })

  test('an infinite price, as JSON can write it', async () => {
    await open('h2')
    const payload = JSON.stringify(buy('h2')).replace('"price":100', '"price":1e999')
    const answer = await app.inject({
      method: 'POST',
      url: '/v1/positions/h2/executions',
      payload,
      headers: { 'content-type': 'application/json' },
    })
    expect(answer.statusCode).toBe(400)
  })

  test('a position that is not there', async () => {
    expect((await app.inject('/v1/positions/nobody')).statusCode).toBe(404)
  })
})

test('the numbers are counted', async () => {
  await until(
    () => metrics.metrics(),
    (text) => text.includes('strandline_outbox_published_total 1'),
  )
  const text = await metrics.metrics()
  expect(text).toContain('strandline_pm_closes_total{timeframe="15m",by="report",scored="true"} 1')
  expect(text).toMatch(/strandline_pm_executions_total\{outcome="recorded"\} 2/)
  expect(text).toMatch(/strandline_pm_executions_total\{outcome="duplicate"\} 1/)
  for (const timeframe of ['1m', '15m', '1h', '4h'])
    expect(text).toContain(`strandline_pm_ticks_total{timeframe="${timeframe}",outcome="done"} 1`)
})

test('a database that is away: not ready, and whoever reports is told to come again', async () => {
  const away = await startPm({
    ...deps(),
    store: createPostgrestStore({ url: 'http://127.0.0.1:9', key: 'sb_secret_x' }),
    metrics: new Registry(),
  })
  const other = fastify()
  away.routes?.(other)
  expect(await away.ready()).toMatchObject({
    ok: false,
    reason: expect.stringContaining('No answer from the database'),
  })
  const answer = await other.inject({ method: 'POST', url: '/v1/positions/h1/executions', payload: buy('h1') })
  expect([answer.statusCode, answer.json().error.code]).toEqual([503, 'STORE_UNREACHABLE'])
  await away.stop()
  await other.close()
})

test('ready while log and database answer; not ready while no broker does, and ready again', async () => {
  expect(await pm.ready()).toEqual({ ok: true })
  log.reachable = () => {
    throw new StrandlineError('LOG_UNREACHABLE', 'Kafka at 127.0.0.1:1 does not answer.')
  }
  expect(
    await until(
      () => pm.ready(),
      (r) => !r.ok,
    ),
  ).toMatchObject({ reason: expect.stringContaining('127.0.0.1:1') })
  log.reachable = () => {}
  await until(
    () => pm.ready(),
    (r) => r.ok,
  )
})

import fastify from 'fastify'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import type { ServiceDeps } from '../../core/service.ts'
import { createCoefficientStore } from '../../core/store/coefficient-store.ts'
import { readAllCoefficients } from '../../core/store/learned.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { createOfflineFold } from '../../domain/learning/offline.ts'
import { allocate, createDecisionMaker, startDecision } from '../../services/decision/index.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFeed, recordsOf } from '../support/feed.ts'
import { createTestLearner, encodeEvent, TOPIC } from '../support/learner.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db?.drop())

const model = loadModel('lowcap-v4')
const context = { curator: 'alice', chain: 'base', mcap_at_entry: 1_500_000 }
const sizing = { base: 5, min: 1, max: 50 }

/** All exits at one moment: the decayed means are plain means then, and everything can be computed by hand. */
const trade = (n: number, rr: number, levers: Record<string, string>, timeframe = '1h') =>
  closedTrade({ position_id: `p-${n}`, rr, levers, measures: {}, timeframe })

/** Mean 1.0. alice 1.5, bob 0.5; base 1.0, solana 1.0; 1m-2m 4/3, 50m+ 2/3; 1h and 4h 1. */
const events: PositionClosed[] = [
  trade(1, 2, { curator: 'alice', chain: 'base', mcap_bucket: '1m-2m' }),
  trade(2, 1, { curator: 'alice', chain: 'solana', mcap_bucket: '1m-2m' }, '4h'),
  trade(3, 0.5, { curator: 'bob', chain: 'solana', mcap_bucket: '50m+' }),
  trade(4, 1.5, { curator: 'alice', chain: 'solana', mcap_bucket: '50m+' }),
  trade(5, 0, { curator: 'bob', chain: 'base', mcap_bucket: '50m+' }),
  trade(6, 1, { curator: 'bob', chain: 'base', mcap_bucket: '1m-2m' }),
]

async function learn(modelName = 'lowcap-v4', fed = events) {
  const { runner } = await createTestLearner({ store: db.store, model: loadModel(modelName) })
  await createFeed(TOPIC, 0, recordsOf(fed.map((e) => ({ key: e.position_id, value: encodeEvent(e) })))).run(runner)
}

describe('before anything is learned', () => {
  test('an allocation is the base, split as people did', async () => {
    const answer = await allocate(db.store, { entry_context: context, ...sizing })
    expect(answer).toMatchObject({
      allocation: 5,
      multiplier: 1,
      factors: [],
      model: null,
      global_rr: { rr_short: null, rr_long: null, n: 0 },
    })
    expect(answer.timeframes.map((t) => t.allocation)).toEqual([0.25, 0.625, 3.5, 0.625])
    expect(await readAllCoefficients(createCoefficientStore(db.store))).toEqual([])
  })
})

describe('once trades were learned from', () => {
  const mean = 1 // of all six
  const curator = 1.5 // (2 + 1 + 1.5) / 3
  const chain = 1 // (2 + 0 + 1) / 3
  const cap = 4 / 3 // (2 + 1 + 1) / 3
  const combined = 2 // the one trade with all three, at most 2.0

  test('an allocation is what one computes by hand from its rows', async () => {
    const maker = createDecisionMaker(createCoefficientStore(db.store))
    await maker.allocate({ entry_context: context, ...sizing })
    await learn()
    const answer = await maker.allocate({ entry_context: context, ...sizing })
    const damped = (w: number) => w + 0.2 * (1 - w)
    expect(answer.global_rr.rr_short).toBeCloseTo(mean, 12)
    expect(answer.factors.map((f) => [f.scope, f.name, f.key])).toEqual([
      ['lever', 'curator', 'alice'],
      ['lever', 'chain', 'base'],
      ['lever', 'cap', '1m-2m'],
      ['interaction', 'interaction', 'cap=1m-2m|chain=base|curator=alice'],
    ])
    expect(answer.factors.map((f) => f.n)).toEqual([3, 3, 3, 1])
    for (const [i, weight] of [curator, chain, cap, combined].entries())
      expect(answer.factors[i]?.weight).toBeCloseTo(weight, 12)
    expect(answer.levers_damped).toBe(true)
    expect(answer.allocation).toBeCloseTo(5 * damped(curator) * damped(chain) * damped(cap) * combined, 10)
    expect(answer.unset_levers).toEqual(['vol', 'age', 'intent', 'mapping_confidence', 'mcap_vol_ratio', 'timeframe'])
  })

  test('a combination that never traded leaves the levers as they are', async () => {
    const answer = await allocate(db.store, { entry_context: { curator: 'alice', chain: 'solana' }, ...sizing })
    expect(answer.factors.at(-1)).toMatchObject({
      scope: 'interaction',
      n: 0,
      weight: 1,
      rr_short: null,
      temperature: 'unknown',
    })
    expect(answer.allocation).toBeCloseTo(5 * curator * 1, 10)
  })

  test('the timeframe asked for is a factor like any other, and there is nothing to split', async () => {
    const answer = await allocate(db.store, { entry_context: { curator: 'nobody' }, timeframe: '1h', ...sizing })
    expect(answer.factors.find((f) => f.name === 'timeframe')).toMatchObject({ key: '1h', n: 5 })
    expect(answer.allocation).toBeCloseTo(5 * 1, 10) // 1h: (2 + 0.5 + 1.5 + 0 + 1) / 5
    expect(answer.timeframes.every((t) => t.allocation === null)).toBe(true)
  })

  test('the split over timeframes is their weights, normalised', async () => {
    const { timeframes } = await createDecisionMaker(createCoefficientStore(db.store)).timeframes()
    expect(timeframes.map((t) => t.share)).toEqual([0.25, 0.25, 0.25, 0.25]) // 1h and 4h have the mean itself, the others are unknown
    expect(timeframes.map((t) => t.n)).toEqual([0, 0, 5, 1])
  })

  test('all coefficients are read, whatever the pages are, in the order of an offline fold', async () => {
    const fold = createOfflineFold(model)
    await fold.add(events)
    const { coefficients } = fold.result()
    for (const pageSize of [1, 2, 7, 10_000]) {
      const rows = await readAllCoefficients(createCoefficientStore(db.store), {}, pageSize)
      expect(rows.map((r) => [r.module, r.scope, r.name, r.key, r.n])).toEqual(
        coefficients.map((r) => [r.module, r.scope, r.name, r.key, r.n]),
      )
      for (const [i, row] of rows.entries()) {
        expect(row.weight).toBeCloseTo(coefficients[i]!.weight, 9)
        expect(row.rr_short).toBeCloseTo(coefficients[i]!.rr_short, 9)
        expect(row.rr_long).toBeCloseTo(coefficients[i]!.rr_long, 9)
      }
    }
  })

  test('coefficients can be narrowed down', async () => {
    const keys = async (filter: Parameters<typeof readAllCoefficients>[1]) =>
      (await readAllCoefficients(createCoefficientStore(db.store), filter)).map((r) => `${r.name}=${r.key}`)
    expect(await keys({ scope: 'lever', name: 'chain' })).toEqual(['chain=base', 'chain=solana'])
    expect(await keys({ minN: 5 })).toEqual(['timeframe=1h'])
    expect(await keys({ scope: 'interaction' })).toHaveLength(6)
  })

  test('a request that makes no sense is refused with what to do', async () => {
    const bad = (request: object) =>
      expect(allocate(db.store, request as never)).rejects.toMatchObject({ code: 'USAGE', todo: expect.any(String) })
    await bad({ entry_context: context, base: null, min: 1, max: 10 })
    await bad({ entry_context: context, base: '5', min: 1, max: 10 })
    await bad({ entry_context: [], ...sizing })
    await bad({ entry_context: { nested: { a: 1 } }, ...sizing })
    await bad({ entry_context: context, timeframe: '7m', ...sizing })
    await bad({ entry_context: { curator: 'a\0b' }, ...sizing })
    await bad({ entry_context: { curator: 'x'.repeat(1_000_000) }, ...sizing })
    await bad({})
  })
})

describe('over HTTP', () => {
  async function server() {
    const app = fastify()
    const service = await startDecision({
      store: db.store,
      logger: pino({ level: 'silent' }),
      metrics: new Registry(),
    } as unknown as ServiceDeps)
    service.routes?.(app)
    return { app, service }
  }

  test('an allocation is the same as the library call', async () => {
    const { app, service } = await server()
    const request = { entry_context: context, timeframe: '1h', ...sizing }
    const answer = await app.inject({ method: 'POST', url: '/v1/allocations', payload: request })
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual(await allocate(db.store, request))
    expect(await service.ready()).toEqual({ ok: true })
  })

  test('the timeframes are there, with their rows', async () => {
    const { app } = await server()
    const answer = await app.inject({ method: 'GET', url: '/v1/timeframes' })
    expect(answer.json().timeframes.map((t: { timeframe: string }) => t.timeframe)).toEqual(['1m', '15m', '1h', '4h'])
  })

  test.each([
    ['{"entry_context": {}, "base": null, "min": 1, "max": 2}', 'base is null.'],
    [
      '{"entry_context": {}, "base": {"toString": 1, "valueOf": 1}, "min": 1, "max": 2}',
      'base is {"toString":1,"valueOf":1}.',
    ],
    ['{"entry_context": 7, "base": 1, "min": 1, "max": 2}', 'The entry context is not an object.'],
    ['{', 'The body is not JSON'],
  ])('%s is answered with 400 and one sentence', async (payload, message) => {
    const { app } = await server()
    const answer = await app.inject({
      method: 'POST',
      url: '/v1/allocations',
      payload,
      headers: { 'content-type': 'application/json' },
    })
    expect(answer.statusCode).toBe(400)
    expect(answer.json().error).toMatchObject({ code: 'USAGE', message: expect.stringContaining(message) })
  })
})

test('the model that is active in the database decides which levers count, also when it is switched while running', async () => {
  const maker = createDecisionMaker(createCoefficientStore(db.store))
  expect((await maker.allocate({ entry_context: context, ...sizing })).model).toBe('lowcap-v4')
  const imported = closedTrade({
    source: 'import:freqtrade',
    levers: { pair: 'ETH/BTC', enter_tag: 'dip' },
    measures: {},
    rr: 2,
  })
  await learn('freqtrade', [imported])
  const answer = await maker.allocate({ entry_context: { pair: 'ETH/BTC', enter_tag: 'dip' }, ...sizing })
  expect(answer.model).toBe('freqtrade')
  expect(answer.factors.map((f) => [f.name, f.key, f.n])).toEqual([
    ['pair', 'ETH/BTC', 1],
    ['enter_tag', 'dip', 1],
    ['pair×enter_tag', 'enter_tag=dip|pair=ETH/BTC', 1],
  ])
})

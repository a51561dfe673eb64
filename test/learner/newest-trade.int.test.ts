/**
 * The rule shrunk counts what is left of trades at the exit of the newest one that counts. That moment moves back when this trade is retracted, corrected to an
 * earlier exit, or has no longer what the model learns: in the database, in memory, in a fold and in the history of the log alike.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { type CoefficientStore, createCoefficientStore } from '../../core/store/coefficient-store.ts'
import { readLearned } from '../../core/store/learned.ts'
import { createMemoryCoefficients } from '../../core/store/memory/coefficients.ts'
import { createMemoryDatabase } from '../../core/store/memory/database.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { NOW } from '../../domain/history/cut.ts'
import { TradeHistory } from '../../domain/history/trade-history.ts'
import { BASELINE, SQUARES } from '../../domain/learning/model.ts'
import { createOfflineFold } from '../../domain/learning/offline.ts'
import { tradeOf } from '../../domain/learning/trade-table.ts'
import { createHistoryStore } from '../../replay/history-store.ts'
import type { OpenHistory } from '../../replay/open-history.ts'
import { createMemoryLearnerStores } from '../../services/learner/memory-stores.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFeed, recordsOf } from '../support/feed.ts'
import { createTestLearner, encodeEvent, TOPIC } from '../support/learner.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db?.drop())

const model = loadModel('lowcap-return')
const DAY = 86_400_000
const on = (day: number) => Date.UTC(2026, 0, 1) + day * DAY
const trade = (n: number, day: number, more: Partial<PositionClosed> = {}) =>
  closedTrade({
    position_id: `p${n}`,
    closed_at: on(day),
    return: 0.1 * (n % 5) - 0.1,
    levers: { curator: n % 2 === 0 ? 'a|b' : 'c', chain: 'base' },
    measures: {},
    ...more,
  })
const old = Array.from({ length: 12 }, (_, n) => trade(n, n * 3))

/** Each adds to the log, and the day that is the newest then. */
const STEPS: [string, PositionClosed[], number][] = [
  ['the newest trade', [...old, trade(20, 200)], 200],
  ['it is retracted', [trade(20, 200, { revision: 1, voided: true })], 33],
  ['others come, of which one says nothing of what is learned', [trade(21, 90), trade(22, 120, { return: null })], 90],
  ['the newest of them closed earlier', [trade(21, 40, { revision: 1 })], 40],
  ['and has nothing to learn any more', [trade(21, 40, { revision: 2, return: null })], 33],
]

test('what is left of trades is counted up to the newest one that counts, wherever that is asked', async () => {
  const memory = createMemoryDatabase()
  const [inDatabase, inMemory] = [
    await createTestLearner({ store: db.store, model }),
    await createTestLearner({ store: createMemoryLearnerStores(memory, TOPIC), model }),
  ]
  const fold = createOfflineFold(model)
  const history = new TradeHistory()
  const log: PositionClosed[] = []
  const seen = new Set<string>()
  for (const [what, events, day] of STEPS) {
    for (const event of events) {
      const of = { partition: 0, offset: log.length, taken_at: on(300), revised_by: '' }
      history.add({ ...event, ...of, rr: tradeOf(model, event, 0, 0).rr }, model.combination(model.leverValues(event)))
      log.push(event)
    }
    await fold.add(events)
    const records = () => recordsOf(log.map((e) => ({ key: e.position_id, value: encodeEvent(e) })))
    for (const { runner } of [inDatabase, inMemory]) await createFeed(TOPIC, 0, records()).run(runner)

    const expected = fold.result()
    const evidenceOf = fold.evidence()
    // of τ 90 days: what is left of each effective trade at that day
    const left = newestOf(log).reduce((sum, event) => sum + Math.exp(-(on(day) - event.closed_at) / (90 * DAY)), 0)
    expect(evidenceOf(BASELINE)!.sum_long, what).toBeCloseTo(left, 9)

    const opened = { model, build: 1, topic: TOPIC, active: true, model_version: 1, history, ends: new Map(), read: 0 }
    const past = {
      ...opened,
      effective: () => history.effective(NOW),
      newest: () => history.newest(NOW),
      refused: new Set<number>(),
    } as OpenHistory
    const stores: Record<string, CoefficientStore> = {
      database: createCoefficientStore(db.store),
      memory: createMemoryCoefficients(memory),
      history: createHistoryStore(past, NOW),
    }
    for (const [where, store] of Object.entries(stores)) {
      const { baseline, squares } = await store.read([], null)
      for (const number of ['sum_short', 'sum_long', 'rr_short', 'rr_long'] as const) {
        expect(baseline![number], `${what}, ${where}`).toBeCloseTo(evidenceOf(BASELINE)![number], 9)
        expect(squares![number], `${what}, ${where}`).toBeCloseTo(evidenceOf(SQUARES)![number], 9)
      }
      const { rows } = await readLearned(store)
      expect(rows.map((r) => [r.name, r.key, r.n])).toEqual(expected.coefficients.map((r) => [r.name, r.key, r.n]))
      for (const [i, row] of rows.entries())
        for (const number of ['weight', 'edge', 'trust', 'error'] as const)
          expect(row[number], `${what}, ${where}: ${row.key}`).toBeCloseTo(expected.coefficients[i]![number]!, 9)
    }
    const sql = await db.sql<{ key: string; weight: number }>(
      'select key, weight from learner_coefficients order by scope desc, name, key',
    )
    expect(sql).toHaveLength(expected.coefficients.length)
    for (const { key, weight } of sql)
      expect(weight, `${what}, view: ${key}`).toBeCloseTo(expected.coefficients.find((c) => c.key === key)!.weight, 9)
    seen.add(expected.coefficients.map((c) => c.trust.toPrecision(6)).join())
  }
  expect(seen.size).toBe(STEPS.length - 1) // the last is as the second: nothing but old trades is left
})

/** The newest revision of each trade, of those that count. */
function newestOf(log: readonly PositionClosed[]): PositionClosed[] {
  const newest = new Map<string, PositionClosed>()
  for (const event of log) newest.set(event.event_id, event)
  return [...newest.values()].filter((event) => !event.voided && event.return !== null)
}

/** What a coefficient is stands once in TypeScript (domain/learning/sums.ts) and once in SQL (strandline.learner_groups, learner_coefficients): the same numbers. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { createModelVersionStore } from '../../core/store/model-versions.ts'
import { decayOf, mergeSums, PERIOD_TAUS, weigh, weightOf } from '../../domain/learning/sums.ts'
import { SUMS_AMOUNTS, SumsTable } from '../../domain/learning/sums-table.ts'
import { openVersion } from '../../services/learner/learner-store.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db?.drop())

const NEWEST_PERIOD = 366
const SUMS = ['n', ...SUMS_AMOUNTS] as const

/** Numbers in [0, 1), the same in every run. */
function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

test('coefficients of any sums: R/R, number and weight are those of the view, to 1e-12', async () => {
  const model = loadModel('lowcap-v4')
  const tau = decayOf(model.definition.tau_days)
  const { id } = await openVersion(createModelVersionStore(db.store), model, 'formula')
  const roll = dice(7)
  const groups = [{ scope: 'global', name: 'global', key: '' }].concat(
    Array.from({ length: 40 }, (_, i) => ({ scope: 'lever', name: 'curator', key: `c${i}` })),
  )
  const made = groups.map((group, i) => {
    // of one period and of many, young and so old that nothing is left of them; losses, too
    const cells = Array.from({ length: 1 + Math.floor(roll() * 5) }, (_, j) => {
      const period = NEWEST_PERIOD - Math.floor(roll() * (i % 4 === 0 ? 200 : 4)) * (j % 3)
      const sums = new SumsTable()
      const row = sums.addRow()
      for (let trade = 0; trade < 1 + roll() * 20; trade++)
        sums.addTrade(
          row,
          weigh(Math.floor((period + roll()) * PERIOD_TAUS * tau.short), i === 0 ? roll() : roll() * 20 - 8, tau),
        )
      return { partition: j, period, sums: sums.read(row) }
    })
    return { group, cells }
  })
  for (const { group, cells } of made)
    for (const { partition, period, sums } of cells)
      await db.sql(
        `insert into learner_partials (model_version, partition, period, newest_ms, scope, name, key, ${SUMS.join(', ')})
         values ($1, $2, $3, $4, $5, $6, $7, ${SUMS.map((_, i) => `$${i + 8}`).join(', ')})`,
        [id, partition, period, sums.newest, group.scope, group.name, group.key, ...SUMS.map((name) => sums[name])],
      )
  const base = mergeSums(made[0]!.cells, tau)!
  const rows = await db.sql<{ key: string; weight: number; rr_short: number; rr_long: number; n: string }>(
    'select * from learner_coefficients order by key',
  )
  expect(rows).toHaveLength(40)
  for (const row of rows) {
    const { rr_short, rr_long, n } = mergeSums(made.find((m) => m.group.key === row.key)!.cells, tau)!
    expect(Number(row.n)).toBe(n)
    const same = (found: number, is: number) =>
      expect(Math.abs(found - is), row.key).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(is)))
    same(row.rr_short, rr_short)
    same(row.rr_long, rr_long)
    same(row.weight, weightOf(rr_short, base.rr_short, model.definition.weight as { min: number; max: number }))
  }
  const [config] = await db.sql<{ b: { global_rr: { rr_short: number; n: number } } }>(
    'select strandline.learner_baseline($1) as b',
    [id],
  )
  expect(config!.b.global_rr).toMatchObject({ n: base.n, rr_short: expect.closeTo(base.rr_short, 12) })
})

test('the baseline names the timeframes of the model’s own vocabulary', async () => {
  const { definition, ...model } = loadModel('lowcap-v4')
  const levers = definition.levers.map((l) => (l.name === 'timeframe' ? { ...l, vocabulary: ['2h', '3d'] } : l))
  const own = { ...model, definition: { ...definition, levers }, hash: 'own' }
  const { id } = await openVersion(createModelVersionStore(db.store), own, 'timeframes')
  const tau = decayOf(definition.tau_days)
  const table = new SumsTable()
  table.addTrade(table.addRow(), weigh(0, 1, tau))
  const sums = table.read(0)
  for (const key of ['2h', '1h'])
    await db.sql(
      `insert into learner_partials (model_version, partition, period, newest_ms, scope, name, key, ${SUMS.join(', ')})
       values ($1, 0, 0, $2, 'lever', 'timeframe', $3, ${SUMS.map((_, i) => `$${i + 4}`).join(', ')})`,
      [id, sums.newest, key, ...SUMS.map((name) => sums[name])],
    )
  const [row] = await db.sql<{ b: { timeframe_weights: object } }>('select strandline.learner_baseline($1) as b', [id])
  expect(row!.b.timeframe_weights).toEqual({ '2h': { rr_short: 1, rr_long: 1, n: 1 } })
})

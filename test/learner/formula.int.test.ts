/** What a coefficient is stands once in TypeScript (domain/learning: sums, shrunk, weigher) and once in SQL (strandline.learner_groups, learner_evidence, learner_coefficients): the same numbers. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { createCoefficientStore } from '../../core/store/coefficient-store.ts'
import { readLearned } from '../../core/store/learned.ts'
import { createModelVersionStore } from '../../core/store/model-versions.ts'
import { BASELINE, type Group, type Model, SQUARES } from '../../domain/learning/model.ts'
import {
  type Decay,
  decayOf,
  type Evidence,
  mergeEvidence,
  mergeSums,
  PERIOD_TAUS,
  weigh,
  weightOf,
} from '../../domain/learning/sums.ts'
import { SUMS_AMOUNTS, SumsTable } from '../../domain/learning/sums-table.ts'
import { createWeigher } from '../../domain/learning/weigher.ts'
import type { CoefficientKey } from '../../domain/sizing/allocation.ts'
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
  const { model_version: id } = await openVersion(createModelVersionStore(db.store), model, 'formula')
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

const PERIOD_MS = (tau: Decay) => PERIOD_TAUS * tau.short
/** Values as people write them: what cuts a key stands escaped in it. */
const VALUES = ['0xa', 'b|c', '100%', '%7C', 'ä=ö', 'x'.repeat(40)]
const CHAINS = ['base', 'a|b%', 'solana']

describe.each(['lowcap-v5', 'lowcap-return'])('coefficients of any sums by the rule shrunk, %s', (name) => {
  const model = loadModel(name)
  const { clamp, tau_days } = model.definition
  const tau = decayOf(tau_days)
  const { min, max } = clamp as { min: number; max: number }

  test.each([1, 2, 3])(
    'weights of the view, and what readers get, are those of the weigher, to 1e-9: %d',
    async (seed) => {
      const topic = `shrunk ${name} ${seed}`
      const { model_version: id } = await openVersion(createModelVersionStore(db.store), model, topic)
      const roll = dice(seed * 101)
      const outcome = () => min + roll() * (max - min)
      /** Of one period and of many, young and so old that nothing is left of them. */
      const cellsOf = (of: () => number, most: number) =>
        Array.from({ length: 1 + Math.floor(roll() * 5) }, (_, partition) => {
          const period = NEWEST_PERIOD - Math.floor(roll() * (roll() < 0.2 ? 200 : 3)) * (partition % 3)
          const sums = new SumsTable()
          const row = sums.addRow()
          for (let trade = 0; trade < 1 + roll() * most; trade++)
            sums.addTrade(row, weigh(Math.floor((period + roll()) * PERIOD_MS(tau)), of(), tau))
          return { partition, period, sums: sums.read(row) }
        })
      const levers = VALUES.flatMap((curator) =>
        CHAINS.map(
          (chain) =>
            new Map([
              ['curator', curator],
              ['chain', chain],
            ]),
        ),
      )
      const interactions = [
        ...levers,
        new Map([
          ['curator', 'nobody else'],
          ['chain', 'base'],
        ]),
      ].map((of) => {
        const groups = model.groups(model.valuesOf(of))
        return groups.find((group) => group.scope === 'interaction') as Group
      })
      const made = [
        { group: BASELINE, cells: cellsOf(() => outcome() / 3 + (max - min) / 20, 40) },
        { group: SQUARES, cells: cellsOf(() => ((max - min) / 2) ** 2 * (0.5 + roll()), 40) },
        ...VALUES.map((key) => ({
          group: { scope: 'lever', name: 'curator', key } as Group,
          cells: cellsOf(outcome, 30),
        })),
        ...CHAINS.map((key) => ({
          group: { scope: 'lever', name: 'chain', key } as Group,
          cells: cellsOf(outcome, 30),
        })),
        ...interactions.map((group) => ({ group, cells: cellsOf(outcome, 3) })),
      ]
      for (const { group, cells } of made)
        for (const { partition, period, sums } of cells)
          await db.sql(
            `insert into learner_partials (model_version, partition, period, newest_ms, scope, name, key, ${SUMS.join(', ')})
           values ($1, $2, $3, $4, $5, $6, $7, ${SUMS.map((_, i) => `$${i + 8}`).join(', ')})`,
            [id, partition, period, sums.newest, group.scope, group.name, group.key, ...SUMS.map((of) => sums[of])],
          )
      // the newest trade that counts may lie anywhere: here within the newest period, or half a year behind the rest
      const newest = Math.floor((NEWEST_PERIOD + (seed === 3 ? 3 : roll())) * PERIOD_MS(tau))
      for (const [i, [closed_at, rr, voided]] of [
        [newest - 1_000, 1, false],
        [newest, 1, false],
        [newest + PERIOD_MS(tau), 1, true], // retracted
        [newest + PERIOD_MS(tau), null, false], // without what the model learns
      ].entries())
        await db.sql(
          `insert into learner_ledger (event_id, "offset", closed_at_ms, rr, model_version, revision, partition, voided, levers)
         values (gen_random_uuid(), $1, $2, $3, $4, 0, 0, $5, '')`,
          [i, closed_at, rr, id, voided],
        )

      const evidence = new Map(
        made.map(({ group, cells }) => [idOf(group), mergeEvidence(inOrder(cells), tau, newest)]),
      )
      const evidenceOf = (group: Group) => evidence.get(idOf(group)) ?? null
      const weigher = createWeigher(model, evidenceOf)
      const rows = await db.sql<{ scope: Group['scope']; name: string; key: string; weight: number }>(
        'select scope, name, key, weight from learner_coefficients where model_version = $1',
        [id],
      )
      expect(rows).toHaveLength(made.length - 2)
      for (const { weight, ...group } of rows)
        near(weight, weigher.weigh(group, evidenceOf(group) as Evidence).weight, group.key)
      expect(new Set(rows.map((row) => row.weight.toPrecision(6))).size).toBeGreaterThan(20)

      const store = createCoefficientStore(db.store)
      for (const size of [7, 1_000]) {
        const all = await readLearned({ ...store, version: async () => versionRow(model, id, topic) }, {}, size)
        expect(all.rows).toHaveLength(made.length - 2)
        near(all.spread as number, weigher.spread as number, 'spread')
        for (const row of all.rows) {
          const is = weigher.weigh(row as Group, evidenceOf(row as Group) as Evidence)
          for (const number of ['weight', 'edge', 'trust', 'error'] as const)
            near(row[number] as number, is[number] as number, `${row.key} ${number}`)
        }
      }
      const read = await store.read(
        made.slice(2).map(({ group }) => group as CoefficientKey),
        model.hash,
      )
      for (const row of [...read.rows, { ...BASELINE, ...read.baseline }, { ...SQUARES, ...read.squares }])
        for (const number of ['rr_short', 'rr_long', 'sum_short', 'sum_long'] as const)
          near(row[number] as number, (evidenceOf(row as Group) as Evidence)[number], `${row.key} ${number}`)
      await db.sql('delete from model_versions where model_version = $1', [id])
    },
  )
})

const idOf = ({ name, key }: { name: string; key: string }) => `${name}\0${key}`
const inOrder = <T extends { partition: number; period: number }>(cells: T[]) =>
  cells.toSorted((a, b) => a.partition - b.partition || a.period - b.period)
const versionRow = ({ definition, hash }: Model, model_version: number, topic: string) => ({
  model_version,
  sums: model_version,
  consumer: 'formula',
  hash,
  build: 1,
  topic,
  active: false,
  definition,
})
function near(is: number, should: number, what: string): void {
  expect(Math.abs(is - should), what).toBeLessThanOrEqual(Math.max(1e-12, 1e-9 * Math.abs(should)))
}

test('the baseline names the timeframes of the model’s own vocabulary', async () => {
  const { definition, ...model } = loadModel('lowcap-v4')
  const levers = definition.levers.map((l) => (l.name === 'timeframe' ? { ...l, vocabulary: ['2h', '3d'] } : l))
  const own = { ...model, definition: { ...definition, levers }, hash: 'own' }
  const { model_version: id } = await openVersion(createModelVersionStore(db.store), own, 'timeframes')
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

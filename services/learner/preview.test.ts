import { expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { createMemoryCoefficients } from '../../core/store/memory/coefficients.ts'
import { createMemoryDatabase } from '../../core/store/memory/database.ts'
import { learnedTables, partialKey } from '../../core/store/memory/learned.ts'
import { createMemoryModelVersions } from '../../core/store/memory/model-versions.ts'
import { emptySums } from '../../domain/learning/sums.ts'
import { namedModel } from './learner-store.ts'
import { previewSwitch } from './preview.ts'

const model = loadModel('lowcap-v4')

/** Two builds, and the R/R of each value in the first and in the second; the baseline's is 1 in both. */
async function twoBuilds(values: Record<string, [number | null, number | null]>) {
  const db = createMemoryDatabase()
  const versions = createMemoryModelVersions(db)
  await versions.open(namedModel(model, 't'))
  await versions.openBuild(namedModel(model, 't'))
  const { partials } = learnedTables(db)
  db.transaction(() => {
    for (const model_version of [1, 2])
      for (const [key, rrs] of Object.entries({ '': [1, 1] as [number, number], ...values })) {
        const rr = rrs[model_version - 1]
        if (rr === null || rr === undefined) continue
        const [scope, name] = key === '' ? ['global', 'global'] : ['lever', 'curator']
        const sums = {
          ...emptySums(),
          n: 3,
          weight_short: 3,
          weighted_rr_short: 3 * rr,
          weight_long: 3,
          weighted_rr_long: 3 * rr,
        }
        const row = { model_version, partition: 0, period: 0, scope, name, key, sums }
        partials.put(partialKey(row), row)
      }
  })
  const [first, second] = await versions.list()
  return { store: createMemoryCoefficients(db), first: first!, second: second! }
}

test.each([1, 2, 3, 100])('what appears, vanishes and moves is counted, in pages of %i', async (pageSize) => {
  const { store, first, second } = await twoBuilds({
    a: [1, 1.05],
    b: [1, 1.5],
    c: [1, null],
    d: [null, 1],
    e: [1.5, 0.75],
    f: [1.2, 1.2],
  })
  const preview = await previewSwitch(store, first, second, () => {}, pageSize)
  expect(preview).toMatchObject({ before: 5, after: 5, appear: 1, vanish: 1, both: 4, move: 2 })
  expect(preview.largest.map((m) => [m.key, m.change])).toEqual([
    ['e', -0.5],
    ['b', 0.5],
    ['a', expect.closeTo(0.05, 10)],
  ])
  expect(preview.largest[1]).toMatchObject({ before: { weight: 1, n: 3 }, after: { weight: 1.5, rr_short: 1.5 } })
  expect(preview.global_rr).toMatchObject({ before: { rr_short: 1, n: 3 }, after: { rr_short: 1, n: 3 } })
})

test('only the twenty largest moves are told, and all are counted', async () => {
  const { store, first, second } = await twoBuilds(
    Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`k${i}`, [1, 1.12 + i / 100]])),
  )
  const { move, largest } = await previewSwitch(store, first, second, () => {}, 7)
  expect(move).toBe(30)
  expect(largest.map((m) => m.key)).toEqual(Array.from({ length: 20 }, (_, i) => `k${29 - i}`))
})

test('where readers see nothing yet, everything appears', async () => {
  const { store, second } = await twoBuilds({ a: [1, 1.05] })
  expect(await previewSwitch(store, null, second)).toMatchObject({ before: 0, after: 1, appear: 1, both: 0 })
})

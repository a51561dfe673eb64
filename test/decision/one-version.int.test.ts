/** What is read of a learner is of one model version, whichever is made active while it is read. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { createCoefficientStore } from '../../core/store/coefficient-store.ts'
import { readAllCoefficients, readLearned } from '../../core/store/learned.ts'
import { createModelVersionStore } from '../../core/store/model-versions.ts'
import type { Store } from '../../core/store/store.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFeed, recordsOf } from '../support/feed.ts'
import { createTestLearner, encodeEvent, TOPIC } from '../support/learner.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase()
  for (const [model, trades] of [
    ['lowcap-v4', 12],
    ['freqtrade', 5],
  ] as const) {
    const events = Array.from({ length: trades }, (_, i) =>
      closedTrade({
        position_id: `p-${i}`,
        source: model === 'freqtrade' ? 'import:freqtrade' : 'pm',
        levers: { curator: `c${i}`, chain: 'base', pair: `p${i}` },
        measures: {},
      }),
    )
    const { runner } = await createTestLearner({ store: db.store, model: loadModel(model) })
    await createFeed(TOPIC, 0, recordsOf(events.map((e) => ({ key: e.position_id, value: encodeEvent(e) })))).run(
      runner,
    )
  }
})
afterAll(() => db?.drop())

const activate = async (model: string) => {
  const version = (await createModelVersionStore(db.store).list()).find((v) => v.model === model)!
  await db.store.rpc('strandline_learner_activate', { p_model_version: version.model_version })
}

/** The database, in which the other model is made active after the n-th call. */
function switching(after: number): Store {
  let calls = 0
  return {
    ...db.store,
    rpc: async <T>(fn: string, args: Record<string, unknown>) => {
      const answer = await db.store.rpc<T>(fn, args)
      if (++calls === after) await activate('freqtrade')
      return answer
    },
  }
}

test('regression: pages of coefficients are of the version of the first one', async () => {
  await activate('lowcap-v4')
  const all = await readAllCoefficients(createCoefficientStore(db.store))
  expect(await readAllCoefficients(createCoefficientStore(switching(3)), {}, 2)).toEqual(all)
})

test('regression: the baseline, the coefficients and the name beside them are of one version', async () => {
  await activate('freqtrade')
  const freqtrade = await readLearned(createCoefficientStore(db.store))
  await activate('lowcap-v4')
  const lowcap = await readLearned(createCoefficientStore(db.store))
  expect([lowcap.global_rr.n, freqtrade.global_rr.n]).toEqual([12, 5])
  for (const after of [1, 2, 3]) {
    await activate('lowcap-v4')
    const read = await readLearned(createCoefficientStore(switching(after)))
    const expected = read.global_rr.n === 12 ? lowcap : freqtrade
    expect({ model: read.version?.model.definition.name, global_rr: read.global_rr, rows: read.rows }).toEqual({
      model: expected.version?.model.definition.name,
      global_rr: expected.global_rr,
      rows: expected.rows,
    })
  }
})

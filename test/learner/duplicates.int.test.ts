import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { positionClosedType } from '../../core/codec/position-closed-codec.ts'
import { loadModel } from '../../core/load-model.ts'
import type { PositionClosed } from '../../domain/event.ts'
import type { FoldResult } from '../../domain/learning/fold.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFeed, recordsOf } from '../support/feed.ts'
import { bits, emptyLearner, expectClose, folded, learned } from '../support/learned.ts'
import { createTestLearner, encodeEvent, TOPIC } from '../support/learner.ts'
import { removeGuard } from '../support/unguarded.ts'

const model = loadModel('lowcap-v4')
let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())
beforeEach(() => emptyLearner(db))

const trades = Array.from({ length: 10 }, (_, i) => closedTrade({ position_id: `p${i}`, rr: (i % 5) - 1 }))
const [a, b, c] = trades as [PositionClosed, PositionClosed, PositionClosed]
const log = (events: PositionClosed[]) => recordsOf(events.map((e) => ({ key: e.position_id, value: encodeEvent(e) })))

async function learn(events: PositionClosed[], batch = 500, database = db): Promise<FoldResult> {
  const sum = { applied: 0, duplicates: 0, corrections: 0 }
  const { runner } = await createTestLearner({
    store: database.store,
    model,
    events: {
      applied(result) {
        for (const name of ['applied', 'duplicates', 'corrections'] as const) sum[name] += result[name]
      },
    },
  })
  await createFeed(TOPIC, 0, log(events)).run(runner, { batch })
  return sum
}

describe('a trade that is in the log more than once', () => {
  it.each([
    ['in one batch', [a, a, b, a], 500],
    ['in batches of their own', [a, a, b, a], 1],
    ['in two batches', [a, b, a, c], 2],
    ['in a batch of nothing else, after others', [a, b, c, a, a, a], 3],
    ['all of them, published again', [...trades, ...trades], 4],
    ['all of them, published again backwards', [...trades, ...trades.toReversed()], 3],
  ] as const)('%s counts once', async (_, events, batch) => {
    const result = await learn([...events], batch)
    const once = [...new Set(events)]
    expectClose(await learned(db), await folded(model, [once]))
    expect(result).toMatchObject({ applied: once.length, duplicates: events.length - once.length })
  })

  it('leaves the same bits as if it were there once', async () => {
    await learn(trades)
    const once = await bits(db)
    await emptyLearner(db)
    await learn([...trades, ...trades], 3)
    expect(await bits(db)).toEqual(once)
  })

  it('counts once for a learner that has just started and knows nothing but the ledger', async () => {
    await learn(trades)
    const { runner } = await createTestLearner({ store: db.store, model })
    const again = log([...trades, ...trades]).slice(10)
    await runner.assigned(0, 10)
    await runner.batch(
      { topic: TOPIC, partition: 0, fetchedOffset: 10, nextOffset: 20, highWatermark: 20, records: again },
      { heartbeat: async () => {}, isActive: () => true, seek: () => {}, commitOffset: async () => {} },
    )
    expect((await learned(db)).global_rr.n).toBe(10)
  })

  it('counts twice, with the ledger check taken out of the database: this test can fail', async () => {
    const open = await createTestDatabase()
    await removeGuard(open, 'ledger')
    await learn([a, b, a, c], 2, open)
    expect((await learned(open)).global_rr.n).toBe(4)
    await open.drop()
  })
})

describe('a log that is read again', () => {
  it('from any offset, in any batches, changes no bit', async () => {
    await learn(trades)
    const before = await bits(db)
    for (const [committed, batch] of [
      [0, 500],
      [3, 1],
      [9, 2],
      ['earliest', 4],
    ] as const) {
      const { runner } = await createTestLearner({ store: db.store, model })
      expect(await createFeed(TOPIC, 0, log(trades)).run(runner, { committed, batch })).toBe(10)
    }
    expect(await bits(db)).toEqual(before)
    expect(await db.sql('select checkpoint::int from consumer_checkpoints')).toEqual([{ checkpoint: 10 }])
  })

  it('applies what was dead-lettered before and is good now, and only that', async () => {
    // Given a record whose schema the registry does not know yet
    const records = log(trades)
    const late = Buffer.from(records[4]!.value!)
    late.writeInt32BE(8, 1)
    records[4] = { ...records[4]!, value: late }
    const first = await createTestLearner({ store: db.store, model })
    await createFeed(TOPIC, 0, records).run(first.runner, { batch: 3 })
    expect(first.dead).toHaveLength(1)
    expect((await learned(db)).global_rr.n).toBe(9)

    // When the registry has it, and the group is set back
    const { dead, runner } = await createTestLearner({
      store: db.store,
      model,
      registry: { register: async () => 7, writerType: async () => positionClosedType },
    })
    await createFeed(TOPIC, 0, records).run(runner, { committed: 2, batch: 3 })

    // Then it counts, and the others not again
    expect(dead).toEqual([])
    expectClose(await learned(db), await folded(model, [trades]))
  })
})

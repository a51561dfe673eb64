import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import type { PositionClosed } from '../../domain/event.ts'
import type { LearnerCommit } from '../../services/learner/commit.ts'
import type { LearnerStore } from '../../services/learner/learner-store.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFeed, recordsOf } from '../support/feed.ts'
import { bits, emptyLearner, expectClose, folded, learned } from '../support/learned.ts'
import { createTestLearner, encodeEvent, TOPIC } from '../support/learner.ts'

let db: TestDatabase
const model = loadModel('lowcap-v4')
const DAY = 86_400_000
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())
beforeEach(() => emptyLearner(db))

const trade = (id: string, changes: Partial<PositionClosed> = {}) =>
  closedTrade({ position_id: id, event_id: `event-${id}`, rr: 1, levers: { curator: 'a' }, measures: {}, ...changes })
const log = (events: PositionClosed[]) => recordsOf(events.map((e) => ({ key: e.position_id, value: encodeEvent(e) })))

/** A learner whose commits a test can hold, to let something else happen first. */
async function learner(before: (commit: LearnerCommit) => Promise<void> = async () => {}) {
  const { runner } = await createTestLearner({
    store: db.store,
    model,
    wrapStore: (s): LearnerStore => ({
      ...s,
      async commit(c) {
        await before(c)
        return s.commit(c)
      },
    }),
  })
  return runner
}

async function run(
  runner: Awaited<ReturnType<typeof learner>>,
  partition: number,
  events: PositionClosed[],
  batch = 500,
) {
  await createFeed(TOPIC, partition, log(events)).run(runner, { batch })
}

describe('revisions of a trade', () => {
  const revisions = [
    trade('x', { rr: null }),
    trade('x', { revision: 1, rr: 2 }),
    trade('x', { revision: 2, rr: 3, levers: { curator: 'b' } }),
  ]
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ]

  it.each(orders)('count as the highest one, arriving as %i, %i, %i, in one batch or in three', async (...order) => {
    const events = order.map((i) => revisions[i] as PositionClosed)
    const states = []
    for (const batch of [1, 3]) {
      await emptyLearner(db)
      await run(await learner(), 0, [trade('other'), ...events], batch)
      states.push(await bits(db))
      expectClose(await learned(db), await folded(model, [[trade('other'), revisions[2]!]]))
    }
    expect(states[0]).toEqual(states[1])
  })

  it('that void it leave nothing of it, and a group without a trade disappears', async () => {
    await run(await learner(), 0, [trade('x'), trade('x', { revision: 1, voided: true })])
    expect(await learned(db)).toEqual({ global_rr: { rr_short: null, rr_long: null, n: 0 }, coefficients: [] })
    expect(await bits(db)).toEqual([])
  })

  it('that are lower than a void change nothing', async () => {
    await run(await learner(), 0, [trade('x', { revision: 3, voided: true }), trade('x', { revision: 2 })])
    expect((await learned(db)).global_rr.n).toBe(0)
  })

  it('that are not lower than one published twice with another content change nothing: the first one counts', async () => {
    await run(await learner(), 0, [trade('x', { rr: 2 }), trade('x', { rr: 5 })])
    expect((await learned(db)).global_rr.rr_short).toBe(2)
  })

  it('bring a voided trade back', async () => {
    await run(await learner(), 0, [trade('x', { voided: true }), trade('x', { revision: 1, rr: 4 })])
    expect((await learned(db)).global_rr).toEqual({ rr_short: 4, rr_long: 4, n: 1 })
  })

  it('that take away the newest of a group, with the others long past, lose no digit', async () => {
    const start = closedTrade().closed_at
    const old = Array.from({ length: 5 }, (_, i) => trade(`o${i}`, { rr: 0.1 + i / 3, closed_at: start + i * DAY }))
    const newest = trade('x', { rr: 9, closed_at: start + 900 * DAY })
    const voided = { ...newest, revision: 1, voided: true }
    for (const batch of [1, 3, 500]) {
      await emptyLearner(db)
      await run(await learner(), 0, [...old, newest, voided], batch)
      expectClose(await learned(db), await folded(model, [old]))
    }
  })
})

describe('the same trade in two partitions', () => {
  it('counts once, whichever learner comes second, with what it knows from before', async () => {
    const [p0, p1] = [await learner(), await learner()]
    await run(p0, 0, [trade('a'), trade('x', { rr: 2 })], 1)
    await run(p1, 1, [trade('b'), trade('x', { rr: 2 }), trade('c')])
    await p0.batch({ ...batchAt(2, trade('x', { rr: 2 })), partition: 0 }, control())
    expect((await learned(db)).global_rr.n).toBe(4)
    expectClose(
      await learned(db),
      await folded(model, [
        [trade('a'), trade('x', { rr: 2 })],
        [trade('b'), trade('c')],
      ]),
    )
  })

  it('counts once when both commit it at the same moment', async () => {
    let release = () => {}
    const both = new Promise<void>((resolve) => {
      release = resolve
    })
    let waiting = 0
    const meet = async () => {
      if (++waiting === 2) release()
      await both
    }
    const [p0, p1] = [await learner(meet), await learner(meet)]
    await Promise.all([run(p0, 0, [trade('a'), trade('x')]), run(p1, 1, [trade('x'), trade('b')])])
    expect((await learned(db)).global_rr.n).toBe(3)
    expect(await db.sql('select count(*)::int as n from learner_ledger')).toEqual([{ n: 3 }])
  })

  it('corrected through the other one leaves the first, whose learner goes on with what it knows: stale, read again', async () => {
    const [p0, p1] = [await learner(), await learner()]
    await run(p0, 0, [trade('a'), trade('x', { rr: 2 })]) // p0 holds the sums of both in its cache
    await run(p1, 1, [trade('x', { revision: 1, rr: 5, levers: { curator: 'z' } })])
    await p0.batch({ ...batchAt(2, trade('c', { rr: 3 })), partition: 0 }, control())
    expectClose(
      await learned(db),
      await folded(model, [
        [trade('a'), trade('c', { rr: 3 })],
        [trade('x', { revision: 1, rr: 5, levers: { curator: 'z' } })],
      ]),
    )
  })
})

describe('a correction that is overtaken between its reading and its commit', () => {
  // The ledger has revision 0. Partition 1 brings revision 2 and has read that; before it commits, partition 0 brings revision 1.
  const cases: [string, Partial<PositionClosed>][] = [
    ['a trade that counted', { rr: 2 }],
    ['a trade that was not scored yet', { rr: null }],
    ['a voided trade', { voided: true }],
  ]

  it.each(cases)('of %s counts once', async (_, before) => {
    const p0 = await learner()
    await run(p0, 0, [trade('a'), trade('x', before)])
    const p1 = await learner(
      onCorrection(() => p0.batch({ ...batchAt(2, trade('x', { revision: 1, rr: 7 })), partition: 0 }, control())),
    )
    await run(p1, 1, [trade('x', { revision: 2, rr: 3 })])
    expectClose(await learned(db), await folded(model, [[trade('a')], [trade('x', { revision: 2, rr: 3 })]]))
  })

  it.each(cases)('of %s, overtaken between the two questions that it asks, counts once', async (_, before) => {
    const p0 = await learner()
    await run(p0, 0, [trade('a'), trade('x', before)])
    let reads = 0
    const { runner: p1 } = await createTestLearner({
      store: db.store,
      model,
      wrapStore: (s): LearnerStore => ({
        ...s,
        async read(partition, ids, groups) {
          // the first question about the other partition comes after the one about the ledger
          if (partition === 0 && ++reads === 1)
            await p0.batch({ ...batchAt(2, trade('x', { revision: 1, rr: 7 })), partition: 0 }, control())
          return s.read(partition, ids, groups)
        },
      }),
    })
    await run(p1, 1, [trade('x', { revision: 2, rr: 3 })])
    expect(reads).toBeGreaterThan(0)
    expectClose(await learned(db), await folded(model, [[trade('a')], [trade('x', { revision: 2, rr: 3 })]]))
  })

  it('by a third partition that moves the trade to itself counts once', async () => {
    const [p0, p2] = [await learner(), await learner()]
    await run(p0, 0, [trade('a'), trade('x', { rr: 2 })])
    const p1 = await learner(onCorrection(() => run(p2, 2, [trade('x', { revision: 1, rr: 7 })])))
    await run(p1, 1, [trade('x', { revision: 2, rr: 3 })])
    expectClose(await learned(db), await folded(model, [[trade('a')], [trade('x', { revision: 2, rr: 3 })]]))
  })
})

/** Does something once, right before the first commit that corrects a trade. */
function onCorrection(work: () => Promise<void>): (commit: LearnerCommit) => Promise<void> {
  let done = false
  return async (commit) => {
    if (done || commit.changed.length === 0) return
    done = true
    await work()
  }
}

function batchAt(offset: number, event: PositionClosed) {
  const [record] = log([event])
  return {
    topic: TOPIC,
    fetchedOffset: offset,
    nextOffset: offset + 1,
    highWatermark: offset + 1,
    records: [{ ...record!, offset }],
  }
}

function control() {
  return { heartbeat: async () => {}, isActive: () => true, seek: () => {}, commitOffset: async () => {} }
}

describe('a topic that was made anew with fewer partitions', () => {
  it('regression: a correction of a trade of a partition that is no more counts once, and does not repeat for ever', async () => {
    const before = [trade('x', { rr: 3 }), trade('y')]
    await run(await learner(), 8, before)
    await db.sql('delete from consumer_checkpoints')
    const corrected = trade('x', { revision: 1, rr: -1 })
    const second = trade('y', { revision: 1, rr: 2 })

    await run(await learner(), 1, [corrected])
    await run(await learner(), 2, [second])

    expectClose(await learned(db), await folded(model, [[corrected, second]]))
    expect(await db.sql('select partition, checkpoint from consumer_checkpoints order by partition')).toEqual([
      { partition: 1, checkpoint: '1' },
      { partition: 2, checkpoint: '1' },
      { partition: 8, checkpoint: null },
    ])
  })
})

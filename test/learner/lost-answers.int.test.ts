import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../core/clock.ts'
import { positionClosedType } from '../../core/codec/position-closed-codec.ts'
import { StrandlineError } from '../../core/errors.ts'
import { loadModel } from '../../core/load-model.ts'
import { createPostgrestStore } from '../../core/store/postgrest-store.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFeed, recordsOf } from '../support/feed.ts'
import { emptyLearner, expectClose, folded, learned } from '../support/learned.ts'
import { createTestLearner, encodeEvent, type TestLearnerOptions, TOPIC } from '../support/learner.ts'
import { type LossyProxy, startProxy } from '../support/proxy.ts'

const model = loadModel('lowcap-v4')
let db: TestDatabase
let proxy: LossyProxy
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())
beforeEach(async () => {
  await emptyLearner(db)
  proxy = await startProxy(db.supabaseUrl)
})
afterEach(() => proxy.close())

const events = Array.from({ length: 12 }, (_, i) => closedTrade({ position_id: `p${i}`, rr: (i % 5) - 1 }))
const feed = () => createFeed(TOPIC, 0, recordsOf(events.map((e) => ({ key: e.position_id, value: encodeEvent(e) }))))

/** A learner behind the proxy, and what became of its commits. */
async function learner(options: Partial<TestLearnerOptions> = {}) {
  const outcomes: boolean[] = []
  const { runner } = await createTestLearner({
    store: createPostgrestStore({ url: proxy.url, key: db.key, fetch: proxy.fetch }),
    model,
    maxChunk: 5,
    events: { unknownOutcome: (_, happened) => void outcomes.push(happened) },
    ...options,
  })
  return { runner, outcomes }
}

async function expectAll(): Promise<void> {
  expectClose(await learned(db), await folded(model, [events]))
  expect(await db.sql('select checkpoint::int, version::int from consumer_checkpoints')).toMatchObject([
    { checkpoint: 12 },
  ])
}

describe('the answer to a commit is lost', () => {
  it('and it had happened: it is not repeated', async () => {
    const { runner, outcomes } = await learner()
    proxy.doom('strandline_learner_commit', 'lose answer')
    await feed().run(runner)
    expect(outcomes).toEqual([true])
    await expectAll()
  })

  it('and it had not happened: it is repeated', async () => {
    const { runner, outcomes } = await learner()
    proxy.doom('strandline_learner_commit', 'lose request')
    await feed().run(runner)
    expect(outcomes).toEqual([false])
    await expectAll()
  })

  it('again and again, and so are those to the question what became of it', async () => {
    const { runner } = await learner()
    proxy.doom('strandline_learner_commit', 'lose answer')
    proxy.doom('strandline_learner_commit', 'lose request')
    proxy.doom('strandline_checkpoint', 'lose answer', 2)
    proxy.doom('strandline_learner_commit', 'lose answer')
    await feed().run(runner)
    expect(proxy.doomed()).toBe(5)
    await expectAll()
  })

  it('while a log that was read before is read again', async () => {
    await feed().run((await learner()).runner)
    await db.sql('delete from learner_ledger where "offset" in (3, 8)') // dead-lettered then, say, and good now
    await db.sql('truncate learner_partials')
    await feed().run((await createTestLearner({ store: db.store, model })).runner, { committed: 0 })
    const once = await learned(db)

    await emptyLearner(db)
    await feed().run((await learner()).runner)
    await db.sql('delete from learner_ledger where "offset" in (3, 8)')
    await db.sql('truncate learner_partials')
    const { runner, outcomes } = await learner()
    proxy.doom('strandline_learner_commit', 'lose answer', 2)
    await feed().run(runner, { committed: 0 })
    expect(outcomes).toEqual([true, true])
    expect(await learned(db)).toEqual(once)
  })
})

describe('what was dead-lettered is good now, and is read again', () => {
  it.each([
    ['strandline_learner_commit', 'lose answer'],
    ['strandline_dead_letters_applied', 'lose request'],
  ] as const)('and it counts and is noted in one, whatever is lost (%s: %s)', async (fn, how) => {
    const bad = feed()
    bad.records[3] = { ...bad.records[3]!, value: Buffer.from('bad') }
    await bad.run((await learner()).runner)
    const { runner } = await learner()
    proxy.doom(fn, how)
    await feed().run(runner, { committed: 0 })
    await expectAll()
    expect(await db.sql('select "offset"::int, applied_at is not null as applied from dead_letters')).toEqual([
      { offset: 3, applied: true },
    ])
  })
})

describe('a commit that is still under way when it is repeated', () => {
  it('and lands before the repetition changes nothing twice', async () => {
    const { runner, outcomes } = await learner({
      clock: {
        ...systemClock,
        async sleep(ms) {
          await proxy.release() // we have asked, it had not happened; now it does
          await systemClock.sleep(ms)
        },
      } satisfies Clock,
    })
    proxy.doom('strandline_learner_commit', 'hold')
    await feed().run(runner)
    expect(outcomes).toEqual([false])
    await expectAll()
  })

  it('and lands after the repetition changes nothing at all', async () => {
    const { runner } = await learner()
    proxy.doom('strandline_learner_commit', 'hold')
    await feed().run(runner)
    await expectAll()
    const before = await db.sql('select * from learner_partials order by name, key')
    await proxy.release()
    expect(await db.sql('select * from learner_partials order by name, key')).toEqual(before)
    await expectAll()
  })
})

describe('a database', () => {
  it('whose connections go silent, half open, is asked again when it speaks', async () => {
    const { runner } = await learner()
    proxy.silence()
    await Promise.all([feed().run(runner), proxy.givenUp(2).then(proxy.speak)])
    await expectAll()
  })

  it('that goes silent in the middle of the work costs nothing but time', async () => {
    let commits = 0
    const { runner } = await learner({
      maxChunk: 2,
      wrapStore: (s) => ({
        ...s,
        commit(c) {
          if (++commits === 3) {
            proxy.silence()
            void proxy.givenUp(2).then(proxy.speak)
          }
          return s.commit(c)
        },
      }),
    })
    await feed().run(runner)
    await expectAll()
  })

  it('that cancels statements which take too long gets smaller chunks', async () => {
    // More than four trades take too long, says the database as it does when its statement_timeout ends a statement.
    await db.sql(`create function too_long() returns trigger language plpgsql as $$ begin
      if (select count(*) from fresh) > 4 then
        raise exception using errcode = 'query_canceled', message = 'canceling statement due to statement timeout';
      end if;
      return null;
    end $$`)
    await db.sql(`create trigger too_long after insert on learner_ledger referencing new table as fresh
                  for each statement execute function too_long()`)
    const sizes: number[] = []
    const { runner } = await createTestLearner({
      store: db.store,
      model,
      maxChunk: 12,
      events: { committed: ({ records }) => void sizes.push(records.length) },
    })
    await feed().run(runner)
    await db.sql('drop trigger too_long on learner_ledger')
    await db.sql('drop function too_long')
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4)
    await expectAll()
  })
})

describe('a schema registry that is away', () => {
  it('stops the partition until it is back, and nothing is skipped or dead-lettered', async () => {
    let away = 5
    const { dead, runner } = await createTestLearner({
      store: db.store,
      model,
      registry: {
        register: async () => 7,
        async writerType() {
          if (away-- > 0) throw new StrandlineError('REGISTRY_UNREACHABLE', 'away')
          return positionClosedType
        },
      },
    })
    await feed().run(runner)
    expect(dead).toEqual([])
    await expectAll()
  })
})

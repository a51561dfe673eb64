/** Chunks that are copied in, where PostgreSQL itself is called: the same rows as through PostgREST, and nothing of a chunk that is refused. */

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import type { Claim } from '../../core/runner/partition-runner.ts'
import { createCheckpointStore } from '../../core/store/checkpoint-store.ts'
import { createModelVersionStore } from '../../core/store/model-versions.ts'
import { createPostgresStore, type PostgresStore } from '../../core/store/postgres-store.ts'
import { createPostgrestStore } from '../../core/store/postgrest-store.ts'
import { emptySums } from '../../domain/learning/sums.ts'
import { tableOf } from '../../domain/learning/sums-table.ts'
import type { Trade } from '../../domain/learning/trade.ts'
import { selectionOf, tradeOf } from '../../domain/learning/trade-table.ts'
import type { LearnerCommit } from '../../services/learner/commit.ts'
import { createLearnerStore, type LearnerStore, openVersion } from '../../services/learner/learner-store.ts'
import { CACHE_SIZE } from '../../services/learner/sums-cache.ts'
import { startPgbouncer } from '../hosted/pgbouncer.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFeed, recordsOf } from '../support/feed.ts'
import { bits, emptyLearner, expectClose, folded, learned } from '../support/learned.ts'
import { createTestLearner, encodeEvent, TOPIC } from '../support/learner.ts'
import { hasPgbouncer } from '../support/programs.ts'
import { removeGuard } from '../support/unguarded.ts'

let db: TestDatabase
let direct: PostgresStore
const model = loadModel('lowcap-v4')
beforeAll(async () => {
  db = await createTestDatabase()
  direct = createPostgresStore({ url: db.databaseUrl })
})
afterAll(async () => {
  await direct?.close()
  await db?.drop()
})
beforeEach(() => emptyLearner(db))

const CURATORS = ['moon', 'ö|%"{},\\', '名前', "it's", 'null']
/** Of three periods, with values that every format has a sign for, corrections, a void and trades that are not scored. */
const EVENTS = Array.from({ length: 400 }, (_, i) =>
  closedTrade({
    position_id: `p${i % 330}`,
    trade_id: `t${i % 330}`,
    revision: i < 330 ? 0 : 1,
    voided: i >= 330 && i % 7 === 0,
    closed_at: Date.UTC(2026, i % 3, 1 + (i % 28)),
    rr: i % 11 === 0 ? null : ((i * 7919) % 101) / 37 - 1,
    levers: { curator: CURATORS[i % CURATORS.length]!, chain: i % 2 ? 'solana' : 'base', intent: `i${i % 40}` },
    measures: {},
  }),
)

const rows = (table: string, order: string) =>
  db.sql(`select to_jsonb(t) - 'last_commit' - 'committed_at' - 'claimed_at' as row from ${table} t order by ${order}`)
const state = async () => ({
  sums: await bits(db),
  ledger: await rows('learner_ledger', 'event_id'),
  checkpoints: await rows('consumer_checkpoints', 'partition'),
})

const learnBy = async (store: Pick<PostgresStore, 'rpc'>, maxChunk: number) => {
  await emptyLearner(db)
  const { runner } = await createTestLearner({ store, model, maxChunk })
  await createFeed(TOPIC, 0, recordsOf(EVENTS.map((e) => ({ key: e.position_id, value: encodeEvent(e) })))).run(runner)
  return state()
}

test.each([7, 100, 400])('leave what they leave through PostgREST, to the bit: %i records each', async (maxChunk) => {
  const through = await learnBy(createPostgrestStore({ url: db.supabaseUrl, key: db.key }), maxChunk)
  expect(through.ledger).toHaveLength(330)
  expect(await learnBy(direct, maxChunk)).toEqual(through)
})

test.skipIf(!hasPgbouncer)('leave the same through a pooler in transaction mode', async () => {
  const there = await learnBy(direct, 100)
  const pooler = await startPgbouncer(db.databaseUrl)
  const pooled = createPostgresStore({ url: pooler.url })
  expect(await learnBy(pooled, 100)).toEqual(there)
  await pooled.close()
  await pooler.stop()
})

test.each(['direct', 'postgrest'])(
  'count what is met again after more values than the cache keeps: %s',
  async (way) => {
    const store = way === 'direct' ? direct : createPostgrestStore({ url: db.supabaseUrl, key: db.key })
    const trades = (prefix: string) =>
      Array.from({ length: CACHE_SIZE + 2_000 }, (_, i) =>
        closedTrade({
          position_id: `${prefix}${i}`,
          levers: { curator: `c${i}` },
          rr: ((i * 7 + prefix.length) % 11) - 2,
          measures: {},
        }),
      )
    const events = [...trades('once '), ...trades('again ')]
    const { runner } = await createTestLearner({ store, model, maxChunk: 4_000 })
    await createFeed(TOPIC, 0, recordsOf(events.map((e) => ({ key: e.position_id, value: encodeEvent(e) })))).run(
      runner,
    )
    expectClose(await learned(db), await folded(model, [events]))
  },
)

/** A store that copies whatever comes, a claim of partition 0, and a commit of new trades with sums that nobody has. */
async function claimed(
  at = direct,
): Promise<{ store: LearnerStore; commit(trades: Trade[], claim?: Claim): LearnerCommit }> {
  const version = await openVersion(createModelVersionStore(at), model, TOPIC)
  const now = await createCheckpointStore(at).claim({ consumer: version.consumer, topic: TOPIC, partition: 0 }, 'test')
  const mine: Claim = { topic: TOPIC, partition: 0, topicId: null, ...now }
  return {
    store: createLearnerStore(at, model, version, TOPIC, { copyFrom: 1 }),
    commit: (trades, claim = mine) => ({
      claim,
      commitId: crypto.randomUUID(),
      next: 10,
      fresh: selectionOf(trades),
      changed: [],
      dirty: trades
        .flatMap((t) => t.groups)
        .map((group) => ({
          period: 1,
          group,
          partition: 0,
          ...tableOf({ ...emptySums(), n: 1, weight_short: 1, weight_long: 1 }),
          known: false,
        })),
      foreign: [],
      dead: [],
      seen: '{}',
    }),
  }
}
const trade = (id: string) => tradeOf(model, closedTrade({ position_id: id, levers: {}, measures: {} }), 0, 3)

test('a trade that the ledger has is told, and the others of its chunk are not applied', async () => {
  const { store, commit } = await claimed()
  expect(await store.commit(commit([trade('a')]))).toEqual({ status: 'ok' })
  const before = await state()
  const { commit: again } = await claimed()
  expect(await store.commit(again([trade('b'), trade('a')]))).toEqual({ status: 'seen', ids: [trade('a').id] })
  expect((await state()).ledger).toEqual(before.ledger)
  expect((await state()).sums).toEqual(before.sums)
})

test('sums that are there by now are not overwritten: the chunk is stale', async () => {
  const { store, commit } = await claimed()
  expect(await store.commit(commit([trade('a')]))).toEqual({ status: 'ok' })
  const { commit: again } = await claimed()
  const before = await state()
  expect(await store.commit(again([trade('b')]))).toEqual({ status: 'stale' })
  expect(await state()).toEqual(before)
})

test('whoever was overtaken by another claim copies nothing', async () => {
  const { store, commit } = await claimed()
  await claimed()
  const before = await state()
  expect(await store.commit(commit([trade('a')]))).toEqual({ status: 'fenced' })
  expect(await state()).toEqual(before)
})

test('whoever was overtaken overwrites sums, with the fence taken out of the database: this test can fail', async () => {
  const open = await createTestDatabase()
  await removeGuard(open, 'fence')
  const there = createPostgresStore({ url: open.databaseUrl })
  const { store, commit } = await claimed(there)
  await claimed(there)
  expect(await store.commit(commit([trade('a')]))).toEqual({ status: 'ok' })
  await there.close()
  await open.drop()
})

test('whoever holds another state of the partition copies nothing', async () => {
  const { store, commit } = await claimed()
  const before = await state()
  const { claim } = commit([])
  expect(await store.commit(commit([trade('a')], { ...claim, version: claim.version + 1 }))).toEqual({
    status: 'stale',
  })
  expect(await store.commit(commit([trade('a')], { ...claim, checkpoint: 5 }))).toEqual({ status: 'stale' })
  expect(await state()).toEqual(before)
})

test('a text that no database keeps is refused, not changed', async () => {
  const { store, commit } = await claimed()
  const broken = { ...trade('a'), levers: '|curator=\ud800|' }
  await expect(store.commit(commit([broken]))).rejects.toMatchObject({ code: 'STORE_REJECTED' })
  const zero = { ...trade('a'), levers: '|curator=\0|' }
  await expect(store.commit(commit([zero]))).rejects.toMatchObject({ code: 'STORE_REJECTED' })
  expect((await state()).ledger).toEqual([])
})

test('a connection that is cut before the end leaves nothing, and the outcome is unknown', async () => {
  const { store, commit } = await claimed()
  await db.sql(`create function public.cut() returns trigger language plpgsql security definer as
    $$ begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$`)
  await db.sql(
    'create trigger cut before insert on strandline.learner_partials for each row execute function public.cut()',
  )
  await expect(store.commit(commit([trade('a')]))).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
  await db.sql('drop trigger cut on strandline.learner_partials')
  expect((await state()).ledger).toEqual([])
  expect(await store.commit(commit([trade('a')]))).toEqual({ status: 'ok' })
})

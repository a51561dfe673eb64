/**
 * The learner's commit and its dead letters: one answer, whichever adapter gives it, chunks that are copied in among them; and any sequence of calls, in
 * memory and in PostgreSQL, step by step.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import type { Claim } from '../../core/runner/chunk-processor.ts'
import { type ConsumerPartition, createCheckpointStore } from '../../core/store/checkpoint-store.ts'
import { checkpointsOf, createMemoryCheckpoints, placeOf } from '../../core/store/memory/checkpoints.ts'
import { createMemoryDatabase, type MemoryDatabase } from '../../core/store/memory/database.ts'
import { deadLettersOf } from '../../core/store/memory/dead-letters.ts'
import { learnedTables, partialKey } from '../../core/store/memory/learned.ts'
import { createMemoryModelVersions } from '../../core/store/memory/model-versions.ts'
import { createModelVersionStore } from '../../core/store/model-versions.ts'
import { createPostgresStore, type PostgresStore } from '../../core/store/postgres-store.ts'
import { emptySums } from '../../domain/learning/sums.ts'
import { tableOf } from '../../domain/learning/sums-table.ts'
import type { Trade } from '../../domain/learning/trade.ts'
import { selectionOf, tradeOf } from '../../domain/learning/trade-table.ts'
import type { LearnerCommit } from '../../services/learner/commit.ts'
import { createDeadLetterStore, type LetterFilter, type NotedRecord } from '../../services/learner/dead-letter-store.ts'
import { createDropStore } from '../../services/learner/drop-store.ts'
import { createLearnerStore, type LearnerStore, openVersion } from '../../services/learner/learner-store.ts'
import { createLedgerStore, createMemoryLedger } from '../../services/learner/ledger-store.ts'
import { createMemoryDeadLetters } from '../../services/learner/memory-dead-letters.ts'
import { createMemoryDrop } from '../../services/learner/memory-drop.ts'
import { createMemoryLearner } from '../../services/learner/memory-learner.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { adapters, outcome, useWays, WAYS, type Way } from './ways.ts'

const TOPIC = 't'
const model = loadModel('lowcap-v4')

const ways = useWays(...WAYS)
const versionsOf = adapters(createMemoryModelVersions, createModelVersionStore)
const claimsOf = adapters(createMemoryCheckpoints, createCheckpointStore)
const ledgerOf = adapters(createMemoryLedger, createLedgerStore)
const dropsOf = adapters(createMemoryDrop, createDropStore)
const lettersOf = adapters(createMemoryDeadLetters, createDeadLetterStore)

/** @param copyFrom as of createLearnerStore */
async function learnerOf(way: Way, copyFrom?: number): Promise<LearnerStore> {
  const version = await openVersion(versionsOf(way), model, TOPIC)
  return adapters(
    (db) => createMemoryLearner(db, model, version, TOPIC),
    (store) => createLearnerStore(store, model, version, TOPIC, { copyFrom }),
  )(way)
}

const TABLES =
  'strandline.consumer_checkpoints, strandline.learner_ledger, strandline.learner_partials, strandline.dead_letters, strandline.model_versions'
const cleared = (way: Way) => way.db?.sql(`truncate ${TABLES} restart identity`)

const ID = (n: number) => `00000000-0000-0000-0000-${String(n).padStart(12, '0')}`
const tradeAt = (n: number, more: object = {}, partition = 0): Trade =>
  tradeOf(model, closedTrade({ position_id: `p${n}`, levers: { curator: 'a' }, measures: {}, ...more }), partition, n)
const sumsOf = (n: number) => ({
  ...emptySums(),
  n,
  newest: n,
  weight_short: n / 3,
  weight_long: n,
  weighted_rr_short: -n,
})
const GROUPS = tradeAt(0).groups
const letter = (offset: number, { record_ms = offset, redrives = 0, redrive_of = null as number | null } = {}) => ({
  offset,
  record_ms,
  redrives,
  redrive_of,
  reason: 'event_invalid',
  detail: `no ${offset}`,
  dead_topic: 'dead',
  dead_partition: 0,
  dead_offset: offset,
})

/** The record of such a letter. */
const recordAt = (offset: number, topic_id = ''): NotedRecord => ({ offset, topic_id, record_ms: offset })

/** What is in the tables, without the times at which it was written. */
async function contents(way: Way): Promise<Record<string, unknown[]>> {
  const found: Record<string, unknown[]> = {}
  if (way.memory) {
    const { ledger, partials } = learnedTables(way.memory)
    const row = (c: object) => JSON.parse(JSON.stringify(c)) as Record<string, unknown>
    found.ledger = ledger.rows()
    found.partials = partials.rows().map(({ sums, ...p }) => ({ ...p, ...sums }))
    found.checkpoints = checkpointsOf(way.memory)
      .rows()
      .map(({ committed_at: _, ...c }) => row(c))
    found.letters = deadLettersOf(way.memory)
      .rows()
      .map(({ recorded_at: _, number: __, ...l }) => l)
  } else {
    const all = async (text: string) => (await way.db.sql<{ row: unknown }>(text)).map(({ row }) => row)
    found.ledger = await all(
      `select to_jsonb(l) - 'closed_at_ms' || jsonb_build_object('closed_at', closed_at_ms) as row from learner_ledger l`,
    )
    found.partials = await all(
      `select to_jsonb(p) - 'newest_ms' || jsonb_build_object('newest', newest_ms) as row from learner_partials p`,
    )
    found.checkpoints = await all(
      `select to_jsonb(c) - array['committed_at', 'claimed_at'] as row from consumer_checkpoints c`,
    )
    found.letters = await all(`select to_jsonb(l) - 'recorded_at' as row from dead_letters l`)
  }
  const text = (row: unknown) =>
    JSON.stringify(untimed(row), (_, v) => (isObject(v) ? Object.fromEntries(Object.entries(v).sort()) : v))
  return Object.fromEntries(
    Object.entries(found).map(([name, rows]) => [
      name,
      rows.map((r) => JSON.parse(text(r))).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
    ]),
  )
}

const isObject = (v: unknown): v is object => typeof v === 'object' && v !== null && !Array.isArray(v)

const untimed = (answer: unknown): unknown =>
  JSON.parse(JSON.stringify(answer ?? null), (name, value) =>
    /^(recorded|redriven|applied|discarded)_at$/.test(name) && value !== null ? 'then' : value,
  )

/** As a crash leaves a checkpoint whose commits had not reached the disk. */
async function takeBack(way: Way, { consumer, topic, partition }: ConsumerPartition): Promise<void> {
  if (way.memory) {
    const rows = checkpointsOf(way.memory)
    const key = placeOf({ consumer, topic, partition })
    way.memory.transaction(() => rows.put(key, { ...rows.get(key)!, version: 0, checkpoint: null }))
  } else
    await way.db.sql(
      'update consumer_checkpoints set version = 0, checkpoint = null where consumer = $1 and topic = $2 and partition = $3',
      [consumer, topic, partition],
    )
}

/** Whether each commit from now on waits for the disk. */
async function watchDisk(way: Way): Promise<() => Promise<boolean[]>> {
  if (way.memory) {
    const { transaction } = way.memory
    const waited: boolean[] = []
    way.memory.transaction = (work, sync = true) => {
      waited.push(sync)
      return transaction(work, sync)
    }
    return async () => waited
  }
  await way.db.sql(`create table if not exists public.waited (n serial, waits text);
    grant all on public.waited, public.waited_n_seq to service_role;
    truncate public.waited;
    create or replace function public.note_waiting() returns trigger language plpgsql as $$
      begin insert into public.waited (waits) values (current_setting('synchronous_commit')); return null; end $$;
    create or replace trigger note_waiting after update of last_commit on strandline.consumer_checkpoints
      for each statement execute function public.note_waiting()`)
  return async () => {
    const rows = await way.db.sql<{ waits: string }>('select waits from public.waited order by n')
    await way.db.sql('drop trigger note_waiting on strandline.consumer_checkpoints')
    return rows.map(({ waits }) => waits === 'on')
  }
}

/** Copies whatever comes; a database of its own, which is that of the way `postgrest`. */
let copying: PostgresStore
const copied = (): Way => ({ name: 'direct', db: ways.postgrest.db!, store: copying })
beforeAll(() => {
  copying = createPostgresStore({ url: ways.postgrest.db!.databaseUrl })
})
afterAll(() => copying?.close())

describe.each([...WAYS, 'copied'] as const)('%s', (name) => {
  let memory: MemoryDatabase
  const way = (): Way => (name === 'copied' ? copied() : name === 'memory' ? { name, memory } : ways[name])
  let port: LearnerStore
  let claim: Claim
  let of: { consumer: string; topic: string; partition: number }
  beforeEach(async () => {
    memory = createMemoryDatabase()
    await cleared(name === 'copied' ? ways.postgrest : ways[name])
    port = await learnerOf(way(), name === 'copied' ? 1 : undefined)
    of = { consumer: port.modelVersion.consumer, topic: TOPIC, partition: 0 }
    claim = { topic: TOPIC, partition: 0, ...(await claimsOf(way()).claim(of, 'test')) }
  })

  const commitOf = (changes: Partial<LearnerCommit>): LearnerCommit => ({
    claim,
    commitId: ID(1),
    next: 10,
    fresh: selectionOf([]),
    changed: [],
    dirty: [],
    foreign: [],
    dead: [],
    seen: '{}',
    ...changes,
  })
  const cell = (n: number, known: boolean, partition = 0) => ({
    partition,
    period: 1,
    group: GROUPS[1]!,
    ...tableOf(sumsOf(n)),
    known,
  })

  test('a version that is being dropped takes nothing any more, neither of who held it nor of who claims it anew', async () => {
    expect(
      await versionsOf(way()).openBuild({
        model: 'other',
        hash: 'f'.repeat(64),
        definition: model.definition,
        sums_hash: 'other',
        topic: TOPIC,
      }),
    ).toMatchObject({ build: 1 })
    await versionsOf(way()).activate(2)
    expect(await dropsOf(way()).mark(1, true)).toBe('ok')
    const commit = { fresh: selectionOf([tradeAt(1)]), dirty: [cell(2, false)] }
    expect(await port.commit(commitOf(commit))).toEqual({ status: 'fenced' })
    const anew = { topic: TOPIC, partition: 0, ...(await claimsOf(way()).claim(of, 'test')) }
    expect(await port.commit(commitOf({ ...commit, claim: anew }))).toEqual({ status: 'fenced' })
    await dropsOf(way()).end(1)
    const later = { topic: TOPIC, partition: 0, ...(await claimsOf(way()).claim(of, 'test')) }
    expect(await port.commit(commitOf({ ...commit, claim: later }))).toEqual({ status: 'fenced' })
    expect(await contents(way())).toMatchObject({ ledger: [], partials: [] })
  })

  test('a replay notes the letters of what it could apply, with its own effect or not at all', async () => {
    const seen = '{"topic_id": "T"}'
    expect(await port.commit(commitOf({ dead: [3, 4, 5, 6, 12].map((n) => letter(n)), seen }))).toEqual({
      status: 'ok',
    })
    const other = lettersOf(way())
    const applied = async () => {
      const rows = await other.page(TOPIC, true, { partition: 0, offset: -1 }, 10)
      return rows.filter((l) => l.applied_at !== null).map((l) => l.offset)
    }
    const now = { ...claim, version: claim.version + 1, checkpoint: 10 }
    const replay = { commitId: ID(2), settles: { from: 4, refused: [5] }, fresh: selectionOf([tradeAt(4)]), next: 8 }
    const late = { ...now, version: claim.version }
    expect(await port.commit(commitOf({ ...replay, claim: late, seen }))).toEqual({ status: 'stale' })
    expect(await applied()).toEqual([])
    const elsewhere = { ...replay, settles: { from: 6, refused: [] }, fresh: selectionOf([]) }
    expect(await port.commit(commitOf({ ...elsewhere, claim: now, seen: '{"topic_id": "U"}' }))).toEqual({
      status: 'ok',
    })
    expect(await applied()).toEqual([])
    const then = { ...now, version: now.version + 1 }
    expect(await port.commit(commitOf({ ...replay, claim: then, seen }))).toEqual({ status: 'ok' })
    expect(await applied()).toEqual([4, 6])
  })

  test('regression: letters that are older than a checkpoint which was deleted are settled by what is applied', async () => {
    await port.commit(commitOf({ dead: [3, 4, 5].map((n) => letter(n)), seen: '{"topic_id": "T"}' }))
    await takeBack(way(), of)
    const anew = { commitId: ID(2), fresh: selectionOf([tradeAt(4)]), settles: { from: 4, refused: [5] }, next: 8 }
    expect(await port.commit(commitOf({ ...anew, seen: '{"topic_id": "T"}' }))).toEqual({ status: 'ok' })
    const rows = await lettersOf(way()).page(TOPIC, true, { partition: 0, offset: -1 }, 10)
    expect(rows.map((l) => [l.offset, l.applied_at !== null])).toEqual([
      [3, false],
      [4, true],
      [5, false],
    ])
  })

  test('a text that jsonb does not hold is refused, and changes nothing', async () => {
    const before = await contents(way())
    for (const text of ['a\0b', '\ud83d']) {
      const seen = JSON.stringify({ record: { offset: 9, time: 7, digest: 'd', event_id: text } })
      for (const one of [{ seen }, { dead: [{ ...letter(5), detail: text }] }])
        expect(await outcome(port.commit(commitOf({ fresh: selectionOf([tradeAt(1)]), ...one })))).toEqual({
          error: 'STORE_REJECTED',
        })
    }
    expect(await contents(way())).toEqual(before)
  })

  test('a chunk is one transaction: ledger, sums, dead letters, checkpoint', async () => {
    const fresh = [tradeAt(1), tradeAt(2, { rr: null })]
    const commit = commitOf({
      fresh: selectionOf(fresh),
      dirty: [cell(2, false)],
      dead: [letter(5)],
      seen: '{"topic_id": "T"}',
    })
    expect(await port.commit(commit)).toEqual({ status: 'ok' })
    expect(
      await port.read(
        0,
        [fresh[0]!.id, ID(9)],
        [
          { period: 1, group: GROUPS[1]! },
          { period: 2, group: GROUPS[1]! },
        ],
      ),
    ).toEqual({
      version: 1,
      checkpoint: 10,
      empty: true, // no baseline
      trades: [{ ...fresh[0], offset: 0 }],
      sums: [{ scope: GROUPS[1]!.scope, name: GROUPS[1]!.name, key: GROUPS[1]!.key, period: 1, sums: sumsOf(2) }],
    })
    expect(await ledgerOf(way()).trades(port.modelVersion.sums, [fresh[1]!.id, ID(9)])).toEqual([
      { id: fresh[1]!.id, rr: null, voided: false },
    ])
    expect(await claimsOf(way()).read(of)).toEqual({
      epoch: 1,
      version: 1,
      checkpoint: 10,
      last_commit: ID(1),
      holder: expect.any(String),
    })
    expect(await lettersOf(way()).at(of, [4, 5])).toEqual([{ offset: 5, topic_id: 'T', record_ms: 5 }])
  })

  test('what the ledger has is told, and nothing of the chunk is applied', async () => {
    await port.commit(commitOf({ fresh: selectionOf([tradeAt(1)]) }))
    claim = { ...claim, version: 1, checkpoint: 10 }
    const before = await contents(way())
    const again = commitOf({ fresh: selectionOf([tradeAt(2), tradeAt(1)]), dirty: [cell(1, false)], dead: [letter(6)] })
    expect(await port.commit(again)).toEqual({ status: 'seen', ids: [tradeAt(1).id] })
    expect(await contents(way())).toEqual(before)
  })

  test('regression: what a trigger of somebody else refuses as there already is no trade that the ledger has: it is said, and changes nothing', async () => {
    const { db } = way()
    if (!db) return
    await db.sql(`create table public.config_history (module text primary key);
      grant all on public.config_history to service_role;
      create function public.note_config() returns trigger language plpgsql as $$
        begin insert into public.config_history values (new.module); return null; end $$;
      insert into public.config_history values ('decision_maker');
      create trigger note_config after insert or update on public.learning_configs for each row execute function public.note_config()`)
    try {
      const before = await contents(way())
      const refused = port.commit(commitOf({ fresh: selectionOf([tradeAt(1)]), dirty: [cell(1, false)] }))
      await expect(refused).rejects.toMatchObject({
        code: 'STORE_REJECTED',
        message: expect.stringContaining('config_history_pkey'),
      })
      expect(await contents(way())).toEqual(before)
    } finally {
      await db.sql('drop table public.config_history; drop function public.note_config() cascade')
    }
  })

  test('what is fenced, or knows another state, changes nothing', async () => {
    const before = await contents(way())
    for (const [changes, status] of [
      [{ epoch: 0 }, 'fenced'],
      [{ version: 1 }, 'stale'],
      [{ checkpoint: 3 }, 'stale'],
    ] as const)
      expect(
        await port.commit(commitOf({ claim: { ...claim, ...changes }, fresh: selectionOf([tradeAt(1)]) })),
      ).toEqual({ status })
    expect(await contents(way())).toEqual(before)
  })

  test('a correction that was overtaken is stale; so is one of another partition that has changed', async () => {
    await port.commit(commitOf({ fresh: selectionOf([tradeAt(1)]), dirty: [cell(1, false)] }))
    claim = { ...claim, version: 1, checkpoint: 10 }
    const corrected = { ...tradeAt(1, { revision: 1 }), was: 1 }
    const before = await contents(way())
    expect(await port.commit(commitOf({ changed: [corrected] }))).toEqual({ status: 'stale' })
    const foreign = [{ partition: 3, version: 1, checkpoint: null }]
    expect(await port.commit(commitOf({ changed: [{ ...corrected, was: 0 }], foreign }))).toEqual({ status: 'stale' })
    expect(await contents(way())).toEqual(before)
    const right = commitOf({
      changed: [{ ...corrected, was: 0 }],
      dirty: [cell(0, true)],
      foreign: [{ partition: 3, version: 0, checkpoint: null }],
    })
    expect(await port.commit(right)).toEqual({ status: 'ok' })
    expect(await claimsOf(way()).read({ ...of, partition: 3 })).toMatchObject({
      epoch: 0,
      version: 1,
      checkpoint: null,
    })
    expect((await contents(way())).partials).toEqual([])
  })

  test("another partition's sums that a crash took back, and that have counted up to the same version since, are others", async () => {
    const there = { ...of, partition: 1 }
    const held = { topic: TOPIC, partition: 1, ...(await claimsOf(way()).claim(there, 'test')) }
    expect(await port.commit(commitOf({ claim: held, next: 20 }))).toEqual({ status: 'ok' })
    const foreignNow = async () => {
      const { version, checkpoint } = await port.read(1, [], [])
      return [{ partition: 1, version, checkpoint }]
    }
    const foreign = await foreignNow()
    await takeBack(way(), there)
    expect(await port.commit(commitOf({ claim: held, commitId: ID(2), next: 30 }))).toEqual({ status: 'ok' })
    const before = await contents(way())
    const corrects = { dirty: [cell(1, false, 1)], commitId: ID(3) }
    expect(await port.commit(commitOf({ ...corrects, foreign }))).toEqual({ status: 'stale' })
    expect(await contents(way())).toEqual(before)
    expect(await port.commit(commitOf({ ...corrects, foreign: await foreignNow() }))).toEqual({ status: 'ok' })
  })

  test('a commit waits for the disk, also where others do not, if no checkpoint would show that it is lost', async () => {
    const copyFrom = name === 'copied' ? 1 : undefined
    const lazy = adapters(
      (db) => createMemoryLearner(db, model, port.modelVersion, TOPIC, { sync: false }),
      (store) => createLearnerStore(store, model, port.modelVersion, TOPIC, { sync: false, copyFrom }),
    )(way())
    const waited = await watchDisk(way())
    const commits: Partial<LearnerCommit>[] = [
      { foreign: [{ partition: 3, version: 0, checkpoint: null }] },
      { dead: [letter(5)] },
      { settles: { from: 1, refused: [] } },
      { fresh: selectionOf([tradeAt(1)]), settles: { from: 10, refused: [] } },
    ]
    for (const [i, one] of commits.entries())
      expect(
        await lazy.commit(
          commitOf({ ...one, claim: { ...claim, version: i, checkpoint: i === 0 ? null : 10 }, commitId: ID(i) }),
        ),
      ).toEqual({ status: 'ok' })
    expect(await waited()).toEqual([true, true, true, false])
  })

  test('dead letters are dealt with: published again, or applied by a replay', async () => {
    await port.commit(commitOf({ dead: [letter(5), letter(6), letter(7)], seen: '{"topic_id": "T"}' }))
    const letters = lettersOf(way())
    const open = async () => (await letters.page(TOPIC, false, { partition: -1, offset: -1 }, 9)).map((l) => l.offset)
    expect(await open()).toEqual([5, 6, 7])
    await letters.redriven(TOPIC, 0, [{ ...recordAt(6, 'T'), to: { partition: 1, offset: 60 } }])
    await letters.applied(of, { from: 5, next: 8, refused: [7] }, 'other')
    expect(await open()).toEqual([5, 7])
    await letters.applied(of, { from: 5, next: 8, refused: [7] }, 'T')
    expect(await open()).toEqual([7])
    expect(await letters.page(TOPIC, true, { partition: 0, offset: 5 }, 1)).toMatchObject([
      { offset: 6, redriven_partition: 1, redriven_offset: 60 },
    ])
  })

  test('dead letters are found by reason, partition and the time of their refusal, and counted', async () => {
    await port.commit(commitOf({ dead: [letter(5), { ...letter(6), reason: 'null_key' }, letter(7)] }))
    const letters = lettersOf(way())
    await letters.redriven(TOPIC, 0, [{ ...recordAt(7), to: { partition: 0, offset: 9 } }])
    const found = async (filter: LetterFilter, all = false) => {
      const page = await letters.page(TOPIC, all, { partition: -1, offset: -1 }, 9, filter)
      const counts = await letters.count(TOPIC, all, filter)
      expect(counts.reduce((sum, [, n]) => sum + n, 0)).toBe(page.length)
      return [page.map((l) => l.offset), counts]
    }
    expect(await found({})).toEqual([
      [5, 6],
      [
        ['event_invalid', 1],
        ['null_key', 1],
      ],
    ])
    expect(await found({ reasons: ['event_invalid'] }, true)).toEqual([[5, 7], [['event_invalid', 2]]])
    expect(await found({ reasons: [] })).toEqual([[], []])
    expect((await found({ reasons: ['null_key', 'x'], partitions: [1, 0] }))[0]).toEqual([6])
    expect(await found({ partitions: [1] })).toEqual([[], []])
    const [first] = await letters.page(TOPIC, false, { partition: -1, offset: -1 }, 1)
    const at = Date.parse(first!.recorded_at)
    expect((await found({ since: at, until: at + 1 }))[0]).toEqual([5, 6])
    expect((await found({ until: at }))[0]).toEqual([])
    expect((await found({ since: at + 1 }))[0]).toEqual([])
    expect(await letters.count('another', true)).toEqual([])
  })

  test('a letter that is discarded is not open, and who, when and why is kept; it can be opened again', async () => {
    await port.commit(commitOf({ dead: [letter(5), letter(6), letter(7)], seen: '{"topic_id": "T"}' }))
    const letters = lettersOf(way())
    const open = async () => (await letters.page(TOPIC, false, { partition: -1, offset: -1 }, 9)).map((l) => l.offset)
    const at = (...offsets: number[]) => offsets.map((offset) => recordAt(offset, 'T'))
    await letters.redriven(TOPIC, 0, [{ ...recordAt(7, 'T'), to: { partition: 0, offset: 9 } }])
    expect(await letters.discard(TOPIC, 0, at(7, 6, 5, 4), 'ann@desk', 'a "test"')).toEqual([5, 6])
    expect(await letters.discard(TOPIC, 0, at(5), 'bob', 'again')).toEqual([])
    expect(await open()).toEqual([])
    expect(await letters.at(of, [5])).toHaveLength(1) // a replay knows it
    expect(await letters.page(TOPIC, true, { partition: -1, offset: -1 }, 1)).toMatchObject([
      { offset: 5, discarded_at: expect.any(String), discarded_by: 'ann@desk', discard_reason: 'a "test"' },
    ])
    await letters.applied(of, { from: 6, next: 7, refused: [] }, 'T')
    expect(await letters.reopen(TOPIC, 0, at(5, 6, 7))).toEqual([5])
    expect(await open()).toEqual([5])
    expect((await letters.page(TOPIC, false, { partition: -1, offset: -1 }, 1))[0]).toMatchObject({
      discarded_at: null,
      discarded_by: null,
      discard_reason: null,
    })
  })

  test('of records of several topics at one place the one that is open is meant, whatever was refused later', async () => {
    const letters = lettersOf(way())
    let { version, checkpoint } = claim
    for (const topic_id of ['A', 'B', 'C']) {
      const commit = { claim: { ...claim, version, checkpoint }, dead: [letter(5)], seen: JSON.stringify({ topic_id }) }
      expect(await port.commit(commitOf({ ...commit, commitId: ID(version) }))).toEqual({ status: 'ok' })
      ;[version, checkpoint] = [version + 1, 10]
    }
    const shown = async (all = false) =>
      (await letters.page(TOPIC, all, { partition: -1, offset: -1 }, 9)).map((l) => l.topic_id)
    const start = async () => (await letters.chain(TOPIC, { partition: 0, offset: 5 }, 9)).map((l) => l.topic_id)
    expect([await shown(), await start()]).toEqual([['C'], ['C']])
    expect(await letters.discard(TOPIC, 0, [recordAt(5, 'C')], 'ann', 'why')).toEqual([5])
    expect([await shown(), await start()]).toEqual([['B'], ['B']])
    expect(await letters.redriving(TOPIC, 0, [recordAt(5, 'B')], 20)).toEqual([[5, 20]])
    await letters.redriven(TOPIC, 0, [{ ...recordAt(5, 'B'), to: { partition: 0, offset: 21 } }])
    expect([await shown(), await start()]).toEqual([['A'], ['A']])
    expect(await letters.discard(TOPIC, 0, [recordAt(5, 'A')], 'ann', 'why')).toEqual([5])
    expect([await shown(), await letters.count(TOPIC, false)]).toEqual([[], []])
    expect([await shown(true), await start()]).toEqual([['C'], ['C']])
    expect(await letters.reopen(TOPIC, 0, [recordAt(5, 'B')])).toEqual([])
    expect(await letters.reopen(TOPIC, 0, [recordAt(5, 'A')])).toEqual([5])
    expect(await shown()).toEqual(['A'])
    expect(await letters.reopen(TOPIC, 0, [recordAt(5, 'C')])).toEqual([5])
    expect(await shown()).toEqual(['C'])
  })

  test('regression: two redrives, or discards, at once of records of several topics at one place settle the one that both were shown', async () => {
    const letters = lettersOf(way())
    let { version, checkpoint } = claim
    for (const topic_id of ['X', 'Y', 'Z']) {
      const commit = { claim: { ...claim, version, checkpoint }, dead: [letter(5)], seen: JSON.stringify({ topic_id }) }
      expect(await port.commit(commitOf({ ...commit, commitId: ID(version) }))).toEqual({ status: 'ok' })
      ;[version, checkpoint] = [version + 1, 10]
    }
    const [z, y] = [recordAt(5, 'Z'), recordAt(5, 'Y')]
    expect(await letters.discard(TOPIC, 0, [z], 'ann', 'why')).toEqual([5])
    expect(await letters.discard(TOPIC, 0, [z], 'bob', 'why')).toEqual([])
    for (const _ of ['one', 'the other']) expect(await letters.redriving(TOPIC, 0, [y], 20)).toEqual([[5, 20]])
    for (const offset of [20, 21]) await letters.redriven(TOPIC, 0, [{ ...y, to: { partition: 0, offset } }])
    expect(await letters.redriving(TOPIC, 0, [y], 22)).toEqual([]) // a third, that was shown it before
    expect(await letters.page(TOPIC, false, { partition: -1, offset: -1 }, 9)).toMatchObject([
      { topic_id: 'X', redriving_from: null },
    ])
  })

  test('a redrive that begins is noted until it is done, the first of several; of what is open alone', async () => {
    await port.commit(commitOf({ dead: [letter(5), letter(6), letter(7)] }))
    const letters = lettersOf(way())
    const at = (...offsets: number[]) => offsets.map((offset) => recordAt(offset))
    await letters.discard(TOPIC, 0, at(7), 'ann', 'no')
    expect(await letters.redriving(TOPIC, 0, at(6, 5, 7, 8), 20)).toEqual([
      [5, 20],
      [6, 20],
    ])
    expect(await letters.redriving(TOPIC, 0, at(5), 30)).toEqual([[5, 20]])
    await letters.redriven(TOPIC, 0, [{ ...recordAt(5), to: { partition: 0, offset: 21 } }])
    expect(await letters.redriving(TOPIC, 0, at(5, 6), 10)).toEqual([[6, 10]]) // a topic that was made anew
    expect(await letters.page(TOPIC, true, { partition: 0, offset: 4 }, 2)).toMatchObject([
      { offset: 5, redriving_from: null },
      { offset: 6, redriving_from: 10 },
    ])
  })

  test('letters of one record are found from any of them: what it is a copy of, and its copies', async () => {
    const copy = (offset: number, redrive_of: number, redrives: number) =>
      letter(offset, { record_ms: offset, redrive_of, redrives })
    const dead = [letter(1), letter(2), copy(4, 2, 1), copy(5, 2, 1), copy(6, 4, 2), copy(7, 3, 1)]
    await port.commit(commitOf({ dead, seen: '{"topic_id": "T"}' }))
    const letters = lettersOf(way())
    const chain = async (offset: number, limit = 99) =>
      (await letters.chain(TOPIC, { partition: 0, offset }, limit)).map((l) => l.offset)
    expect(await chain(2)).toEqual([2, 4, 5, 6])
    expect(await chain(6)).toEqual([2, 4, 5, 6])
    expect(await chain(6, 2)).toEqual([2, 4])
    expect(await chain(1)).toEqual([1])
    expect(await chain(7)).toEqual([7]) // of 3 there is no letter
    expect(await chain(3)).toEqual([])
    expect(await letters.chain(TOPIC, { partition: 0, offset: 6 }, 1)).toMatchObject([
      { redrives: 0, reason: 'event_invalid' },
    ])
  })

  async function secondVersion() {
    const next = await openVersion(versionsOf(way()), loadModel('freqtrade'), TOPIC)
    const rebuilt = adapters(
      (db) => createMemoryLearner(db, model, next, TOPIC),
      (store) => createLearnerStore(store, model, next, TOPIC, { copyFrom: name === 'copied' ? 1 : undefined }),
    )(way())
    const other = { consumer: next.consumer, topic: TOPIC, partition: 0 }
    const held = { topic: TOPIC, partition: 0, ...(await claimsOf(way()).claim(other, 'test')) }
    return { next, rebuilt, held }
  }

  test('regression: the one copy of a record is known to the letter of every version that refused it, before it was made or after', async () => {
    const seen = '{"topic_id": "T"}'
    const uncopied = (offset: number) => ({
      ...letter(offset),
      dead_topic: null,
      dead_partition: null,
      dead_offset: null,
    })
    const { next, rebuilt, held } = await secondVersion()
    expect(await rebuilt.commit(commitOf({ claim: held, dead: [uncopied(3)], next: 4, seen }))).toEqual({
      status: 'ok',
    })
    expect(await port.commit(commitOf({ dead: [letter(3), letter(5)], seen }))).toEqual({ status: 'ok' })
    const then = { ...held, version: 1, checkpoint: 4 }
    const later = { claim: then, dead: [uncopied(5), uncopied(6)], commitId: ID(2), seen }
    expect(await rebuilt.commit(commitOf(later))).toEqual({ status: 'ok' })
    const rows = (await contents(way())).letters as { consumer: string; offset: number }[]
    const theirs = rows.filter((l) => l.consumer === next.consumer).sort((a, b) => a.offset - b.offset)
    expect(theirs).toMatchObject([
      { offset: 3, dead_topic: 'dead', dead_partition: 0, dead_offset: 3 },
      { offset: 5, dead_topic: 'dead', dead_partition: 0, dead_offset: 5 },
      { offset: 6, dead_topic: null, dead_partition: null, dead_offset: null },
    ])
  })

  test('what was done about a record holds for every version that refuses it later, and for no other record', async () => {
    const dead = [letter(5), letter(6), letter(7), letter(8)]
    await port.commit(commitOf({ dead, seen: '{"topic_id": "T"}' }))
    const letters = lettersOf(way())
    await letters.discard(TOPIC, 0, [recordAt(5, 'T'), recordAt(8, 'T')], 'ann', 'why')
    await letters.redriven(TOPIC, 0, [{ ...recordAt(6, 'T'), to: { partition: 0, offset: 9 } }])
    const { next, rebuilt, held } = await secondVersion()
    const again = [letter(5), letter(6), letter(7), letter(8, { record_ms: 99 })]
    await rebuilt.commit(commitOf({ claim: held, dead: again, seen: '{"topic_id": "T"}' }))
    const rows = (await contents(way())).letters as { consumer: string; offset: number; discarded_by: string | null }[]
    const theirs = rows.filter((l) => l.consumer === next.consumer).sort((a, b) => a.offset - b.offset)
    expect(theirs).toMatchObject([
      { offset: 5, discarded_by: 'ann', discard_reason: 'why', redriven_at: null },
      { offset: 6, discarded_by: null, redriven_offset: 9 },
      { offset: 7, discarded_by: null, redriven_at: null },
      { offset: 8, discarded_by: null, record_ms: 99 },
    ])
    expect(await letters.reopen(TOPIC, 0, [recordAt(5, 'T')])).toEqual([5]) // of all versions
    expect((await letters.page(TOPIC, false, { partition: -1, offset: -1 }, 9)).map((l) => l.offset)).toEqual([5, 7, 8])
  })
})

const n = fc.nat(3)
const partition = fc.constantFrom(0, 0, 1)
const record = fc.record({ offset: fc.nat(4), topic_id: fc.constantFrom('', 'T', 'U') })
const records = fc.array(record, { maxLength: 4 })
const step = fc.oneof(
  { weight: 1, arbitrary: fc.record({ claim: partition }) },
  {
    weight: 8,
    arbitrary: fc.record({
      commit: partition,
      fresh: fc.uniqueArray(n, { maxLength: 3 }),
      changed: fc.uniqueArray(n, { maxLength: 2 }),
      overtaken: fc.constantFrom(0, 0, 0, 0, 1),
      dirty: fc.uniqueArray(fc.record({ group: fc.nat(2), period: fc.nat(1), n: fc.nat(2), partition }), {
        selector: (d) => `${d.group}/${d.period}/${d.partition}`,
        maxLength: 4,
      }),
      foreign: fc.constantFrom('none', 'none', 'none', 'the other', 'the other, as it was before', 'a third'),
      dead: fc.uniqueArray(fc.nat(4), { maxLength: 2 }),
      skew: fc.constantFrom('none', 'none', 'none', 'none', 'none', 'epoch', 'version', 'checkpoint'),
      by: fc.integer({ min: -2, max: 3 }),
      topicId: fc.constantFrom(null, 'T', 'U'),
      settles: fc.option(fc.record({ from: fc.nat(4), refused: fc.array(fc.nat(4), { maxLength: 2 }) }), {
        nil: undefined,
      }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ read: partition, ids: fc.uniqueArray(n), periods: fc.uniqueArray(fc.nat(1)) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      applied: partition,
      from: fc.nat(4),
      to: fc.nat(5),
      refused: fc.array(fc.nat(4), { maxLength: 2 }),
      topicId: fc.constantFrom(null, 'T'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ redriven: partition, record }) },
  { weight: 1, arbitrary: fc.record({ redriving: partition, records, end: fc.nat(50) }) },
  { weight: 1, arbitrary: fc.record({ discard: partition, records }) },
  { weight: 1, arbitrary: fc.record({ reopen: partition, records }) },
  {
    weight: 1,
    arbitrary: fc.record({
      page: fc.boolean(),
      after: fc.nat(4),
      limit: fc.integer({ min: 1, max: 4 }),
      partitions: fc.option(fc.uniqueArray(partition), { nil: undefined }),
    }),
  },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never
type CommitStep = Extract<Step, { commit: number }>

/** The commit of a step, as whoever has read the memory's state would ask for it. */
function commitOf(one: CommitStep, memory: MemoryDatabase, { modelVersion }: LearnerStore, i: number): LearnerCommit {
  const { ledger, partials } = learnedTables(memory)
  const { consumer, sums: model_version } = modelVersion
  const rowOf = (p: number) =>
    checkpointsOf(memory)
      .rows()
      .find((c) => c.partition === p && c.consumer === consumer)
  const row = rowOf(one.commit)
  const { epoch = 0, version = 0, checkpoint = null } = row ?? {}
  const known = new Map(ledger.rows().map((l) => [l.event_id, l.revision]))
  const other = one.foreign === 'a third' ? 2 : 1 - one.commit
  const { version: at = 0, checkpoint: upTo = null } = rowOf(other) ?? {}
  const claim: Claim = {
    topic: TOPIC,
    partition: one.commit,
    epoch: epoch + (one.skew === 'epoch' ? 1 : 0),
    version: version + (one.skew === 'version' ? 1 : 0),
    checkpoint: one.skew === 'checkpoint' ? (checkpoint ?? 0) + 1 : checkpoint,
  }
  return {
    claim,
    commitId: ID(i),
    next: Math.max(0, (checkpoint ?? 0) + one.by),
    fresh: selectionOf(one.fresh.map((t) => tradeAt(t, {}, one.commit))),
    changed: one.changed
      .filter((t) => !one.fresh.includes(t))
      .map((t) => {
        const was = known.get(tradeAt(t).id) ?? 0
        return { ...tradeAt(t, { revision: was + 1, voided: i % 2 === 0 }, one.commit), was: was + one.overtaken }
      }),
    dirty: one.dirty.map(({ group, period, n: trades, partition: p }) => {
      const of = GROUPS[group]!
      const key = partialKey({ model_version, partition: p, period, name: of.name, key: of.key })
      return { partition: p, period, group: of, ...tableOf(sumsOf(trades)), known: partials.get(key) !== undefined }
    }),
    foreign:
      one.foreign === 'none'
        ? []
        : [{ partition: other, version: one.foreign.endsWith('before') ? at - 1 : at, checkpoint: upTo }],
    dead: one.dead.map((offset) => letter(offset, offset > 2 ? { redrive_of: offset - 2, redrives: 1 } : {})),
    settles: one.settles,
    seen: JSON.stringify({ topic_id: one.topicId, record: { offset: i, time: i, digest: 'd', event_id: null } }),
  }
}

async function take(way: Way, port: LearnerStore, one: Step, commit: LearnerCommit | null): Promise<unknown> {
  const of = (p: number) => ({ consumer: port.modelVersion.consumer, topic: TOPIC, partition: p })
  const letters = lettersOf(way)
  if (commit) {
    const answer = await port.commit(commit)
    return 'ids' in answer ? { ...answer, ids: answer.ids.toSorted() } : answer
  }
  if ('claim' in one) return claimsOf(way).claim(of(one.claim), 'test')
  if ('read' in one) {
    const ids = one.ids.map((t) => tradeAt(t).id)
    const cells = one.periods.flatMap((period) => GROUPS.slice(0, 3).map((group) => ({ period, group })))
    const { trades, sums, ...rest } = await port.read(one.read, ids, cells)
    const { at } = { at: await letters.at(of(one.read), [0, 1, 2, 3, 4]) }
    return { ...rest, trades: byText(trades), sums: byText(sums), letters: byText(at) }
  }
  if ('applied' in one)
    return letters.applied(of(one.applied), { from: one.from, next: one.to, refused: one.refused }, one.topicId)
  if ('redriven' in one)
    return letters.redriven(TOPIC, one.redriven, [{ ...named(one.record), to: { partition: 1, offset: 99 } }])
  if ('redriving' in one) return letters.redriving(TOPIC, one.redriving, one.records.map(named), one.end)
  if ('discard' in one) return letters.discard(TOPIC, one.discard, one.records.map(named), 'ann', 'why')
  if ('reopen' in one) return letters.reopen(TOPIC, one.reopen, one.records.map(named))
  if ('page' in one) {
    const { page: all, after, limit, partitions } = one
    return {
      page: await letters.page(TOPIC, all, { partition: 0, offset: after }, limit, { partitions }),
      count: await letters.count(TOPIC, all, { partitions }),
      chain: await letters.chain(TOPIC, { partition: 0, offset: after }, limit),
    }
  }
  throw new Error('a step that nobody knows')
}

const named = ({ offset, topic_id }: { offset: number; topic_id: string }) => recordAt(offset, topic_id)

const isStatus = (answer: unknown, status: string) => (answer as { status?: string } | null)?.status === status

const byText = <T>(rows: readonly T[]): T[] => rows.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))

test('any sequence of calls has the same answers in memory as in PostgreSQL, one by one, and the same outcome', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
      const memory = createMemoryDatabase()
      const all: Way[] = [{ name: 'memory', memory }, ways.direct, copied()]
      for (const way of all) await cleared(way)
      const ports = [await learnerOf(all[0]!), await learnerOf(all[1]!), await learnerOf(all[2]!, 1)]
      const claims: Step[] = [{ claim: 0 }, { claim: 1 }]
      for (const [i, one] of [...claims, ...steps].entries()) {
        const commit = 'commit' in one ? commitOf(one, memory, ports[0]!, i) : null
        const answers = []
        for (const [k, way] of all.entries()) answers.push(untimed(await outcome(take(way, ports[k]!, one, commit))))
        expect(answers[1]).toEqual(answers[0])
        // What is both overtaken and known is stale; whoever copies meets the known trade first. Either way nothing happened, and the chunk is tried again.
        const metKnown = isStatus(answers[0], 'stale') && isStatus(answers[2], 'seen')
        if (!metKnown) expect(answers[2]).toEqual(answers[0])
      }
      const [here, direct, copies] = [await contents(all[0]!), await contents(all[1]!), await contents(all[2]!)]
      expect(direct).toEqual(here)
      expect(copies).toEqual(here)
    }),
    { numRuns: 40 },
  )
})

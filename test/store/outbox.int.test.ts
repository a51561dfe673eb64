/** The outbox: one answer, whichever adapter gives it; and any sequence of calls, in memory and in PostgreSQL, step by step. */
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { checkpointsOf, placeOf, unclaimed } from '../../core/store/memory/checkpoints.ts'
import { createMemoryDatabase, type MemoryDatabase } from '../../core/store/memory/database.ts'
import { handedOut, insertEvent, outboxOf } from '../../core/store/memory/outbox.ts'
import { createImportOutbox, createOutbox, type Mark, type Outbox } from '../../core/store/outbox-store.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { createMemoryImportOutbox, createMemoryOutbox } from '../../services/pm/memory-outbox.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { APPLIED_TABLES, learnerApplied, projectorApplied } from './applied.ts'
import { adapters, outcome, useWays, WAYS, type Way } from './ways.ts'

const LEASE_MS = 60_000

const ways = useWays(...WAYS)
const relayOf = (way: Way, relay: string): Outbox =>
  adapters(
    (db) => createMemoryOutbox(db, relay, LEASE_MS),
    (store) => createOutbox(store, relay, LEASE_MS),
  )(way)
const importsOf = adapters(createMemoryImportOutbox, createImportOutbox)

const TABLES = `strandline.consumer_checkpoints, strandline.pm_outbox, strandline.trade_entries, strandline.trade_names,
  strandline.renamed_revisions, strandline.outbox_topic, ${APPLIED_TABLES}`

/** As one transaction of a close puts it there; its row, or null. */
async function insert(way: Way, event: PositionClosed, relay: string | null): Promise<unknown> {
  if (way.memory) {
    const { memory } = way
    const row = memory.transaction(() => insertEvent(memory, event, { relay, leaseMs: LEASE_MS }, 'tp'))
    return row && handedOut(row)
  }
  const [row] = await way.db.sql<{ row: unknown }>('select strandline.pm_outbox_insert($1, $2, $3, $4) as row', [
    JSON.stringify(event),
    'tp',
    relay,
    LEASE_MS,
  ])
  return row!.row
}

/** Time passes. */
async function pass(way: Way, clock: { ms: number }, ms: number): Promise<void> {
  if (way.memory) clock.ms += ms
  else
    await way.db.sql(
      `update pm_outbox set claimed_until = claimed_until - $1 * interval '1 ms', created_at = created_at - $1 * interval '1 ms'`,
      [ms],
    )
}

/** Without the times at which it was written. */
async function contents(way: Way): Promise<unknown> {
  if (way.memory)
    return outboxOf(way.memory)
      .rows()
      .sort((a, b) => a.id - b.id)
      .map(({ created_at: _, claimed_until, published_at, ...row }) => ({
        ...row,
        published: published_at !== null,
        leased: claimed_until !== null,
      }))
  const rows = await way.db.sql<{ row: unknown }>(
    `select to_jsonb(o) - array['created_at', 'claimed_until', 'published_at']
       || jsonb_build_object('published', published_at is not null, 'leased', claimed_until is not null) as row from pm_outbox o order by id`,
  )
  return rows.map(({ row }) => row)
}

/** What the database adds of its own clock is not compared. */
const untimed = (answer: unknown): unknown =>
  JSON.parse(JSON.stringify(answer ?? null), (name, value) =>
    name === 'recorded_at' || name === 'oldest_seconds' ? typeof value : value,
  )

const trade = (n: number, more: Partial<PositionClosed> = {}) => closedTrade({ position_id: `p${n}`, ...more })

describe.each(WAYS)('%s', (name) => {
  let memory: MemoryDatabase
  const clock = { ms: 0 }
  /** The tables empty. */
  const way = (): Way => (name === 'memory' ? { name, memory } : ways[name])
  beforeEach(async () => {
    memory = createMemoryDatabase({ now: () => Date.now() + clock.ms })
    await ways[name].db?.sql(`truncate ${TABLES} restart identity`)
  })

  test('a row is claimed by one relay, until its lease is over', async () => {
    await importsOf(way()).add([trade(1), trade(2), trade(3)])
    const [a, b] = [relayOf(way(), 'a'), relayOf(way(), 'b')]
    expect((await a.claim(2)).map((r) => [r.id, r.payload.position_id])).toEqual([
      [1, 'p1'],
      [2, 'p2'],
    ])
    expect((await b.claim(9)).map((r) => r.id)).toEqual([3])
    expect(await b.claim(9)).toEqual([])
    await pass(way(), clock, LEASE_MS + 1)
    expect((await b.claim(9)).map((r) => r.id)).toEqual([1, 2, 3])
    const { oldest_seconds, ...rest } = await a.state()
    expect(rest).toEqual({ depth: 3, refused: 0 })
    expect(oldest_seconds).toBeGreaterThan(LEASE_MS / 1000)
  })

  /** As a consumer notes it. */
  async function read(
    consumer: string,
    topic: string,
    partition: number,
    id: string | null,
    checkpoint: number | null,
  ) {
    const { memory, db } = way()
    if (memory) {
      const at = { consumer, topic, partition }
      memory.transaction(() => checkpointsOf(memory).put(placeOf(at), { ...unclaimed(at), topic_id: id, checkpoint }))
    } else
      await db.sql(
        'insert into consumer_checkpoints (consumer, topic, partition, topic_id, checkpoint) values ($1, $2, $3, $4, $5)',
        [consumer, topic, partition, id, checkpoint],
      )
  }

  test('which topics consumers have read is known, by their names and ids', async () => {
    const topics = () => relayOf(way(), 'r').topics(null, null)
    expect(await topics()).toEqual({ read: [], goes_to: null })
    await read('learner', 't', 0, 'b', null)
    await read('projector', 't', 0, 'a', 3)
    await read('learner', 't', 1, 'b', 7)
    await read('learner', 't', 2, null, null)
    await read('learner', 'other', 0, 'c', 0)
    expect(await topics()).toEqual({
      read: [
        ['other', 'c', true],
        ['t', null, false],
        ['t', 'a', true],
        ['t', 'b', true],
      ],
      goes_to: null,
    })
  })

  test('how far consumers have read each partition of a topic is known, by the one that is furthest', async () => {
    await read('learner', 't', 0, null, 7)
    await read('projector', 't', 0, 'a', 9)
    await read('projector', 't', 1, null, null)
    await read('learner', 't', 2, null, 3)
    await read('learner', 'other', 0, null, 99)
    expect(await relayOf(way(), 'r').furthest('t')).toEqual([
      { partition: 0, consumer: 'projector', checkpoint: 9, last_record: null },
      { partition: 2, consumer: 'learner', checkpoint: 3, last_record: null },
    ])
  })

  test('an outbox goes into one topic: that of the first relay whose topic consumers read, until somebody moves it', async () => {
    const goesTo = async (topic: string, leave: string | null = null) =>
      (await relayOf(way(), 'r').topics(topic, leave)).goes_to
    expect(await goesTo('a', 'x')).toBeNull()
    await read('learner', 'a', 0, null, null)
    expect(await goesTo('b')).toBeNull()
    expect(await goesTo('a')).toBe('a')
    await read('learner', 'b', 0, null, null)
    expect(await goesTo('b')).toBe('a')
    expect(await goesTo('b', 'x')).toBe('a')
    await importsOf(way()).add([trade(2)])
    expect(await relayOf(way(), 'r').claim(1, 'a')).toHaveLength(1)
    expect(await goesTo('b', 'a')).toBe('b')
    expect(await goesTo('a')).toBe('b')
    expect(await goesTo('c', 'b')).toBe('b')
    // what was in flight goes where the others go
    expect(await relayOf(way(), 'r').published('a', [[1, 0, 7]])).toEqual({ marked: 0, refused: [] })
    await pass(way(), clock, LEASE_MS + 1)
    expect(await relayOf(way(), 'r').claim(1, 'b')).toHaveLength(1)
    expect(await relayOf(way(), 'r').published('b', [[1, 0, 7]])).toEqual({ marked: 1, refused: [] })
    await importsOf(way()).add([trade(1)])
    expect(await relayOf(way(), 'r').claim(1, 'a')).toEqual([])
    expect(await relayOf(way(), 'r').claim(1, 'b')).toHaveLength(1)
  })

  test('a mark without a place marks nothing', async () => {
    await importsOf(way()).add([trade(1), trade(2), trade(3)])
    const relay = relayOf(way(), 'a')
    const marks = [
      [1, 0, 7],
      [2, 0, undefined],
      [3, -1, 5],
      [9, 0, 1],
    ] as Mark[]
    expect(await relay.published('t', marks)).toEqual({ marked: 1, refused: [2, 3] })
    expect(await relay.published('t', [[1, 0, 8]])).toEqual({ marked: 0, refused: [] })
    expect(await relay.state()).toMatchObject({ depth: 2 })
  })

  test('what cannot be published rests longer each time, and is named', async () => {
    const imports = importsOf(way())
    await imports.add([trade(1)])
    const relay = relayOf(way(), 'a')
    for (const rest of [60_000, 120_000, 240_000]) {
      expect(await relay.claim(1)).toHaveLength(1)
      await relay.release([1], 'no', 60_000, true)
      await pass(way(), clock, rest - 30_000)
      expect(await relay.claim(1)).toEqual([])
      await pass(way(), clock, 30_001)
    }
    const keys: [string, number][] = [[trade(1).event_id, 0]]
    expect(await imports.waiting(keys)).toEqual({ waiting: 1, refused: 1, error: 'no' })
    expect(await imports.refused([keys[0]![0]], 5)).toEqual([{ position_id: 'p1', trade_id: 't-1' }])
    await relayOf(way(), 'another').release([1], 'not mine', 0, false)
    expect(await relay.claim(1)).toHaveLength(1)
    await relay.release([1], 'no', 200_000, true)
    await pass(way(), clock, 300_001) // no longer than five minutes
    expect(await relay.claim(1)).toHaveLength(1)
    expect(await imports.waiting(keys)).toMatchObject({ error: 'no' })
  })

  test('regression: the age of the oldest is that of those that wait to be published, not of what is refused', async () => {
    const relay = relayOf(way(), 'a')
    await importsOf(way()).add([trade(1)])
    await relay.claim(1)
    await relay.release([1], 'no', 60_000, true)
    await pass(way(), clock, 3_600_000)
    expect(await relay.state()).toEqual({ depth: 1, refused: 1, oldest_seconds: 0 })
    await importsOf(way()).add([trade(2)])
    await pass(way(), clock, 120_000)
    const { oldest_seconds } = await relay.state()
    expect(oldest_seconds).toBeGreaterThanOrEqual(119)
    expect(oldest_seconds).toBeLessThan(3_000)
  })

  test('whoever waits hears why: of the newest row that was given back with a reason, whether it is at fault or not', async () => {
    const imports = importsOf(way())
    const relay = relayOf(way(), 'a')
    const events = [1, 2, 3].map((n) => trade(n))
    const waiting = () => imports.waiting(events.map((e) => [e.event_id, e.revision]))
    await imports.add(events)
    await relay.claim(3)
    expect(await waiting()).toEqual({ waiting: 3, refused: 0, error: null })
    await relay.release([1], 'too large', 60_000, true)
    expect(await waiting()).toEqual({ waiting: 3, refused: 1, error: 'too large' })
    await relay.release([2], 'a clock is behind', 60_000, false)
    await relay.release([3], null, 60_000, false)
    expect(await waiting()).toEqual({ waiting: 3, refused: 1, error: 'a clock is behind' })
    await relay.published('t', [[2, 0, 7]])
    expect(await waiting()).toEqual({ waiting: 2, refused: 1, error: 'too large' })
    expect(await imports.waiting([])).toEqual({ waiting: 0, refused: 0, error: null })
  })

  test('a score that comes later is the next revision, once', async () => {
    const imports = importsOf(way())
    const unscored = trade(1, { rr: null })
    expect(await imports.add([unscored, unscored, trade(2)])).toEqual({ added: 2, known: 1 })
    const scored = [trade(1, { rr: 2 }), trade(2, { rr: 3 }), trade(9, { rr: 1 })]
    expect(await imports.rescore(scored)).toEqual([[unscored.event_id, 1]])
    expect(await imports.rescore(scored)).toEqual([])
  })

  test('money that an earlier import did not bring is the next revision, once, and only of the same prices', async () => {
    const imports = importsOf(way())
    const { net_return: _n, fees: _f, stake: _s, risk_at_entry: _r, provisional: _p, ...first } = trade(1)
    const corrected = trade(2, { revision: 1, rr: -3, exit_price: 5, revised_by: 'somebody' })
    const rescored = trade(3, { revision: 1, rr: -3, revised_by: 'somebody' })
    await imports.add([first as PositionClosed, trade(2), corrected, trade(3), rescored, trade(4, { voided: true })])
    const money = { net_return: 0.09, fees: 0.02, stake: 2 }
    const now = [1, 2, 3, 4, 5].map((n) => trade(n, money))
    expect(await imports.rescore(now)).toEqual([
      [trade(1).event_id, 1],
      [trade(3).event_id, 2],
    ])
    expect(await imports.rescore(now)).toEqual([])
    const rows = (await relayOf(way(), 'a').claim(99)).map((row) => row.payload)
    expect(rows.slice(-2)).toEqual([
      { ...first, ...money, revision: 1 },
      // what somebody put right stays so, and it is not they who say this
      { ...trade(3), rr: -3, ...money, revision: 2 },
    ])
  })

  test('regression: what consumers know a newer revision of, as the database was put back, stays what that made of it', async () => {
    const imports = importsOf(way())
    const [read, known] = [trade(1, { rr: null }), trade(2, { rr: null })]
    await imports.add([read, known])
    await projectorApplied(way(), { event_id: read.event_id, revision: 1, voided: true })
    await learnerApplied(way(), { event_id: known.event_id, revision: 0 })
    expect(await imports.rescore([trade(1), trade(2)])).toEqual([[known.event_id, 1]])
  })

  test('one trade by two names is one event', async () => {
    const named = trade(1, { trade_id: 'x' })
    const nameless = trade(1, { trade_id: `entry-${named.opened_at}`, closed_at: named.closed_at + 600_000 })
    expect(await insert(way(), named, 'a')).toMatchObject({ payload: named, traceparent: 'tp' })
    expect(await insert(way(), nameless, 'a')).toBeNull()
    expect(await insert(way(), { ...nameless, position_id: 'p1', closed_at: named.closed_at }, 'a')).toBeNull()
    expect(await insert(way(), trade(1, { trade_id: 'y' }), null)).toMatchObject({ payload: { trade_id: 'y' } })
  })
})

describe.each(WAYS)('regression: an import knows a trade by its entry as well: %s', (name) => {
  let memory: MemoryDatabase
  const way = (): Way => (name === 'memory' ? { name, memory } : ways[name])
  beforeEach(async () => {
    memory = createMemoryDatabase()
    await ways[name].db?.sql(`truncate ${TABLES} restart identity`)
  })
  const named = trade(1, { trade_id: 'x' })
  const nameless = trade(1, { trade_id: `entry-${named.opened_at}` })
  const inOutbox = async () => {
    const { memory: tables, db } = way()
    const rows = tables
      ? outboxOf(tables).rows()
      : await db!.sql<{ event_id: string; revision: number }>('select event_id, revision from pm_outbox')
    return rows.map((r) => `${r.event_id}/${r.revision}`).sort()
  }

  const add = (...events: PositionClosed[]) => importsOf(way()).add(events)

  test('regression: what consumers have read since the database was put back replaces no retraction under another name', async () => {
    await insert(way(), nameless, null)
    await projectorApplied(way(), { event_id: nameless.event_id, revision: 3, voided: false })
    expect(await add({ ...named, revision: 1, rr: 2 })).toMatchObject({
      added: 0,
      renamed: [[0, nameless.event_id, 3]],
    })
    const retraction = { ...named, revision: 2, voided: true }
    const taken = [[0, nameless.event_id, 4]]
    expect(await add(retraction)).toEqual({ added: 1, known: 0, renamed: taken })
    expect(await add(retraction)).toEqual({ added: 0, known: 1, renamed: taken })
    expect(await inOutbox()).toEqual([`${nameless.event_id}/0`, `${nameless.event_id}/4`].sort())
  })

  test('what others brought without an id, and is imported with one, is one trade, and so are its revisions', async () => {
    await insert(way(), nameless, null)
    expect(await add(named, { ...named, revision: 1, rr: 2 })).toEqual({
      added: 1,
      known: 1,
      renamed: [
        [0, nameless.event_id, 0],
        [1, nameless.event_id, 1],
      ],
    })
    const again = { added: 0, known: 1, renamed: [[0, nameless.event_id, 1]] }
    expect(await add({ ...named, revision: 1 })).toEqual(again)
    expect(await inOutbox()).toEqual([`${nameless.event_id}/0`, `${nameless.event_id}/1`].sort())
  })

  test('also where a later revision comes first, or alone', async () => {
    await insert(way(), nameless, null)
    expect(await add({ ...named, revision: 2, voided: true })).toEqual({
      added: 1,
      known: 0,
      renamed: [[0, nameless.event_id, 1]],
    })
    expect(await add(named)).toEqual({ added: 0, known: 1, renamed: [[0, nameless.event_id, 0]] })
    expect(await inOutbox()).toEqual([`${nameless.event_id}/0`, `${nameless.event_id}/1`].sort())
  })

  test('and where a revision says another entry', async () => {
    await insert(way(), nameless, null)
    const later = { ...named, revision: 1, opened_at: named.opened_at + 1_000 }
    expect(await add(named, later)).toMatchObject({ added: 1, known: 1 })
    expect(await add(named, later)).toMatchObject({ added: 0, known: 2 })
    expect(await inOutbox()).toEqual([`${nameless.event_id}/0`, `${nameless.event_id}/1`].sort())
  })

  test('by its own count: what was made of the trade meanwhile stays, with its source, and goes before', async () => {
    await insert(way(), { ...nameless, source: 'learning-queue' }, null)
    await insert(way(), { ...nameless, source: 'learning-queue', revision: 1, rr: 5 }, null)
    const gone = { ...named, revision: 1, voided: true, source: 'import:jsonl' }
    expect(await add(named, gone)).toMatchObject({
      added: 1,
      renamed: [
        [0, nameless.event_id, 0],
        [1, nameless.event_id, 2],
      ],
    })
    expect((await relayOf(way(), 'r').claim(9)).at(-1)!.payload).toEqual({
      ...gone,
      event_id: nameless.event_id,
      revision: 2,
      source: 'learning-queue',
    })
    expect(await add({ ...named, revision: 2, rr: 3 })).toEqual({
      added: 0,
      known: 1,
      renamed: [[0, nameless.event_id, 2]],
    })
  })

  test('regression: a revision that is added as it is, and is known, is told from one of another content', async () => {
    const revision = { ...named, revision: 1, rr: 2 }
    expect(await importsOf(way()).add([named, revision], true)).toEqual({ added: 2, known: 0 })
    expect(await importsOf(way()).add([named, revision], true)).toEqual({ added: 0, known: 2 })
    const others = [named, { ...revision, rr: 1 }, trade(9)]
    expect(await importsOf(way()).add(others, true)).toEqual({ added: 1, known: 2, taken: 1 })
  })

  test('one that its own count has left behind is passed over, in whatever order they come', async () => {
    await insert(way(), nameless, null)
    expect(await add({ ...named, revision: 2, rr: 3 })).toMatchObject({ added: 1 })
    const known = { added: 0, known: 1, renamed: [[0, nameless.event_id, 1]] }
    expect(await add({ ...named, revision: 1, voided: true })).toEqual(known)
    expect(await inOutbox()).toEqual([`${nameless.event_id}/0`, `${nameless.event_id}/1`].sort())
  })

  test('a number that such a one has taken is not taken from the trade’s own revision', async () => {
    await add(named)
    expect(await add(nameless, { ...nameless, revision: 1, rr: 2 })).toMatchObject({ added: 1, known: 1 })
    const gone = { ...named, revision: 1, voided: true }
    expect(await add(gone)).toEqual({ added: 1, known: 0, renamed: [[0, named.event_id, 2]] })
    expect(await add(gone)).toEqual({ added: 0, known: 1, renamed: [[0, named.event_id, 2]] })
    expect((await relayOf(way(), 'r').claim(9)).at(-1)!.payload).toEqual({ ...gone, revision: 2 })
  })

  test('in a database that was put back nothing replaces what consumers have read since', async () => {
    await insert(way(), nameless, null)
    const { event_id } = nameless
    await learnerApplied(way(), { event_id, revision: 3 })
    expect(await add({ ...named, revision: 1, rr: 2 })).toEqual({ added: 0, known: 1, renamed: [[0, event_id, 3]] })
    expect(await inOutbox()).toEqual([`${event_id}/0`])
  })

  test('two of a file without an id are two trades, of which one may be known without', async () => {
    await insert(way(), nameless, null)
    const [one, two] = ['a1', 'a2'].map((event_id) => ({ ...named, event_id, trade_id: '' })) as [
      PositionClosed,
      PositionClosed,
    ]
    expect(
      await add({ ...one, closed_at: one.closed_at + 120_000 }, { ...two, closed_at: two.closed_at + 18_000_000 }),
    ).toEqual({
      added: 1,
      known: 1,
      renamed: [[0, nameless.event_id, 0]],
    })
    expect(await inOutbox()).toEqual(['a2/0', `${nameless.event_id}/0`].sort())
  })

  test('what the log has under its own id keeps it, whoever corrects it', async () => {
    await add({ ...named, opened_at: named.closed_at, revision: 1 }) // its entry is not known
    await insert(way(), nameless, null)
    expect(await add(named)).toEqual({ added: 1, known: 0 })
    expect(await add({ ...named, revision: 2 })).toEqual({ added: 1, known: 0 })
    // that the log has it is the caller's word: another producer's
    const foreign = { ...trade(2, { trade_id: 'y' }), revision: 3 }
    await insert(way(), trade(2, { trade_id: `entry-${named.opened_at}` }), null)
    expect(await importsOf(way()).add([foreign], true)).toEqual({ added: 1, known: 0 })
    expect(await inOutbox()).toContain(`${foreign.event_id}/3`)
  })

  test('what is imported with an id is known to whoever brings it without one', async () => {
    expect(await importsOf(way()).add([named])).toEqual({ added: 1, known: 0 })
    expect(await insert(way(), nameless, null)).toBeNull()
    expect(await inOutbox()).toEqual([`${named.event_id}/0`])
  })
})

const who = fc.constantFrom('a', 'b')
const event = fc.record({
  trade: fc.nat(1),
  trade_id: fc.constantFrom('x', 'y', 'nameless', ''),
  revision: fc.constantFrom(0, 0, 0, 1, 2),
  rr: fc.constantFrom(null, 1, 2),
  voided: fc.constantFrom(false, false, true),
  net_return: fc.constantFrom(null, 0.1),
  exit_price: fc.constantFrom(1, 1, 2),
  late: fc.constantFrom(0, 0, 1_000, 500_000, 700_000),
  entry: fc.constantFrom(0, 0, 0, 1),
})
const row = fc.integer({ min: 1, max: 12 })
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ insert: event, who: fc.option(who) }) },
  fc.record({ add: fc.array(event, { maxLength: 3 }), asTheyAre: fc.constantFrom(false, false, true) }),
  fc.record({ rescore: fc.array(event, { maxLength: 3 }) }),
  fc.record({ claim: fc.nat(3), who }),
  fc.record({ published: fc.array(fc.tuple(row, fc.integer({ min: -1, max: 2 }), fc.nat(9)), { maxLength: 3 }), who }),
  fc.record({
    release: fc.array(row, { maxLength: 4 }),
    reason: fc.constantFrom(null, 'no', 'never'),
    rest: fc.constantFrom(0, 10_000, 200_000),
    growing: fc.boolean(),
    who,
  }),
  fc.record({ waiting: fc.array(event, { maxLength: 3 }) }),
  fc.record({ pass: fc.constantFrom(20_000, 70_000, 310_000) }),
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never

function eventOf({ trade: n, trade_id, late, entry, ...more }: Event): PositionClosed {
  const at = closedTrade()
  const opened_at = at.opened_at + entry
  const id = trade_id === 'nameless' ? `entry-${opened_at}` : trade_id
  return trade(n, { ...more, trade_id: id, opened_at, closed_at: at.closed_at + late })
}

async function take(way: Way, one: Step, clock: { ms: number }): Promise<unknown> {
  const imports = importsOf(way)
  if ('insert' in one) return insert(way, eventOf(one.insert), one.who)
  if ('add' in one) return imports.add(one.add.map(eventOf), one.asTheyAre)
  if ('rescore' in one) return imports.rescore(one.rescore.map(eventOf))
  if ('claim' in one) return relayOf(way, one.who).claim(one.claim)
  if ('published' in one) return relayOf(way, one.who).published('t', one.published)
  if ('release' in one) return relayOf(way, one.who).release(one.release, one.reason, one.rest, one.growing)
  if ('pass' in one) return pass(way, clock, one.pass)
  const events = one.waiting.map(eventOf)
  return [
    await relayOf(way, 'a').state(),
    await imports.waiting(events.map((e) => [e.event_id, e.revision])),
    await imports.refused([...new Set(events.map((e) => e.event_id))], 2),
  ]
}

test('any sequence of calls has the same answers in memory as in PostgreSQL, one by one, and the same outcome', async () => {
  const { direct } = ways
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
      const clock = { ms: 0 }
      const memory: Way = { name: 'memory', memory: createMemoryDatabase({ now: () => Date.now() + clock.ms }) }
      await direct.db!.sql(`truncate ${TABLES} restart identity`)
      for (const one of steps) {
        const [here, there] = await Promise.all([memory, direct].map((way) => outcome(take(way, one, clock))))
        expect(untimed(here)).toEqual(untimed(there))
      }
      expect(await contents(memory)).toEqual(await contents(direct))
    }),
    { numRuns: 40 },
  )
})

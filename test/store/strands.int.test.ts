/** The projector's commit: one answer and one outcome, whichever adapter gives it; and any sequence of calls, in memory and in PostgreSQL, step by step. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Claim } from '../../core/runner/chunk-processor.ts'
import { createCheckpointStore } from '../../core/store/checkpoint-store.ts'
import { checkpointsOf as checkpointTable, createMemoryCheckpoints } from '../../core/store/memory/checkpoints.ts'
import { createMemoryDatabase } from '../../core/store/memory/database.ts'
import { countStrands, insertStrand, strandTables } from '../../core/store/memory/strands.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { strandId, strandOf } from '../../domain/strand.ts'
import { createMemoryStrands } from '../../services/projector/memory-strands.ts'
import { createStrandStore } from '../../services/projector/strand-store.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { oldStrand } from '../support/strand-table.ts'
import { adapters, outcome, useWays, WAYS, type Way } from './ways.ts'

const TOPIC = 't'
const CONSUMER = 'projector'

const ways = useWays(...WAYS)
const checkpointsOf = adapters(createMemoryCheckpoints, createCheckpointStore)
const strandsOf = adapters(
  (db) => createMemoryStrands(db, CONSUMER),
  (store) => createStrandStore(store, CONSUMER),
)

interface Commit {
  claim: Claim
  events: PositionClosed[]
  next: number
  commitId: string
  seen: string | null
}

const portsOf = (way: Way) => ({ ...checkpointsOf(way), ...strandsOf(way) })

function commit(way: Way, { claim, events, next, commitId, seen }: Commit) {
  const rows = events.map((e, offset) => strandOf(e, { topic: TOPIC, partition: claim.partition, offset }))
  return strandsOf(way).commit({ claim, commitId, next, rows, seen })
}

async function insert(way: Way, given: ReturnType<typeof oldStrand> & { created_at?: string }): Promise<void> {
  const row = { created_at: at(0), ...given }
  if (way.memory) return way.memory.transaction(() => insertStrand(way.memory, row))
  const columns = 'id, module, kind, symbol, position_id, trade_id, content, created_at'
  await way.db.sql(
    `insert into ad_strands (${columns}) select ${columns} from jsonb_populate_record(null::ad_strands, $1)`,
    [JSON.stringify(row)],
  )
}

async function remove(way: Way, id: string): Promise<void> {
  if (way.memory) way.memory.transaction(() => strandTables(way.memory).adStrands.remove(id))
  else await way.db.sql('delete from ad_strands where id = $1', [id])
}

async function oldestOfTheirs(way: Way, position_id: string): Promise<string | undefined> {
  if (!way.memory) {
    const text = `select id from ad_strands where position_id = $1 and id like 'old-%' order by created_at, id limit 1`
    return (await way.db.sql<{ id: string }>(text, [position_id]))[0]?.id
  }
  const theirs = strandTables(way.memory)
    .adStrands.rows()
    .filter((s) => s.position_id === position_id && s.id.startsWith('old-'))
  return theirs.toSorted((a, b) => (`${a.created_at} ${a.id}` < `${b.created_at} ${b.id}` ? -1 : 1))[0]?.id
}

/** What is in the tables, without the times at which it was written. */
async function contents(way: Way) {
  if (way.memory) {
    const { adStrands, strands, duplicates, queue } = strandTables(way.memory)
    return {
      checkpoints: checkpointTable(way.memory)
        .rows()
        .map((c) => [c.partition, c.epoch, c.version, c.checkpoint, c.last_commit, c.topic_id, c.last_record]),
      strands: strands.rows().map((s) => [s.event_id, s.strand_id, s.topic, s.adopted, s.revision, s.voided]),
      rows: adStrands.rows().map((s) => [s.id, s.status, s.position_id, s.metadata?.revision ?? null, s.content]),
      duplicates: duplicates.rows().map((d) => [d.strand_id, d.event_id]),
      queue: queue.rows().map((q) => [q.id, q.strand_id, q.strand_type, q.status]),
      counted: countStrands(way.memory),
    }
  }
  const all = async (text: string) => (await way.db.sql<{ row: unknown }>(text)).map(({ row }) => row)
  return {
    checkpoints: await all(
      'select jsonb_build_array(partition, epoch, version, checkpoint, last_commit, topic_id, last_record) as row from consumer_checkpoints',
    ),
    strands: await all(
      'select jsonb_build_array(event_id, strand_id, topic, adopted, revision, voided) as row from strands',
    ),
    rows: await all(
      `select jsonb_build_array(id, status, position_id, metadata -> 'revision', content) as row from ad_strands`,
    ),
    duplicates: await all('select jsonb_build_array(strand_id, event_id) as row from duplicate_strands'),
    queue: await all('select jsonb_build_array(id, strand_id, strand_type, status) as row from learning_queue'),
    counted: await way.store.rpc('strandline_strands_event_count', {}),
  }
}

const sorted = <T extends Record<string, unknown>>(found: T) =>
  Object.fromEntries(
    Object.entries(found).map(([name, rows]) => [
      name,
      Array.isArray(rows) ? rows.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : rows,
    ]),
  )

const TABLES =
  'strandline.consumer_checkpoints, strandline.strands, strandline.duplicate_strands, ad_strands, learning_queue'

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1) + minute * 60_000).toISOString()

const ID = (n: number) => `00000000-0000-0000-0000-${String(n).padStart(12, '0')}`

describe.each(WAYS)('%s', (name) => {
  let claims = 0
  async function claimed(): Promise<Claim> {
    const partition = ++claims
    return { topic: TOPIC, partition, ...(await checkpointsOf(ways[name]).claim({ ...of, partition }, 'test')) }
  }
  const of = { consumer: CONSUMER, topic: TOPIC }
  const event = (position_id: string, more: Partial<PositionClosed> = {}) => closedTrade({ position_id, ...more })
  const WROTE = { status: 'ok', written: 1, adopted: 0, kept: 0, set_aside: 0 }
  const more = { next: 5, commitId: ID(1), seen: null }

  test('a commit writes and moves the checkpoint, under its id', async () => {
    const claim = await claimed()
    const record = { offset: 4, time: 7, digest: 'd', event_id: 'e' }
    const seen = JSON.stringify({ topic_id: 'T', record })
    expect(await commit(ways[name], { ...more, claim, events: [event('a')], seen })).toEqual(WROTE)
    const port = checkpointsOf(ways[name])
    const standing = { epoch: 1, version: 1, checkpoint: 5 }
    expect(await port.read({ ...of, partition: claim.partition })).toEqual({
      ...standing,
      last_commit: ID(1),
      holder: expect.any(String),
    })
    expect(await port.claim({ ...of, partition: claim.partition }, 'b')).toEqual({
      ...standing,
      epoch: 2,
      topic_id: 'T',
      last_record: record,
    })
  })

  test('a claim that is not the newest is fenced, one that knows another state is stale; neither changes anything', async () => {
    const claim = await claimed()
    const before = await contents(ways[name])
    const events = [event('b')]
    const { epoch, version } = claim
    for (const [changes, status] of [
      [{ epoch: epoch - 1 }, 'fenced'],
      [{ epoch: epoch + 1 }, 'fenced'],
      [{ version: version + 1 }, 'stale'],
      [{ checkpoint: 0 }, 'stale'],
      [{ partition: 99 }, 'fenced'],
    ] as const)
      expect(await commit(ways[name], { ...more, claim: { ...claim, ...changes }, events })).toEqual({ status })
    expect(await contents(ways[name])).toEqual(before)
  })

  test('a text that jsonb does not hold is refused, and changes nothing', async () => {
    const claim = await claimed()
    const before = await contents(ways[name])
    for (const text of ['a\0b', '\ud83d']) {
      const seen = JSON.stringify({ record: { offset: 4, time: 7, digest: 'd', event_id: text } })
      const commits = [
        { events: [event('e')], seen },
        { events: [event('e', { symbol: '\ud83d' })], seen: null },
      ]
      for (const one of commits)
        expect(await outcome(commit(ways[name], { ...more, claim, ...one }))).toEqual({ error: 'STORE_REJECTED' })
    }
    expect(await contents(ways[name])).toEqual(before)
  })

  test('a replay below the checkpoint leaves it where it is', async () => {
    const claim = await claimed()
    await commit(ways[name], { ...more, claim, events: [] })
    const now = { ...claim, version: 1, checkpoint: 5 }
    expect(await commit(ways[name], { ...more, claim: now, events: [event('c')], next: 2 })).toEqual(WROTE)
    expect(await checkpointsOf(ways[name]).read({ ...of, partition: claim.partition })).toMatchObject({
      version: 2,
      checkpoint: 5,
    })
  })

  test('strands of others are adopted: the oldest is shown, the next is a duplicate, ours gives way', async () => {
    const claim = await claimed()
    await commit(ways[name], { ...more, claim, events: [event('d')] })
    for (const n of [2, 1]) await insert(ways[name], { ...oldStrand('d'), id: `old-d-${n}`, created_at: at(n) })
    const now = { ...claim, version: 1, checkpoint: 5 }
    const corrected = event('d', { revision: 1 })
    expect(await commit(ways[name], { ...more, claim: now, events: [corrected] })).toEqual({
      ...WROTE,
      written: 0,
      adopted: 1,
    })
    const { strands, rows, duplicates } = await contents(ways[name])
    expect(strands).toContainEqual([corrected.event_id, 'old-d-1', TOPIC, true, 1, false])
    expect(duplicates).toContainEqual(['old-d-2', corrected.event_id])
    expect((rows as [string][]).filter(([id]) => id.includes(corrected.event_id))).toEqual([])
  })

  describe('regression: an adopted strand whose row goes', () => {
    async function adopted(position_id: string) {
      const claim = await claimed()
      await insert(ways[name], oldStrand(position_id))
      const replayed = event(position_id, { revision: 1 })
      let version = -1
      const project = (revision: number) =>
        commit(ways[name], {
          ...more,
          claim: { ...claim, version: ++version, checkpoint: version === 0 ? null : 5 },
          events: [{ ...replayed, revision }],
        })
      expect(await project(1)).toEqual({ ...WROTE, written: 0, adopted: 1 })
      const tied = async () => {
        const { strands, duplicates } = await contents(ways[name])
        const ofTrade = (row: unknown) => JSON.stringify(row).includes(replayed.event_id)
        return [...(strands as unknown[]).filter(ofTrade), ...(duplicates as unknown[]).filter(ofTrade)]
      }
      return { project, tied, event_id: replayed.event_id }
    }

    test('gives its trade back: a replay, not of an older revision, writes one of ours', async () => {
      const { project, tied, event_id } = await adopted('gone-a')
      await remove(ways[name], 'old-gone-a')
      expect(await project(0)).toEqual({ ...WROTE, written: 0 })
      expect(await tied()).toEqual([[event_id, 'old-gone-a', TOPIC, true, 1, false]])
      expect(await project(1)).toEqual(WROTE)
      expect(await tied()).toEqual([[event_id, `position_closed_${event_id}`, TOPIC, false, 1, false]])
    })

    test('as its maker replaced it by another: that one is adopted, and no duplicate', async () => {
      const { project, tied, event_id } = await adopted('gone-b')
      await remove(ways[name], 'old-gone-b')
      await insert(ways[name], oldStrand('gone-b', { id: 'new-gone-b' }))
      await project(1)
      expect(await tied()).toEqual([[event_id, 'new-gone-b', TOPIC, true, 1, false]])
    })

    test('is followed by its duplicate', async () => {
      const { project, tied, event_id } = await adopted('gone-c')
      await insert(ways[name], oldStrand('gone-c', { id: 'new-gone-c' }))
      await project(1)
      const shown = [event_id, 'old-gone-c', TOPIC, true, 1, false]
      expect(await tied()).toEqual([shown, ['new-gone-c', event_id]])
      await remove(ways[name], 'old-gone-c')
      await project(1)
      expect(await tied()).toEqual([[event_id, 'new-gone-c', TOPIC, true, 1, false]])
    })
  })
})

const trade = fc.nat(3)
const step = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('claim'), who: fc.constantFrom(0, 0, 1), partition: fc.nat(1) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('commit'),
      who: fc.constantFrom(0, 0, 0, 1),
      partition: fc.nat(1),
      events: fc.array(fc.record({ trade, revision: fc.nat(1), voided: fc.boolean(), rr: fc.nat(9) }), {
        maxLength: 4,
      }),
      skew: fc.constantFrom('none', 'none', 'none', 'none', 'version', 'checkpoint'),
      by: fc.integer({ min: -3, max: 4 }),
      record: fc.boolean(),
      topicId: fc.constantFrom(null, 'T1', 'T2'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('insert'), trade, n: fc.nat(1) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove'), trade, theirs: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('look'), partition: fc.nat(1) }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

const tradeOf = (n: number, more: Partial<PositionClosed> = {}) => closedTrade({ position_id: `p${n}`, ...more })

test('any sequence of calls has the same answers in memory as in PostgreSQL, one by one, and the same outcome', async () => {
  const { direct } = ways
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
      const memory: Way = { name: 'memory', memory: createMemoryDatabase() }
      await direct.db!.sql(`truncate ${TABLES} restart identity`)
      const held = new Map<string, Claim>()
      const claims: Step[] = [0, 1].map((partition) => ({ do: 'claim', who: 0, partition }))
      for (const [i, one] of [...claims, ...steps].entries()) {
        const [here, there] = await Promise.all([memory, direct].map((way) => outcome(take(way, one, held, i))))
        expect(here).toEqual(there)
        note(one, held, here)
      }
      expect(sorted(await contents(memory))).toEqual(sorted(await contents(direct)))
    }),
    { numRuns: 60 },
  )
})

async function take(way: Way, one: Step, held: ReadonlyMap<string, Claim>, i: number): Promise<unknown> {
  const port = portsOf(way)
  const of = (partition: number) => ({ consumer: CONSUMER, topic: TOPIC, partition })
  if ('n' in one)
    return insert(way, {
      ...oldStrand(`p${one.trade}`),
      id: `old-${one.trade}-${one.n}-${i}`,
      created_at: at(one.n ? i : -i),
    })
  if (!('partition' in one)) {
    const id = one.theirs ? await oldestOfTheirs(way, `p${one.trade}`) : strandId(tradeOf(one.trade).event_id)
    return id && remove(way, id)
  }
  if (!('who' in one)) return [await port.read(of(one.partition)), await port.list(CONSUMER, TOPIC)]
  if (!('events' in one)) return port.claim(of(one.partition), `holder ${one.who}`)
  const claim = held.get(`${one.who}/${one.partition}`) ?? {
    topic: TOPIC,
    partition: one.partition,
    epoch: 0,
    version: 0,
    checkpoint: null,
  }
  const next = Math.max(0, (claim.checkpoint ?? 0) + one.by)
  const record = one.record ? { offset: next - 1, time: i, digest: 'd', event_id: null } : undefined
  return commit(way, {
    claim: {
      ...claim,
      version: claim.version + (one.skew === 'version' ? 1 : 0),
      checkpoint: one.skew === 'checkpoint' ? (claim.checkpoint ?? 0) + 1 : claim.checkpoint,
    },
    events: one.events.map(({ trade, ...more }) => tradeOf(trade, more)),
    next,
    commitId: ID(i),
    seen: JSON.stringify({ topic_id: one.topicId, record }),
  })
}

/** What the holders know after an answer. */
function note(one: Step, held: Map<string, Claim>, answer: unknown): void {
  if (!('who' in one)) return
  const key = `${one.who}/${one.partition}`
  if (!('events' in one)) held.set(key, { ...(answer as Claim), topic: TOPIC, partition: one.partition })
  else if ((answer as { status: string }).status === 'ok') {
    const claim = held.get(key) as Claim
    const next = Math.max(0, (claim.checkpoint ?? 0) + one.by)
    held.set(key, { ...claim, version: claim.version + 1, checkpoint: Math.max(claim.checkpoint ?? next, next) })
  }
}

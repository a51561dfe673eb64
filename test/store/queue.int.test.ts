/** The bridge's queue: any sequence of strands, pages and settled rows has the same answers and the same outcome in memory as in PostgreSQL. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createMemoryDatabase } from '../../core/store/memory/database.ts'
import { outboxOf } from '../../core/store/memory/outbox.ts'
import { insertPosition } from '../../core/store/memory/positions.ts'
import { insertStrand, strandTables } from '../../core/store/memory/strands.ts'
import { createMemoryQueue } from '../../services/pm/sources/memory-queue.ts'
import { createQueueStore, type Settled } from '../../services/pm/sources/queue-store.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { adapters, outcome, useWays, WAYS, type Way } from './ways.ts'

const ways = useWays(...WAYS)
const queueOf = adapters(createMemoryQueue, createQueueStore)

const TABLES = `lowcap_positions, ad_strands, learning_queue, strandline.strands, strandline.duplicate_strands, strandline.set_aside,
  strandline.pm_outbox, strandline.pm_provisional, strandline.trade_entries, strandline.trade_names, strandline.renamed_revisions`

const strand = (id: string, kind: string) => ({
  id,
  module: 'pm',
  kind,
  symbol: 'PEPE',
  position_id: 'p1',
  trade_id: id,
  content: { rr: 0.5 },
  tags: ['left out'],
  created_at: '2026-01-01T00:00:00Z',
})

async function insert(way: Way, row: ReturnType<typeof strand>): Promise<void> {
  if (way.memory) return way.memory.transaction(() => insertStrand(way.memory, row))
  const columns = Object.keys(row).join(', ')
  await way.db.sql(
    `insert into ad_strands (${columns}) select ${columns} from jsonb_populate_record(null::ad_strands, $1)`,
    [JSON.stringify(row)],
  )
}

async function remove(way: Way, id: string): Promise<void> {
  if (way.memory) way.memory.transaction(() => strandTables(way.memory).adStrands.remove(id))
  else await way.db.sql('delete from ad_strands where id = $1', [id])
}

async function contents(way: Way): Promise<Record<string, unknown[]>> {
  if (way.memory) {
    const { strands, duplicates, queue, setAside } = strandTables(way.memory)
    return sorted({
      strands: strands.rows().map((s) => [s.event_id, s.strand_id, s.adopted]),
      duplicates: duplicates.rows().map((d) => [d.strand_id, d.event_id]),
      queue: queue.rows().map((q) => [q.id, q.status, q.error]),
      aside: setAside.rows().map((a) => [a.kind, a.id, a.scope, a.reason, a.attempts, a.retry_at !== null]),
      outbox: outboxOf(way.memory)
        .rows()
        .map((o) => [o.id, o.event_id, o.revision, o.claimed_by, o.payload?.trade_id]),
      unscored: way.memory
        .table<{ event_id: string; side: string }>('pm_provisional')
        .rows()
        .map((u) => [u.event_id, u.side]),
    })
  }
  const all = async (columns: string, table: string) =>
    (await way.db.sql<{ row: unknown }>(`select jsonb_build_array(${columns}) as row from ${table}`)).map((r) => r.row)
  return sorted({
    strands: await all('event_id, strand_id, adopted', 'strands'),
    duplicates: await all('strand_id, event_id', 'duplicate_strands'),
    queue: await all('id, status, error', 'learning_queue'),
    aside: await all('kind, id, scope, reason, attempts, retry_at is not null', 'set_aside'),
    outbox: await all(`id, event_id, revision, claimed_by, payload ->> 'trade_id'`, 'pm_outbox'),
    unscored: await all('event_id, side', 'pm_provisional'),
  })
}

const sorted = (found: Record<string, unknown[]>) =>
  Object.fromEntries(
    Object.entries(found).map(([name, rows]) => [
      name,
      rows.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
    ]),
  )

/** A strand as an object, without what it does not say; no times of the test's own. */
const comparable = (answer: unknown): unknown =>
  JSON.parse(JSON.stringify(answer ?? null), (name, value) => {
    if (name === 'now' || name === 'recorded_at') return typeof value
    if (name !== 'strand' || value === null) return value
    const said = Object.entries(JSON.parse(value as string)).filter(([, v]) => v !== null)
    return Object.fromEntries(said.filter(([key]) => !key.endsWith('_at')))
  })

const event = fc.record({
  trade_id: fc.constantFrom('x', 'y', 'nameless'),
  late: fc.constantFrom(0, 0, 1_000, 700_000),
  rr: fc.constantFrom(null, 1),
  later: fc.boolean(),
})
const row = fc.record({
  row: fc.integer({ min: 1, max: 8 }),
  is: fc.oneof(
    { weight: 4, arbitrary: event },
    { weight: 1, arbitrary: fc.constantFrom('no news', 'no trade', 'ahead') },
  ),
})
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ insert: fc.constantFrom('position_closed', 'position_closed', 'pm_action') }) },
  { weight: 2, arbitrary: fc.record({ page: fc.option(fc.nat(5)), limit: fc.integer({ min: 1, max: 5 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      settle: fc.uniqueArray(row, { selector: (r) => r.row, maxLength: 4 }),
      each: fc.boolean(),
      relay: fc.constantFrom(null, 'r'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ remove: fc.nat(10) }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

function settled({
  row: id,
  is,
}: {
  row: number
  is: (typeof row extends fc.Arbitrary<infer T> ? T : never)['is']
}): Settled {
  const of = { id: String(id), error: null }
  if (is === 'no news') return of
  if (is === 'no trade') return { ...of, error: 'no trade' }
  if (is === 'ahead') return { ...of, error: 'not yet', wait_ms: 600_000 }
  const { opened_at, closed_at } = closedTrade()
  const trade_id = is.trade_id === 'nameless' ? `entry-${opened_at}` : is.trade_id
  const trade = closedTrade({ position_id: 'p1', trade_id, rr: is.rr, closed_at: closed_at + is.late })
  return { ...of, event: trade, side: 'long', score_later: is.later }
}

async function take(way: Way, one: Step, i: number): Promise<unknown> {
  const port = queueOf(way)
  if ('insert' in one) return insert(way, strand(`s${i}`, one.insert))
  if ('remove' in one) return remove(way, `s${one.remove}`)
  if ('page' in one) return port.page(one.page === null ? null : String(one.page), one.limit)
  const claim = { relay: one.relay, leaseMs: 60_000 }
  const rows = one.settle.map(settled)
  return one.each ? port.settleEach(rows, claim) : port.settle(rows, claim)
}

test('any sequence of calls has the same answers in memory as in PostgreSQL, one by one, and the same outcome', async () => {
  const { direct } = ways
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40, size: 'max' }), async (steps) => {
      const memory: Way = { name: 'memory', memory: createMemoryDatabase() }
      await direct.db!.sql(`truncate ${TABLES} restart identity`)
      const strands: Step[] = [
        { insert: 'position_closed' },
        { insert: 'position_closed' },
        { insert: 'position_closed' },
      ]
      for (const [i, one] of [...strands, ...steps].entries()) {
        const [here, there] = await Promise.all([memory, direct].map((way) => outcome(take(way, one, i))))
        expect(comparable(here)).toEqual(comparable(there))
      }
      expect(await contents(memory)).toEqual(await contents(direct))
    }),
    { numRuns: 60 },
  )
})

test.each(WAYS)('%s: what positions are of', async (name) => {
  const way = ways[name]
  if (way.memory)
    way.memory.transaction(() => insertPosition(way.memory, { id: 'a', timeframe: '4h', token_ticker: 'X' }))
  else await way.db.sql(`insert into lowcap_positions (id, timeframe, token_ticker) values ('a', '4h', 'X')`)
  expect(await queueOf(way).positionFacts(['a', 'a', 'nobody'])).toEqual({
    a: { timeframe: '4h', token_ticker: 'X', token_contract: '', token_chain: '', side: 'long' },
  })
})

test.each(WAYS)(
  '%s: of two names of one trade that come together, the one with an id is what the log knows',
  async (name) => {
    const way = ways[name]
    await way.db?.sql(`truncate ${TABLES} restart identity`)
    for (const id of ['with-1', 'with-2']) await insert(way, strand(id, 'position_closed'))
    const { rows } = await queueOf(way).page(null, 9)
    const named = (trade_id: string) =>
      settled({ row: 0, is: { trade_id: trade_id as 'x', late: 0, rr: 1, later: false } })
    const settling = ['nameless', 'x'].map((trade_id, i) => ({ ...named(trade_id), id: rows[i]!.id }))
    expect(await queueOf(way).settle(settling, { relay: 'r', leaseMs: 1 })).toMatchObject({
      added: 1,
      known: 1,
      published: [{ payload: { trade_id: 'x' } }],
    })
  },
)

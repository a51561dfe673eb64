/** A backfill: the same pages, the same runs and the same report by every adapter. (On old systems: test/legacy/history.int.test.ts) */
import { beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { createMemoryDatabase } from '../../core/store/memory/database.ts'
import { insertPosition } from '../../core/store/memory/positions.ts'
import { insertStrand } from '../../core/store/memory/strands.ts'
import { createImportOutbox, createOutbox } from '../../core/store/outbox-store.ts'
import { createMemoryImportOutbox, createMemoryOutbox } from '../../services/pm/memory-outbox.ts'
import { createMemoryPmStores } from '../../services/pm/memory-stores.ts'
import { type BackfillOptions, backfill, backfillStores } from '../../services/pm/sources/backfill.ts'
import { emptyReport } from '../../services/pm/sources/backfill-report.ts'
import { createMemoryBackfill } from '../../services/pm/sources/memory-backfill.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { adapters, useWays, WAYS, type Way, type WayName } from './ways.ts'

const TABLES = `lowcap_positions, ad_strands, learning_queue, strandline.strands, strandline.duplicate_strands, strandline.set_aside,
  strandline.pm_outbox, strandline.pm_provisional, strandline.trade_entries, strandline.trade_names, strandline.renamed_revisions, strandline.backfill_runs`

const databases = useWays(...WAYS)
const ways = {} as Record<WayName, Way>
const storesOf = adapters((db) => ({ ...createMemoryPmStores(db), backfill: createMemoryBackfill(db) }), backfillStores)

beforeEach(async () => {
  for (const name of WAYS) {
    const way = databases[name]
    await way.db?.sql(`truncate ${TABLES} restart identity`)
    ways[name] = name === 'memory' ? { name, memory: createMemoryDatabase() } : way
  }
})

const minute = (n: number) => new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString()
const trade = (n: number, more: object = {}) => ({
  trade_id: `t${n}`,
  entry_price: 1,
  exit_price: 2,
  rr: 1,
  entry_timestamp: minute(n),
  exit_timestamp: minute(n + 30),
  ...more,
})

async function insert(way: Way, table: 'ad_strands' | 'lowcap_positions', row: { id: string }): Promise<void> {
  if (way.memory)
    return way.memory.transaction(() => {
      if (table === 'ad_strands') insertStrand(way.memory, row as never)
      else insertPosition(way.memory, row as never)
    })
  const columns = Object.keys(row).join(', ')
  await way.db.sql(
    `insert into ${table} (${columns}) select ${columns} from jsonb_populate_record(null::${table}, $1)`,
    [JSON.stringify(row)],
  )
}

/** Strands of all kinds, and positions that hold some of the same trades, one without a score and one that nobody can read. */
async function history(way: Way): Promise<void> {
  for (let i = 0; i < 6; i++)
    await insert(way, 'ad_strands', {
      id: `s${i}`,
      module: 'pm',
      kind: i === 3 ? 'pm_action' : 'position_closed',
      timeframe: '15m',
      symbol: 'X',
      position_id: `p${i}`,
      content: { completed_trades: [i === 4 ? trade(4, { exit_price: -1 }) : trade(i)] },
    } as never)
  for (let i = 0; i < 4; i++)
    await insert(way, 'lowcap_positions', {
      id: `p${i}`,
      timeframe: '15m',
      completed_trades: [trade(i), trade(i + 100, { rr: i === 1 ? null : 2 }), ...(i === 2 ? ['nothing'] : [])],
    } as never)
  await insert(way, 'lowcap_positions', { id: 'p9', timeframe: '15m', completed_trades: [] } as never)
}

const run = (way: Way, more: Partial<BackfillOptions> = {}) =>
  backfill({ stores: storesOf(way), clock: systemClock, owner: 'test', ...more })

const inAll = async <T>(ask: (way: Way) => Promise<T>): Promise<T> => {
  const [memory, ...others] = [await ask(ways.memory), await ask(ways.direct), await ask(ways.postgrest)]
  for (const other of others) expect(memory).toEqual(other)
  return memory
}

test('a run takes each trade once and says the same of it; what it would take is what it takes', async () => {
  for (const name of WAYS) await history(ways[name])
  const dry = await inAll((way) => run(way, { dryRun: true }))
  const done = await inAll((way) => run(way))
  expect(done).toMatchObject({ done: true, published: 9, known: 3, read: { strands: 6, positions: 5 } })
  expect([dry.published, dry.known, dry.report]).toEqual([done.published, done.known, done.report])
  expect(Object.values(done.report.unusable).map((u) => u.count)).toEqual([1, 1])
  expect(await inAll((way) => run(way))).toMatchObject({ published: 0, known: 12, resumed: false })
  expect(await inAll((way) => run(way, { since: Date.parse(minute(101)) }))).toMatchObject({
    report: { before_since: expect.any(Number) },
  })
})

test('pages are the same, whatever their size', async () => {
  for (const name of WAYS) await history(ways[name])
  for (const source of ['strands', 'positions'] as const)
    for (const limit of [1, 2, 9]) {
      let after: string | null = null
      do {
        const page: { last: string | null; more: boolean } = await inAll(async (way) => {
          const { now: _, rows, ...rest } = await storesOf(way).backfill[source](after, limit)
          return { ...rest, ids: rows.map((r) => r.id) }
        })
        after = page.more ? page.last : null
      } while (after !== null)
    }
  await inAll(async (way) => {
    const { strands, positions } = await storesOf(way).backfill.sizes()
    return { strands, positions }
  })
})

test('a step whose answer was lost is not taken twice; whoever is taken over is told so', async () => {
  const from = { source: 'strands' as const, after: null }
  const to = { source: 'strands' as const, after: 's1', visited: 2, report: emptyReport() }
  const trades = [{ event: closedTrade({ source: 'backfill', rr: 1 }), side: 'long' as const, score_later: false }]
  await inAll(async (way) => {
    const { backfill: store } = storesOf(way)
    const a = await store.begin('a', '')
    const holder = { run: a.run, owner: 'a' }
    const answers: unknown[] = [a]
    answers.push(await store.step(holder, { from, to, trades }), await store.step(holder, { from, to, trades }))
    expect(answers.slice(1)).toMatchObject([
      { status: 'ok', published: 1 },
      { status: 'stale', state: { after: 's1' } },
    ])
    const b = await store.begin('b', '')
    expect(b).toMatchObject({ run: a.run, resumed: true, state: { published: 1, known: 0, visited: 2 } })
    expect(await store.step(holder, { from: to, to, trades })).toEqual({ status: 'fenced' })
    expect(await store.end(holder, emptyReport())).toBeNull()
    expect(await store.begin('c', '2026-01-01')).toMatchObject({ resumed: false })
    const last = await store.end({ run: a.run, owner: 'b' }, emptyReport())
    return [...answers, b, last]
  })
})

/** Memory refuses no row. */
test.each(['direct', 'postgrest'] as const)('%s: what a step was taken without is kept with its run', async (name) => {
  const way = ways[name]
  const { backfill: store } = storesOf(way)
  await way.db!.sql(
    `alter table strandline.pm_outbox add constraint whim check (payload ->> 'trade_id' not like 'bad%')`,
  )
  try {
    const { run } = await store.begin('a', '')
    const side = 'long' as const
    const of = (trade_id: string, strand_id?: string) => ({
      ...{ event: closedTrade({ trade_id, source: 'backfill', rr: 1 }), side, score_later: false, strand_id },
    })
    const from = { source: 'strands' as const, after: null }
    const to = { ...from, after: 's9', visited: 3, report: emptyReport() }
    const step = { from, to, trades: [of('bad1', 's1'), of('good'), of('bad2')] }
    const why = expect.stringMatching(/^The database refused it: .*whim/)
    const refused = [
      { in: 'strand', id: 's1', trade_id: 'bad1', why },
      { in: 'position', id: step.trades[2]!.event.position_id, trade_id: 'bad2', why },
    ]
    expect(await store.step({ run, owner: 'a' }, step)).toEqual({ status: 'ok', published: 1, known: 0, refused })
    const unusable = [{ count: 2, examples: refused }]
    const stale = await store.step({ run, owner: 'a' }, step)
    const begun = await store.begin('b', '')
    for (const at of [stale, begun]) {
      const { state } = at as typeof begun
      expect([state.published, state.known, Object.values(state.report.unusable)]).toEqual([1, 0, unusable])
    }
    const next = { from: to, to: { ...to, after: 's10', report: begun.state.report }, trades: [of('good2')] }
    await store.step({ run, owner: 'b' }, next)
    const { state } = await store.begin('c', '')
    expect(Object.values(state.report.unusable)).toEqual(unusable) // as the step says it, and not once more
  } finally {
    await way.db!.sql('alter table strandline.pm_outbox drop constraint whim')
  }
})

const relayOf = adapters(
  (db) => createMemoryOutbox(db, 'r', 60_000),
  (store) => createOutbox(store, 'r', 60_000),
)
const importsOf = adapters(createMemoryImportOutbox, createImportOutbox)

test('a trade is known by either name; what is not published yet is counted, and why', async () => {
  const named = closedTrade({ source: 'backfill', rr: 1 })
  const nameless = closedTrade({ source: 'backfill', trade_id: `entry-${named.opened_at}`, rr: 1 })
  const other = closedTrade({ source: 'backfill', trade_id: 'other', rr: 1 })
  await inAll(async (way) => {
    const { backfill: store } = storesOf(way)
    const { run: number } = await store.begin('a', '')
    const from = { source: 'strands' as const, after: null }
    const trades = [{ event: named, side: 'long' as const, score_later: false }]
    await store.step(
      { run: number, owner: 'a' },
      { from, to: { ...from, after: 's1', visited: 1, report: emptyReport() }, trades },
    )
    expect(await store.known([named, nameless, other])).toEqual([0, 1])
    await importsOf(way).add([closedTrade({ trade_id: 'imported', source: 'import', rr: 1 })])
    const [row] = await relayOf(way).claim(1)
    await relayOf(way).release([row!.id], 'a clock is behind', -1, false)
    expect(await store.waiting(9)).toEqual({ waiting: 1, refused: 0, error: 'a clock is behind' })
    await relayOf(way).claim(1)
    await relayOf(way).release([row!.id], 'too large', 0, true)
    const waiting = await store.waiting(9)
    expect(waiting).toEqual({ waiting: 1, refused: 1, error: 'too large' })
    expect(await store.waiting(0)).toEqual({ waiting: 0, refused: 0, error: null })
    return waiting
  })
})

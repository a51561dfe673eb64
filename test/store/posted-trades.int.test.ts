/** Trades and bars that a bot posts: one answer, whichever adapter gives it; and any sequence of calls, in memory and in PostgreSQL, step by step. */
import fc from 'fast-check'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { withClient } from '../../core/store/client.ts'
import { createMemoryDatabase, type MemoryDatabase } from '../../core/store/memory/database.ts'
import { outboxOf } from '../../core/store/memory/outbox.ts'
import { createImportOutbox } from '../../core/store/outbox-store.ts'
import { eventId, type PositionClosed } from '../../domain/event.ts'
import { createBarStore, type GivenBar } from '../../services/pm/bar-store.ts'
import { createMemoryBars } from '../../services/pm/memory-bars.ts'
import { createMemoryImportOutbox } from '../../services/pm/memory-outbox.ts'
import { createMemoryPostedTrades } from '../../services/pm/memory-posted-trades.ts'
import { createPostedTradeStore, type PostAnswer, type ScoredPost } from '../../services/pm/posted-trade-store.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { PATIENT } from '../support/patience.ts'
import { APPLIED_TABLES, learnerApplied, projectorApplied } from './applied.ts'
import { adapters, outcome, useWays, WAYS, type Way } from './ways.ts'

const ways = useWays(...WAYS)
const postsOf = adapters(createMemoryPostedTrades, createPostedTradeStore)
const barsOf = adapters(createMemoryBars, createBarStore)
const importsOf = adapters(createMemoryImportOutbox, createImportOutbox)

const TABLES = `strandline.pm_outbox, strandline.pm_provisional, strandline.trade_entries, strandline.trade_names, strandline.renamed_revisions, strandline.posted_trades,
  public.lowcap_price_data_ohlc, ${APPLIED_TABLES}`
const SKEW_MS = 300_000
const CLAIM = { relay: 'r', leaseMs: 30_000 }

const eventOf = (n: number, more: Partial<PositionClosed> = {}): PositionClosed =>
  closedTrade({ position_id: `p${n}`, trade_id: `t${n}`, source: 'api', ...more })

function post(
  n: number,
  { revision = 0, price = 1, rr = 1 as number | null, voided = false, late = 0 } = {},
): ScoredPost {
  const event = eventOf(n, { rr, voided, exit_price: price })
  return {
    event: { ...event, closed_at: event.closed_at + late },
    revision,
    request: { n, price, rr, voided },
    side: 'long',
    awaits: rr === null ? 'any' : n % 2 === 0 ? 'rest' : null,
    max_skew_ms: SKEW_MS,
    traceparent: 'tp',
  }
}

async function contents(way: Way): Promise<unknown> {
  const { memory } = way
  if (memory)
    return {
      outbox: outboxOf(memory)
        .rows()
        .map((r) => [r.event_id, r.revision, r.payload?.rr, r.claimed_by])
        .sort(),
      posted: memory
        .table<{ event_id: string; revision: number }>('posted_trades')
        .rows()
        .map((r) => [r.event_id, r.revision])
        .sort(),
      unscored: memory
        .table<{ event_id: string; side: string; revision: number | null }>('pm_provisional')
        .rows()
        .map((r) => [r.event_id, r.side, r.revision])
        .sort(),
    }
  const rows = (sql: string) => way.db.sql<{ row: unknown[] }>(sql).then((all) => all.map(({ row }) => row).sort())
  return {
    outbox: await rows(
      `select jsonb_build_array(event_id, revision, payload -> 'rr', claimed_by) as row from strandline.pm_outbox`,
    ),
    posted: await rows('select jsonb_build_array(event_id, revision) as row from strandline.posted_trades'),
    unscored: await rows('select jsonb_build_array(event_id, side, revision) as row from strandline.pm_provisional'),
  }
}

const untimed = (answer: unknown): unknown =>
  JSON.parse(JSON.stringify(answer ?? null), (name, value) =>
    name === 'recorded_at' || name === 'now' || name === 'id' ? typeof value : value,
  )

describe.each(WAYS)('%s', (name) => {
  let memory: MemoryDatabase
  const way = (): Way => (name === 'memory' ? { name, memory } : ways[name])
  beforeEach(async () => {
    memory = createMemoryDatabase()
    await ways[name].db?.sql(`truncate ${TABLES} restart identity`)
  })
  const take = (trade: ScoredPost): Promise<PostAnswer> => postsOf(way()).post(trade, CLAIM)

  test('the same post is one event; another content under its revision is a conflict', async () => {
    const { event } = post(1)
    expect(await take(post(1))).toMatchObject({
      status: 'posted',
      event,
      outbox: { payload: event, traceparent: 'tp' },
    })
    expect(await take(post(1))).toEqual({ status: 'known', event })
    expect(await take(post(1, { price: 2 }))).toEqual({ status: 'conflict', event })
    expect(await contents(way())).toMatchObject({
      outbox: [[event.event_id, 0, 1, 'r']],
      posted: [[event.event_id, 0]],
    })
  })

  test('a higher revision replaces it, an older one does not; a retraction stays', async () => {
    await take(post(1))
    expect(await take(post(1, { revision: 5, price: 2 }))).toMatchObject({
      status: 'posted',
      event: { revision: 1, exit_price: 2 },
    })
    expect(await take(post(1, { revision: 5, price: 2 }))).toMatchObject({ status: 'known', event: { revision: 1 } })
    expect(await take(post(1, { revision: 3, price: 3 }))).toEqual({ status: 'older', newest: 5 })
    expect(await take(post(1))).toMatchObject({ status: 'known', event: { revision: 1 } })
    expect(await take(post(1, { revision: 6, voided: true }))).toMatchObject({
      status: 'posted',
      event: { revision: 2, voided: true },
    })
    expect(await take(post(1, { revision: 7, price: 4 }))).toMatchObject({ status: 'voided' })
    expect(await take(post(2, { revision: 1, voided: true }))).toEqual({ status: 'unknown' })
  })

  test('what the log has from elsewhere is known where it is the same, and can be corrected', async () => {
    const { event } = post(1)
    await importsOf(way()).add([
      { ...event, source: 'import:jsonl' },
      { ...event, revision: 1, rr: 7 },
    ])
    expect(await take(post(1, { rr: 3 }))).toMatchObject({ status: 'known', event: { revision: 1, rr: 7 } })
    expect(await take(post(1, { price: 9 }))).toMatchObject({ status: 'conflict' })
    expect(await take(post(1, { revision: 1, price: 9 }))).toMatchObject({ status: 'posted', event: { revision: 2 } })
    expect(await postsOf(way()).event(event.event_id)).toMatchObject({ revision: 2, exit_price: 9 })
    expect(await postsOf(way()).event('nobody')).toBeNull()
  })

  test('regression: a correction leaves a trade where it came from: models learn from some sources and not from others', async () => {
    const { event } = post(1)
    await importsOf(way()).add([{ ...event, source: 'freqtrade' }])
    const corrected = { ...event, source: 'freqtrade', exit_price: 9, revision: 1 }
    expect(await take(post(1, { revision: 1, price: 9 }))).toMatchObject({ status: 'posted', event: corrected })
    expect(await postsOf(way()).event(event.event_id)).toMatchObject(corrected)
  })

  describe('regression: what others brought without an id', () => {
    const nameless = eventOf(1, { trade_id: `entry-${eventOf(1).opened_at}`, exit_price: 1, source: 'learning-queue' })
    beforeEach(() => importsOf(way()).add([nameless]))
    /** A second lot of the position, by the same orders. */
    const second = (): ScoredPost => ({
      ...post(1),
      event: eventOf(1, { trade_id: 'second', exit_price: 1 }),
      request: {},
    })

    test('is one of the trades that are posted with one, not all of them', async () => {
      expect(await take(post(1))).toMatchObject({ status: 'known', event: { event_id: nameless.event_id } })
      expect(await take(second())).toMatchObject({ status: 'posted', event: { trade_id: 'second', revision: 0 } })
      expect(await take(post(1))).toMatchObject({ status: 'known', event: { event_id: nameless.event_id } })
    })

    test('is that trade for good, whatever a correction says of its exit and its entry', async () => {
      await take(post(1))
      const corrected = post(1, { revision: 1, late: 11 * 60_000 })
      corrected.event.opened_at += 1
      expect(await take(corrected)).toMatchObject({
        status: 'posted',
        event: { event_id: nameless.event_id, revision: 1, source: 'learning-queue' },
      })
    })

    test('and was retracted, is said to be retracted, not to be another', async () => {
      await importsOf(way()).add([{ ...nameless, revision: 1, voided: true }])
      expect(await take(post(1))).toMatchObject({ status: 'voided', event: { event_id: nameless.event_id } })
    })
  })

  describe('regression: where the database was put back, and its consumers know revisions that the outbox does not', () => {
    const { event_id } = post(1).event

    test.each([
      ['projector', projectorApplied],
      ['learner', learnerApplied],
    ])('a correction and a retraction come after those that the %s has read', async (_, applied) => {
      await take(post(1))
      await applied(way(), { event_id, revision: 1 })
      expect(await take(post(1, { revision: 1, price: 2 }))).toMatchObject({ status: 'posted', event: { revision: 2 } })
      const gone = post(1, { revision: 2, voided: true })
      expect(await take(gone)).toMatchObject({ status: 'posted', event: { revision: 3, voided: true } })
      expect(await take(gone)).toMatchObject({ status: 'known', event: { revision: 3 } })
    })

    test('what they know to be retracted stays so', async () => {
      await take(post(1))
      await projectorApplied(way(), { event_id, revision: 1, voided: true })
      await learnerApplied(way(), { event_id, revision: 0 })
      expect(await take(post(1, { revision: 1, price: 2 }))).toEqual({
        status: 'voided',
        event: { event_id, revision: 1 },
      })
    })

    test('or does not know the trade at all: it is posted again as it was, corrected, retracted', async () => {
      for (const n of [1, 2, 3]) await projectorApplied(way(), { event_id: post(n).event.event_id, revision: 4 })
      expect(await take(post(1))).toMatchObject({ status: 'posted', event: { revision: 0 } })
      expect(await take(post(1, { revision: 1, price: 2 }))).toMatchObject({ status: 'posted', event: { revision: 5 } })
      expect(await take(post(2, { revision: 1, price: 2 }))).toMatchObject({ status: 'posted', event: { revision: 5 } })
      expect(await take(post(3, { revision: 1, voided: true }))).toMatchObject({
        status: 'posted',
        event: { revision: 5, voided: true },
      })
    })
  })

  test('a trade without a score waits for its bars until it has one', async () => {
    const { event } = post(1)
    await take(post(1, { rr: null }))
    expect(await contents(way())).toMatchObject({ unscored: [[event.event_id, 'long', null]] })
    await take(post(1, { revision: 1, price: 2, rr: 1 }))
    expect(await contents(way())).toMatchObject({ unscored: [] })
  })

  test('an exit in the future is refused by the database’s clock', async () => {
    const far = post(1, { late: 40 * 365 * 86_400_000 })
    expect(await take(far)).toEqual({ status: 'in_future', now: expect.any(Number) })
    expect(await contents(way())).toEqual({ outbox: [], posted: [], unscored: [] })
  })

  const token = { token_contract: 'ETH/USDT', chain: '', timeframe: '1h', max_skew_ms: SKEW_MS }
  const HOUR = 3_600_000
  const put = (...bars: GivenBar[]) => barsOf(way()).put({ ...token, bars })
  const read = () => barsOf(way()).read({ ...token, opened_at: HOUR, closed_at: 5 * HOUR }, null, 10)

  test('bars are stored once, and are what was said last of each number', async () => {
    expect(await put([HOUR, 1, 3, 0.5, 2, 10], [2 * HOUR, null, 4, 1e-9, null, null])).toEqual({
      status: 'stored',
      added: 2,
      changed: 0,
    })
    expect(await put([HOUR, 1, 3, 0.5, 2, 10])).toEqual({ status: 'stored', added: 0, changed: 0 })
    expect(await put([HOUR, null, 5, null, null, null], [3 * HOUR, 1, 1, 1, 1, 0])).toEqual({
      status: 'stored',
      added: 1,
      changed: 1,
    })
    expect(await read()).toEqual([
      [HOUR, 0.5, 5],
      [2 * HOUR, 1e-9, 4],
      [3 * HOUR, 1, 1],
    ])
  })

  test('a bar in the future takes none of its request along', async () => {
    const start = Date.UTC(2099, 0, 1)
    expect(await put([HOUR, 1, 1, 1, 1, 1], [start, 1, 1, 1, 1, 1])).toEqual({
      status: 'in_future',
      start,
      now: expect.any(Number),
    })
    expect(await read()).toEqual([])
  })
})

const step = fc.record({
  trade: fc.nat(1),
  revision: fc.nat(2),
  price: fc.constantFrom(1, 2),
  rr: fc.constantFrom(null, 1),
  voided: fc.constantFrom(false, false, true),
  imported: fc.constantFrom(false, false, false, true),
  nameless: fc.constantFrom(false, false, true),
  late: fc.constantFrom(0, 0, 0, 700_000),
  /** Not posted, but read from the log by a consumer, which the outbox does not know of. */
  applied: fc.constantFrom(false, false, false, true),
})

function namedOrNot(nameless: boolean, event: PositionClosed): PositionClosed {
  const trade_id = nameless ? `entry-${event.opened_at}` : event.trade_id
  return { ...event, trade_id, event_id: eventId(event.position_id, trade_id) }
}

test('any sequence of posts has the same answers in memory as in PostgreSQL, one by one, and the same outcome', async () => {
  const { direct } = ways
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20, size: 'max' }), async (steps) => {
      const memory: Way = { name: 'memory', memory: createMemoryDatabase() }
      await direct.db!.sql(`truncate ${TABLES} restart identity`)
      const applied = new Set<number>()
      for (const { trade, imported, nameless, applied: isApplied, ...how } of steps) {
        if (isApplied && applied.has(trade)) continue
        if (isApplied) applied.add(trade)
        const { event_id } = post(trade).event
        const take = (way: Way): Promise<unknown> =>
          isApplied
            ? projectorApplied(way, { event_id, ...how })
            : imported
              ? importsOf(way).add([namedOrNot(nameless, { ...post(trade, how).event, revision: how.revision })])
              : postsOf(way).post(post(trade, how), CLAIM)
        const [here, there] = await Promise.all([memory, direct].map((way) => outcome(take(way))))
        expect(untimed(here)).toEqual(untimed(there))
      }
      expect(await contents(memory)).toEqual(await contents(direct))
    }),
    { numRuns: 40 },
  )
})

test('posts of one trade at the same time are one event', async () => {
  const { direct } = ways
  await direct.db!.sql(`truncate ${TABLES} restart identity`)
  const answers = await Promise.all(Array.from({ length: 12 }, () => postsOf(direct).post(post(1), CLAIM)))
  expect(answers.map((a) => a.status).sort()).toEqual([...Array(11).fill('known'), 'posted'])
  const other = await Promise.all(
    Array.from({ length: 12 }, (_, i) => postsOf(direct).post(post(2, { price: 1 + (i % 2) }), CLAIM)),
  )
  expect(other.map((a) => a.status).sort()).toEqual([...Array(6).fill('conflict'), ...Array(5).fill('known'), 'posted'])
})

describe('regression: what somebody else brings at the same moment', () => {
  const theirs = eventOf(1, { trade_id: `entry-${eventOf(1).opened_at}`, exit_price: 1, source: 'pm' })

  /** A post that begins before the other transaction has committed, and waits for it. */
  async function postMeanwhile(brought: PositionClosed, trade: ScoredPost): Promise<PostAnswer> {
    const { db } = ways.direct
    await db!.sql(`truncate ${TABLES} restart identity`)
    return withClient(db!.databaseUrl, async (other) => {
      await other.query('begin')
      await other.query('select strandline.take_trades($1, null, 0)', [
        JSON.stringify([{ event: brought, side: 'long', score_later: false, strand_id: null }]),
      ])
      const answer = postsOf(ways.direct).post(trade, CLAIM)
      await vi.waitFor(async () => {
        const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
        expect(await db!.sql(waiting)).toHaveLength(1)
      }, PATIENT)
      await other.query('commit')
      return answer
    })
  }
  const outbox = () => ways.direct.db!.sql('select event_id, revision from strandline.pm_outbox order by id')

  test('under another name is one trade, not two', async () => {
    const answer = await postMeanwhile(theirs, post(1))
    expect(answer).toMatchObject({ status: 'known', event: { event_id: theirs.event_id } })
    expect(await outbox()).toEqual([{ event_id: theirs.event_id, revision: 0 }])
  })

  test('with another exit, under the same name, is a conflict and no correction', async () => {
    const { event } = post(1)
    expect(await postMeanwhile(event, post(1, { price: 9 }))).toMatchObject({ status: 'conflict', event })
    expect(await outbox()).toEqual([{ event_id: event.event_id, revision: 0 }])
  })

  test('and is put right by a post: one trade with the next revision', async () => {
    const answer = await postMeanwhile(theirs, post(1, { revision: 1, price: 9 }))
    expect(answer).toMatchObject({ status: 'posted', event: { event_id: theirs.event_id, revision: 1, source: 'pm' } })
  })
})

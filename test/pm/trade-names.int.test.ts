/** One trade is one event, whether a place names it by its id or, having none, by its entry: in any order, in pages of any size. */
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { eventId, type PositionClosed } from '../../domain/event.ts'
import { canonicalId } from '../../domain/foreign/canonical-id.ts'
import { createTradeNames } from '../../domain/foreign/trade-names.ts'
import { type Portfolio, reportExecution } from '../../services/pm/index.ts'
import { readTrade } from '../../services/pm/post-trade.ts'
import { createPostedTradeStore } from '../../services/pm/posted-trade-store.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { fullExit, MIN, openedPosition, outboxOf, positionOf, T0, testPortfolio } from '../support/pm.ts'

let db: TestDatabase
let pm: Portfolio
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())
beforeEach(async () => {
  await empty()
  pm = testPortfolio(db)
})

const empty = () => db.sql('truncate pm_outbox, pm_provisional, trade_entries, trade_names, renamed_revisions, strands')
const ENTRY = T0
const NAMELESS = `entry-${ENTRY}`

/** @param trade_id undefined: the place has none */
const record = (trade_id: string | undefined, exitMinutes: number): PositionClosed =>
  closedTrade({
    position_id: 'p',
    trade_id: trade_id ?? NAMELESS,
    opened_at: ENTRY,
    closed_at: ENTRY + exitMinutes * MIN,
  })
const take = async (page: PositionClosed[]) =>
  (
    await db.sql<{ answer: { added: number; known: number } }>(
      'select strandline.take_trades($1::jsonb, null, 0) as answer',
      [JSON.stringify(page.map((event) => ({ event, side: 'long', score_later: false, strand_id: null })))],
    )
  )[0]!.answer
const inOutbox = async () =>
  (await db.sql<{ id: string }>(`select payload ->> 'trade_id' as id from pm_outbox order by 1`)).map((r) => r.id)

describe('regression: a nameless trade swallows no other of its entry', () => {
  test.each([
    [
      ['A', 60],
      [undefined, 60],
      ['B', 300],
    ],
    [
      [undefined, 60],
      ['A', 60],
      ['B', 300],
    ],
    [
      [undefined, 60],
      ['B', 300],
      ['A', 60],
    ],
    [
      ['B', 300],
      [undefined, 60],
      ['A', 60],
    ],
    [
      ['B', 300],
      ['A', 60],
      [undefined, 60],
    ],
    [
      ['A', 60],
      ['B', 300],
      [undefined, 60],
    ],
  ] as [string | undefined, number][][])('%j, %j, %j', async (...records) => {
    const events = records.map(([id, exit]) => record(id, exit))
    for (const event of events) await take([event])
    const one = await inOutbox()
    expect(one).toHaveLength(2)
    expect(one).toContain('B')
    for (const event of events) expect(await take([event])).toMatchObject({ added: 0, known: 1 })
    await empty()
    expect(await take(events)).toMatchObject({ added: 2, known: 1 })
    expect(await inOutbox()).toContain('B')
  })
})

test('what two programs note of one exit may differ by minutes', async () => {
  expect(await take([record('A', 60), record(undefined, 64)])).toMatchObject({ added: 1, known: 1 })
})

test('two ids are two trades, also of one entry and exit', async () => {
  expect(await take([record('A', 60), record('B', 60)])).toMatchObject({ added: 2, known: 0 })
})

/** Trades of one entry end at different times; one of them may be recorded without its id, any of them twice. */
const history = fc
  .uniqueArray(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 })
  .chain((exits) =>
    fc.record({
      exits: fc.constant(exits),
      nameless: fc.option(fc.nat(exits.length - 1)),
      twice: fc.subarray(exits.map((_, i) => i)),
      onlyNameless: fc.boolean(),
    }),
  )
  .chain(({ exits, nameless, twice, onlyNameless }) => {
    const named = exits.flatMap((exit, i) =>
      i === nameless && onlyNameless ? [] : Array(twice.includes(i) ? 2 : 1).fill(record(`t${i}`, exit * 60)),
    )
    const all = nameless === null ? named : [...named, record(undefined, exits[nameless]! * 60 + 3)]
    return fc.record({
      trades: fc.constant(exits.length),
      records: fc.shuffledSubarray(all, { minLength: all.length }),
      page: fc.integer({ min: 1, max: 8 }),
    })
  })

test('any history counts each trade once, whatever comes first, and again not at all', async () => {
  await fc.assert(
    fc.asyncProperty(history, async ({ trades, records, page }) => {
      await empty()
      for (let round = 0; round < 2; round++)
        for (let i = 0; i < records.length; i += page) await take(records.slice(i, i + page))
      expect(await inOutbox()).toHaveLength(trades)
    }),
    { numRuns: 60 },
  )
})

test('the database names trades as createTradeNames does', async () => {
  const any = fc.array(fc.tuple(fc.constantFrom(undefined, 'A', 'B', 'C'), fc.integer({ min: 0, max: 40 })), {
    minLength: 1,
    maxLength: 8,
  })
  await fc.assert(
    fc.asyncProperty(any, async (records) => {
      await empty()
      const nameOf = createTradeNames()
      for (const [id, exit] of records) {
        const event = record(id, exit)
        const foretold = nameOf(event)
        const ask = `select strandline.event_of_trade($1::jsonb) as before, strandline.name_trade($1::jsonb) as named`
        expect(await db.sql(ask, [JSON.stringify(event)])).toEqual([{ before: foretold, named: foretold }])
      }
    }),
    { numRuns: 60 },
  )
})

test('regression: of two at the same moment, one names the trade and the other finds it named', async () => {
  for (let round = 0; round < 20; round++) {
    await empty()
    await Promise.all([take([record('A', 60)]), take([record(undefined, 60)]), take([record('B', 300)])])
    expect(await inOutbox()).toHaveLength(2)
  }
})

test('regression: a position that we close is noted under the name that the log knows', async () => {
  const id = await openedPosition(pm)
  const { current_trade_id } = await positionOf(db, id)
  const theirs = closedTrade({ position_id: id, trade_id: NAMELESS, opened_at: ENTRY, closed_at: T0 + 30 * MIN })
  await take([theirs])
  const known = { event_id: eventId(id, theirs.trade_id), rr: theirs.rr }
  for (const status of ['recorded', 'duplicate'])
    expect(await reportExecution(pm, id, fullExit(id))).toMatchObject({ status, closed: known })
  expect(
    await readTrade({ posted: createPostedTradeStore(db.store) }, eventId(id, String(current_trade_id))),
  ).toMatchObject(known)
  const { completed_trades } = await positionOf(db, id)
  expect(completed_trades).toMatchObject([{ trade_id: current_trade_id, event_id: eventId(id, theirs.trade_id) }])
  expect(await outboxOf(db, id)).toHaveLength(1)
})

test('the database spells a UUID as we do', async () => {
  const id = '0b2e9a4c-1234-4abc-8def-0123456789ab'
  const spelled = [
    id,
    id.toUpperCase(),
    id.replaceAll('-', ''),
    `{${id}}`,
    `{${id}`,
    'D41D8CD98F00B204E9800998ECF8427E',
    't1',
    '',
  ]
  expect(
    await db.sql(
      'select strandline.canonical_id(x) as id from unnest($1::text[]) with ordinality as u (x, n) order by n',
      [spelled],
    ),
  ).toEqual(spelled.map((x) => ({ id: canonicalId(x) })))
})

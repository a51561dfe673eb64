/** Strands that somebody else inserted for a trade: docs/strands.md. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { oldStrand, type StrandTable, strandTable } from '../support/strand-table.ts'

let db: TestDatabase
let strands: StrandTable
beforeAll(async () => {
  db = await createTestDatabase()
  strands = strandTable(db)
})
afterAll(() => db?.drop())

const tied = (strand_id: string) =>
  db.sql('select event_id, revision from strandline.strands where adopted and strand_id = $1', [strand_id])

describe('a strand that the old PM inserted', () => {
  test('before the event arrives is adopted: one row, theirs, with its content', async () => {
    await strands.insertStrand(oldStrand('old-a'))
    expect(await strands.project(closedTrade({ position_id: 'old-a', source: 'learning-queue' }))).toMatchObject({
      status: 'ok',
      written: 0,
      adopted: 1,
    })
    const rows = await strands.strandsOf('old-a')
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({
      id: 'old-old-a',
      content: { trade_summary: { rr: 0.5, note: 'theirs' } },
      status: 'active',
    })
    expect(rows[0].metadata).toBeNull()
    expect(await tied('old-old-a')).toEqual([{ event_id: closedTrade({ position_id: 'old-a' }).event_id, revision: 0 }])
  })

  test('in the old shape, with its ids in the content only, is adopted too', async () => {
    await strands.insertStrand({
      id: 'old-b',
      kind: 'position_closed',
      content: { position_id: 'old-b', trade_id: 't-1', rr: 1 },
    })
    await strands.project(closedTrade({ position_id: 'old-b' }))
    expect(await strands.strandsOf('old-b')).toEqual([])
    expect(await tied('old-b')).toMatchObject([{ revision: 0 }])
  })

  test('after our own takes its place when the trade comes by again', async () => {
    await strands.project(closedTrade({ position_id: 'old-c', revision: 1, rr: 3 }))
    await strands.insertStrand(oldStrand('old-c'))
    await strands.project(closedTrade({ position_id: 'old-c', revision: 0, source: 'learning-queue' }))
    expect(await strands.strandsOf('old-c')).toMatchObject([
      { id: 'old-old-c', content: { trade_summary: { note: 'theirs' } } },
    ])
    expect(await strands.viewOf('old-c')).toMatchObject([{ revision: 1, rr: 3 }])
  })

  test('shows corrections in the view while its own content stays, and comes back to its status after a void', async () => {
    await strands.insertStrand(oldStrand('old-d', { status: 'archived' }))
    await strands.project(closedTrade({ position_id: 'old-d', revision: 0 }))
    await strands.project(closedTrade({ position_id: 'old-d', revision: 1, voided: true }))
    expect(await strands.viewOf('old-d')).toEqual([])
    await strands.project(closedTrade({ position_id: 'old-d', revision: 2, rr: -1 }))
    expect(await strands.viewOf('old-d')).toMatchObject([
      { status: 'archived', rr: -1, content: { trade_summary: { rr: 0.5 } } },
    ])
  })

  test('twice for one trade is shown once', async () => {
    await strands.insertStrand(oldStrand('old-e', { created_at: '2026-01-02T00:00:00Z' }))
    await strands.insertStrand(oldStrand('old-e', { id: 'old-e-again', created_at: '2026-01-03T00:00:00Z' }))
    await strands.project(closedTrade({ position_id: 'old-e' }))
    await strands.project(closedTrade({ position_id: 'old-e', revision: 1 }))
    expect(await strands.viewOf('old-e')).toMatchObject([{ id: 'old-old-e', revision: 1 }])
  })

  test('can be tied to its event before the event is published', async () => {
    await strands.project(closedTrade({ position_id: 'old-f', rr: 2 }))
    await strands.insertStrand(oldStrand('old-f'))
    const { event_id } = closedTrade({ position_id: 'old-f' })
    const adopt = async (id: string) =>
      (await db.sql('select strandline.adopt($1, $2) as answer', [id, event_id]))[0]?.answer
    expect(await adopt('old-old-f')).toEqual({ status: 'adopted' })
    expect(await adopt('old-old-f')).toEqual({ status: 'adopted' })
    expect(await adopt('nobody')).toEqual({ status: 'not_found' })
    expect(await strands.viewOf('old-f')).toMatchObject([{ id: 'old-old-f', rr: 2 }])
    expect(await strands.project(closedTrade({ position_id: 'old-f', rr: 2 }))).toMatchObject({
      written: 0,
      adopted: 0,
    })
  })
})

test('an adoption and a projection of the same trade at the same moment leave one row, whichever comes first', async () => {
  const event = closedTrade({ position_id: 'race', rr: 2 })
  await strands.insertStrand(oldStrand('race', { trade_id: 'not the event’s' })) // only the bridge knows which trade it is
  const bridge = new pg.Client({ connectionString: db.databaseUrl })
  await bridge.connect()
  try {
    await bridge.query('begin')
    await bridge.query('select strandline.adopt($1, $2)', ['old-race', event.event_id])
    const projected = strands.project(event)
    await expect
      .poll(() =>
        db.sql(
          'select 1 from pg_locks l where l.locktype = $1 and not l.granted and l.database = (select oid from pg_database where datname = current_database())',
          ['advisory'],
        ),
      )
      .toHaveLength(1)
    await bridge.query('commit')
    expect(await projected).toMatchObject({ status: 'ok', written: 0, adopted: 1 })
  } finally {
    await bridge.end()
  }
  expect(await strands.strandsOf('race')).toMatchObject([{ id: 'old-race' }])
  expect(await strands.viewOf('race')).toMatchObject([{ rr: 2 }])
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PositionClosed } from '../../domain/event.ts'
import { strandId, strandOf } from '../../domain/strand.ts'
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

describe('a batch of the projector', () => {
  test('writes one strand per trade and moves the checkpoint, and again changes nothing', async () => {
    const { epoch } = await strands.claim('once')
    const events = [closedTrade({ position_id: 'once-1' }), closedTrade({ position_id: 'once-2' })]
    expect(await strands.commit('once', epoch, 0, events, 7)).toMatchObject({ status: 'ok', written: 2, adopted: 0 })
    const [before] = await strands.strandsOf('once-1')
    expect(await strands.commit('once', epoch, 1, events, 5)).toMatchObject({ status: 'ok', written: 0, adopted: 0 })
    expect(await strands.strandsOf('once-1')).toEqual([before])
    expect(await strands.claim('once')).toMatchObject({ checkpoint: 7, version: 2 })
    expect(before).toMatchObject({
      id: strandId(closedTrade({ position_id: 'once-1' }).event_id),
      kind: 'position_closed',
      timeframe: '1h',
    })
  })

  test('that is fenced or stale changes nothing at all', async () => {
    const { epoch, version } = await strands.claim('fence')
    await strands.claim('fence')
    const events = [closedTrade({ position_id: 'fence-1' })]
    expect(await strands.commit('fence', epoch, version, events)).toEqual({ status: 'fenced' })
    expect(await strands.commit('fence', epoch + 1, version + 1, events)).toEqual({ status: 'stale' })
    expect(await strands.strandsOf('fence-1')).toEqual([])
    expect(await strands.claim('fence')).toMatchObject({ checkpoint: null, version: 0 })
  })

  test('that Postgres refuses leaves checkpoint and strands as they were', async () => {
    const { epoch, version } = await strands.claim('refused')
    const good = strandOf(closedTrade({ position_id: 'refused-1' }), { topic: 'any', partition: 0, offset: 0 })
    const bad = { ...good, id: 'x', created_at: 'no time', metadata: { event_id: 'x', revision: 0 } }
    const call = strands.commitRows('refused', epoch, version, [good, bad], 2)
    await expect(call).rejects.toMatchObject({ code: 'STORE_REJECTED' })
    expect(await strands.strandsOf('refused-1')).toEqual([])
    expect(await strands.claim('refused')).toMatchObject({ checkpoint: null, version: 0 })
  })
})

describe('revisions', () => {
  const revision = (position_id: string, n: number, more: Partial<PositionClosed> = {}) =>
    closedTrade({ position_id, revision: n, rr: n, ...more })

  test('of a trade end at the highest one, in whatever order and batches they come', async () => {
    await strands.project(revision('rev-a', 0), revision('rev-a', 2), revision('rev-a', 1))
    await strands.project(revision('rev-b', 2))
    await strands.project(revision('rev-b', 0), revision('rev-b', 1))
    for (const id of ['rev-a', 'rev-b']) {
      const view = await strands.viewOf(id)
      expect(view).toHaveLength(1)
      expect(view[0]).toMatchObject({ revision: 2, rr: 2 })
    }
  })

  test('that are equal keep the first', async () => {
    await strands.project(revision('rev-c', 1), revision('rev-c', 1, { rr: 9 }))
    await strands.project(revision('rev-c', 1, { rr: 8 }))
    expect((await strands.viewOf('rev-c'))[0]).toMatchObject({ rr: 1 })
  })

  test('regression: that are replayed make a row again that somebody deleted, and only that', async () => {
    await strands.project(revision('rev-e', 1), revision('rev-f', 1))
    const [kept] = await strands.strandsOf('rev-f')
    await db.sql(`delete from public.ad_strands where position_id = 'rev-e'`)
    await strands.project(revision('rev-e', 0), revision('rev-f', 1))
    expect(await strands.strandsOf('rev-e')).toEqual([])
    await strands.project(revision('rev-e', 1), revision('rev-f', 1))
    expect(await strands.viewOf('rev-e')).toMatchObject([{ revision: 1, rr: 1 }])
    expect(await strands.strandsOf('rev-f')).toEqual([kept])
  })

  test('that void a trade take it out of the view and leave its row; a later one brings it back', async () => {
    await strands.project(revision('rev-d', 0))
    await strands.project(revision('rev-d', 1, { voided: true }))
    expect(await strands.viewOf('rev-d')).toEqual([])
    expect(await strands.strandsOf('rev-d')).toMatchObject([{ status: 'voided' }])
    await strands.project(revision('rev-d', 0))
    expect(await strands.viewOf('rev-d')).toEqual([])
    await strands.project(revision('rev-d', 2))
    expect(await strands.viewOf('rev-d')).toMatchObject([{ status: 'active', revision: 2 }])
  })
})

describe('the view of closed positions', () => {
  test('shows the trade flat', async () => {
    await strands.project(closedTrade({ position_id: 'flat', source: 'import:jsonl', net_return: 0.48 }))
    const [row] = await strands.viewOf('flat')
    expect(row).toMatchObject({
      position_id: 'flat',
      trade_id: 't-1',
      symbol: 'PEPE',
      timeframe: '1h',
      chain: 'base',
      token: '0xabc',
      decision_type: 'trim',
      rr: 1.25,
      return: 0.5,
      net_return: 0.48,
      max_drawdown: 0.4,
      max_gain: 0.75,
      entry_price: 2,
      exit_price: 3,
      entry_context: { curator: '0xdetweiler', mcap_bucket: '1m-2m', vol_at_entry: 120000 },
      source: 'import:jsonl',
      revision: 0,
    })
    expect(new Date(row.closed_at).getTime()).toBe(Date.UTC(2026, 0, 2, 12))
    expect(row.completed_trades).toHaveLength(1)
  })

  test('is not broken by whatever other writers put into their strands', async () => {
    await strands.insertStrand({
      id: 'odd-1',
      kind: 'position_closed',
      position_id: 'odd',
      content: { trade_summary: { rr: 'high' } },
      metadata: { revision: 'x' },
    })
    await strands.insertStrand({
      id: 'odd-2',
      kind: 'position_closed',
      position_id: 'odd',
      content: 'text',
      metadata: ['list'],
    })
    await strands.insertStrand({ id: 'odd-3', kind: 'position_closed', position_id: 'odd' })
    expect((await strands.viewOf('odd')).map((r) => r.rr)).toEqual([null, null, null])
  })
})

test('nobody but the service role gets in', async () => {
  for (const role of ['anon', 'authenticated'])
    for (const query of [
      'select * from public.ad_strands',
      'select * from public.learning_queue',
      'select * from strandline.position_closed_strands',
      'select public.strandline_strands_event_count()',
      "select strandline.adopt('a', 'b')",
      "select public.strandline_projector_commit('a', 'b', 0, 0, 0, 0, null, '[]')",
      'select public.strandline_decision_model()',
      "select public.strandline_decision_coefficients('[]')",
      "select public.strandline_decision_page(null, null, 0, '', 1)",
    ])
      await expect(
        db.sql(`do $$ begin set local role ${role}; perform * from (${query}) q; end $$`),
        `${role}: ${query}`,
      ).rejects.toThrow(/permission denied/)
})

describe('the learning queue', () => {
  test('gets every new strand of others as pending, and ours as completed', async () => {
    await strands.insertStrand(oldStrand('queue-a'))
    await strands.insertStrand({ id: 'queue-b', kind: 'pm_action' })
    await strands.project(closedTrade({ position_id: 'queue-c' }))
    expect(await strands.queueOf('old-queue-a')).toMatchObject([
      { strand_type: 'position_closed', status: 'pending', processed_at: null },
    ])
    expect(await strands.queueOf('queue-b')).toMatchObject([{ strand_type: 'pm_action', status: 'pending' }])
    const [ours] = await strands.queueOf(strandId(closedTrade({ position_id: 'queue-c' }).event_id))
    expect(ours).toMatchObject({ strand_type: 'position_closed', status: 'completed', error: null })
    expect(ours.processed_at).not.toBeNull()
  })

  test('does not hear of a strand again when it is corrected or adopted', async () => {
    await strands.insertStrand(oldStrand('queue-d'))
    await strands.project(closedTrade({ position_id: 'queue-d' }), closedTrade({ position_id: 'queue-e' }))
    await strands.project(
      closedTrade({ position_id: 'queue-d', revision: 1 }),
      closedTrade({ position_id: 'queue-e', revision: 1 }),
    )
    expect(await strands.queueOf('old-queue-d')).toMatchObject([{ status: 'pending' }])
    expect(await strands.queueOf(strandId(closedTrade({ position_id: 'queue-e' }).event_id))).toHaveLength(1)
  })
})

test('an audit counts every closed trade once, adopted and voided ones included', async () => {
  type Count = { events: number; rows: number; voided: number; adopted: number }
  const count = () => db.store.rpc<Count>('strandline_strands_event_count', {})
  const before = await count()
  await strands.insertStrand(oldStrand('audit-a'))
  await strands.insertStrand(oldStrand('audit-stranger'))
  await strands.project(
    closedTrade({ position_id: 'audit-a' }),
    closedTrade({ position_id: 'audit-b' }),
    closedTrade({ position_id: 'audit-c', voided: true }),
  )
  await strands.project(closedTrade({ position_id: 'audit-b' }))
  const after = await count()
  expect(after.rows).toBe(after.events)
  expect(after).toEqual({
    events: before.events + 3,
    rows: before.rows + 3,
    voided: before.voided + 1,
    adopted: before.adopted + 1,
  })
})

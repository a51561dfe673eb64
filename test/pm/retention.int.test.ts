/** What is old is made small, and recognised all the same. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createImportOutbox } from '../../core/store/outbox-store.ts'
import { eventId } from '../../domain/event.ts'
import { closePosition, type Portfolio, reportExecution } from '../../services/pm/index.ts'
import { retain } from '../../services/pm/retention.ts'
import { createRetentionStore, type RetentionStore } from '../../services/pm/retention-store.ts'
import { tick } from '../../services/pm/tick.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { at, fullExit, insertBars, openedPosition, outboxOf, positionOf, testPortfolio } from '../support/pm.ts'

const DAYS = 30
const TOPIC = 't'

let db: TestDatabase
let pm: Portfolio
let retention: RetentionStore
beforeAll(async () => {
  db = await createTestDatabase()
  pm = testPortfolio(db)
  retention = createRetentionStore(db.store)
})
afterAll(() => db.drop())
beforeEach(() => db.sql('truncate pm_outbox, pm_provisional, pm_executions, learning_queue, strands, dead_letters'))

const older = `- interval '31 days'`
/** All that is in the outbox, published; by default long ago. */
const publish = (age = older) =>
  db.sql(
    `update pm_outbox set published_at = now() ${age}, topic = $1, partition = 0, "offset" = id, claimed_by = null where published_at is null`,
    [TOPIC],
  )
/** Id of a position whose trade closed with a score. */
async function closedPosition(): Promise<string> {
  const id = await openedPosition(pm)
  await insertBars(db, id, [[15, 95, 120]])
  await reportExecution(pm, id, fullExit(id))
  return id
}
const rows = () => db.sql('select event_id, revision, payload is not null as whole from pm_outbox order by id')

describe('an event that was published long ago', () => {
  test('keeps its id, revision and place; one that was published lately, or not yet, keeps everything', async () => {
    await closedPosition()
    await publish()
    await closedPosition()
    await publish('')
    await closedPosition()
    const before = await db.sql(
      'select id, event_id, revision, published_at, topic, partition, "offset" from pm_outbox order by id',
    )
    expect(await retain(retention, 'pm_outbox', DAYS)).toBe(1)
    expect((await rows()).map((r) => r.whole)).toEqual([false, true, true])
    expect(
      await db.sql(
        'select id, event_id, revision, published_at, topic, partition, "offset" from pm_outbox order by id',
      ),
    ).toEqual(before)
    expect(await retain(retention, 'pm_outbox', DAYS)).toBe(0)
  })

  test('is the same event when its exit is reported again', async () => {
    const id = await closedPosition()
    const { event_id } = (await outboxOf(db, id))[0]!
    await publish()
    await retain(retention, 'pm_outbox', DAYS)
    expect(await reportExecution(pm, id, fullExit(id))).toMatchObject({
      status: 'duplicate',
      closed: { event_id, revision: 0 },
    })
    expect(await rows()).toEqual([{ event_id, revision: 0, whole: false }])
  })

  test('is the same event when its position is closed again, as an older row of it was restored', async () => {
    const id = await openedPosition(pm)
    await insertBars(db, id, [[15, 95, 120]])
    const { trade_id } = await reportExecution(pm, id, fullExit(id, { size_frac: 0.9 }))
    const [{ row }] = (await db.sql('select to_jsonb(p) as row from lowcap_positions p where id = $1', [id])) as [
      { row: Record<string, unknown> },
    ]
    expect((await closePosition(pm, id))?.now).toBe(true)
    await publish()
    await retain(retention, 'pm_outbox', DAYS)
    await db.sql('delete from lowcap_positions where id = $1', [id])
    await db.sql('insert into lowcap_positions select * from jsonb_populate_record(null::lowcap_positions, $1)', [
      JSON.stringify(row),
    ])
    expect((await closePosition(pm, id))?.event.event_id).toBe(eventId(id, trade_id))
    expect(await positionOf(db, id)).toMatchObject({ status: 'watchlist', completed_trades: [{ trade_id }] })
    expect(await rows()).toEqual([{ event_id: eventId(id, trade_id), revision: 0, whole: false }])
  })

  test('is the same event when it is imported again, and gets no second score', async () => {
    const id = await closedPosition()
    const { payload } = (await outboxOf(db, id))[0]!
    await publish()
    await retain(retention, 'pm_outbox', DAYS)
    expect(await createImportOutbox(db.store).add([payload])).toEqual({ added: 0, known: 1 })
    expect(await createImportOutbox(db.store).rescore([payload])).toEqual([])
    expect(await rows()).toHaveLength(1)
  })

  test('keeps its content while it has no score, and is scored when its bars come; then the older revision goes', async () => {
    const id = await openedPosition(pm)
    await reportExecution(pm, id, fullExit(id))
    await publish()
    expect(await retain(retention, 'pm_outbox', DAYS)).toBe(0)
    await insertBars(db, id, [
      [15, 95, 120],
      [30, 95, 120],
    ])
    expect(await tick(pm, '15m')).toMatchObject({ scored: 1 })
    expect(await retain(retention, 'pm_outbox', DAYS)).toBe(1)
    expect((await rows()).map((r) => [r.revision, r.whole])).toEqual([
      [0, false],
      [1, true],
    ])
  })

  test('keeps its content while its score is provisional', async () => {
    const id = await openedPosition(pm)
    await insertBars(db, id, [[0, 95, 105]])
    await reportExecution(pm, id, fullExit(id))
    await publish()
    expect(await retain(retention, 'pm_outbox', DAYS)).toBe(0)
    await insertBars(db, id, [[15, 90, 120]])
    expect(await tick(pm, '15m')).toMatchObject({ scored: 1 })
    expect(await retain(retention, 'pm_outbox', DAYS)).toBe(1)
  })

  test('in great numbers, in pieces, past those that have to keep theirs', async () => {
    await db.sql(
      `insert into pm_outbox (event_id, revision, payload, published_at, topic, partition, "offset")
       select 'e' || i, 0, jsonb_build_object('rr', case when i <= 600 then null else 1 end, 'voided', false), now() ${older}, 't', 0, i from generate_series(1, 1800) i`,
    )
    expect(await retain(retention, 'pm_outbox', DAYS)).toBe(1_200)
    expect(await db.sql('select 1 from pm_outbox where payload is not null')).toHaveLength(600)
  })
})

describe('an execution that was reported long ago', () => {
  test('is a duplicate when it is reported again, and refused with other content', async () => {
    const id = await closedPosition()
    await db.sql(`update pm_executions set recorded_at = recorded_at ${older}`)
    const first = await reportExecution(pm, id, fullExit(id))
    expect(await retain(retention, 'pm_executions', DAYS)).toBe(2)
    expect(await db.sql('select 1 from pm_executions where request is not null')).toEqual([])
    expect(await reportExecution(pm, id, fullExit(id))).toEqual(first)
    await expect(reportExecution(pm, id, fullExit(id, { price: 111 }))).rejects.toThrow(/reported before/)
    const buy = { id: `${id}-buy`, kind: 'buy', quantity: 10, price: 100, executed_at: at(0) }
    expect((await reportExecution(pm, id, buy)).status).toBe('duplicate')
    expect(await positionOf(db, id)).toMatchObject({ total_quantity: 0, status: 'watchlist' })
  })

  test('of a trade that still runs counts for its exit', async () => {
    const id = await openedPosition(pm)
    await insertBars(db, id, [[15, 95, 120]])
    await db.sql(`update pm_executions set recorded_at = recorded_at ${older}`)
    await retain(retention, 'pm_executions', DAYS)
    expect((await reportExecution(pm, id, fullExit(id))).closed).toMatchObject({ entry_price: 100, exit_price: 110 })
  })
})

test('of the queue, what is ours and done goes; what is the old system’s, waits, or is young stays', async () => {
  await db.sql(
    `insert into strands (event_id, strand_id, adopted) values ('e1', 'ours', false), ('e2', 'theirs', true), ('e3', 'young', false), ('e4', 'waits', false)`,
  )
  await db.sql(`insert into learning_queue (strand_id, status, processed_at) values
    ('ours', 'completed', now() ${older}), ('theirs', 'completed', now() ${older}), ('unknown', 'completed', now() ${older}),
    ('young', 'completed', now()), ('waits', 'pending', null), ('ours', 'failed', now() ${older})`)
  expect(await retain(retention, 'learning_queue', DAYS)).toBe(1)
  expect(
    (await db.sql('select strand_id, status from learning_queue order by id')).map((r) => [r.strand_id, r.status]),
  ).toEqual([
    ['theirs', 'completed'],
    ['unknown', 'completed'],
    ['young', 'completed'],
    ['waits', 'pending'],
    ['ours', 'failed'],
  ])
})

test('a dead letter goes once a replay has applied its record; one that was published again stays', async () => {
  await db.sql(`insert into dead_letters (consumer, topic, partition, "offset", reason, applied_at, redriven_at) values
    ('c', 't', 0, 1, 'r', now() ${older}, null), ('c', 't', 0, 2, 'r', null, now() ${older}), ('c', 't', 0, 3, 'r', null, null), ('c', 't', 0, 4, 'r', now(), null)`)
  expect(await retain(retention, 'dead_letters', DAYS)).toBe(1)
  expect((await db.sql('select "offset"::int as o from dead_letters order by 1')).map((r) => r.o)).toEqual([2, 3, 4])
})

/** The database's clock decides, not that of a process: regression for a PM ten minutes ahead, whose trades were accepted and dead-lettered. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../core/clock.ts'
import { closePosition, type Portfolio, reportExecution, tick } from '../../services/pm/index.ts'
import { drainLearningQueue } from '../../services/pm/sources/learning-queue.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createMemoryLog } from '../support/memory-log.ts'
import { openedPosition, outboxOf, positionOf, testPortfolio, testRelay, until } from '../support/pm.ts'

const MINUTE = 60_000
const ahead = (minutes: number): Clock => ({ ...systemClock, now: () => Date.now() + minutes * MINUTE })
const inMinutes = (minutes: number) => new Date(Date.now() + minutes * MINUTE).toISOString()

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())

const exit = (id: string, change: object = {}) => ({ id: `${id}-exit`, kind: 'emergency_exit', price: 110, ...change })

describe.each([
  ['ahead', 10],
  ['behind', -10],
])('a PM whose clock is ten minutes %s', (_, minutes) => {
  const pm = (): Portfolio => testPortfolio(db, { clock: ahead(minutes) })

  test('records an execution without a time at the time of the database', async () => {
    const id = await openedPosition(pm())
    const { closed } = await reportExecution(pm(), id, exit(id))
    expect(Math.abs(closed!.closed_at - Date.now())).toBeLessThan(MINUTE)
  })

  test('refuses one in the future, naming both times, and takes one a little ahead', async () => {
    const id = await openedPosition(pm())
    const executed_at = inMinutes(8)
    const refusal = reportExecution(pm(), id, exit(id, { executed_at }))
    await expect(refusal).rejects.toThrow(`executed_at ${executed_at} lies in the future`)
    await expect(refusal).rejects.toThrow(/by the database's clock it is 2\S+Z/)
    await expect(refusal).rejects.toMatchObject({
      todo: expect.stringContaining('Check the clock of whoever reports it'),
    })
    expect(await positionOf(db, id)).toMatchObject({ total_quantity: 10 })
    expect((await reportExecution(pm(), id, exit(id, { executed_at: inMinutes(3) }))).left).toBe(0)
  })

  test('closes nothing whose exit lies in the future, and says so; it closes once that time has come', async () => {
    const id = await openedPosition(pm(), { timeframe: '4h' })
    await db.sql('update lowcap_positions set total_quantity = 0, avg_exit_price = 110, closed_at = $2 where id = $1', [
      id,
      inMinutes(8),
    ])
    const { closed, refused } = await tick(pm(), '4h')
    expect(closed).toBe(0)
    expect(refused).toMatchObject([
      {
        position_id: id,
        reason: expect.stringMatching(/its exit lies in the future \(2\S+Z; by the database's clock it is 2\S+Z\)/),
      },
    ])
    await db.sql('update lowcap_positions set closed_at = $2 where id = $1', [id, inMinutes(0)])
    expect((await closePosition(pm(), id))?.now).toBe(true)
  })

  test('takes a strand whose exit lies in the future once that time has come', async () => {
    await db.sql('truncate ad_strands, learning_queue, strandline.set_aside')
    const content = (exit_timestamp: string) =>
      JSON.stringify({ completed_trades: [{ trade_id: `t${minutes}`, rr: 1, exit_timestamp }] })
    await db.sql(
      `insert into ad_strands (id, kind, position_id, timeframe, content) values ('s', 'position_closed', 'early', '1h', $1)`,
      [content(inMinutes(8))],
    )
    expect(await drainLearningQueue(pm())).toEqual({ published: 0, known: 0, failed: 0 })
    expect(await db.sql('select status from learning_queue')).toEqual([{ status: 'pending' }])
    expect(await db.sql('select reason, retry_at > now() as rests from strandline.set_aside')).toEqual([
      { reason: expect.stringContaining('The exit of the strand lies in the future'), rests: true },
    ])
    expect(await drainLearningQueue(pm())).toEqual({ published: 0, known: 0, failed: 0 })
    await db.sql(`update ad_strands set content = $1`, [content(inMinutes(0))]) // time passes
    await db.sql('update strandline.set_aside set retry_at = now()')
    expect(await drainLearningQueue(pm())).toEqual({ published: 1, known: 0, failed: 0 })
  })
})

test('an exit reported without a time follows an entry whose reporter was ahead', async () => {
  const pm = testPortfolio(db)
  const id = await openedPosition(pm)
  await db.sql('update lowcap_positions set first_entry_timestamp = $2 where id = $1', [id, inMinutes(2)])
  const { closed } = await reportExecution(pm, id, exit(id))
  expect(closed!.closed_at).toBe(closed!.opened_at)
})

describe('a broker whose clock is ten minutes behind the database', () => {
  /** Its records get its own time; `at` is what it says. */
  function slowBroker() {
    const log = createMemoryLog()
    const clock = { behind: 10 * MINUTE }
    const { produce } = log
    log.produce = async (topic, records) => {
      const appendedAt = Date.now() - clock.behind
      return (await produce(topic, records)).map((place) => ({ ...place, appendedAt }))
    }
    return { log, clock }
  }
  const closedNow = async (pm: Portfolio) => {
    const id = await openedPosition(pm)
    await reportExecution(pm, id, exit(id))
    return id
  }
  const freeAgain = (id: string) =>
    db.sql(`update pm_outbox set claimed_until = now() - interval '1 s' where payload ->> 'position_id' = $1`, [id])

  test.each([
    ['right', 0],
    ['ten minutes ahead', 10],
    ['ten minutes behind', -10],
  ])('gets each exit when it has reached it (clock of the PM: %s)', async (_, minutes) => {
    await db.sql('truncate pm_outbox')
    const { log, clock } = slowBroker()
    const relay = testRelay(db, log, { clock: ahead(minutes) })
    const pm = testPortfolio(db)
    try {
      // The first acknowledgement tells: the copy comes too early and is not taken for published.
      const first = await closedNow(pm)
      await relay.poll()
      const [row] = await outboxOf(db, first)
      expect(row).toMatchObject({
        published_at: null,
        refused: false,
        last_error: expect.stringContaining('lies in the future by the clock of the log'),
      })
      expect(row!.claimed_until!.getTime() - Date.now()).toBeGreaterThan(4 * MINUTE)
      expect(log.records).toHaveLength(1)

      // From then on none is sent too early, and nothing else waits.
      const second = await closedNow(pm)
      const old = await openedPosition(pm)
      await reportExecution(pm, old, exit(old, { executed_at: inMinutes(-30) }))
      await relay.poll()
      expect(log.records.map((r) => r.key)).toEqual([first, old])
      expect(await outboxOf(db, old)).toMatchObject([{ published_at: expect.any(Date) }])
      expect(await outboxOf(db, second)).toMatchObject([{ published_at: null, attempts: 1 }])

      // Its clock is set: what waited is sent.
      clock.behind = 0
      const next = await openedPosition(pm)
      await reportExecution(pm, next, exit(next, { executed_at: inMinutes(-30) }))
      await relay.poll()
      for (const id of [first, second]) await freeAgain(id)
      await relay.poll()
      for (const id of [first, second, next])
        await until(
          () => outboxOf(db, id),
          ([r]) => r!.published_at !== null && r!.last_error === null,
        )
      expect(log.records.map((r) => r.key)).toEqual([first, old, next, first, second])
    } finally {
      await relay.stop()
    }
  })

  test('that does not tell its time holds nothing back', async () => {
    await db.sql('truncate pm_outbox')
    const log = createMemoryLog()
    const relay = testRelay(db, log, { clock: ahead(-10) })
    const pm = testPortfolio(db)
    try {
      const first = await closedNow(pm)
      await relay.poll()
      expect(await outboxOf(db, first)).toMatchObject([{ published_at: expect.any(Date) }])
    } finally {
      await relay.stop()
    }
  })
})

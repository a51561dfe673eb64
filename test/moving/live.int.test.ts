/** Readers and writers that are at work while their tables are switched and taken back. */
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { withClient } from '../../core/store/client.ts'
import { LockOrder, transactionWhenFree } from '../../core/store/lock-order.ts'
import { migrate } from '../../core/store/migrate.ts'
import { restoreReaders, switchReaders } from '../../moving/switch.ts'
import { undo } from '../../moving/undo.ts'
import { createOldDatabase, type OldDatabase } from '../legacy/old-database.ts'
import { learn } from './learned-old-trades.ts'

let old: OldDatabase
beforeAll(async () => {
  old = await createOldDatabase('text')
})
beforeEach(async () => {
  await migrate(old.databaseUrl)
  await learn(old)
  await old.sql(`delete from ad_strands where symbol = 'LIVE'; delete from strand_scores where strand_id like 'live_%'`)
})
afterAll(() => old?.drop())

const READ = `select weight from learning_coefficients where module='dm' and scope='lever' and name='curator' and key='moonboy'`

/** Their trigger then writes into the queue, and scores it. */
const insertStrand = (client: pg.Client, id: string) =>
  client.query(
    `insert into ad_strands (id, module, kind, symbol, content) values ('${id}', 'pm', 'position_closed', 'LIVE', '{}')`,
  )

test.each(['configuration first', 'coefficients first'])(
  'no reader and no writer fails while the tables are switched to and fro, and undone; a writer of both: %s',
  async (order) => {
    const seen = { weights: new Map<number, number>(), writes: 0, strands: 0 }
    const [theirs] = await old.sql<{ weight: number }>(READ)
    const [ours] = await old.sql<{ weight: number }>(
      `select weight from strandline.learning_coefficients where scope='lever' and name='curator' and key='moonboy'`,
    )
    let going = true
    const reader = withClient(old.databaseUrl, async (client) => {
      await client.query('set role anon')
      while (going) {
        const { rows } = await client.query({ name: 'prepared', text: READ })
        seen.weights.set(rows[0].weight, (seen.weights.get(rows[0].weight) ?? 0) + 1)
      }
    })
    const writer = withClient(old.databaseUrl, async (client) => {
      await client.query('set role service_role')
      // One of the two takes them in the other order than a switch does: it is the switch that has to give way.
      while (going) {
        const both = [
          `update learning_configs set config_data = jsonb_set(config_data, '{knob}', '${seen.writes}') where module = 'decision_maker'`,
          `update learning_coefficients set weight = 1 + 1.0 / ${seen.writes + 1} where module='pm' and scope='pattern' and name='uptrend' and key='S3'`,
        ]
        await client.query('begin')
        for (const statement of order === 'configuration first' ? both : both.reverse()) await client.query(statement)
        await client.query('commit')
        seen.writes++
      }
    })
    // Several: with one, a table is sometimes free between two of its transactions.
    const inserters = Array.from({ length: 4 }, (_, n) =>
      withClient(old.databaseUrl, async (client) => {
        await client.query('set role authenticated')
        for (let i = 0; going; i++) {
          await insertStrand(client, `live_${n}_${i}`)
          seen.strands++
        }
      }),
    )
    const all = Promise.all([reader, writer, ...inserters])
    const rounds = async () => {
      for (let i = 0; i < 8; i++) {
        await switchReaders(old.databaseUrl, { clock: systemClock })
        await restoreReaders(old.databaseUrl)
      }
      await switchReaders(old.databaseUrl, { clock: systemClock })
      await undo(old.databaseUrl)
      going = false
    }
    await Promise.race([all, rounds()]).finally(() => (going = false)) // who fails ends it
    await all
    expect([...seen.weights.keys()].sort()).toEqual([theirs!.weight, ours!.weight].sort())
    expect(seen.writes).toBeGreaterThan(10)
    const [kept] = await old.sql(
      `select (select (config_data ->> 'knob')::int from learning_configs where module = 'decision_maker') as knob,
       (select weight from learning_coefficients where module='pm' and scope='pattern' and name='uptrend' and key='S3') as weight,
       (select count(*)::int from ad_strands where symbol = 'LIVE') as strands,
       (select count(*)::int from strand_scores where strand_id like 'live_%') as scored`,
    )
    expect(kept).toEqual({
      knob: seen.writes - 1,
      weight: 1 + 1 / seen.writes,
      strands: seen.strands,
      scored: seen.strands,
    })
  },
)

test('regression: over a slow link, too, it is the switch that gives way to a writer of both', async () => {
  const slowly = (client: pg.Client) =>
    new Proxy(client, {
      get: (of, name) =>
        name === 'query'
          ? async (text: string) => {
              await new Promise((resolve) => setTimeout(resolve, 400))
              return of.query(text)
            }
          : Reflect.get(of, name),
    })
  const isHeld = `select 1 from pg_locks where relation = 'public.learning_configs'::regclass and mode = 'AccessExclusiveLock' and granted`
  let isThere = false
  /** A first try of the switch has ended: a tenth of a second, which a busy machine may not have seen. */
  let isTried = false
  const writer = withClient(old.databaseUrl, async (client) => {
    await client.query('begin')
    await client.query(`update learning_coefficients set weight = 3 where module='pm' and scope='pattern'`)
    isThere = true
    await expect.poll(async () => isTried || (await old.sql(isHeld)).length === 1, { interval: 5 }).toBe(true)
    await client.query(`update learning_configs set updated_at = updated_at where module = 'decision_maker'`)
    await client.query('commit')
  })
  const switcher = withClient(old.databaseUrl, async (client) => {
    await expect.poll(() => isThere).toBe(true)
    const locks = new LockOrder(['public.learning_configs', 'public.learning_coefficients'], 'access exclusive')
    await transactionWhenFree(client, () => locks.lock(slowly(client)).finally(() => (isTried = true)))
  })
  await Promise.all([writer, switcher])
})

test('no writer fails while Strandline comes into the database and goes, and none keeps it out', async () => {
  await undo(old.databaseUrl)
  let going = true
  let strands = 0
  const inserters = Array.from({ length: 4 }, (_, n) =>
    withClient(old.databaseUrl, async (client) => {
      for (let i = 0; going; i++) {
        await insertStrand(client, `live_come_${n}_${i}`)
        strands++
      }
    }),
  )
  const rounds = async () => {
    for (let i = 0; i < 4; i++) {
      expect(await migrate(old.databaseUrl)).not.toEqual([])
      await undo(old.databaseUrl)
    }
  }
  await Promise.race([Promise.all(inserters), rounds().finally(() => (going = false))])
  await Promise.all(inserters)
  const [kept] = await old.sql(
    `select (select count(*)::int from ad_strands where symbol = 'LIVE') as strands,
       (select count(*)::int from strand_scores where strand_id like 'live_%') as scored`,
  )
  expect(kept).toEqual({ strands, scored: strands })
})

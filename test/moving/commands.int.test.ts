/** `strandline compare-legacy`, `switch` and `undo`, as a person runs them, and what they refuse. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Clock } from '../../core/clock.ts'
import { systemClock } from '../../core/clock.ts'
import { withClient } from '../../core/store/client.ts'
import { migrate } from '../../core/store/migrate.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { apiUrl } from '../../embedded/database.ts'
import { restoreReaders, switchReaders } from '../../moving/switch.ts'
import { undo } from '../../moving/undo.ts'
import { startSupabase } from '../../services/supabase/index.ts'
import { createOldDatabase, type OldDatabase } from '../legacy/old-database.ts'
import { schemaOf } from '../legacy/schema-of.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase } from '../support/database.ts'
import { PASSWORD } from '../support/engine-desk.ts'
import { createTestKafka } from '../support/kafka.ts'
import { encodeEvent, TOPIC } from '../support/learner.ts'
import { until } from '../support/pm.ts'
import { strandTable } from '../support/strand-table.ts'
import { runCommand, startCommand } from '../support/strandline.ts'
import { eventsOf, learn } from './learned-old-trades.ts'

/** Its time passes by being waited for. */
function quickClock(): Clock {
  let now = Date.now()
  return {
    ...systemClock,
    now: () => now,
    sleep: async (ms: number) => {
      now += ms
    },
  }
}

let old: OldDatabase
let schema: string[]
let migrated: string[]
beforeAll(async () => {
  old = await createOldDatabase('text')
  schema = await schemaOf(old.databaseUrl)
})
afterAll(() => old?.drop())

const command = (...args: string[]) => runCommand([...args, '--database-url', old.databaseUrl])
const weight = async () =>
  (
    await old.sql(
      `select weight from learning_coefficients where module='dm' and scope='lever' and name='curator' and key='moonboy'`,
    )
  )[0]?.weight

/** Runs SQL as an SQL editor does: all of it at once. */
const paste = (sql: string) => withClient(old.databaseUrl, (client) => client.query(sql))

test('in a database without Strandline each says so in one sentence', async () => {
  for (const name of ['compare-legacy', 'switch', 'undo']) {
    const { code, stdout } = await command(name, '--json', ...(name === 'compare-legacy' ? [] : ['--yes']))
    expect(code).toBe(1)
    expect(JSON.parse(stdout).error).toMatchObject({
      code: 'STORE_SCHEMA',
      todo: './strandline migrate puts it there.',
    })
  }
  expect(await schemaOf(old.databaseUrl)).toEqual(schema)
})

describe('on a migrated database', () => {
  beforeAll(async () => {
    await migrate(old.databaseUrl)
    migrated = await schemaOf(old.databaseUrl)
  })

  test('a switch is refused while no learner has run, or while it lags', async () => {
    const log = { offsets: async () => [{ partition: 0, start: 0, end: 100_000 }], topicId: async () => null }
    await expect(switchReaders(old.databaseUrl, { log, clock: quickClock() })).rejects.toMatchObject({
      code: 'MODEL_BEHIND',
      message: expect.stringContaining('No learner has run yet'),
    })
    await learn(old)
    await expect(switchReaders(old.databaseUrl, { log, clock: quickClock() })).rejects.toMatchObject({
      code: 'MODEL_BEHIND',
      message: expect.stringMatching(/lowcap-v4 has not applied all of pm.position-closed.v1 yet: \d+ to go/),
    })
    expect(await schemaOf(old.databaseUrl)).toEqual(migrated)
  })

  test('without a terminal nothing is changed unless --yes is said', async () => {
    for (const args of [['switch', '--force'], ['undo'], ['undo', '--switch-only']]) {
      const { code, stderr } = await command(...args)
      expect(code).toBe(2)
      expect(stderr).toContain(
        'There is no terminal to ask on: nothing was changed. Look at it with --dry-run, then say --yes.',
      )
    }
    expect(await schemaOf(old.databaseUrl)).toEqual(migrated)
  })

  test('compare-legacy prints a table for people, and one object for programs', async () => {
    const { code, stdout } = await command('compare-legacy')
    expect(code).toBe(0)
    expect(stdout).toMatch(/module +scope +name +key +old weight +here +old n +n +why/)
    expect(stdout).toContain('only there: the model does not learn it')
    const compared = JSON.parse((await command('compare-legacy', '--json')).stdout)
    expect(compared).toMatchObject({ table: 'public.learning_coefficients', model: 'lowcap-v4' })
    expect(compared.rows.length).toBeGreaterThan(70)
  })

  test('--dry-run says what would happen and prints SQL that does the same, and changes nothing itself', async () => {
    const before = await weight()
    const dry = await command('switch', '--dry-run')
    expect(dry).toMatchObject({ code: 0 })
    expect(dry.stderr).toContain('Readers that see the old values: learning_coefficients, learning_configs.')
    expect(dry.stderr).toContain('These views go on reading the old table, which is kept: public.curator_board.')
    expect(await schemaOf(old.databaseUrl)).toEqual(migrated)
    await paste(dry.stdout)
    expect(await weight()).not.toEqual(before)
    await paste((await command('undo', '--switch-only', '--dry-run')).stdout)
    expect(await weight()).toEqual(before)
    expect(await schemaOf(old.databaseUrl)).toEqual(migrated)
  })

  test('switch and undo --switch-only, for people and for programs', async () => {
    const before = await weight()
    const switched = await command('switch', '--force', '--yes')
    expect(switched.stdout).toContain('Readers of learning_coefficients and learning_configs see what is learned now.')
    expect(await weight()).not.toEqual(before)
    const again = await command('switch', '--force', '--yes', '--json')
    expect(JSON.parse(again.stdout)).toMatchObject({ status: 'again' })
    const back = await command('undo', '--switch-only', '--yes', '--json')
    expect(JSON.parse(back.stdout)).toEqual({ undone: 'switch', names: ['learning_coefficients', 'learning_configs'] })
    expect(await weight()).toEqual(before)
  })

  test('the log itself is asked whether the learner has applied all of it', async () => {
    const kafka = await createTestKafka()
    try {
      const events = eventsOf(old)
      await kafka.log.ensureTopics([{ topic: TOPIC, partitions: 1, config: { 'retention.ms': '-1' } }])
      const publish = (some: PositionClosed[]) =>
        kafka.log.produce(
          TOPIC,
          some.map((e) => ({ key: e.position_id, value: encodeEvent(e), headers: {} })),
        )
      await publish(events)
      const ask = () =>
        runCommand(['switch', '--yes', '--json', '--database-url', old.databaseUrl], {
          env: { KAFKA_BROKERS: kafka.brokers },
        })
      const switched = await ask()
      expect(JSON.parse(switched.stdout)).toMatchObject({ status: 'ok' })
      await restoreReaders(old.databaseUrl)
      const readFrom = (id: string | null) => old.sql('update strandline.consumer_checkpoints set topic_id = $1', [id])
      await readFrom('production') // these brokers are those of a trial
      const another = await ask()
      expect(another.code).toBe(1)
      expect(JSON.parse(another.stdout).error).toMatchObject({
        code: 'LOG_CHECKPOINT_LOST',
        message: `This is another log than the one that was learned from: its topic ${TOPIC} has the id ${await kafka.log.topicId(TOPIC)}, and the learner of lowcap-v4 has read the one with the id production.`,
        todo: expect.stringContaining('KAFKA_BROKERS'),
      })
      await readFrom(null)
      await publish(events.slice(0, 3))
      const behind = await ask()
      expect(behind.code).toBe(1)
      expect(JSON.parse(behind.stdout).error).toMatchObject({
        code: 'MODEL_BEHIND',
        message: `lowcap-v4 has not applied all of ${TOPIC} yet: 3 to go.`,
      })
      expect(await schemaOf(old.databaseUrl)).toEqual(migrated)
    } finally {
      await kafka.close()
    }
  })

  test('an old writer whose row gave way to ours writes on into the kept table, and after the undo it is there', async () => {
    await switchReaders(old.databaseUrl, { clock: systemClock })
    await old.sql(
      `update learning_coefficients set weight = 1.75 where module='dm' and name='curator' and key='moonboy'`,
    )
    // readers see none of this one: no trade has it; the writer cannot know that the table has
    await old.sql(
      `insert into learning_coefficients (module, scope, name, key, weight, n) values ('dm', 'lever', 'curator', 'gone_since_2024', 0.75, 9)`,
    )
    await expect(
      old.sql(`insert into learning_coefficients (module, scope, name, key) values ('pm', 'pattern', 'uptrend', 'S3')`),
    ).rejects.toMatchObject({ code: '23505' })
    await old.sql(`delete from learning_coefficients where module='pm' and name='exit' and key='stage-9'`)
    await restoreReaders(old.databaseUrl)
    expect(
      await old.sql(
        `select key, weight, n from learning_coefficients where name = 'curator' and key in ('moonboy', 'gone_since_2024') order by key`,
      ),
    ).toMatchObject([
      { key: 'gone_since_2024', weight: 0.75, n: 9 },
      { key: 'moonboy', weight: 1.75 },
    ])
    expect(await old.sql(`select from learning_coefficients where key = 'stage-9'`)).toEqual([])
  })

  test('a setting that a person changed meanwhile stays; a configuration that nobody changed is as it was to the letter', async () => {
    const read = async () =>
      await old.sql('select config_data::text as text, updated_at from learning_configs order by module')
    const before = await read()
    await switchReaders(old.databaseUrl, { clock: systemClock })
    expect(await read()).not.toEqual(before)
    await restoreReaders(old.databaseUrl)
    expect(await read()).toEqual(before)
    await switchReaders(old.databaseUrl, { clock: systemClock })
    await old.sql(
      `update learning_configs set config_data = jsonb_set(config_data, '{risk,max_allocation}', '0.2') where module = 'decision_maker'`,
    )
    await restoreReaders(old.databaseUrl)
    const [config] = await old.sql<{ config_data: object }>(
      `select config_data from learning_configs where module = 'decision_maker'`,
    )
    expect(config?.config_data).toMatchObject({ risk: { max_allocation: 0.2 }, global_rr: { rr_short: 1.25, n: 42 } })
  })

  test('a view that was made on top of ours is in the way of going back, and named', async () => {
    await switchReaders(old.databaseUrl, { clock: systemClock })
    await old.sql('create view public.hot_ones as select * from learning_coefficients where weight > 1')
    await expect(restoreReaders(old.databaseUrl)).rejects.toMatchObject({
      message: expect.stringContaining('hot_ones'),
    })
    await expect(undo(old.databaseUrl)).rejects.toMatchObject({ message: expect.stringContaining('hot_ones') })
    await old.sql('drop view public.hot_ones')
    await restoreReaders(old.databaseUrl)
    await old.sql('create view public.sums as select * from strandline.learner_partials')
    await expect(undo(old.databaseUrl)).rejects.toMatchObject({
      code: 'STORE_REJECTED',
      message: expect.stringMatching(/^Something that is not of Strandline was made on top of it: .*public\.sums/),
    })
    await old.sql('drop view public.sums')
    expect(await schemaOf(old.databaseUrl)).toEqual(migrated)
  })

  test('undo is refused while a closed trade waits in the outbox', async () => {
    await old.sql(`insert into strandline.pm_outbox (event_id, revision, payload) values ('waiting', 0, '{}')`)
    const { code, stderr, stdout } = await command('undo', '--yes', '--json')
    expect(code).toBe(1)
    expect(JSON.parse(stdout).error).toMatchObject({
      code: 'STORE_REJECTED',
      message:
        '1 closed trade(s) wait in the outbox and are not in the log yet: they would be lost. Nothing was changed.',
      todo: expect.stringContaining('--lose-unpublished'),
    })
    expect(stderr).toContain('In the outbox, and not in the log yet: 1 closed trades.')
    expect(await schemaOf(old.databaseUrl)).toEqual(migrated)
    await old.sql(`delete from strandline.pm_outbox where event_id = 'waiting'`)
  })

  test.each([
    ['switch', ['switch', '--force', '--yes'], 'learning_coefficients'],
    ['undo', ['undo', '--yes'], 'lowcap_positions'],
  ])('a %s that is killed in the middle leaves what was before', async (_, args, table) => {
    await withClient(old.databaseUrl, async (client) => {
      await client.query('begin')
      await client.query(`lock table public.${table} in access share mode`)
      const { child, ended } = startCommand([...args, '--database-url', old.databaseUrl])
      const waits = () =>
        old.sql(
          `select pid from pg_locks where not granted and relation = 'public.${table}'::regclass and mode = 'AccessExclusiveLock'`,
        )
      const [{ pid }] = (await until(waits, (rows) => rows.length > 0)) as [{ pid: number }]
      child.kill('SIGKILL')
      await ended
      await client.query('rollback')
      await until(
        () => old.sql('select from pg_stat_activity where pid = $1', [pid]),
        (rows) => rows.length === 0,
      )
    })
    expect(await schemaOf(old.databaseUrl)).toEqual(migrated)
  })

  test('a table that is in use for long is not waited for, and says so', async () => {
    await withClient(old.databaseUrl, async (client) => {
      await client.query('begin')
      await client.query('lock table public.learning_coefficients in access share mode')
      await expect(switchReaders(old.databaseUrl, { clock: systemClock })).rejects.toMatchObject({
        code: 'STORE_REJECTED',
        message: expect.stringContaining('A table was in use each time that it was tried, for twenty seconds'),
      })
      await client.query('rollback')
    })
    expect(await schemaOf(old.databaseUrl)).toEqual(migrated)
  })

  test('regression: undo is refused, with their names, while services run that would go on', async () => {
    const key = `sb_secret_${randomBytes(16).toString('hex')}`
    const supabase = await startSupabase({
      databaseUrl: apiUrl(old.databaseUrl, PASSWORD),
      port: 0,
      serviceRoleKey: key,
    })
    const env = {
      SUPABASE_URL: supabase.url,
      SUPABASE_SERVICE_ROLE_KEY: key,
      KAFKA_BROKERS: '127.0.0.1:1',
      SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1',
    }
    const [terminated, killed] = ['decision', 'projector'].map((name) => startCommand([name, '--port', '0'], { env }))
    try {
      const running = () => old.sql('select service from strandline.running_services order by service')
      expect(await until(running, (rows) => rows.length === 2)).toEqual([
        { service: 'decision' },
        { service: 'projector' },
      ])
      const refused = await command('undo', '--yes', '--json')
      expect(refused.stderr).toMatch(
        /^Running, and to be stopped first: decision \(.+, process \d+\), projector \(.+, process \d+\)\.$/m,
      )
      expect(JSON.parse(refused.stdout).error).toMatchObject({
        code: 'STORE_REJECTED',
        message: expect.stringMatching(
          /^Services run against this database, .*: decision \(.+\), projector \(.+\)\. Nothing was changed\.$/,
        ),
        todo: expect.stringContaining('Stop them first'),
      })
      expect(await schemaOf(old.databaseUrl)).toEqual(migrated)
      terminated!.child.kill('SIGTERM')
      await terminated!.ended
      expect(await running()).toEqual([{ service: 'projector' }])
      killed!.child.kill('SIGKILL')
      await killed!.ended
      expect(await until(running, (rows) => rows.length === 0)).toEqual([]) // it says no goodbye, and is forgotten
    } finally {
      for (const { child } of [terminated!, killed!]) child.kill('SIGKILL')
      await supabase.stop()
    }
  })

  test('undo pasted from its dry run takes everything away', async () => {
    await switchReaders(old.databaseUrl, { clock: systemClock })
    const { stdout, stderr } = await command('undo', '--dry-run')
    expect(stderr).toContain('Readers that see what is learned: learning_coefficients, learning_configs.')
    await paste(stdout)
    expect(await schemaOf(old.databaseUrl)).toEqual(schema)
    // and once more, by the command
    await migrate(old.databaseUrl)
    const done = await command('undo', '--yes')
    expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining('Strandline is out of this database.') })
    expect(await schemaOf(old.databaseUrl)).toEqual(schema)
  })
})

test('regression: strands that an undo kept are found again as ours after another migrate: their trades are shown once', async () => {
  const db = await createTestDatabase()
  try {
    const trade = closedTrade({ source: 'import:jsonl' })
    await strandTable(db).project(trade)
    const undone = await runCommand(['undo', '--keep-strands', '--yes', '--database-url', db.databaseUrl])
    expect(undone).toMatchObject({ code: 0 })
    await migrate(db.databaseUrl)
    expect(await strandTable(db).project({ ...trade, revision: 1, rr: 2 })).toMatchObject({ written: 1, kept: 0 })
    expect(await db.sql('select event_id, rr from position_closed_strands')).toEqual([
      { event_id: trade.event_id, rr: 2 },
    ])
  } finally {
    await db.drop()
  }
})

test('regression: undo --keep-strands keeps them where Strandline made their table as well, and another migrate finds nothing in its way', async () => {
  const db = await createTestDatabase()
  try {
    await db.sql(`insert into ad_strands (id, kind) values ('projected', 'position_closed')`)
    await db.sql(`insert into strands (event_id, revision, strand_id, topic) values ('e', 0, 'projected', 't')`)
    await db.sql(`insert into ad_strands (id, kind) values ('yours', 'pm_action')`)
    const ask = (...args: string[]) => runCommand(['undo', '--keep-strands', ...args, '--database-url', db.databaseUrl])
    const { stdout, stderr } = await ask('--dry-run')
    expect(stderr).toContain('Stays, with its rows: ad_strands (2 rows).')
    expect(stderr).toMatch(/^Goes, as Strandline made it: learning_configs \(\d+ rows\), /m)
    expect(stdout).toContain(`set local strandline.keep_strands = 'on'`)
    expect(await ask('--yes')).toMatchObject({ code: 0 })
    expect(await db.sql('select id from public.ad_strands order by id')).toEqual([{ id: 'projected' }, { id: 'yours' }])
    await db.sql(`insert into public.ad_strands (id, kind) values ('later', 'pm_action')`) // nothing of ours hangs on it
    const { rows } = await withClient(db.databaseUrl, (client) =>
      client.query(`select nspname from pg_namespace where nspname = 'strandline'`),
    )
    expect(rows).toEqual([])
    await migrate(db.databaseUrl)
    expect(await db.sql('select id from position_closed_strands')).toEqual([{ id: 'projected' }])
  } finally {
    await db.drop()
  }
})

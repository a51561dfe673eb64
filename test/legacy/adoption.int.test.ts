/** Migrating three old systems: nothing of theirs changes, and everything of ours works on their tables. */
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import { readConfig } from '../../core/config.ts'
import { createKafkaLog } from '../../core/log/kafka-log.ts'
import { ensureLoopTopics } from '../../core/log/loop-topics.ts'
import type { Logger } from '../../core/logger.ts'
import type { Service, ServiceDeps } from '../../core/service.ts'
import { withClient } from '../../core/store/client.ts'
import { type Migration, migrate, missingMigrations, pasteable, readMigrations } from '../../core/store/migrate.ts'
import { eventId, type PositionClosed } from '../../domain/event.ts'
import { allocate } from '../../services/decision/index.ts'
import { startLearner } from '../../services/learner/index.ts'
import { openPosition, type Portfolio, reportExecution, startPm, tick } from '../../services/pm/index.ts'
import { startProjector } from '../../services/projector/index.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { testPortfolio } from '../support/pm.ts'
import { strandTable } from '../support/strand-table.ts'
import { idsOf } from './history.ts'
import { createOldDatabase, type OldDatabase } from './old-database.ts'
import type { VariantName } from './old-system.ts'
import { schemaOf } from './schema-of.ts'
import { type Answer, ask, statementsOf } from './statements.ts'

const VARIANTS: VariantName[] = ['text', 'uuid', 'bigint']

/** What each reader and writer is answered, by name and role. */
async function answers(old: OldDatabase): Promise<Record<string, Answer>> {
  return withClient(old.databaseUrl, async (client) => {
    const all: Record<string, Answer> = {}
    for (const statement of statementsOf(old.variant))
      all[`${statement.name} (${statement.role})`] = await ask(client, statement)
    return all
  })
}

/** Objects on their tables, without what we may add. */
const theirs = (schema: string[]) =>
  schema.filter(
    (line) =>
      !/^schema (strandline|supabase_migrations) |(^| )(strandline|supabase_migrations)\.|strandline_|^type strandline/.test(
        line,
      ),
  )

describe.each(VARIANTS)('ids as %s', (variant) => {
  let old: OldDatabase
  let schema: string[]
  let before: Record<string, Answer>
  let kafka: TestKafka
  let deps: ServiceDeps
  let pm: Portfolio
  const running: Service[] = []

  beforeAll(async () => {
    ;[old, kafka] = await Promise.all([createOldDatabase(variant), createTestKafka()])
    schema = await schemaOf(old.databaseUrl)
    before = await answers(old)
  })
  afterAll(async () => {
    for (const service of running.reverse()) await service.stop()
    await deps?.log.close()
    await kafka?.close()
    await old?.drop()
  })

  const rows = <Row = Record<string, unknown>>(text: string, values?: unknown[]) => old.sql<Row>(text, values)

  test('a migration that fails leaves no trace: a table is in the way, of a wrong kind, without a column, with a column of a wrong type', async () => {
    const ways: [way: string, back: string, says: RegExp][] = [
      [
        'alter table learning_queue rename to q; create view learning_queue as select * from q',
        'drop view learning_queue; alter table q rename to learning_queue',
        /learning_queue is no table \(but a view\)/,
      ],
      [
        'alter table ad_strands rename column kind to sort',
        'alter table ad_strands rename column sort to kind',
        /ad_strands has no column kind/,
      ],
      [
        'alter table lowcap_price_data_ohlc alter column low_usd type text using low_usd::text',
        `alter table lowcap_price_data_ohlc alter column low_usd type ${old.variant.number} using low_usd::${old.variant.number}`,
        /low_usd is of the type text, which Strandline cannot use as a number/,
      ],
      [
        'alter table learning_queue drop constraint learning_queue_pkey',
        'alter table learning_queue add primary key (id)',
        /learning_queue\.id is not unique, or may be null: .* add primary key \(id\)/,
      ],
      ['create schema strandline', 'drop schema strandline', /There is a schema strandline already/],
      [
        `create function strandline_theirs() returns integer language sql as 'select 1'`,
        'drop function strandline_theirs',
        /There is a function public\.strandline_theirs\(\) already/,
      ],
    ]
    for (const [way, back, says] of ways) {
      await rows(way)
      const blocked = await schemaOf(old.databaseUrl)
      await expect(migrate(old.databaseUrl)).rejects.toMatchObject({
        code: 'STORE_SCHEMA',
        message: expect.stringMatching(says),
      })
      expect(await schemaOf(old.databaseUrl)).toEqual(blocked)
      await rows(back)
    }
    const last: Migration = { version: '20991231000000', name: 'strandline_bad', sql: 'select 1 / 0' }
    await expect(migrate(old.databaseUrl, [...(await readMigrations()), last])).rejects.toThrow(/division by zero/)
    expect(await schemaOf(old.databaseUrl)).toEqual(schema)
  })

  test('it goes through, and nothing of theirs is another one: rights, policies, row-level security, triggers, functions, defaults, constraints', async () => {
    if (variant === 'text') await migrate(old.databaseUrl)
    else await withClient(old.databaseUrl, async (client) => client.query(pasteable(await readMigrations())))
    expect(await missingMigrations(old.databaseUrl)).toEqual([])
    const after = await schemaOf(old.databaseUrl)
    const missing = theirs(schema).filter((line) => !after.includes(line))
    expect(missing).toEqual([])
    const added = await rows<{ kind: string; table_name: string; object: string }>('select * from strandline.added')
    const explained = (line: string) =>
      added.some(({ kind, table_name, object }) =>
        kind === 'column'
          ? new RegExp(
              `^column public.${table_name} \\d+ ${object} |^constraint ${table_name}_${object}_(check|not_null) `,
            ).test(line)
          : line.includes(object),
      )
    expect(theirs(after).filter((line) => !schema.includes(line) && !explained(line))).toEqual([])
    expect(added.filter((a) => a.kind === 'column' && a.table_name !== 'lowcap_positions')).toEqual([])
  })

  test('every reader and writer of theirs is answered as before, as anon, authenticated and service_role', async () => {
    expect(await answers(old)).toEqual(before)
  })

  test('the services run on it', async () => {
    const store = await old.store()
    const config = readConfig({
      KAFKA_BROKERS: kafka.brokers,
      SCHEMA_REGISTRY_URL: kafka.registryUrl,
      SUPABASE_URL: 'http://unused',
      SUPABASE_SERVICE_ROLE_KEY: 'sb_secret_unused',
      STRANDLINE_TOPIC: kafka.name('closed'),
      STRANDLINE_PARTITIONS: '3',
    })
    const logger = pino({ level: process.env.TEST_LOG ?? 'silent' }) as Logger
    const log = createKafkaLog(config, logger)
    deps = { config, log, store, codec: createCodec(config), clock: systemClock, logger, metrics: new Registry() }
    await ensureLoopTopics(log, config)
    pm = testPortfolio({ store } as never)
    for (const service of [startLearner, startProjector])
      running.push(await service({ ...deps, metrics: new Registry() }))
  })

  const ids = () => idsOf(old.variant)
  const ledgerOf = (event_id: string) =>
    rows<{ rr: number }>('select rr from strandline.learner_ledger where event_id = $1', [event_id])
  const strandsOf = (symbol: string) =>
    rows(
      `select * from ad_strands where kind = 'position_closed' and symbol = $1 and created_at > '2026-11-01' order by id`,
      [symbol],
    )

  test('positions: opened, bought and sold over HTTP, and one that their own PM brought to zero, end in log, ledger and ad_strands', async () => {
    const opened = await openPosition(pm, {
      ...(variant === 'bigint' ? {} : { id: ids().position(70_000) }),
      token_chain: 'base',
      token_contract: '0xnew',
      token_ticker: 'NEW',
      timeframe: '1h',
      entry_context: { curator: 'moonboy', chain: 'base' },
    })
    const { id } = opened.position
    const hour = (n: number) => new Date(Date.now() - 5 * 3_600_000 + n * 3_600_000).toISOString()
    await reportExecution(pm, id, { id: `${id}-in`, kind: 'entry', quantity: 10, price: 2, executed_at: hour(0) })
    const sold = await reportExecution(pm, id, {
      id: `${id}-out`,
      kind: 'emergency_exit',
      price: 3,
      executed_at: hour(1),
    })
    expect(sold.closed).toMatchObject({ return: 0.5, position_id: id, levers: { curator: 'moonboy', chain: 'base' } })
    await expect(
      openPosition(pm, { id: '', timeframe: '1h', token_contract: '0x', token_chain: 'base' }),
    ).resolves.toMatchObject({ status: 'opened' })
    if (variant !== 'text')
      await expect(openPosition(pm, { id: 'no such key', timeframe: '1h' })).rejects.toMatchObject({
        code: 'POSITION_INVALID',
      })

    // Theirs: a trade that runs, brought to zero by their own writer.
    const held = old.held[0]!
    const [was] = await rows(`select * from lowcap_positions where id = $1`, [held])
    await rows(`update lowcap_positions set total_quantity = 0, avg_exit_price = 5, closed_at = now() where id = $1`, [
      held,
    ])
    const closed = (await tick(pm, was!.timeframe as string)).closed
    expect(closed).toBe(1)
    const [now] = await rows('select * from lowcap_positions where id = $1', [held])
    expect(now).toMatchObject({ status: 'watchlist', current_trade_id: null })
    expect(typeof now!.completed_trades).toBe(typeof was!.completed_trades)
    const [trade] = json(now!.completed_trades) as { event_id: string }[]
    expect(json(now!.entry_context)).toEqual(json(was!.entry_context))
    expect(trade).toMatchObject({ event_id: eventId(held, was!.current_trade_id as string) })

    running.push(await startPm({ ...deps, metrics: new Registry() }))
    for (const event_id of [sold.closed!.event_id, trade!.event_id]) {
      await expect.poll(() => ledgerOf(event_id)).toHaveLength(1)
      await expect
        .poll(() => rows('select strand_id from strandline.strands where event_id = $1', [event_id]))
        .toEqual([{ strand_id: expect.any(String) }])
    }
    await expect.poll(() => strandsOf('NEW')).toMatchObject([{ module: 'pm', timeframe: '1h', status: 'active' }])
    const [strand] = await strandsOf('NEW')
    expect(json(strand!.content)).toMatchObject({ position_id: id, trade_summary: { return: 0.5 } })
    expect(
      await rows(
        'select symbol, rr, "return" from strandline.position_closed_strands where position_id = $1 or symbol = $2',
        [id, 'NEW'],
      ),
    ).toMatchObject([{ symbol: 'NEW', return: 0.5 }])
  })

  test('what their PM queues becomes one event, and its row stays as it is; what is older makes no row of ours', async () => {
    const pending = () =>
      rows<{ n: number }>(
        `select count(*)::int as n from learning_queue where status = 'pending' and strand_type = 'position_closed'`,
      ).then((r) => r[0]!.n)
    const strands = () => rows("select * from ad_strands where created_at < now() - interval '1 day' order by id")
    const old_strands = await strands()
    await expect.poll(pending, { interval: 500 }).toBe(0)
    const { n } = (await rows<{ n: number }>('select count(*)::int as n from strandline.strands where adopted'))[0]!
    expect(n).toBeGreaterThan(300)
    await expect
      .poll(() => rows('select count(*)::int as n from strandline.strands where adopted and revision is null'))
      .toEqual([{ n: 0 }])
    expect(await strands()).toEqual(old_strands)
    expect(
      await rows(
        `select event_id from strandline.position_closed_strands where event_id is not null group by 1 having count(*) > 1`,
      ),
    ).toEqual([])
    const [count] = await rows<{ c: { events: number; rows: number } }>('select strandline_strands_event_count() as c')
    expect(count!.c.rows).toBe(count!.c.events)
  })

  test('a strand that their table refuses is set aside with the reason, a retracted one has none, and the projector goes on', async () => {
    const strands = strandTable({ store: await old.store(), sql: old.sql } as never)
    const trade = (n: number, change: Partial<PositionClosed> = {}) =>
      closedTrade({
        position_id: ids().position(80_000 + n),
        trade_id: ids().trade(80_000, n),
        symbol: `R${n}`,
        source: 'pm',
        ...change,
      })
    const odd = trade(1, { timeframe: '5m' })
    const nameless = trade(2, { position_id: 'not one of theirs', trade_id: 'nor this' })
    const good = trade(3)
    const refused = variant === 'bigint' ? [odd.event_id] : []
    expect(await strands.project(odd, nameless, good)).toMatchObject({
      status: 'ok',
      written: 3 - refused.length,
      set_aside: refused.length,
    })
    expect(await rows(`select id from strandline.set_aside where kind = 'projection'`)).toEqual(
      refused.map((id) => ({ id })),
    )
    const there = () =>
      rows<{ symbol: string }>(`select symbol from ad_strands where symbol in ('R1', 'R2', 'R3') order by 1`)
    expect((await there()).map((r) => r.symbol)).toEqual(refused.length > 0 ? ['R2', 'R3'] : ['R1', 'R2', 'R3'])
    expect(
      await rows(`select symbol from strandline.position_closed_strands where symbol in ('R1', 'R2', 'R3') order by 1`),
    ).toHaveLength(3)

    const voided = await strands.project(trade(3, { revision: 1, voided: true }))
    expect(voided).toMatchObject({ status: 'ok', set_aside: 0 })
    expect(await rows(`select 1 from strandline.position_closed_strands where symbol = 'R3'`)).toEqual([])
    expect(await rows(`select 1 from ad_strands where symbol = 'R3' and status = 'active'`)).toEqual([])
    await strands.project(trade(3, { revision: 2, rr: 2 }))
    expect(await rows(`select rr from strandline.position_closed_strands where symbol = 'R3'`)).toEqual([{ rr: 2 }])
    expect(await rows(`select 1 from ad_strands where symbol = 'R3' and status = 'active'`)).toHaveLength(1)

    if (refused.length === 0) return
    await rows('alter table ad_strands drop constraint strands_timeframe')
    expect(await strands.project(trade(1, { timeframe: '5m', revision: 1 }))).toMatchObject({
      written: 1,
      set_aside: 0,
    })
    expect(await rows(`select 1 from strandline.set_aside where kind = 'projection'`)).toEqual([])
    expect(await there()).toHaveLength(3)
  })

  test('the decision maker reads what was learned; their table is as it was', async () => {
    const answer = await allocate(deps.store, {
      entry_context: { curator: 'moonboy', chain: 'base' },
      timeframe: '1h',
      base: 4,
      min: 1,
      max: 10,
    })
    expect(answer.factors.some((f) => (f as { n?: number }).n)).toBe(true)
    const now = await answers(old)
    const changed = Object.keys(before).filter((name) => JSON.stringify(now[name]) !== JSON.stringify(before[name]))
    // but for the position that was closed
    expect(changed.filter((name) => !name.startsWith('their view of positions'))).toEqual([])
  })
})

const json = (value: unknown) => (typeof value === 'string' ? JSON.parse(value) : value)

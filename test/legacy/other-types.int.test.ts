/** Types of columns that none of the three projects has, and a project that has some of the tables only. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withClient } from '../../core/store/client.ts'
import { migrate } from '../../core/store/migrate.ts'
import { createPostgresStore, type PostgresStore } from '../../core/store/postgres-store.ts'
import { createPostgrestStore } from '../../core/store/postgrest-store.ts'
import type { Store } from '../../core/store/store.ts'
import { apiUrl } from '../../embedded/database.ts'
import { openPosition, reportExecution, tick } from '../../services/pm/index.ts'
import { prepareOwnCluster } from '../../services/supabase/api-role.ts'
import { type Supabase, startSupabase } from '../../services/supabase/index.ts'
import { askEngine } from '../support/ask-engine.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { PASSWORD } from '../support/engine-desk.ts'
import { testPortfolio } from '../support/pm.ts'
import { strandTable } from '../support/strand-table.ts'

const THEIRS = `
create type position_status as enum ('watchlist', 'active', 'dormant', 'paused', 'archived');
create table lowcap_positions (
  id integer generated always as identity primary key,
  token_contract varchar(80) not null,
  token_chain varchar(20),
  timeframe varchar(5) not null,
  status position_status not null default 'watchlist',
  total_quantity real,
  avg_entry_price numeric(30, 12),
  first_entry_timestamp text,
  entry_context varchar(4000),
  completed_trades text
);
create table ad_strands (id uuid primary key, kind varchar(40) not null, tags text[], content json, status varchar(10) default 'active' not null);
create table learning_queue (id uuid primary key default gen_random_uuid(), strand_id text not null, strand_type text, status varchar(12) default 'pending');
create function queue_it() returns trigger language plpgsql as $$ begin
  insert into learning_queue (strand_id, strand_type) values (new.id::text, new.kind); return new; end $$;
create trigger queue_it after insert on ad_strands for each row execute function queue_it();
create table lowcap_price_data_ohlc (token_contract text, chain text, timeframe text, timestamp timestamp, open_usd numeric, high_usd numeric, low_usd numeric, close_usd numeric);
create table position_log (id integer, status text);
create function log_it() returns trigger language plpgsql as $$ begin insert into position_log values (new.id, new.status); return new; end $$;
create trigger log_it after update on lowcap_positions for each row execute function log_it();
create table queue_log (status text);
create function log_queue() returns trigger language plpgsql as $$ begin insert into queue_log values (new.status); return new; end $$;
create trigger log_queue after update on learning_queue for each row execute function log_queue();
`

let server: string
let url: string
let supabase: Supabase
let store: Store
let direct: PostgresStore
const name = `other_types_${process.pid}`
beforeAll(async () => {
  server = (await askEngine<{ url: string }>('postgres')).url
  await withClient(server, (client) => client.query(`create database ${name} template template0`))
  url = Object.assign(new URL(server), { pathname: `/${name}` }).href
  await withClient(url, async (client) => {
    await prepareOwnCluster(client, PASSWORD)
    await client.query(THEIRS)
    // times without a zone are UTC, whatever the server's is
    await client.query(`alter database ${name} set timezone = 'America/New_York'`)
  })
  await migrate(url)
  const key = `sb_secret_${randomBytes(16).toString('hex')}`
  supabase = await startSupabase({ databaseUrl: apiUrl(url, PASSWORD), port: 0, serviceRoleKey: key })
  store = createPostgrestStore({ url: supabase.url, key })
  direct = createPostgresStore({ url: apiUrl(url, PASSWORD) })
})
afterAll(async () => {
  await direct?.close()
  await supabase?.stop()
  await withClient(server, (client) => client.query(`drop database if exists ${name} with (force)`))
})
const sql = (text: string, values: unknown[] = []) =>
  withClient(url, async (client) => (await client.query(text, values)).rows)

test('enumerations, reals, whole numbers, times and JSON as text: a trade closes, by report and by tick', async () => {
  const pm = testPortfolio({ store } as never)
  const { position } = await openPosition(pm, {
    token_contract: '0x1',
    token_chain: 'base',
    timeframe: '1h',
    entry_context: { curator: 'c' },
  })
  expect(position).toMatchObject({ id: '1', status: 'watchlist', entry_context: { curator: 'c' } })
  await reportExecution(pm, '1', { id: 'a', kind: 'entry', quantity: 4, price: 2, executed_at: '2026-11-01T10:00:00Z' })
  expect(await sql('select status, first_entry_timestamp, entry_context from lowcap_positions')).toEqual([
    { status: 'active', first_entry_timestamp: '2026-11-01T10:00:00+00:00', entry_context: '{"curator": "c"}' },
  ])
  const { closed } = await reportExecution(pm, '1', {
    id: 'b',
    kind: 'emergency_exit',
    price: 3,
    executed_at: '2026-11-01T12:00:00Z',
  })
  expect(closed).toMatchObject({ position_id: '1', return: 0.5, levers: { curator: 'c' } })

  await sql(
    `insert into lowcap_positions (token_contract, token_chain, timeframe, status, total_quantity, avg_entry_price, avg_exit_price, first_entry_timestamp, completed_trades)
     values ('0x2', 'base', '1h', 'active', 0, 2, 4, '2026-11-02 10:00', '{"trade_id": "old", "rr": 1}'), ('0x3', 'base', '1h', 'active', 0, 2, 4, 'last week', '[]')`,
  )
  const result = await tick(pm, '1h')
  expect(result.closed).toBe(1)
  const [done] = await sql(`select status, completed_trades from lowcap_positions where id = 2`)
  expect(done.status).toBe('watchlist')
  expect(JSON.parse(done.completed_trades)).toMatchObject([{ trade_id: 'old' }, { return: 1 }])
})

test('their triggers name their tables without a schema, and have them found', async () => {
  expect((await sql('select distinct id from position_log order by id')).map((r) => r.id)).toEqual([1, 2])
})

test('a queue whose strand_id is a text beside strands with UUIDs, and tags as an array', async () => {
  const strands = strandTable({ store, sql } as never)
  const trade = closedTrade({ position_id: '7', source: 'pm' })
  expect(await strands.project(trade)).toMatchObject({ written: 1, set_aside: 0 })
  expect(await sql(`select tags, content ->> 'position_id' as position from ad_strands`)).toEqual([
    { tags: ['position_closed', 'pm', 'learning'], position: '7' },
  ])
  expect(await sql('select strand_type, status from learning_queue')).toEqual([
    { strand_type: 'position_closed', status: 'completed' },
  ])
  expect(await sql('select status from queue_log')).toEqual([{ status: 'completed' }])
  const foreign = '00000000-0000-4000-8000-000000000001'
  await sql(`insert into ad_strands (id, kind, content) values ($1, 'position_closed', $2)`, [
    foreign,
    JSON.stringify({ position_id: '7', trade_id: trade.trade_id }),
  ])
  await strands.project({ ...trade, revision: 1, rr: 2 })
  expect(await sql('select id from ad_strands')).toEqual([{ id: foreign }])
  expect(await sql('select id, rr, revision from strandline.position_closed_strands')).toEqual([
    { id: foreign, rr: 2, revision: 1 },
  ])
})

test('a trigger of theirs that raises is no reason to stop: the strand is set aside with what it said', async () => {
  await sql(`create function picky() returns trigger language plpgsql as $$ begin
    if new.content ->> 'position_id' = '13' then raise exception 'no thirteens'; end if; return new; end $$`)
  await sql('create trigger picky before insert on ad_strands for each row execute function picky()')
  const strands = strandTable({ store, sql } as never)
  const bad = closedTrade({ position_id: '13', source: 'pm' })
  const good = closedTrade({ position_id: '14', source: 'pm' })
  expect(await strands.project(bad, good)).toMatchObject({ status: 'ok', written: 1, set_aside: 1 })
  expect(await sql('select id, reason from strandline.set_aside')).toEqual([
    { id: bad.event_id, reason: 'no thirteens' },
  ])
})

test('regression: nor is one that is refused in another way: a look-up in it that finds nothing, a right that it lacks, a limit', async () => {
  const strands = strandTable({ store, sql } as never)
  for (const [i, errcode] of ['P0002', '42501', '54000', '42883', '0A000', '55000', 'P0004'].entries()) {
    await sql(`create or replace function picky() returns trigger language plpgsql as $$ begin
      if new.content ->> 'position_id' = '2${i}' then raise exception 'refused' using errcode = '${errcode}'; end if; return new; end $$`)
    const [bad, good] = [`2${i}`, `3${i}`].map((position_id) => closedTrade({ position_id, source: 'pm' }))
    expect(await strands.project(bad!, good!), errcode).toMatchObject({ status: 'ok', written: 1, set_aside: 1 })
    expect(await sql('select reason from strandline.set_aside where id = $1', [bad!.event_id])).toEqual([
      { reason: 'refused' },
    ])
  }
})

test('regression: what was refused is tried again by a replay', async () => {
  await sql('drop trigger picky on ad_strands')
  const strands = strandTable({ store, sql } as never)
  const refused = closedTrade({ position_id: '13', source: 'pm' })
  expect(await strands.project(refused)).toMatchObject({ written: 1, set_aside: 0 })
  expect(await strands.project(refused)).toMatchObject({ written: 0, set_aside: 0 })
  expect(await sql('select 1 from strandline.set_aside where id = $1', [refused.event_id])).toEqual([])
})

test('regression: a strand of ours that may not be deleted, as something of theirs refers to it, stays: theirs for its trade is left out of the view, and one that is retracted keeps its row', async () => {
  const strands = strandTable({ store, sql } as never)
  await sql('create table picked (strand_id uuid references ad_strands (id))')
  await sql(`alter table ad_strands add constraint known_status check (status <> 'voided')`)
  const trade = closedTrade({ position_id: '40', source: 'pm' })
  await strands.project(trade)
  const [{ id }] = await sql(`select id from ad_strands where content ->> 'position_id' = '40'`)
  await sql('insert into picked values ($1)', [id])
  await sql(
    `insert into ad_strands (id, kind, content) values ('00000000-0000-4000-8000-000000000002', 'position_closed', $1)`,
    [JSON.stringify({ position_id: '40', trade_id: trade.trade_id })],
  )
  const shown = () =>
    sql(`select id, rr from strandline.position_closed_strands where content ->> 'position_id' = '40'`)
  expect(await strands.project({ ...trade, revision: 1, rr: 2 })).toMatchObject({ status: 'ok', written: 1 })
  expect(await shown()).toEqual([{ id, rr: 2 }])
  expect(await strands.project({ ...trade, revision: 2, voided: true })).toMatchObject({ status: 'ok', set_aside: 1 })
  expect(await shown()).toEqual([])
  expect(await sql('select id from ad_strands where id = $1', [id])).toEqual([{ id }])
})

test('what was missing was made: coefficients and configuration are read where readers look', async () => {
  expect(await sql('select * from strandline.adopted where existed order by table_name')).toHaveLength(4)
  expect(await sql('select * from learning_coefficients')).toEqual([])
  expect(await sql(`select ours from strandline.readers`)).toEqual([{ ours: true }, { ours: true }])
})

test.each(['report', 'tick'])(
  'regression: bars without a zone that end before the exit leave the score provisional, by %s',
  async (way) => {
    const pm = testPortfolio({ store: direct } as never) // the endpoint's sessions are in UTC
    const token_contract = `0x${way}`
    const { position } = await openPosition(pm, {
      token_contract,
      token_chain: 'base',
      timeframe: '1h',
      entry_context: {},
    })
    await sql(
      `insert into lowcap_price_data_ohlc select '${token_contract}', 'base', '1h', t, 2, 4, 1, 3 from generate_series('2026-11-01 10:00'::timestamp, '2026-11-01 12:00', '1 hour') t`,
    )
    const entry = { kind: 'entry', quantity: 4, price: 2, executed_at: '2026-11-01T10:00:00Z' } as const
    await reportExecution(pm, position.id, { id: `${way}-in`, ...entry })
    if (way === 'report')
      await reportExecution(pm, position.id, {
        id: `${way}-out`,
        kind: 'emergency_exit',
        price: 3,
        executed_at: '2026-11-01T13:30:00Z',
      })
    else {
      await sql(
        `update lowcap_positions set total_quantity = 0, avg_exit_price = 3, last_activity_timestamp = '2026-11-01T13:30:00Z' where id = ${position.id}`,
      )
      expect(await tick(pm, '1h')).toMatchObject({ closed: 1 })
    }
    expect(
      await sql(
        `select payload ->> 'provisional' as provisional from strandline.pm_outbox where payload ->> 'position_id' = '${position.id}'`,
      ),
    ).toEqual([{ provisional: 'true' }])
  },
)

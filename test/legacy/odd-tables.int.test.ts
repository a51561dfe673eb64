/** Tables of the old system as PostgreSQL also has them: partitioned, foreign, with generated columns, identities, domains, enumerations. Each is adopted, or refused whole. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { readConfig } from '../../core/config.ts'
import { withClient } from '../../core/store/client.ts'
import { migrate } from '../../core/store/migrate.ts'
import { createPostgrestStore } from '../../core/store/postgrest-store.ts'
import type { Store } from '../../core/store/store.ts'
import { examine } from '../../doctor/doctor.ts'
import type { Finding } from '../../doctor/finding.ts'
import { apiUrl } from '../../embedded/database.ts'
import { undo } from '../../moving/undo.ts'
import { openPosition, reportExecution, tick } from '../../services/pm/index.ts'
import { backfill, backfillStores } from '../../services/pm/sources/backfill.ts'
import { drainLearningQueue } from '../../services/pm/sources/learning-queue.ts'
import { prepareOwnCluster } from '../../services/supabase/api-role.ts'
import { type Supabase, startSupabase } from '../../services/supabase/index.ts'
import { askEngine } from '../support/ask-engine.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { PASSWORD } from '../support/engine-desk.ts'
import { logger, testPortfolio } from '../support/pm.ts'
import { strandTable } from '../support/strand-table.ts'
import { schemaOf } from './schema-of.ts'

interface Tables {
  before?: string
  positions?: string
  strands?: string
  queue?: string
  coefficients?: string
  after?: string
}

/** The old tables, each replaceable. */
const oldTables = (t: Tables) => `
${t.before ?? ''};
${
  t.positions ??
  `create table lowcap_positions (
  id text primary key default gen_random_uuid()::text, token_contract text not null, token_chain text, token_ticker text, timeframe text not null,
  status text not null default 'watchlist', total_quantity numeric default 0, avg_entry_price numeric, avg_exit_price numeric,
  first_entry_timestamp timestamptz, entry_context jsonb, completed_trades jsonb default '[]')`
};
${t.strands ?? `create table ad_strands (id text primary key, kind text not null, timeframe text, content jsonb, created_at timestamptz default now())`};
${t.queue ?? `create table learning_queue (id bigint generated always as identity primary key, strand_id text not null, strand_type text, status text default 'pending')`};
${
  t.coefficients ??
  `create table learning_coefficients (module text, scope text, name text, key text, weight double precision, n integer, unique (module, scope, name, key))`
};
create function queue_it() returns trigger language plpgsql as $$ begin
  insert into public.learning_queue (strand_id, strand_type) values (new.id::text, new.kind); return new; end $$;
create trigger queue_it after insert on ad_strands for each row execute function queue_it();
${t.after ?? ''}`

let server: string
const made: { name: string; supabase?: Supabase }[] = []
beforeAll(async () => {
  server = (await askEngine<{ url: string }>('postgres')).url
})
afterAll(async () => {
  for (const { name, supabase } of made) {
    await supabase?.stop()
    await withClient(server, (client) => client.query(`drop database if exists ${name} with (force)`))
  }
})

async function database(tables: Tables) {
  const name = `odd_${randomBytes(5).toString('hex')}`
  await withClient(server, (client) => client.query(`create database ${name} template template0`))
  const one: (typeof made)[number] = { name }
  made.push(one)
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href
  await withClient(url, async (client) => {
    await prepareOwnCluster(client, PASSWORD)
    await client.query(oldTables(tables))
  })
  return {
    url,
    sql: (text: string, values: unknown[] = []) =>
      withClient(url, async (client) => (await client.query(text, values)).rows),
    async store(): Promise<Store> {
      const key = `sb_secret_${randomBytes(16).toString('hex')}`
      one.supabase ??= await startSupabase({ databaseUrl: apiUrl(url, PASSWORD), port: 0, serviceRoleKey: key })
      return createPostgrestStore({ url: one.supabase.url, key })
    },
  }
}

async function doctor(databaseUrl: string): Promise<Finding[]> {
  const config = readConfig({
    SUPABASE_URL: 'http://127.0.0.1:1',
    SUPABASE_SERVICE_ROLE_KEY: 'sb_secret_unused',
    KAFKA_BROKERS: '127.0.0.1:1',
    SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1',
  })
  const report = await examine(
    { name: '', databaseUrl, config, services: {}, headers: {}, findings: [] },
    { clock: systemClock, logger },
  )
  return report.findings
}

const amiss = (findings: Finding[]) =>
  findings.filter((f) => f.severity === 'error' && f.area === 'tables').map((f) => f.what)

const POSITION = `token_contract text not null, token_chain text, token_ticker text, timeframe text not null, status text not null default 'watchlist',
  total_quantity numeric default 0, avg_entry_price numeric, avg_exit_price numeric, first_entry_timestamp timestamptz, entry_context jsonb, completed_trades jsonb default '[]'`

describe('adopted', () => {
  test.each<[string, Tables]>([
    [
      'tables partitioned by their ids',
      {
        positions: `create table lowcap_positions (id text not null default gen_random_uuid()::text primary key, ${POSITION}) partition by hash (id);
          create table positions_0 partition of lowcap_positions for values with (modulus 2, remainder 0);
          create table positions_1 partition of lowcap_positions for values with (modulus 2, remainder 1)`,
        strands: `create table ad_strands (id text primary key, kind text, timeframe text, content jsonb, created_at timestamptz default now()) partition by hash (id);
          create table strands_0 partition of ad_strands for values with (modulus 2, remainder 0);
          create table strands_1 partition of ad_strands for values with (modulus 2, remainder 1)`,
        queue: `create sequence queue_ids; create table learning_queue (id bigint primary key default nextval('queue_ids'), strand_id text not null, strand_type text, status text default 'pending')
          partition by range (id); create table queue_0 partition of learning_queue for values from (minvalue) to (3); create table queue_1 partition of learning_queue default`,
        coefficients: `create table learning_coefficients (module text, scope text, name text, key text, weight double precision, n integer, unique (module, scope, name, key)) partition by list (scope);
          create table levers partition of learning_coefficients for values in ('lever'); create table others partition of learning_coefficients default`,
      },
    ],
    [
      'identities',
      {
        positions: `create table lowcap_positions (id bigint generated always as identity primary key, ${POSITION})`,
        strands: `create table ad_strands (id integer generated by default as identity primary key, kind text, timeframe text, content jsonb)`,
        queue: `create table learning_queue (id integer generated by default as identity primary key, strand_id integer not null, strand_type text, status text default 'pending')`,
        after: `create or replace function queue_it() returns trigger language plpgsql as $$ begin
          insert into public.learning_queue (strand_id, strand_type) values (new.id, new.kind); return new; end $$`,
      },
    ],
    [
      'generated columns beside ours',
      {
        positions: `create table lowcap_positions (id text primary key default gen_random_uuid()::text, ${POSITION},
          label text generated always as (token_chain || ':' || token_contract) stored, trades integer generated always as (jsonb_array_length(completed_trades)) stored)`,
        strands: `create table ad_strands (id text primary key, kind text not null, timeframe text, content jsonb, position_id text generated always as (content ->> 'position_id') stored,
          trade_id text generated always as (content ->> 'trade_id') stored)`,
        queue: `create table learning_queue (id bigint generated always as identity primary key, strand_id text not null, strand_type text, status text default 'pending',
          error text generated always as (case when status = 'failed' then 'failed' end) stored, processed_at text)`,
      },
    ],
    [
      'domains and enumerations that have our values',
      {
        before: `create type queue_state as enum ('pending', 'processing', 'completed', 'failed');
          create domain strand_kind as text check (value in ('pm_action', 'position_closed')); create domain frame as varchar(4) check (value ~ '^[0-9]+[mh]$');
          create type position_state as enum ('watchlist', 'active', 'dormant', 'paused', 'archived'); create domain amount as numeric check (value >= 0)`,
        positions: `create table lowcap_positions (id uuid primary key default gen_random_uuid(), ${POSITION.replace(
          'timeframe text',
          'timeframe frame',
        )
          .replace(`status text not null default 'watchlist'`, `status position_state not null default 'watchlist'`)
          .replace('total_quantity numeric', 'total_quantity amount')})`,
        strands: `create table ad_strands (id uuid primary key default gen_random_uuid(), kind strand_kind not null, timeframe frame, content json)`,
        queue: `create table learning_queue (id bigint generated always as identity primary key, strand_id uuid not null, strand_type strand_kind, status queue_state default 'pending',
          error varchar(20), processed_at bigint)`,
        after: `create or replace function queue_it() returns trigger language plpgsql as $$ begin
          insert into public.learning_queue (strand_id, strand_type) values (new.id, new.kind); return new; end $$`,
      },
    ],
    [
      'columns of a queue that hold something else than our reasons and times',
      {
        queue: `create table learning_queue (id bigint generated always as identity primary key, strand_id text not null, strand_type text, status varchar(9) default 'pending',
          error jsonb, processed_at integer)`,
      },
    ],
  ])('%s', async (_, tables) => {
    const db = await database(tables)
    const schema = await schemaOf(db.url)
    expect(amiss(await doctor(db.url))).toEqual([])
    await migrate(db.url)
    expect(amiss(await doctor(db.url))).toEqual([])
    const store = await db.store()
    const pm = testPortfolio({ store } as never)

    const { position } = await openPosition(pm, {
      token_contract: '0x1',
      token_chain: 'base',
      timeframe: '1h',
      entry_context: { curator: 'c' },
    })
    const { id } = position as { id: string }
    await reportExecution(pm, id, {
      id: 'a',
      kind: 'entry',
      quantity: 4,
      price: 2,
      executed_at: '2026-11-01T10:00:00Z',
    })
    const { closed } = await reportExecution(pm, id, {
      id: 'b',
      kind: 'emergency_exit',
      price: 3,
      executed_at: '2026-11-01T12:00:00Z',
    })
    expect(closed).toMatchObject({ position_id: id, return: 0.5, levers: { curator: 'c' } })
    const [theirs] = await db.sql(
      `insert into lowcap_positions (token_contract, token_chain, timeframe, status, total_quantity, avg_entry_price, avg_exit_price, first_entry_timestamp, completed_trades)
       values ('0x2', 'base', '1h', 'active', 0, 2, 4, '2026-11-02 10:00Z', '[{"trade_id": "old", "rr": 1, "entry_timestamp": "2026-10-01T10:00:00Z", "exit_timestamp": "2026-10-01T12:00:00Z"}]') returning id::text`,
    )
    expect((await tick(pm, '1h')).closed).toBe(1)

    const usable = {
      position_id: theirs.id,
      trade_id: 'queued',
      completed_trades: { rr: 2, exit_timestamp: '2026-10-03T10:00:00Z', entry_timestamp: '2026-10-03T09:00:00Z' },
    }
    const ids = (
      await db.sql(
        `select format_type(atttypid, null) as type from pg_attribute where attrelid = 'ad_strands'::regclass and attname = 'id'`,
      )
    )[0].type
    for (const [n, content] of [usable, { position_id: theirs.id, trade_id: 'no trade at all' }].entries())
      await db.sql(
        `insert into ad_strands (${ids === 'text' ? 'id, ' : ''}kind, timeframe, content) values (${ids === 'text' ? `'s-${n}', ` : ''}'position_closed', '1h', $1)`,
        [JSON.stringify(content)],
      )
    expect(await drainLearningQueue(pm)).toMatchObject({ published: 1, failed: 1 })
    expect(
      await db.sql(`select status::text, count(*)::integer as n from learning_queue group by 1 order by 1`),
    ).toEqual([
      { status: 'completed', n: 1 },
      { status: 'failed', n: 1 },
    ])
    expect(await db.sql(`select reason from strandline.set_aside`)).toEqual([
      { reason: expect.stringMatching(/exit time|R\/R/) },
    ])
    expect(await backfill({ stores: backfillStores(store), clock: systemClock, owner: 'test' })).toMatchObject({
      published: 1,
      done: true,
    })
    const trades = await db.sql(`select payload ->> 'trade_id' as trade from strandline.pm_outbox order by 1`)
    expect(trades).toHaveLength(4)
    const own = closedTrade({ position_id: id, trade_id: closed!.trade_id, source: 'pm', closed_at: Date.now() })
    expect(await strandTable({ store, sql: db.sql } as never).project(own)).toMatchObject({ written: 1, set_aside: 0 })

    await db.sql(`update strandline.pm_outbox set published_at = now(), topic = 't', partition = 0, "offset" = id`)
    await undo(db.url)
    expect(await schemaOf(db.url)).toEqual(schema)
  })
})

describe('refused, in one sentence and without a trace', () => {
  const enumQueue = (values: string) => ({
    before: `create type queue_state as enum (${values})`,
    queue: `create table learning_queue (id bigint generated always as identity primary key, strand_id text not null, strand_type text, status queue_state)`,
  })
  test.each<[string, Tables, RegExp, RegExp?]>([
    [
      'an id of a domain',
      {
        before: 'create domain position_key as text',
        positions: `create table lowcap_positions (id position_key primary key, ${POSITION})`,
      },
      /public\.lowcap_positions\.id is of the type (public\.)?position_key, which Strandline cannot use as a key\./,
      /public\.lowcap_positions\.id is of the type (public\.)?position_key, and must be a key/,
    ],
    [
      'a foreign table',
      {
        before: 'create foreign data wrapper elsewhere; create server there foreign data wrapper elsewhere',
        positions: `create foreign table lowcap_positions (id text not null, ${POSITION}) server there`,
      },
      /public\.lowcap_positions is no table \(but a foreign table\)/,
      /public\.lowcap_positions is a foreign table/,
    ],
    [
      'a table partitioned by something else than its id',
      {
        strands: `create table ad_strands (id text not null, kind text, timeframe text, content jsonb, created_at timestamptz not null, primary key (id, created_at)) partition by range (created_at)`,
      },
      /public\.ad_strands\.id is not unique, or may be null: two rows could be taken for one\. A partitioned table/,
      /public\.ad_strands\.id is not unique/,
    ],
    [
      'a quantity that the database computes',
      {
        positions: `create table lowcap_positions (id text primary key, bought numeric, sold numeric, ${POSITION.replace('total_quantity numeric default 0', 'total_quantity numeric generated always as (bought - sold) stored')})`,
      },
      /public\.lowcap_positions\.total_quantity is a generated column, and Strandline writes it/,
      /public\.lowcap_positions\.total_quantity is a generated column/,
    ],
    [
      'a status that the database computes',
      {
        queue: `create table learning_queue (id bigint primary key, strand_id text not null, strand_type text, done boolean, status text generated always as (case when done then 'completed' else 'pending' end) stored)`,
      },
      /public\.learning_queue\.status is a generated column, and Strandline writes it/,
      /public\.learning_queue\.status is a generated column/,
    ],
    [
      'states without ours',
      enumQueue(`'pending', 'done'`),
      /public\.learning_queue\.status is of the type (public\.)?queue_state, which has no value completed/,
      /public\.learning_queue\.status is of the type (public\.)?queue_state, which has no value completed/,
    ],
    [
      'a timeframe that is an enumeration',
      {
        before: `create type frame as enum ('1h')`,
        positions: `create table lowcap_positions (id text primary key, ${POSITION.replace('timeframe text', 'timeframe frame')})`,
      },
      /public\.lowcap_positions\.timeframe is of the type (public\.)?frame, which Strandline cannot use as a text/,
      /public\.lowcap_positions\.timeframe is of the type (public\.)?frame, and must be/,
    ],
    [
      'a table that others inherit from',
      { after: 'create table archived_strands () inherits (ad_strands)' },
      /public\.ad_strands has rows in a table that inherits from it \((public\.)?archived_strands\)/,
      /public\.ad_strands has rows in a table that inherits from it: (public\.)?archived_strands/,
    ],
    [
      'a materialized view of coefficients',
      { coefficients: `create materialized view learning_coefficients as select 'dm' as module` },
      /public\.learning_coefficients is no table \(but a materialized view\)/,
      /public\.learning_coefficients is a materialized view/,
    ],
    [
      'a view of coefficients',
      { coefficients: `create view learning_coefficients as select 'dm' as module` },
      /public\.learning_coefficients is no table \(but a view\)/,
      /public\.learning_coefficients is a view/,
    ],
  ])('%s', async (_, tables, says, foretold = says) => {
    const db = await database(tables)
    const schema = await schemaOf(db.url)
    await expect(migrate(db.url)).rejects.toMatchObject({ code: 'STORE_SCHEMA', message: expect.stringMatching(says) })
    expect(await schemaOf(db.url)).toEqual(schema)
    expect(amiss(await doctor(db.url))).toEqual([expect.stringMatching(foretold)])
  })
})

describe('JSON that no jsonb can hold, in json columns', () => {
  const NUL = '\\u0000'
  const tables = {
    positions: `create table lowcap_positions (id text primary key default gen_random_uuid()::text, ${POSITION.replaceAll('jsonb', 'json')})`,
    strands:
      'create table ad_strands (id text primary key, kind text not null, timeframe text, content json, metadata json, created_at timestamptz default now())',
  }
  const trade = (id: string, more = '') =>
    `{"trade_id": "${id}", "rr": 1, "entry_timestamp": "2026-10-01T1${id.length}:00:00Z", "exit_timestamp": "2026-10-02T1${id.length}:00:00Z"${more}}`
  const strand = (id: string, more = '') => [
    `s-${id}`,
    `{"position_id": "p", "trade_id": "${id}", "completed_trades": [${trade(id)}]${more}}`,
  ]

  test('regression: one row keeps no other, before or after migrate; their writers go on, and a trade loses only what cannot be kept', async () => {
    const db = await database(tables)
    const insert = ([id, content]: string[], metadata: string | null = null) =>
      db.sql(
        `insert into ad_strands (id, kind, timeframe, content, metadata) values ($1, 'position_closed', '1h', $2, $3)`,
        [id, content, metadata],
      )
    const context = (curator: string) => `, "entry_context": {"curator": "${curator}", "chain": "base"}`
    await insert(strand('good', context('c')))
    await insert(strand('bad', context(`a${NUL}b`)))
    await db.sql(
      `insert into lowcap_positions (id, token_contract, token_chain, timeframe, entry_context, completed_trades) values
        ('q', '0x1', 'base', '1h', $1, $2), ('r', '0x1', 'base', '1h', '{}', $3)`,
      [`{"curator": "a${NUL}b"}`, `[${trade('listed', `, "note": "${NUL}"`)}]`, `[${trade('other')}]`],
    )
    expect(amiss(await doctor(db.url))).toEqual([])
    await migrate(db.url)
    await insert(strand('later', context(`a${NUL}b`)), `{"note": "${NUL}"}`)
    await insert(['s-of-q', `{"position_id": "q", "trade_id": "of-q", "completed_trades": [${trade('of-q')}]}`])
    await insert([`s-none`, `{"position_id": "p${NUL}", "trade_id": "none"}`])
    const store = await db.store()
    const pm = testPortfolio({ store } as never)
    expect(await drainLearningQueue(pm)).toMatchObject({ published: 4, failed: 1 })
    expect(await db.sql(`select id, scope from strandline.set_aside`)).toEqual([{ id: '5', scope: 's-none' }])
    const done = await backfill({ stores: backfillStores(store), clock: systemClock, owner: 'test' })
    expect(done).toMatchObject({ done: true, published: 2 })
    const events = await db.sql(
      `select payload ->> 'trade_id' as trade, payload -> 'levers' as levers, payload -> 'left_out' as left_out from strandline.pm_outbox order by 1`,
    )
    expect(events.map((e) => e.trade)).toEqual(['bad', 'good', 'later', 'listed', 'of-q', 'other'])
    expect(events[0]).toMatchObject({ levers: { chain: 'base' } })
    expect(JSON.stringify(events[0].left_out)).toContain('curator')
    expect(events[1]).toMatchObject({ levers: { curator: 'c', chain: 'base' } })
    const found = (await doctor(db.url)).filter((f) => f.area === 'backfill').map((f) => f.what)
    expect(found).toContain('Of 6 closed trades of the old tables, every one is in the log or on the way.')

    // and a position that closes: the tick of its timeframe goes on
    await db.sql(
      `insert into lowcap_positions (id, token_contract, token_chain, timeframe, status, total_quantity, avg_entry_price, avg_exit_price, first_entry_timestamp, entry_context, completed_trades)
       values ('t', '0x2', 'base', '1h', 'active', 0, 2, 4, '2026-11-02 10:00Z', $1, '[]'), ('u', '0x2', 'base', '1h', 'active', 0, 2, 4, '2026-11-02 10:00Z', '{}', $2),
         ('v', '0x2', 'base', '1h', 'active', 0, 2, 4, '2026-11-02 10:00Z', '{}', '[]')`,
      [`{"curator": "a${NUL}b"}`, `[${trade('kept', `, "note": "${NUL}"`)}]`],
    )
    await tick(pm, '1h')
    const after = await db.sql(
      `select id, completed_trades::text as trades from lowcap_positions where id in ('t', 'u', 'v') order by id`,
    )
    expect(JSON.parse(after[0].trades)).toHaveLength(1)
    expect(after[1].trades).toBe(`[${trade('kept', `, "note": "${NUL}"`)}]`) // nothing of theirs is overwritten
    expect(JSON.parse(after[2].trades)).toHaveLength(1)
    expect(await db.sql(`select id, reason from strandline.set_aside where kind = 'position'`)).toEqual([
      { id: 'u', reason: expect.stringContaining('completed_trades') },
    ])
  })
})

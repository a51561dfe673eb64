-- What Strandline joins: the tables of the old system, adopted where they are, made where they are not. Everything that can fail because of what a
-- database holds already is in this file; the others only make objects of our own.
-- Our own tables, views and inner functions are in the schema `strandline`, which no API exposes. What is called over PostgREST is in `public` (a
-- hosted project exposes no other) and begins with `strandline_`. service_role alone may use either.

do $$
begin
  if to_regclass('public.pm_outbox') is not null and to_regclass('public.consumer_positions') is not null then
    raise exception 'This database was made by a development version of Strandline, before its tables had a schema of their own: use another one.';
  end if;
end $$;

create schema strandline;

-- Which of the shared tables were here before us.
create table strandline.adopted (
  table_name text        primary key,
  existed    boolean     not null,
  at         timestamptz not null default now()
);

-- What we added to a table that was here before us: exactly this is taken away again (`strandline undo`).
create table strandline.added (
  kind       text not null,                          -- column, index, trigger
  table_name text not null,
  object     text not null,
  primary key (kind, table_name, object)
);

-- Whose the names are that readers know: true where public.learning_coefficients and public.learning_configs show what we learned.
create table strandline.readers (
  name text    primary key,                          -- learning_coefficients, learning_configs
  ours boolean not null
);

-- Leaves our tables, views and functions to service_role alone, whatever default privileges the database has. The last statement of every migration.
create function strandline.seal() returns void language plpgsql security invoker set search_path = '' as $$
declare
  f regprocedure;
begin
  revoke all on schema strandline from public;
  grant usage on schema strandline to service_role;
  revoke all on all tables in schema strandline from public, anon, authenticated;
  grant all on all tables in schema strandline to service_role;
  grant all on all sequences in schema strandline to service_role;
  for f in select p.oid::regprocedure from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'strandline' or (n.nspname = 'public' and p.proname like 'strandline\_%')
  loop
    execute pg_catalog.format('revoke all on function %s from public, anon, authenticated', f);
    execute pg_catalog.format('grant execute on function %s to service_role', f);
  end loop;
end
$$;

insert into strandline.adopted (table_name, existed)
select t.name, to_regclass('public.' || t.name) is not null
from (values ('lowcap_positions'), ('lowcap_price_data_ohlc'), ('ad_strands'), ('learning_queue'), ('learning_configs'), ('learning_coefficients')) t(name);

insert into strandline.readers (name, ours)
select a.table_name, not a.existed from strandline.adopted a where a.table_name in ('learning_configs', 'learning_coefficients');

-- Positions, as the trader and the portfolio manager know them.
create table if not exists public.lowcap_positions (
  id                    text             primary key default gen_random_uuid()::text,
  token_chain           text             not null default '',
  token_contract        text             not null default '',
  token_ticker          text             not null default '',
  timeframe             text             not null,
  status                text             not null default 'watchlist',   -- watchlist, active, dormant, paused, archived
  current_trade_id      text,                                            -- the round trip that is running; null between two
  total_quantity        double precision not null default 0,             -- held now, in tokens (of a short: owed)
  avg_entry_price       double precision,                                -- of the running or the last trade, in the quote currency
  avg_exit_price        double precision,
  first_entry_timestamp timestamptz,
  closed_at             timestamptz,
  entry_context         jsonb            not null default '{}',          -- flat: strings are levers, numbers are measures
  completed_trades      jsonb            not null default '[]',          -- every round trip so far, oldest first
  created_at            timestamptz      not null default now(),
  updated_at            timestamptz      not null default now()
);
alter table public.lowcap_positions
  add column if not exists side                    text not null default 'long' check (side in ('long', 'short')),
  add column if not exists bought_quantity         double precision not null default 0,   -- entered in the running trade, in tokens
  add column if not exists sold_quantity           double precision not null default 0,   -- exited in the running trade, in tokens
  add column if not exists regime_context          jsonb not null default '{}',
  add column if not exists last_activity_timestamp timestamptz,
  add column if not exists flat_since              timestamptz,   -- when total_quantity last fell to 0, whoever wrote it
  add column if not exists settled_entry           timestamptz;   -- first_entry_timestamp of the last trade that was closed here
-- What a tick looks at: trades that may be running. Positions that are only watched or archived, however many, are not among them.
create index strandline_positions_running on public.lowcap_positions (timeframe, id)
  where first_entry_timestamp is not null and first_entry_timestamp is distinct from settled_entry
    and (status = 'active' or current_trade_id is not null);

create table if not exists public.lowcap_price_data_ohlc (
  token_contract text             not null,
  chain          text             not null,
  timeframe      text             not null,
  timestamp      timestamptz      not null,   -- start of the bar
  open_usd       double precision,
  high_usd       double precision,
  low_usd        double precision,
  close_usd      double precision,
  volume         double precision,
  primary key (token_contract, chain, timeframe, timestamp)
);

-- What modules tell each other, one row each.
create table if not exists public.ad_strands (
  id                  text        primary key,
  module              text        default 'alpha',
  kind                text,                              -- social_lowcap, decision_lowcap, pm_action, position_closed
  symbol              text,
  timeframe           text,
  session_bucket      text,
  tags                jsonb,
  target_agent        text,
  created_at          timestamptz default now(),         -- of a position_closed strand: when the position closed
  updated_at          timestamptz default now(),
  position_id         text,
  trade_id            text,
  parent_id           text,
  signal_pack         jsonb,
  content             jsonb,
  module_intelligence jsonb,
  regime_context      jsonb,
  status              text        default 'active',      -- active, voided (retracted trade), …
  metadata            jsonb
);
create index if not exists ad_strands_kind_created_at on public.ad_strands (kind, created_at);
create index if not exists ad_strands_position_id on public.ad_strands (position_id);
create index if not exists ad_strands_parent_id on public.ad_strands (parent_id);
-- Strands of somebody else, both few beside ours: those tied to their trade's event (one per event), and those not tied yet. Ours need no index
-- of their own, their id follows from the event's. The old shape has the two ids of a trade in `content` only.
create unique index strandline_strands_adopted on public.ad_strands ((metadata ->> 'event_id'))
  where metadata ->> 'adopted_by' is not null;
create index strandline_strands_foreign on public.ad_strands
  ((coalesce(position_id, content ->> 'position_id')), (coalesce(trade_id::text, content ->> 'trade_id')))
  where kind = 'position_closed' and metadata ->> 'event_id' is null;

create table if not exists public.learning_queue (
  id           bigint      generated by default as identity primary key,
  strand_id    text        not null,
  strand_type  text,
  status       text        not null default 'pending',   -- pending, completed, failed
  created_at   timestamptz not null default now(),
  processed_at timestamptz,
  error        text
);
alter table public.learning_queue add column if not exists processed_at timestamptz;
create index if not exists learning_queue_strand_id on public.learning_queue (strand_id);
create index strandline_queue_closed on public.learning_queue (id) where status = 'pending' and strand_type = 'position_closed';

create table if not exists public.learning_configs (
  module      text        primary key,
  config_data jsonb       not null default '{}',
  updated_at  timestamptz not null default now()
);

-- What we made is for service_role alone; what was here keeps its grants, its policies and its triggers.
create function strandline.made(p_table text) returns boolean language sql stable security invoker set search_path = '' as $$
  select not existed from strandline.adopted where table_name = p_table
$$;
do $$
declare
  t text;
begin
  for t in select a.table_name from strandline.adopted a where not a.existed and a.table_name <> 'learning_coefficients' loop
    execute format('alter table public.%I enable row level security', t);
    execute format('revoke all on public.%I from anon, authenticated', t);
    execute format('grant all on public.%I to service_role', t);
  end loop;
end $$;

-- The trigger of the old system: every new strand is put into the queue. An update is not a new strand.
create function strandline.queue_strand() returns trigger language plpgsql security invoker set search_path = '' as $$
begin
  insert into public.learning_queue (strand_id, strand_type) values (new.id, new.kind);
  return new;
end
$$;
do $$
begin
  if strandline.made('ad_strands') then
    create trigger strandline_queue_strand after insert on public.ad_strands for each row execute function strandline.queue_strand();
  end if;
end $$;

-- Notes when a position came to zero: whoever writes total_quantity, the exit then has a time.
create function strandline.touch_position() returns trigger language plpgsql security invoker set search_path = '' as $$
begin
  if new.updated_at is not distinct from old.updated_at then new.updated_at := now(); end if;
  if new.total_quantity <= 0 and old.total_quantity > 0 then new.flat_since := now(); end if;
  return new;
end
$$;
create trigger strandline_touch_position before update on public.lowcap_positions
  for each row execute function strandline.touch_position();


do $$ begin perform strandline.seal(); end $$;

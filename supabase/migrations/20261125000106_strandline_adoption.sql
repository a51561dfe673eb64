-- What Strandline joins: the tables of the old system, adopted where they are, made where they are not. Everything that can fail because of what a
-- database holds already is in this file; the others only make objects of our own.
-- Our own tables, views and inner functions are in the schema `strandline`, which no API exposes. What is called over PostgREST is in `public` (a
-- hosted project exposes no other) and begins with `strandline_`. service_role alone may use either.

do $$
declare
  theirs regprocedure;
begin
  if to_regclass('public.pm_outbox') is not null and to_regclass('public.consumer_checkpoints') is not null then
    raise exception 'This database was made by a development version of Strandline, before its tables had a schema of their own: use another one.';
  end if;
  if to_regnamespace('strandline') is not null then
    raise exception 'There is a schema strandline already, which is not ours: rename it, or use another database.';
  end if;
  select p.oid::regprocedure into theirs from pg_proc p where p.pronamespace = 'public'::regnamespace and p.proname like 'strandline\_%' limit 1;
  if found then
    raise exception 'There is a function public.% already: the names that begin with strandline_ are ours. Rename it.', theirs;
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

-- What the migrations made, as pg_identify_object names it: `undo` takes this away, and nothing that others put beside it.
create table strandline.objects (
  identity text primary key
);

-- Leaves our tables, views and functions to service_role alone, whatever default privileges the database has, and notes what this transaction made. The
-- last statement of every migration. (What readers of a switched view call is left to them.)
create function strandline.seal() returns void language plpgsql security invoker set search_path = '' as $$
declare
  o record;
  g record;
begin
  for o in
    select 'schema' as kind, n.oid, 'pg_catalog.pg_namespace'::pg_catalog.regclass as class, pg_catalog.quote_ident(n.nspname) as name, n.nspacl as acl, n.nspowner as owner,
      pg_catalog.age(n.xmin) <= 0 as made
    from pg_catalog.pg_namespace n where n.nspname = 'strandline'
    union all
    select case c.relkind when 'S' then 'sequence' else 'table' end, c.oid, 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid::pg_catalog.regclass::text, c.relacl, c.relowner,
      pg_catalog.age(c.xmin) <= 0
    from pg_catalog.pg_class c where c.relnamespace = 'strandline'::pg_catalog.regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'S')
    union all
    select 'function', p.oid, 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid::pg_catalog.regprocedure::text, p.proacl, p.proowner, pg_catalog.age(p.xmin) <= 0
    from pg_catalog.pg_proc p
    where p.pronamespace = 'strandline'::pg_catalog.regnamespace or (p.pronamespace = 'public'::pg_catalog.regnamespace and p.proname like 'strandline\_%')
    union all
    select 'type', t.oid, 'pg_catalog.pg_type'::pg_catalog.regclass, null, null, null, pg_catalog.age(t.xmin) <= 0
    from pg_catalog.pg_type t where t.typnamespace = 'strandline'::pg_catalog.regnamespace
  loop
    if o.made then
      insert into strandline.objects (identity)
      select i.type || ' ' || i.identity from pg_catalog.pg_identify_object(o.class, o.oid, 0) i on conflict do nothing;
    end if;
    continue when o.kind = 'type' or o.name ~ '^strandline\.(text_field|readable)\(';
    execute pg_catalog.format('revoke all on %s %s from public, anon, authenticated', o.kind, o.name);
    for g in select distinct a.grantee::pg_catalog.regrole as role from pg_catalog.aclexplode(o.acl) a
             where a.grantee not in (0, o.owner, 'service_role'::pg_catalog.regrole)
    loop
      execute pg_catalog.format('revoke all on %s %s from %s', o.kind, o.name, g.role);
    end loop;
    execute pg_catalog.format('grant %s on %s %s to service_role', case o.kind when 'schema' then 'usage' when 'function' then 'execute' else 'all' end, o.kind, o.name);
  end loop;
end
$$;

insert into strandline.adopted (table_name, existed)
select t.name, to_regclass('public.' || t.name) is not null
from (values ('lowcap_positions'), ('lowcap_price_data_ohlc'), ('ad_strands'), ('learning_queue'), ('learning_configs'), ('learning_coefficients')) t(name);

insert into strandline.readers (name, ours)
select a.table_name, not a.existed from strandline.adopted a where a.table_name in ('learning_configs', 'learning_coefficients');

-- Whether an error is of the row that was written, and may be so again: no deadlock, lock, lack of room, shutdown or lost connection.
create function strandline.is_rows_fault(p_state text) returns boolean language sql immutable security invoker set search_path = '' as $$
  select left(p_state, 2) not in ('08', '40', '53', '57', '58') and p_state not in ('55P03', '55006')
$$;

-- Whether we made a shared table (else it was here before us).
create function strandline.made(p_table text) returns boolean language sql stable security invoker set search_path = '' as $$
  select not existed from strandline.adopted where table_name = p_table
$$;

-- Joined by a statement that writes to a shared table: what hangs on that (triggers, functions) may rely on the path of a request, as PostgREST sets it,
-- and finds it from the first row on. The statement itself was read with an empty path, so that nobody who may put a function into `public` has it
-- called by us; who calls this empties the path again right after. No path of its own: that would be taken back at its end.
create function strandline.their_path() returns boolean language sql volatile security invoker as $$
  select pg_catalog.set_config('search_path', 'public, extensions', true) is not null
$$;

-- Positions, as the trader and the portfolio manager know them.
create table if not exists public.lowcap_positions (
  id                      text             primary key default gen_random_uuid()::text,
  token_chain             text             not null default '',
  token_contract          text             not null default '',
  token_ticker            text             not null default '',
  timeframe               text             not null,
  status                  text             not null default 'watchlist',   -- watchlist, active, dormant, paused, archived
  current_trade_id        text,                                            -- the round trip that is running; null between two
  total_quantity          double precision not null default 0,             -- held now, in tokens (of a short: owed)
  avg_entry_price         double precision,                                -- of the running or the last trade, in the quote currency
  avg_exit_price          double precision,
  first_entry_timestamp   timestamptz,
  closed_at               timestamptz,
  entry_context           jsonb            not null default '{}',          -- flat: strings are levers, numbers are measures
  completed_trades        jsonb            not null default '[]',          -- every round trip so far, oldest first
  created_at              timestamptz      not null default now(),
  updated_at              timestamptz      not null default now(),
  side                    text             not null default 'long' check (side in ('long', 'short')),
  bought_quantity         double precision not null default 0,             -- entered in the running trade, in tokens
  sold_quantity           double precision not null default 0,             -- exited in the running trade, in tokens
  regime_context          jsonb            not null default '{}',
  last_activity_timestamp timestamptz,
  flat_since              timestamptz,                                     -- when total_quantity last fell to 0, whoever wrote it
  settled_entry           timestamptz                                      -- first_entry_timestamp of the last trade that was closed here
);

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

create table if not exists public.learning_queue (
  id           bigint      generated by default as identity primary key,
  strand_id    text        not null,
  strand_type  text,
  status       text        not null default 'pending',   -- pending, completed, failed
  created_at   timestamptz not null default now(),
  processed_at timestamptz,
  error        text
);

create table if not exists public.learning_configs (
  module      text        primary key,
  config_data jsonb       not null default '{}',
  updated_at  timestamptz not null default now()
);

-- What we made is for service_role alone; what was here keeps its grants, its policies and its triggers.
do $$
declare
  t text;
  s regclass;
begin
  for t in select a.table_name from strandline.adopted a where not a.existed and a.table_name <> 'learning_coefficients' loop
    execute format('alter table public.%I enable row level security', t);
    execute format('revoke all on public.%I from anon, authenticated', t);
    execute format('grant all on public.%I to service_role', t);
    -- the sequence of an identity column has rights of its own: whoever may set it back has the next insert refused
    for s in select d.objid::regclass from pg_depend d join pg_class c on c.oid = d.objid and c.relkind = 'S'
             where d.classid = 'pg_class'::regclass and d.refobjid = format('public.%I', t)::regclass loop
      execute format('revoke all on sequence %s from anon, authenticated', s);
      execute format('grant all on sequence %s to service_role', s);
    end loop;
  end loop;
  if strandline.made('ad_strands') then
    create index ad_strands_kind_created_at on public.ad_strands (kind, created_at);
    create index ad_strands_position_id on public.ad_strands (position_id);
    create index ad_strands_parent_id on public.ad_strands (parent_id);
  end if;
end $$;

-- The columns that we use of a table that was here. Its types vary: a key may be text, uuid or a whole number, JSON may be text, a number numeric.
-- What is missing is added where we can do without its past, and refused where we cannot.
do $$
declare
  c       record;
  v_kind  "char";
  v_type  text;
  v_group "char";
  v_made  boolean;
  v_holds boolean;
begin
  for c in select * from (values
      ('lowcap_positions', 'id', 'key', null),
      ('lowcap_positions', 'timeframe', 'word', null),
      ('lowcap_positions', 'total_quantity', 'number', null),
      ('lowcap_positions', 'status', 'text', 'text'),
      ('lowcap_positions', 'token_chain', 'text', 'text'),
      ('lowcap_positions', 'token_contract', 'text', 'text'),
      ('lowcap_positions', 'token_ticker', 'text', 'text'),
      ('lowcap_positions', 'current_trade_id', 'text', 'text'),
      ('lowcap_positions', 'avg_entry_price', 'number', 'double precision'),
      ('lowcap_positions', 'avg_exit_price', 'number', 'double precision'),
      ('lowcap_positions', 'first_entry_timestamp', 'time', 'timestamptz'),
      ('lowcap_positions', 'closed_at', 'time', 'timestamptz'),
      ('lowcap_positions', 'entry_context', 'json', 'jsonb'),
      ('lowcap_positions', 'completed_trades', 'json', 'jsonb'),
      ('lowcap_positions', 'updated_at', 'time', 'timestamptz'),
      ('lowcap_positions', 'side', 'text', 'text not null default ''long'' check (side in (''long'', ''short''))'),
      ('lowcap_positions', 'bought_quantity', 'number', 'double precision not null default 0'),
      ('lowcap_positions', 'sold_quantity', 'number', 'double precision not null default 0'),
      ('lowcap_positions', 'regime_context', 'json', 'jsonb'),
      ('lowcap_positions', 'last_activity_timestamp', 'time', 'timestamptz'),
      ('lowcap_positions', 'flat_since', 'moment', 'timestamptz'),
      ('lowcap_positions', 'settled_entry', 'time', 'as first_entry_timestamp'),
      ('lowcap_price_data_ohlc', 'token_contract', 'word', null),
      ('lowcap_price_data_ohlc', 'chain', 'word', null),
      ('lowcap_price_data_ohlc', 'timeframe', 'word', null),
      ('lowcap_price_data_ohlc', 'timestamp', 'moment', null),
      ('lowcap_price_data_ohlc', 'low_usd', 'number', null),
      ('lowcap_price_data_ohlc', 'high_usd', 'number', null),
      ('ad_strands', 'id', 'key', null),
      ('ad_strands', 'kind', 'text', null),
      ('ad_strands', 'content', 'json', null),
      ('learning_queue', 'id', 'key', null),
      ('learning_queue', 'strand_id', 'key', null),
      ('learning_queue', 'strand_type', 'text', null),
      ('learning_queue', 'status', 'text', null),
      ('learning_configs', 'config_data', 'json', null)
    ) v(table_name, column_name, needs, made_as)
  loop
    if strandline.made(c.table_name) then continue; end if;
    select r.relkind into v_kind from pg_class r where r.oid = to_regclass('public.' || c.table_name);
    if v_kind not in ('r', 'p') then
      raise exception 'public.% is no table (but a %), and stands where Strandline would find or make one: rename it, or use another database.', c.table_name,
        case v_kind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table' when 'c' then 'type' else 'relation of another kind' end;
    end if;
    select format_type(a.atttypid, null), t.typcategory, a.attgenerated <> '' into v_type, v_group, v_made
    from pg_attribute a join pg_type t on t.oid = a.atttypid
    where a.attrelid = to_regclass('public.' || c.table_name) and a.attname = c.column_name and not a.attisdropped;
    if not found then
      if c.made_as is null then
        raise exception 'public.% has no column %, without which Strandline cannot work on it: add it, or rename the table.', c.table_name, c.column_name;
      end if;
      execute format('alter table public.%I add column %I %s', c.table_name, c.column_name, case when c.made_as like 'as %' then (
        select format_type(a.atttypid, a.atttypmod) from pg_attribute a
        where a.attrelid = to_regclass('public.' || c.table_name) and a.attname = substr(c.made_as, 4)) else c.made_as end);
      insert into strandline.added values ('column', c.table_name, c.column_name);
    elsif not (case c.needs
        when 'key' then v_type in ('text', 'character varying', 'uuid', 'bigint', 'integer')
        when 'text' then v_group in ('S', 'E', 'N') or v_type = 'uuid'
        when 'word' then v_group = 'S'
        when 'number' then v_group = 'N'
        when 'json' then v_type in ('jsonb', 'json') or v_group = 'S'
        when 'time' then v_type like 'timestamp with%' or v_group = 'S'
        else v_type like 'timestamp with%' end) then
      raise exception 'public.%.% is of the type %, which Strandline cannot use as %.', c.table_name, c.column_name, v_type,
        case c.needs when 'key' then 'a key' when 'text' then 'a text' when 'word' then 'a text' when 'number' then 'a number' when 'json' then 'JSON' else 'a time' end;
    elsif v_made and (c.table_name in ('lowcap_positions', 'ad_strands', 'learning_configs') and (c.table_name, c.column_name) <> ('lowcap_positions', 'id')
        or (c.table_name, c.column_name) = ('learning_queue', 'status')) then
      raise exception 'public.%.% is a generated column, and Strandline writes it: make it a plain one (alter table public.% alter column % drop expression).',
        c.table_name, c.column_name, c.table_name, c.column_name;
    end if;
  end loop;
  select r.relkind into v_kind from pg_class r where r.oid = to_regclass('public.learning_coefficients');
  if not strandline.made('learning_coefficients') and v_kind not in ('r', 'p') then
    raise exception 'public.learning_coefficients is no table (but a %), so that no view of ours could take its place: rename it, or use another database.',
      case v_kind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table' when 'c' then 'type' else 'relation of another kind' end;
  end if;
  -- Enumerations and domains know their values.
  for c in select v.*, format_type(a.atttypid, a.atttypmod) as type from (values
      ('lowcap_positions', 'status', 'active'), ('lowcap_positions', 'status', 'watchlist'), ('ad_strands', 'kind', 'position_closed'),
      ('learning_queue', 'strand_type', 'position_closed'), ('learning_queue', 'status', 'pending'), ('learning_queue', 'status', 'completed')) v(table_name, column_name, value)
    join pg_attribute a on a.attrelid = to_regclass('public.' || v.table_name) and a.attname = v.column_name and not a.attisdropped
  loop
    begin
      execute format('select %1$L::%2$s::text = %1$L', c.value, c.type) into v_holds;
    exception when data_exception or integrity_constraint_violation then v_holds := false;
    end;
    if v_holds is not true then
      raise exception 'public.%.% is of the type %, which has no value %: Strandline needs it there.', c.table_name, c.column_name, c.type, c.value;
    end if;
  end loop;
  if exists (select from pg_attribute a where a.attrelid = 'public.learning_configs'::regclass and a.attname = 'updated_at' and a.attgenerated <> '') then
    raise exception 'public.learning_configs.updated_at is a generated column, and Strandline writes it: make it a plain one (alter table public.learning_configs alter column updated_at drop expression).';
  end if;
  -- What is unique in a table is not in those that inherit from it.
  select i.inhparent::regclass as parent, i.inhrelid::regclass as child into c from pg_inherits i join pg_class r on r.oid = i.inhparent
  where r.relkind = 'r' and i.inhparent in (select to_regclass('public.' || a.table_name) from strandline.adopted a where a.existed) limit 1;
  if found then
    raise exception 'public.% has rows in a table that inherits from it (%): Strandline cannot tell them apart by id. Make it a partitioned table, or say: alter table % no inherit public.%.',
      c.parent, c.child, c.child, c.parent;
  end if;
  for c in select v.table_name, (select r.relkind = 'p' from pg_class r where r.oid = to_regclass('public.' || v.table_name)) as partitioned
           from (values ('lowcap_positions'), ('ad_strands'), ('learning_queue')) v(table_name) loop
    if not strandline.made(c.table_name) and not exists (
      select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0] and a.attname = 'id' and a.attnotnull
      where i.indrelid = to_regclass('public.' || c.table_name) and i.indisunique and i.indisvalid and i.indpred is null and i.indnkeyatts = 1)
    then
      if c.partitioned then
        raise exception 'public.%.id is not unique, or may be null: two rows could be taken for one. A partitioned table can have unique ids only where it is partitioned by id.', c.table_name;
      end if;
      raise exception 'public.%.id is not unique, or may be null: two rows could be taken for one. Say: alter table public.% add primary key (id).', c.table_name, c.table_name;
    end if;
  end loop;
  if not strandline.made('learning_configs') and not exists (select from pg_attribute a where a.attrelid = 'public.learning_configs'::regclass
       and a.attname in ('module', 'module_id') and not a.attisdropped) then
    raise exception 'public.learning_configs has neither a column module nor module_id: Strandline does not know which row is the decision maker''s.';
  end if;
end $$;

-- A text as the key of a shared table, in the key's own type, so that its index serves; null where it can be none. '': what comes before every key.
do $$
declare
  k      record;
  v_type text;
begin
  for k in select * from (values
      ('position_key', 'lowcap_positions', 'id'), ('strand_key', 'ad_strands', 'id'),
      ('queue_key', 'learning_queue', 'id'), ('queued_strand_key', 'learning_queue', 'strand_id')) v(name, table_name, column_name)
  loop
    select format_type(a.atttypid, null) into v_type from pg_attribute a
    where a.attrelid = to_regclass('public.' || k.table_name) and a.attname = k.column_name;
    if v_type in ('text', 'character varying') then
      execute format('create function strandline.%I(p_id text) returns %s language sql immutable security invoker set search_path = '''' as $f$ select p_id $f$',
        k.name, v_type);
    else
      execute format($f$create function strandline.%I(p_id text) returns %s language plpgsql immutable security invoker set search_path = '' as $b$
begin
  return case when p_id = '' then %L else p_id end::%2$s;
exception when data_exception then
  return null;
end
$b$ $f$, k.name, v_type, case v_type when 'uuid' then '00000000-0000-0000-0000-000000000000' when 'integer' then '-2147483648' else '-9223372036854775808' end);
    end if;
  end loop;
end $$;

-- JSON, whatever it is kept as. A text that is none is null; so is JSON that a jsonb cannot hold.
create function strandline.as_jsonb(p_value text) returns jsonb language plpgsql immutable security invoker set search_path = '' as $$
begin
  return p_value::jsonb;
exception when data_exception then
  return null;
end
$$;
create function strandline.as_jsonb(p_value json) returns jsonb language sql immutable security invoker set search_path = '' as $$
  select strandline.as_jsonb(p_value::text)
$$;
-- A string may hold JSON in its turn: a writer encoded it twice.
create function strandline.as_jsonb(p_value jsonb) returns jsonb language sql immutable security invoker set search_path = '' as $$
  select case when jsonb_typeof(p_value) <> 'string' then p_value else coalesce(strandline.as_jsonb(p_value #>> '{}'), p_value) end
$$;

-- A row of a shared table as to_jsonb has it; where a json column holds what a jsonb cannot (\u0000, half of a surrogate pair), that column is its text.
create function strandline.row_jsonb(p_row anyelement) returns jsonb language plpgsql stable security invoker set search_path = '' as $$
declare
  c record;
  v jsonb;
  r jsonb := '{}';
begin
  return to_jsonb(p_row);
exception when data_exception then
  for c in select a.attname from pg_catalog.pg_type t join pg_catalog.pg_attribute a on a.attrelid = t.typrelid
           where t.oid = pg_catalog.pg_typeof(p_row) and a.attnum > 0 and not a.attisdropped loop
    begin
      execute format('select to_jsonb(($1).%I)', c.attname) into v using p_row;
    exception when data_exception then
      execute format('select to_jsonb(($1).%I::text)', c.attname) into v using p_row;
    end;
    r := r || jsonb_build_object(c.attname, v);
  end loop;
  return r;
end
$$;

-- Objects of ours on the shared tables, each noted where the table was here before us. An index that is there is left.
create function strandline.note(p_kind text, p_table text, p_object text) returns void language sql security invoker set search_path = '' as $$
  insert into strandline.added (kind, table_name, object) select p_kind, p_table, p_object where not strandline.made(p_table)
$$;

-- What a tick looks at: trades that may be running. Positions that are only watched or archived, however many, are not among them. A table that was here
-- before us may have positions without a timeframe: they count as those of the empty one, which no bars have, and so are named.
create index strandline_positions_running on public.lowcap_positions (coalesce(timeframe, ''), id)
  where first_entry_timestamp is not null and first_entry_timestamp is distinct from settled_entry
    and (status = 'active' or current_trade_id is not null);
-- What the bridge takes, and how the projector finds its own strands' rows.
create index strandline_queue_closed on public.learning_queue (id) where status = 'pending' and strand_type = 'position_closed';
create index strandline_queue_strand on public.learning_queue (strand_id);
do $$
begin
  perform strandline.note('index', 'lowcap_positions', 'strandline_positions_running');
  perform strandline.note('index', 'learning_queue', 'strandline_queue_closed');
  perform strandline.note('index', 'learning_queue', 'strandline_queue_strand');
  if not exists (select from pg_index i where i.indrelid = 'public.lowcap_price_data_ohlc'::regclass and i.indpred is null and i.indisvalid
      and (select array_agg(a.attname::text order by a.attname) from pg_attribute a
           where a.attrelid = i.indrelid and a.attnum = any ((i.indkey::int2[])[0:3])) = '{chain,timeframe,timestamp,token_contract}') then
    create index strandline_bars on public.lowcap_price_data_ohlc (token_contract, chain, timeframe, timestamp);
    perform strandline.note('index', 'lowcap_price_data_ohlc', 'strandline_bars');
  end if;
end $$;

-- The trigger of the old system, where it is not here: every new strand is put into the queue. An update is not a new strand.
create function strandline.queue_strand() returns trigger language plpgsql security invoker set search_path = '' as $$
begin
  insert into public.learning_queue (strand_id, strand_type) values (strandline.queued_strand_key(new.id::text), new.kind);
  return new;
end
$$;
-- Notes when a position came to zero: whoever writes total_quantity, the exit then has a time. In a table of ours updated_at follows every change.
create function strandline.touch_position() returns trigger language plpgsql security invoker set search_path = '' as $$
begin
  if tg_argv[0] = 'updated_at' then
    if new.updated_at is not distinct from old.updated_at then new.updated_at := now(); end if;
  end if;
  if new.total_quantity <= 0 and old.total_quantity > 0 then new.flat_since := now(); end if;
  return new;
end
$$;
do $$
begin
  if strandline.made('ad_strands') then
    create trigger strandline_queue_strand after insert on public.ad_strands for each row execute function strandline.queue_strand();
  end if;
  if strandline.made('lowcap_positions') then
    create trigger strandline_touch_position before update on public.lowcap_positions
      for each row execute function strandline.touch_position('updated_at');
  else
    create trigger strandline_touch_position before update on public.lowcap_positions
      for each row execute function strandline.touch_position();
    perform strandline.note('trigger', 'lowcap_positions', 'strandline_touch_position');
  end if;
end $$;

do $$ begin perform strandline.seal(); end $$;

-- The learner's state. All of it can be thrown away and folded again from the log.

-- One generation for each model (by the hash of its definition); the active one is what readers see.
create table public.learner_generations (
  generation  integer generated always as identity primary key,
  model       text        not null,
  hash        text        not null unique,
  definition  jsonb       not null,
  active      boolean     not null default false,
  created_at  timestamptz not null default now()
);
create unique index learner_generations_active on public.learner_generations (active) where active;

-- One row for each trade that was applied: what makes a redelivery a no-op, and what a correction takes out of the sums.
create table public.learner_ledger (
  event_id     uuid     not null,           -- the event's own, or a UUIDv5 of it where it is no UUID
  "offset"     bigint   not null,           -- where in the partition its effective revision lies
  closed_at_ms bigint   not null,           -- milliseconds since 1970-01-01 UTC
  rr           double precision,            -- null: not scored, counts in no group
  generation   integer  not null,          -- no foreign key: its check would cost each row more than the row
  revision     integer  not null,
  partition    smallint not null,
  voided       boolean  not null,
  levers       text     not null collate "C", -- |lever=value|lever=value|, % and | in a value percent-encoded
  primary key (event_id, generation)
);

-- Decayed sums for each partition, group and period; the baseline is the group ('global', ''). A period is four short tau long, and its sums are relative
-- to its end (services/learner/fold.ts); each sum is kept in two doubles, so that what is taken out again leaves nothing behind.
create table public.learner_partials (
  generation integer          not null,
  partition  smallint         not null,
  period     integer          not null,
  n          bigint           not null,
  newest_ms  bigint           not null,      -- newest exit time ever seen
  ws         double precision not null,
  ws_lo      double precision not null,
  wrs        double precision not null,
  wrs_lo     double precision not null,
  wl         double precision not null,
  wl_lo      double precision not null,
  wrl        double precision not null,
  wrl_lo     double precision not null,
  scope      text             not null collate "C",
  name       text             not null collate "C",
  key        text             not null collate "C",
  primary key (key, name, generation, partition, period)
) with (fillfactor = 80); -- room for updates in place: no index entry changes

create table public.learning_configs (
  module      text        primary key,
  config_data jsonb       not null default '{}',
  updated_at  timestamptz not null default now()
);

alter table public.learner_generations enable row level security;
alter table public.learner_ledger enable row level security;
alter table public.learner_partials enable row level security;
alter table public.learning_configs enable row level security;

-- The groups of every generation, merged in the order of partition and period, relative to the newest period: e^-4 a period for the short tau.
-- exp() that comes to 0 is an underflow error in PostgreSQL, and so is a product of next to nothing: weights end at e^-230 = 1e-100.
create view public.learner_groups with (security_invoker = true) as
select generation, scope, name, key,
       sum(wrs * s order by partition, period) / sum(ws * s order by partition, period) as rr_short,
       sum(wrl * l order by partition, period) / sum(wl * l order by partition, period) as rr_long,
       sum(n)::bigint as n,
       max(newest_ms) as newest_ms
from (
  select p.*, exp(greatest(p.age * 4, -230)) as s,
         exp(greatest(p.age * 4 * (g.definition -> 'tau_days' ->> 'short')::double precision / (g.definition -> 'tau_days' ->> 'long')::double precision, -230)) as l
  from (select q.*, (q.period - max(q.period) over (partition by q.key, q.name, q.generation))::double precision as age from public.learner_partials q) p
  join public.learner_generations g using (generation)
) decayed
group by generation, scope, name, key;

-- What readers know: the active generation, weighed against the current baseline.
create view public.learning_coefficients with (security_invoker = true) as
select g.definition ->> 'module' as module, c.scope, c.name, c.key,
       case when base.rr_short > 0
         then least(greatest(c.rr_short / greatest(base.rr_short, 1e-250), (g.definition -> 'weight' ->> 'min')::double precision), (g.definition -> 'weight' ->> 'max')::double precision)
         else 1.0 end as weight,
       c.rr_short, c.rr_long, c.n,
       to_timestamp(c.newest_ms / 1000.0) as updated_at
from public.learner_generations g
join public.learner_groups c on c.generation = g.generation and c.scope <> 'global'
left join public.learner_groups base on base.generation = g.generation and base.name = 'global' and base.key = ''
where g.active;

-- The generation of a model, made when new. p_activate: readers see it from now on; otherwise only the very first one becomes active.
create function public.learner_generation(p_model text, p_hash text, p_definition text, p_activate boolean)
returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  g public.learner_generations;
begin
  perform pg_advisory_xact_lock(hashtext('strandline.learner_generation'));
  insert into public.learner_generations (model, hash, definition) values (p_model, p_hash, p_definition::jsonb) on conflict (hash) do nothing;
  select * into g from public.learner_generations where hash = p_hash;
  if not g.active and (p_activate or not exists (select 1 from public.learner_generations where active)) then
    update public.learner_generations set active = false where active;
    update public.learner_generations set active = true where generation = g.generation;
    perform public.learner_write_baseline(g.generation);
    g.active := true;
  end if;
  return jsonb_build_object('generation', g.generation, 'active', g.active);
end
$$;

-- Tables grow from nothing to millions of rows under one cached plan, so the functions below leave the planner one way: the index look-up, key by key.
-- `lateral … offset 0` is never pulled up, so never turned round into a scan of the table.

-- Ledger rows of the given events, and partials of the given groups and periods of one partition (arrays as text: '{…}'), with the version of that state.
create function public.learner_read(p_consumer text, p_topic text, p_generation integer, p_partition integer, p_ids text, p_names text, p_keys text, p_periods text)
returns jsonb language sql stable security invoker set search_path = '' set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off set jit = off as $$
  select jsonb_build_object(
    'version', (select c.version from public.consumer_positions c where c.consumer = p_consumer and c.topic = p_topic and c.partition = p_partition),
    'ledger', (
      select coalesce(jsonb_agg(jsonb_build_array(l.event_id, l.partition, l.revision, l.voided, l.closed_at_ms, l.rr, l.levers)), '[]')
      from unnest(p_ids::uuid[]) as i(event_id)
      cross join lateral (select * from public.learner_ledger x where x.event_id = i.event_id and x.generation = p_generation offset 0) l),
    'partials', (
      select coalesce(jsonb_agg(jsonb_build_array(p.scope, p.name, p.key, p.period, p.n, p.newest_ms,
                                                  p.ws, p.ws_lo, p.wrs, p.wrs_lo, p.wl, p.wl_lo, p.wrl, p.wrl_lo)), '[]')
      from unnest(p_names::text[], p_keys::text[], p_periods::integer[]) as k(name, key, period)
      cross join lateral (
        select * from public.learner_partials x
        where x.key = k.key collate "C" and x.name = k.name collate "C" and x.generation = p_generation and x.partition = p_partition and x.period = k.period
        offset 0) p))
$$;

-- Baseline and timeframes of a generation into the decision maker's configuration; every other key of it belongs to people.
create function public.learner_write_baseline(p_generation integer)
returns void language plpgsql security invoker set search_path = '' set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off set jit = off as $$
declare
  v_ratio double precision;
  v_rows jsonb;
  v_global jsonb;
begin
  insert into public.learning_configs (module) values ('decision_maker') on conflict do nothing;
  -- the lock comes first: a later commit then sees what an earlier one wrote
  perform 1 from public.learning_configs where module = 'decision_maker' for update;
  select (definition -> 'tau_days' ->> 'short')::double precision / (definition -> 'tau_days' ->> 'long')::double precision
    into v_ratio from public.learner_generations where generation = p_generation;
  -- the same as learner_groups, for five keys: this runs in every commit
  select jsonb_object_agg(c.key, jsonb_build_object('rr_short', c.rr_short, 'rr_long', c.rr_long, 'n', c.n, 'newest_ms', c.newest_ms)) into v_rows
  from (
    select w.key, sum(w.wrs * w.s order by w.partition, w.period) / sum(w.ws * w.s order by w.partition, w.period) as rr_short,
           sum(w.wrl * w.l order by w.partition, w.period) / sum(w.wl * w.l order by w.partition, w.period) as rr_long,
           sum(w.n) as n, max(w.newest_ms) as newest_ms
    from (
      select a.*, exp(greatest(a.age * 4, -230)) as s, exp(greatest(a.age * 4 * v_ratio, -230)) as l
      from (
        select p.*, (p.period - max(p.period) over (partition by p.key))::double precision as age
        from (values ('', 'global'), ('1m', 'timeframe'), ('15m', 'timeframe'), ('1h', 'timeframe'), ('4h', 'timeframe')) as v(key, name)
        cross join lateral (select * from public.learner_partials x
                            where x.key = v.key collate "C" and x.name = v.name collate "C" and x.generation = p_generation offset 0) p) a) w
    group by w.key) c;
  v_global := coalesce(v_rows -> '', '{"rr_short": null, "rr_long": null, "n": 0}');
  v_global := (v_global - 'newest_ms') || jsonb_build_object('updated_at',
    to_char(to_timestamp((v_global ->> 'newest_ms')::double precision / 1000) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'));
  update public.learning_configs
  set config_data = config_data || jsonb_build_object('global_rr', v_global, 'timeframe_weights',
        (select coalesce(jsonb_object_agg(r.key, r.value - 'newest_ms'), '{}') from jsonb_each(v_rows) r where r.key <> '')),
      updated_at = now()
  where module = 'decision_maker';
end
$$;

-- One chunk of one partition, whole or not at all. Columns come as array literals in text ('{…}'), which every PostgREST passes through unchanged.
-- Answers {"status": …}: ok; fenced (claimed since); stale (a partition's state changed since it was read); seen (with "ids": events that the
-- chunk took for new are in the ledger: read them and fold again). Whatever is not ok changed nothing.
create function public.learner_commit(
  p_consumer text, p_topic text, p_partition integer, p_epoch bigint, p_version bigint, p_next bigint, p_commit uuid, p_generation integer,
  p_ids text, p_offsets text, p_revisions text, p_voided text, p_closed_at text, p_rr text, p_levers text,
  p_changed text,
  p_sum_partitions text, p_scopes text, p_names text, p_keys text, p_periods text, p_ns text, p_newest text,
  p_ws text, p_ws_lo text, p_wrs text, p_wrs_lo text, p_wl text, p_wl_lo text, p_wrl text, p_wrl_lo text,
  p_foreign text, p_dead text)
returns jsonb language plpgsql security invoker set search_path = '' set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off set jit = off as $$
declare
  v_status text;
  v_ids uuid[] := p_ids::uuid[];
  v_expected integer;
  v_count integer;
  v_seen jsonb;
begin
  if p_foreign <> '[]' then
    -- corrections of trades whose effect lies in other partitions: all positions in one order, so that two such commits cannot deadlock
    perform 1 from public.consumer_positions c
    where c.consumer = p_consumer and c.topic = p_topic
      and (c.partition = p_partition or c.partition in (select f.partition from jsonb_to_recordset(p_foreign::jsonb) as f(partition integer)))
    order by c.partition for update;
  end if;
  v_status := public.strandline_fence(p_consumer, p_topic, p_partition, p_epoch, p_version);
  if v_status <> 'ok' then return jsonb_build_object('status', v_status); end if;
  if p_foreign <> '[]' then
    update public.consumer_positions c set version = c.version + 1
    from jsonb_to_recordset(p_foreign::jsonb) as f(partition integer, version bigint)
    where c.consumer = p_consumer and c.topic = p_topic and c.partition = f.partition and c.version = f.version;
    get diagnostics v_count = row_count;
    if v_count <> jsonb_array_length(p_foreign::jsonb) then
      raise exception using errcode = 'ST001';
    end if;
  end if;

  if p_changed <> '[]' then
    update public.learner_ledger l
    set "offset" = c."offset", closed_at_ms = c.closed_at_ms, rr = c.rr, revision = c.revision, partition = p_partition, voided = c.voided, levers = c.levers
    from jsonb_to_recordset(p_changed::jsonb)
      as c(event_id uuid, "offset" bigint, closed_at_ms bigint, rr double precision, was integer, revision integer, voided boolean, levers text)
    -- what was taken out of the sums is the revision that was read: through another partition it may have been overtaken since
    where l.event_id = c.event_id and l.generation = p_generation and l.revision = c.was;
    get diagnostics v_count = row_count;
    if v_count <> jsonb_array_length(p_changed::jsonb) then
      raise exception using errcode = 'ST001';
    end if;
  end if;

  v_expected := coalesce(array_length(v_ids, 1), 0);
  if v_expected > 0 then
    insert into public.learner_ledger (event_id, "offset", revision, voided, closed_at_ms, rr, levers, generation, partition)
    select u.*, p_generation, p_partition
    from unnest(v_ids, p_offsets::bigint[], p_revisions::integer[], p_voided::boolean[], p_closed_at::bigint[], p_rr::double precision[], p_levers::text[]) u;
  end if;

  insert into public.learner_partials as p
    (partition, scope, name, key, period, n, newest_ms, ws, ws_lo, wrs, wrs_lo, wl, wl_lo, wrl, wrl_lo, generation)
  select u.*, p_generation
  from unnest(p_sum_partitions::smallint[], p_scopes::text[], p_names::text[], p_keys::text[], p_periods::integer[], p_ns::bigint[], p_newest::bigint[],
              p_ws::double precision[], p_ws_lo::double precision[], p_wrs::double precision[], p_wrs_lo::double precision[],
              p_wl::double precision[], p_wl_lo::double precision[], p_wrl::double precision[], p_wrl_lo::double precision[])
    as u(partition, scope, name, key, period, n, newest_ms, ws, ws_lo, wrs, wrs_lo, wl, wl_lo, wrl, wrl_lo)
  where u.n > 0
  on conflict (key, name, generation, partition, period) do update
    set n = excluded.n, newest_ms = excluded.newest_ms, ws = excluded.ws, ws_lo = excluded.ws_lo, wrs = excluded.wrs, wrs_lo = excluded.wrs_lo,
        wl = excluded.wl, wl_lo = excluded.wl_lo, wrl = excluded.wrl, wrl_lo = excluded.wrl_lo;
  if 0 = any (p_ns::bigint[]) then -- retractions emptied a group
    delete from public.learner_partials p where p.ctid = any (array(
      select x.ctid
      from unnest(p_sum_partitions::smallint[], p_names::text[], p_keys::text[], p_periods::integer[], p_ns::bigint[]) as u(partition, name, key, period, n)
      cross join lateral (
        select y.ctid from public.learner_partials y
        where y.key = u.key collate "C" and y.name = u.name collate "C" and y.generation = p_generation and y.partition = u.partition and y.period = u.period
        offset 0) x
      where u.n = 0));
  end if;

  if p_dead <> '[]' then
    insert into public.dead_letters (consumer, topic, partition, "offset", reason, detail, dead_topic, dead_partition, dead_offset)
    select p_consumer, p_topic, p_partition, d."offset", d.reason, d.detail, d.dead_topic, d.dead_partition, d.dead_offset
    from jsonb_to_recordset(p_dead::jsonb)
      as d("offset" bigint, reason text, detail text, dead_topic text, dead_partition integer, dead_offset bigint)
    on conflict do nothing;
  end if;

  perform public.strandline_advance(p_consumer, p_topic, p_partition, p_next, p_commit);
  if (v_expected > 0 or p_changed <> '[]') and (select active from public.learner_generations where generation = p_generation) then
    perform public.learner_write_baseline(p_generation);
  end if;
  return jsonb_build_object('status', 'ok');
exception
  when sqlstate 'ST001' then
    return jsonb_build_object('status', 'stale');
  when unique_violation then -- the ledger's key: the other tables are written with `on conflict`
    select jsonb_agg(l.event_id) into v_seen from public.learner_ledger l where l.event_id = any (v_ids) and l.generation = p_generation;
    return jsonb_build_object('status', 'seen', 'ids', coalesce(v_seen, '[]'));
end
$$;

do $$
declare f regprocedure;
begin
  for f in select p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'public' and p.proname in ('learner_generation', 'learner_read', 'learner_write_baseline', 'learner_commit')
  loop
    execute format('revoke all on function %s from public, anon, authenticated', f);
    execute format('grant execute on function %s to service_role', f);
  end loop;
end $$;
grant all on public.learner_generations, public.learner_ledger, public.learner_partials, public.learning_configs, public.learner_groups, public.learning_coefficients to service_role;
revoke all on public.learner_generations, public.learner_ledger, public.learner_partials, public.learning_configs, public.learner_groups, public.learning_coefficients from anon, authenticated;

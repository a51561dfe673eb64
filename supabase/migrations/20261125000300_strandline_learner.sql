-- The learner's state. All of it can be thrown away and folded again from the log.

-- The names of a model's levers by the short ones that stand in the keys of interactions: {"conf": "mapping_confidence", …}.
create function strandline.lever_names(p_definition jsonb) returns jsonb language sql immutable security invoker set search_path = '' as $$
  select jsonb_object_agg(coalesce(l ->> 'short', l ->> 'name'), l ->> 'name') from jsonb_array_elements(p_definition -> 'levers') l
$$;

-- A model version is a model (by the hash of its definition) folded over one log: two topics under one model have sums, ledger and baseline of their
-- own. The same model may be folded over the same log once more, beside what is there: that is another build of it. Readers see the active version, or
-- the one that they name; only strandline_learner_activate changes which one is active.
-- A model whose sums another version has (by the hash of what they depend on) reads those: what is folded for the one is there for both. Ledger, sums,
-- checkpoints and letters are those of "sums", and wherever a function below takes p_sums, it is the number of a version that has its own.
create table strandline.model_versions (
  model_version  integer generated always as identity primary key,
  model       text        not null,
  hash        text        not null,
  topic       text        not null,
  definition  jsonb       not null,
  sums_hash   text        not null,                    -- of what its sums depend on: domain/learning/sums-definition.ts
  shares      integer,                                 -- the version whose sums it reads; null: it has its own
  sums        integer     generated always as (coalesce(shares, model_version)) stored,
  -- of the definition, in columns: to take them out of it for every row of sums cost most of what a commit costs
  module      text             generated always as (definition ->> 'module') stored,
  tau_short   double precision generated always as ((definition -> 'tau_days' ->> 'short')::double precision) stored,  -- days
  tau_long    double precision generated always as ((definition -> 'tau_days' ->> 'long')::double precision) stored,
  weight_min  double precision generated always as ((definition -> 'weight' ->> 'min')::double precision) stored,
  weight_max  double precision generated always as ((definition -> 'weight' ->> 'max')::double precision) stored,
  rule        text             generated always as (coalesce(definition ->> 'rule', 'v4')) stored,
  shrink_long        double precision generated always as ((definition -> 'shrink' ->> 'long')::double precision) stored,  -- trades
  shrink_short       double precision generated always as ((definition -> 'shrink' ->> 'short')::double precision) stored,
  shrink_interaction double precision generated always as ((definition -> 'shrink' ->> 'interaction')::double precision) stored,
  scale_mean  double precision generated always as ((definition -> 'scale' ->> 'mean')::double precision) stored,
  scale_sigma double precision generated always as ((definition -> 'scale' ->> 'sigma')::double precision) stored,
  scale_floor double precision generated always as ((definition -> 'scale' ->> 'floor')::double precision) stored,
  levers      jsonb            generated always as (strandline.lever_names(definition)) stored,
  timeframes  jsonb            generated always as (jsonb_path_query_array(definition, '$.levers[*] ? (@.name == "timeframe").vocabulary[*]')) stored,
  build       integer     not null default 1,
  active      boolean     not null default false,
  building    boolean     not null default false,      -- `rebuild` folds it: learners leave it alone until it has caught up
  dropping    boolean     not null default false,      -- it is being taken away, and is no version any more to anybody but `drop`
  previous    integer,                                 -- the version that was active when this one was promoted: where `rollback` goes
  created_at  timestamptz not null default now(),
  constraint model_versions_version unique (hash, topic, build)
);
create unique index model_versions_active on strandline.model_versions (active) where active;

-- Under which name the learner of a version's sums keeps its checkpoints; in TypeScript: core/runner/consumer-names.ts.
create function strandline.learner_consumer(g strandline.model_versions) returns text language sql stable set search_path = '' as $$
  select 'learner/' || o.model || '/' || left(o.hash, 12) || case when o.build > 1 then '.r' || o.build else '' end
  from strandline.model_versions o where o.model_version = g.sums
$$;

-- One row for each trade that was applied: what makes a redelivery a no-op, and what a correction takes out of the sums.
create table strandline.learner_ledger (
  event_id     uuid     not null,           -- the event's own, or a UUIDv5 of it where it is no UUID
  "offset"     bigint   not null,           -- where in the partition its effective revision lies
  closed_at_ms bigint   not null,           -- milliseconds since 1970-01-01 UTC
  rr           double precision,            -- the model's outcome; null: the trade has none, counts in no group
  model_version   integer  not null,          -- whose sums it is in; no foreign key: its check would cost each row more than the row
  revision     integer  not null,
  partition    smallint not null,
  voided       boolean  not null,
  levers       text     not null collate "C", -- |lever=value|lever=value|, % and | in a value percent-encoded
  primary key (event_id, model_version)
);
-- The exit of the newest trade that counts: the moment for which the rule shrunk counts what is left of older ones.
create index learner_ledger_newest on strandline.learner_ledger (model_version, closed_at_ms) where rr is not null and not voided;

-- Decayed sums for each partition, group and period; the baseline is the group ('global', ''). A period is four short tau long, and its sums are relative
-- to its end (domain/learning/sums.ts); each sum is kept in two doubles, so that what is taken out again leaves nothing behind.
create table strandline.learner_partials (
  model_version integer          not null,
  partition  smallint         not null,
  period     integer          not null,
  n          bigint           not null,
  newest_ms  bigint           not null,      -- newest exit time ever seen
  weight_short         double precision not null,
  weight_short_low      double precision not null,
  weighted_rr_short        double precision not null,
  weighted_rr_short_low     double precision not null,
  weight_long         double precision not null,
  weight_long_low      double precision not null,
  weighted_rr_long        double precision not null,
  weighted_rr_long_low     double precision not null,
  scope      text             not null collate "C",
  name       text             not null collate "C",
  key        text             not null collate "C",
  primary key (key, name, model_version, partition, period)
) with (fillfactor = 80); -- room for updates in place: no index entry changes

-- The groups of all sums, merged in the order of partition and period, relative to the newest period: e^-4 a period for the short tau.
-- Here and in the views below stands in SQL what a coefficient is; in TypeScript: domain/learning (sums.ts, shrunk.ts, weigher.ts). test/learner/formula.int.test.ts
-- holds the two together.
-- exp() that comes to 0 is an underflow error in PostgreSQL, and so is a product of next to nothing: weights end at e^-230 = 1e-100. Beyond e^4, a period, no
-- end of a period lies behind the newest trade.
create view strandline.learner_groups with (security_invoker = true) as
select model_version, scope, name, key,
       sum(weighted_rr_short * s order by partition, period) / sum(weight_short * s order by partition, period) as rr_short,
       sum(weighted_rr_long * l order by partition, period) / sum(weight_long * l order by partition, period) as rr_long,
       sum(n)::bigint as n,
       max(newest_ms) as newest_ms,
       -- what is left of the trades at the end of the newest period
       sum(weight_short * s order by partition, period) as end_short, sum(weight_long * l order by partition, period) as end_long, max(period) as period
from (
  select p.*, exp(greatest(p.taus, -230)) as s,
         exp(greatest(p.taus * g.tau_short / g.tau_long, -230)) as l
  from (select q.*, 4 * (q.period - max(q.period) over (partition by q.key, q.name, q.model_version, q.scope))::double precision as taus
        from strandline.learner_partials q) p
  join strandline.model_versions g using (model_version)
) decayed
group by model_version, scope, name, key;

-- The same with what is left of a group's trades at the exit of the newest trade that counts: sum of e^(-(T - t) / tau).
-- `offset 0`: what belongs to all of them is read once, and not once for each of its groups.
create view strandline.learner_evidence with (security_invoker = true) as
select c.model_version, c.scope, c.name, c.key, c.rr_short, c.rr_long, c.n,
       c.end_short * exp(least(greatest(((c.period + 1) * 4 * g.tau_short * 86400000 - t.closed_at_ms) / (g.tau_short * 86400000), -230), 4)) as sum_short,
       c.end_long * exp(least(greatest(((c.period + 1) * 4 * g.tau_short * 86400000 - t.closed_at_ms) / (g.tau_long * 86400000), -230), 4)) as sum_long
from strandline.model_versions g
cross join lateral (select coalesce((select l.closed_at_ms from strandline.learner_ledger l where l.model_version = g.model_version and l.rr is not null
                                      and not l.voided order by l.closed_at_ms desc limit 1), 0) as closed_at_ms offset 0) t
join strandline.learner_groups c on c.model_version = g.model_version;

-- The coefficients of every version, weighed by its rule against its current baseline (b). Its scale is null by the rule v4, and where nothing is learned.
create view strandline.learner_coefficients with (security_invoker = true) as
select g.model_version, g.active, g.module, c.scope, c.name, c.key,
       case
         when g.rule = 'shrunk' then case when e.edge is null then 1.0 else exp(least(greatest(e.edge / b.scale, -20), 20)) end
         when b.rr_short > 0 then least(greatest(c.rr_short / greatest(b.rr_short, 1e-250), g.weight_min), g.weight_max)
         else 1.0 end as weight,
       c.rr_short, c.rr_long, c.n,
       to_timestamp(c.newest_ms / 1000.0) as updated_at
from strandline.model_versions g
cross join lateral (
  select a.rr_short, a.rr_long,
         case when g.rule = 'shrunk' and a.squares is not null then
           greatest(g.scale_floor, g.scale_mean * a.rr_long,
                    g.scale_sigma * case when a.squares - a.rr_long * a.rr_long > a.squares * 1e-13 then sqrt(a.squares - a.rr_long * a.rr_long) else 0 end) end as scale,
         coalesce((select l.closed_at_ms from strandline.learner_ledger l where g.rule = 'shrunk' and l.model_version = g.sums
                     and l.rr is not null and not l.voided order by l.closed_at_ms desc limit 1), 0) as newest_ms
  from (select max(x.rr_short) filter (where x.key = '') as rr_short, max(x.rr_long) filter (where x.key = '') as rr_long,
               max(x.rr_long) filter (where x.key = 'squares') as squares
        from strandline.learner_groups x where x.model_version = g.sums and x.name = 'global' and x.key in ('', 'squares')) a offset 0) b
join strandline.learner_groups c on c.model_version = g.sums and c.scope <> 'global'
left join lateral (
  select least(c.n, 2 * c.end_short * exp(least(greatest(((c.period + 1) * 4 * g.tau_short * 86400000 - b.newest_ms) / (g.tau_short * 86400000), -230), 4))) as short,
         least(c.n, 2 * c.end_long * exp(least(greatest(((c.period + 1) * 4 * g.tau_short * 86400000 - b.newest_ms) / (g.tau_long * 86400000), -230), 4))) as long) q
  on b.scale is not null
cross join lateral ( -- what the lever values of an interaction say by themselves; of each its sums, relative to the newest trade at once: an index look-up
  select coalesce(sum(r.q / (r.q + g.shrink_long) * (r.rr_long - b.rr_long)), 0) as long
  from string_to_table(case when b.scale is not null and c.scope = 'interaction' then c.key end, '|') part
  cross join lateral (
    select least(sum(x.n), 2 * sum(x.weight_long * d.l order by x.partition, x.period)) as q,
           sum(x.weighted_rr_long * d.l order by x.partition, x.period) / sum(x.weight_long * d.l order by x.partition, x.period) as rr_long
    from strandline.learner_partials x
    cross join lateral (select exp(least(greatest(((x.period + 1) * 4 * g.tau_short * 86400000 - b.newest_ms) / (g.tau_long * 86400000), -230), 4)) as l) d
    where x.model_version = g.sums and x.name = (g.levers ->> split_part(part, '=', 1)) collate "C"
      and x.key = replace(replace(substr(part, strpos(part, '=') + 1), '%7C', '|'), '%25', '%') collate "C" offset 0) r) m
left join lateral (
  select case when c.scope = 'interaction' then q.long / (q.long + g.shrink_interaction) * (c.rr_long - b.rr_long - m.long)
              else l.long + q.short / (q.short + g.shrink_short) * (c.rr_short - b.rr_short - l.long) end as edge
  from (select q.long / (q.long + g.shrink_long) * (c.rr_long - b.rr_long) as long) l) e
  on b.scale is not null;

-- What readers know: the active version.
create view strandline.learning_coefficients with (security_invoker = true) as
select module, scope, name, key, weight, rr_short, rr_long, n, updated_at from strandline.learner_coefficients where active;

-- Where readers look for it, unless a table of that name was here before us (then: `strandline switch`).
do $$
begin
  if strandline.made('learning_coefficients') then
    create view public.learning_coefficients with (security_invoker = true) as
    select module, scope, name, key, weight, rr_short, rr_long, n, updated_at from strandline.learning_coefficients;
    revoke all on public.learning_coefficients from anon, authenticated;
    grant all on public.learning_coefficients to service_role;
  end if;
end $$;

-- Tables grow from nothing to millions of rows under one cached plan, so the functions below leave the planner one way: the index look-up, key by key.
-- `lateral … offset 0` is never pulled up, so never turned round into a scan of the table.

-- Baseline and timeframes of sums: {global_rr: {rr_short, rr_long, n, updated_at}, timeframe_weights: {1h: {rr_short, rr_long, n}, …}}.
-- The timeframes are those of the model's vocabulary. An index look-up for each: this runs in most commits while little happens.
create function strandline.learner_baseline(p_sums integer)
returns jsonb language sql stable security invoker set search_path = '' set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off set jit = off as $$
  with groups as (
    select v.key, c.n, c.newest_ms, c.rr_short, c.rr_long
    from (select '' as key, 'global' as name
          union all
          select t, 'timeframe' from strandline.model_versions m, jsonb_array_elements_text(m.timeframes) t where m.model_version = p_sums) v
    cross join lateral (select * from strandline.learner_groups x
                        where x.key = v.key collate "C" and x.name = v.name collate "C" and x.model_version = p_sums offset 0) c)
  select jsonb_build_object(
    'global_rr', coalesce(
      (select jsonb_build_object('rr_short', g.rr_short, 'rr_long', g.rr_long, 'n', g.n, 'updated_at',
         to_char(to_timestamp(g.newest_ms::double precision / 1000) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) from groups g where g.key = ''),
      '{"rr_short": null, "rr_long": null, "n": 0, "updated_at": null}'),
    'timeframe_weights', (select coalesce(jsonb_object_agg(g.key, jsonb_build_object('rr_short', g.rr_short, 'rr_long', g.rr_long, 'n', g.n)), '{}')
                          from groups g where g.key <> ''))
$$;

-- Our part of the decision maker's configuration, as the active version has it.
create view strandline.learning_configs with (security_invoker = true) as
select 'decision_maker'::text as module, strandline.learner_baseline(g.sums) as config_data from strandline.model_versions g where g.active;

-- Our part of it where readers look for it; every other key of it belongs to people. Not where the table was here before us and readers were not
-- switched (strandline.readers). The key of the table is called module or module_id, and its JSON may be text.
do $$
declare
  v_table regclass := 'public.learning_configs';
  v_key   text := (select a.attname from pg_attribute a where a.attrelid = v_table and a.attname in ('module', 'module_id') and not a.attisdropped
                   order by a.attname limit 1);
  v_jsonb boolean := (select a.atttypid = 'jsonb'::regtype from pg_attribute a where a.attrelid = v_table and a.attname = 'config_data' and not a.attisdropped);
  v_time  boolean := exists (select from pg_attribute a where a.attrelid = v_table and a.attname = 'updated_at' and not a.attisdropped);
begin
  execute format($f$
    create function strandline.learner_write_baseline(p_sums integer) returns void language plpgsql security invoker set search_path = '' as $b$
    declare
      v_config jsonb;
    begin
      if not (select ours from strandline.readers where name = 'learning_configs') then return; end if;
      -- the lock comes first: a later commit then sees what an earlier one wrote
      select strandline.as_jsonb(c.config_data) into v_config from public.learning_configs c where %1$I = 'decision_maker' for update;
      if not found then
        insert into public.learning_configs (%1$I, config_data)
        select 'decision_maker', w.config_data from strandline.their_path(), jsonb_populate_record(null::public.learning_configs, '{"config_data": {}}') w
        on conflict do nothing;
        perform pg_catalog.set_config('search_path', '', true);
        select strandline.as_jsonb(c.config_data) into v_config from public.learning_configs c where %1$I = 'decision_maker' for update;
      end if;
      v_config := case when jsonb_typeof(v_config) = 'object' then v_config else '{}' end || strandline.learner_baseline(p_sums);
      update public.learning_configs c set config_data = %2$s%3$s
      from strandline.their_path() where %1$I = 'decision_maker';
      perform pg_catalog.set_config('search_path', '', true);
    end
    $b$ $f$, v_key,
    case when v_jsonb then 'v_config' else '(select w.config_data from jsonb_populate_record(c, jsonb_build_object(''config_data'', v_config)) w)' end,
    case when v_time then ', updated_at = now()' else '' end);
end $$;

-- Makes a version the one that readers see, with the baseline that goes with it, in one transaction. Commits of learners that are under way are waited
-- for, later ones wait for us (learner_commit). p_from: the version that whoever asks takes for the active one; null: not compared. p_back: a rollback,
-- which leaves what was before the version as it is, so that the next one goes one further back.
-- Returns {status: 'ok' | 'unknown' | 'changed' (another version is active than p_from), previous: the version that was active, or null}.
create function public.strandline_learner_activate(p_model_version integer, p_from integer default null, p_back boolean default false)
returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  v_previous integer;
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('strandline.activate'));
  if not exists (select 1 from strandline.model_versions where model_version = p_model_version and not dropping) then
    return jsonb_build_object('status', 'unknown', 'previous', null);
  end if;
  select model_version into v_previous from strandline.model_versions where active;
  if v_previous <> p_from then
    return jsonb_build_object('status', 'changed', 'previous', v_previous);
  end if;
  update strandline.model_versions set active = false where active and model_version <> p_model_version;
  update strandline.model_versions set active = true, previous = case when p_back then previous else v_previous end
  where model_version = p_model_version and not active;
  perform strandline.learner_write_baseline(g.sums) from strandline.model_versions g where g.model_version = p_model_version;
  return jsonb_build_object('status', 'ok', 'previous', v_previous);
end
$$;

-- A new version, behind all builds of the same model over the same log. It is active where nothing is. The first of its model reads the sums of another
-- one that is complete and has the same: of several, those that readers see now, else the newest.
create function strandline.learner_add_version(p_model text, p_hash text, p_definition text, p_topic text, p_sums_hash text, p_building boolean)
returns strandline.model_versions language plpgsql security invoker set search_path = '' as $$
declare
  g strandline.model_versions;
  v_builds integer := coalesce((select max(v.build) from strandline.model_versions v where v.hash = p_hash and v.topic = p_topic), 0);
  v_shares integer;
begin
  select v.model_version into v_shares from strandline.model_versions v
  where v_builds = 0 and v.sums_hash = p_sums_hash and v.topic = p_topic and v.shares is null and not v.building and not v.dropping
  order by exists (select from strandline.model_versions a where a.active and a.sums = v.model_version) desc, v.model_version desc limit 1;
  insert into strandline.model_versions (model, hash, definition, topic, sums_hash, shares, build, building)
  values (p_model, p_hash, p_definition::jsonb, p_topic, p_sums_hash, v_shares, 1 + v_builds, p_building and v_shares is null)
  returning * into g;
  if not exists (select 1 from strandline.model_versions where active) then
    perform public.strandline_learner_activate(g.model_version);
    g.active := true;
  end if;
  return g;
end
$$;

-- A version for whoever learns it: {model_version, sums, consumer, active, build}.
create function strandline.learner_opened(g strandline.model_versions) returns jsonb language sql stable set search_path = '' as $$
  select jsonb_build_object('model_version', g.model_version, 'sums', g.sums, 'consumer', strandline.learner_consumer(g), 'active', g.active, 'build', g.build)
$$;

-- The version of a model over a topic with which a learner goes on: the active build, else the newest that is complete, else the newest, which is then
-- the learner's to complete; where there is none, a new one.
create function public.strandline_learner_open_version(
  p_model text, p_hash text, p_definition text, p_sums_hash text, p_topic text default 'pm.position-closed.v1')
returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  g strandline.model_versions;
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('strandline.model_version'));
  select * into g from strandline.model_versions v where v.hash = p_hash and v.topic = p_topic and not v.dropping
  order by v.active desc, v.building, v.model_version desc limit 1;
  if not found then
    g := strandline.learner_add_version(p_model, p_hash, p_definition, p_topic, p_sums_hash, false);
  elsif g.building then
    update strandline.model_versions set building = false where model_version = g.model_version;
  end if;
  return strandline.learner_opened(g);
end
$$;

-- A build for `rebuild`: the one that was begun and is not complete, else a new one. begun: it was there. sums: those of another version, where the model is
-- new and another one has them; then there is nothing to fold.
create function public.strandline_learner_open_build(p_model text, p_hash text, p_definition text, p_sums_hash text, p_topic text)
returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  g strandline.model_versions;
  v_begun boolean;
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('strandline.model_version'));
  select * into g from strandline.model_versions v where v.hash = p_hash and v.topic = p_topic and v.building and not v.dropping
  order by v.model_version desc limit 1;
  v_begun := found;
  if not v_begun then
    g := strandline.learner_add_version(p_model, p_hash, p_definition, p_topic, p_sums_hash, true);
  end if;
  return strandline.learner_opened(g) || jsonb_build_object('begun', v_begun);
end
$$;

-- A build has caught up: from now on it is kept up to date by whoever learns.
create function public.strandline_learner_built(p_model_version integer) returns void language sql security invoker set search_path = '' as $$
  update strandline.model_versions set building = false where model_version = p_model_version and building
$$;

-- What learners of a topic keep up to date, of what readers see first: the versions that have sums of their own, [{model_version, sums, consumer, model, hash,
-- build, definition, active, models}]. active: readers see a version that reads them; models: of all that do.
create function public.strandline_learner_maintained(p_topic text) returns jsonb language sql stable security invoker set search_path = '' as $$
  select coalesce(jsonb_agg(strandline.learner_opened(o) || jsonb_build_object('model', o.model, 'hash', o.hash, 'definition', o.definition, 'active', r.active,
                                                                               'models', r.models) order by r.active desc, o.model_version), '[]')
  from strandline.model_versions o
  join (select g.sums, bool_or(g.active) as active, jsonb_agg(distinct g.model collate "C") as models
        from strandline.model_versions g where g.topic = p_topic and not g.dropping and (g.active or not g.building) group by g.sums) r
    on r.sums = o.model_version
$$;

-- All versions, the active one first, then by age: [{model_version, sums, consumer, model, hash, build, topic, outcome (what it learns), active, building, dropping, previous,
-- n (trades that count), created_at}].
create function public.strandline_learner_versions()
returns jsonb language sql stable security invoker set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'model_version', g.model_version, 'sums', g.sums, 'consumer', strandline.learner_consumer(g),
    'model', g.model, 'hash', g.hash, 'build', g.build, 'topic', g.topic, 'active', g.active, 'building', g.building,
    'outcome', coalesce(g.definition -> 'outcome', '"rr"'), 'dropping', g.dropping, 'previous', g.previous, 'created_at', g.created_at,
    'n', (select coalesce(sum(p.n), 0) from strandline.learner_partials p where p.key = '' and p.name = 'global' and p.model_version = g.sums))
    order by g.active desc, g.model_version desc), '[]')
  from strandline.model_versions g
$$;

-- Whether readers see a version that reads these sums now.
create function public.strandline_learner_is_active(p_sums integer) returns boolean language sql stable security invoker set search_path = '' as $$
  select exists (select from strandline.model_versions g where g.active and g.sums = p_sums)
$$;

-- What the ledger has of these events (ids as '{…}'): [[event_id, rr or null, voided], …].
create function public.strandline_learner_ledger(p_sums integer, p_ids text)
returns jsonb language sql stable security invoker set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_array(l.event_id, l.rr, l.voided)), '[]')
  from unnest(p_ids::uuid[]) as i(event_id)
  cross join lateral (select * from strandline.learner_ledger x where x.event_id = i.event_id and x.model_version = p_sums offset 0) l
$$;

-- Tables grow from nothing to millions of rows under one cached plan, so the functions below leave the planner one way: the index look-up, key by key.
-- `lateral … offset 0` is never pulled up, so never turned round into a scan of the table.

-- Ledger rows of the given events, and partials of the given groups and periods of one partition (arrays as text: '{…}'), with version and checkpoint of that state.
-- empty: the partition has no sums at all (every scored trade counts in the baseline), so that nobody need look for them.
create function public.strandline_learner_read(p_consumer text, p_topic text, p_sums integer, p_partition integer, p_ids text, p_names text, p_keys text, p_periods text)
returns jsonb language sql stable security invoker set search_path = '' set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off set jit = off as $$
  select jsonb_build_object(
    'version', coalesce((select c.version from strandline.consumer_checkpoints c where c.consumer = p_consumer and c.topic = p_topic and c.partition = p_partition), 0),
    'checkpoint', (select c.checkpoint from strandline.consumer_checkpoints c where c.consumer = p_consumer and c.topic = p_topic and c.partition = p_partition),
    'empty', not exists (select from strandline.learner_partials x
                         where x.key = '' collate "C" and x.name = 'global' collate "C" and x.model_version = p_sums and x.partition = p_partition),
    'ledger', (
      select coalesce(jsonb_agg(jsonb_build_array(l.event_id, l.partition, l.revision, l.voided, l.closed_at_ms, l.rr, l.levers)), '[]')
      from unnest(p_ids::uuid[]) as i(event_id)
      cross join lateral (select * from strandline.learner_ledger x where x.event_id = i.event_id and x.model_version = p_sums offset 0) l),
    'partials', (
      select coalesce(jsonb_agg(jsonb_build_array(p.scope, p.name, p.key, p.period, p.n, p.newest_ms,
                                                  p.weight_short, p.weight_short_low, p.weighted_rr_short, p.weighted_rr_short_low, p.weight_long, p.weight_long_low, p.weighted_rr_long, p.weighted_rr_long_low)), '[]')
      from unnest(p_names::text[], p_keys::text[], p_periods::integer[]) as k(name, key, period)
      cross join lateral (
        select * from strandline.learner_partials x
        where x.key = k.key collate "C" and x.name = k.name collate "C" and x.model_version = p_sums and x.partition = p_partition and x.period = k.period
        offset 0) p))
$$;

-- The commit of a chunk: …001400_strandline_commit.sql.

do $$ begin perform strandline.seal(); end $$;

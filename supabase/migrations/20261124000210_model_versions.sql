-- A model version is a model folded over one log: two topics under one model have sums, ledger and baseline of their own. Readers see the active version,
-- or the one that they name; only learner_activate changes which one is active.

alter table public.learner_generations add column topic text;
update public.learner_generations g
set topic = coalesce((select c.topic from public.consumer_positions c
                      where c.consumer = 'learner/' || g.model || '/' || left(g.hash, 12)
                      order by c.committed_at desc nulls last, c.topic limit 1), 'pm.position-closed.v1');
-- Versions that were folded over several topics hold a mixture: they are folded again, each over its own.
do $$
declare g record;
begin
  for g in select v.generation, 'learner/' || v.model || '/' || left(v.hash, 12) as consumer from public.learner_generations v
           where (select count(distinct c.topic) from public.consumer_positions c
                  where c.consumer = 'learner/' || v.model || '/' || left(v.hash, 12) and c.position is not null) > 1
  loop
    delete from public.learner_ledger l where l.generation = g.generation;
    delete from public.learner_partials p where p.generation = g.generation;
    delete from public.consumer_positions c where c.consumer = g.consumer;
  end loop;
end $$;
alter table public.learner_generations
  alter column topic set not null,
  drop constraint learner_generations_hash_key,
  add constraint learner_generations_version unique (hash, topic);

-- The coefficients of every version, weighed against its current baseline.
create view public.learner_coefficients with (security_invoker = true) as
select g.generation, g.active, g.definition ->> 'module' as module, c.scope, c.name, c.key,
       case when base.rr_short > 0
         then least(greatest(c.rr_short / greatest(base.rr_short, 1e-250), (g.definition -> 'weight' ->> 'min')::double precision), (g.definition -> 'weight' ->> 'max')::double precision)
         else 1.0 end as weight,
       c.rr_short, c.rr_long, c.n,
       to_timestamp(c.newest_ms / 1000.0) as updated_at
from public.learner_generations g
join public.learner_groups c on c.generation = g.generation and c.scope <> 'global'
left join public.learner_groups base on base.generation = g.generation and base.name = 'global' and base.key = '';

-- What readers know: the active version.
create or replace view public.learning_coefficients with (security_invoker = true) as
select module, scope, name, key, weight, rr_short, rr_long, n, updated_at from public.learner_coefficients where active;

-- Makes a version the one that readers see, with the baseline that goes with it, in one transaction. Commits of learners that are under way are waited
-- for, later ones wait for us (learner_commit). Returns {status: 'ok' | 'unknown', previous: generation or null}.
create function public.learner_activate(p_generation integer)
returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  v_previous integer;
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('strandline.activate'));
  if not exists (select 1 from public.learner_generations where generation = p_generation) then
    return jsonb_build_object('status', 'unknown', 'previous', null);
  end if;
  select generation into v_previous from public.learner_generations where active;
  update public.learner_generations set active = false where active and generation <> p_generation;
  update public.learner_generations set active = true where generation = p_generation and not active;
  perform public.learner_write_baseline(p_generation);
  return jsonb_build_object('status', 'ok', 'previous', v_previous);
end
$$;

-- The version of a model over a topic, made when new. It becomes active only where nothing is. p_activate: of the version before, not heard any more.
drop function public.learner_generation(text, text, text, boolean);
create function public.learner_generation(
  p_model text, p_hash text, p_definition text, p_activate boolean default false, p_topic text default 'pm.position-closed.v1')
returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  g public.learner_generations;
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('strandline.learner_generation'));
  insert into public.learner_generations (model, hash, definition, topic) values (p_model, p_hash, p_definition::jsonb, p_topic)
  on conflict (hash, topic) do nothing;
  select * into g from public.learner_generations where hash = p_hash and topic = p_topic;
  if not exists (select 1 from public.learner_generations where active) then
    perform public.learner_activate(g.generation);
    g.active := true;
  end if;
  return jsonb_build_object('generation', g.generation, 'active', g.active);
end
$$;

-- All versions, the active one first, then by age: [{generation, model, hash, topic, active, n (scored trades), created_at}].
create function public.learner_versions()
returns jsonb language sql stable security invoker set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'generation', g.generation, 'model', g.model, 'hash', g.hash, 'topic', g.topic, 'active', g.active, 'created_at', g.created_at,
    'n', (select coalesce(sum(p.n), 0) from public.learner_partials p where p.key = '' and p.name = 'global' and p.generation = g.generation))
    order by g.active desc, g.generation desc), '[]')
  from public.learner_generations g
$$;

-- The version that a reader means: the active one, or by the name of its model (of several, the active one, else the newest). null: there is none.
create function public.decision_version(p_model text)
returns integer language sql stable security invoker set search_path = '' as $$
  select g.generation from public.learner_generations g
  where case when p_model is null then g.active else g.model = p_model end
  order by g.active desc, g.generation desc limit 1
$$;

drop function public.decision_model();
drop function public.decision_coefficients(text);
drop function public.decision_page(text, text, bigint, text, integer);

-- A model version: {generation, hash, topic, active, definition}; null where there is none. p_model null: the active one.
create function public.decision_model(p_model text default null)
returns jsonb language sql stable security invoker set search_path = '' as $$
  select jsonb_build_object('generation', g.generation, 'hash', g.hash, 'topic', g.topic, 'active', g.active, 'definition', g.definition)
  from public.learner_generations g where g.generation = public.decision_version(p_model)
$$;

-- The rows of the given coefficients, each an index look-up. p_keys: JSON array of {scope, name, key}, as text. p_model: as above.
-- Returns {generation, hash, active: of the version that was read, global_rr: {rr_short, rr_long, n} or null, rows: [{scope, name, key, weight, rr_short,
-- rr_long, n}]}. Plans are made anew: one from the first, empty days would scan the table for ever.
create function public.decision_coefficients(p_keys text, p_model text default null)
returns jsonb language plpgsql stable security invoker set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  v_generation integer := public.decision_version(p_model);
  k     record;
  found_row jsonb;
  rows  jsonb := '[]';
begin
  for k in select * from jsonb_to_recordset(p_keys::jsonb) as r(scope text, name text, key text) loop
    select jsonb_build_object('scope', c.scope, 'name', c.name, 'key', c.key,
                              'weight', c.weight, 'rr_short', c.rr_short, 'rr_long', c.rr_long, 'n', c.n)
      into found_row
      from public.learner_coefficients c
      where c.generation = v_generation and c.key = k.key collate "C" and c.name = k.name collate "C" and c.scope = k.scope collate "C";
    if found then rows := rows || found_row; end if;
  end loop;
  return jsonb_build_object(
    'generation', v_generation,
    'hash', (select g.hash from public.learner_generations g where g.generation = v_generation),
    'active', coalesce((select g.active from public.learner_generations g where g.generation = v_generation), false),
    'global_rr', (select jsonb_build_object('rr_short', b.rr_short, 'rr_long', b.rr_long, 'n', b.n)
                  from public.learner_groups b where b.generation = v_generation and b.name = 'global' and b.key = ''),
    'rows', rows);
end
$$;

-- Coefficients, a page at a time in the order of their keys (bytewise), which is the order of the index: reading all of them costs one pass.
-- p_after: the `next` of the page before, '' for the first; p_size: how many partials one page reads, about. A key, not an offset: rows that
-- appear meanwhile move nothing. A function, not a select on the view: PostgREST cuts those at its max-rows. p_model: as above.
-- Returns {rows: [{module, scope, name, key, weight, rr_short, rr_long, n}], next: the last key of the page, null after the last page}.
create function public.decision_page(p_scope text, p_name text, p_min_n bigint, p_after text, p_size integer, p_model text default null)
returns jsonb language plpgsql stable security invoker set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  v_generation integer := public.decision_version(p_model);
  upto text;
  rows jsonb;
begin
  select p.key into upto from public.learner_partials p
  where p.key > p_after collate "C" order by p.key offset p_size - 1 limit 1;
  select coalesce(jsonb_agg(jsonb_build_object('module', c.module, 'scope', c.scope, 'name', c.name, 'key', c.key, 'weight', c.weight,
                                               'rr_short', c.rr_short, 'rr_long', c.rr_long, 'n', c.n)), '[]')
    into rows
    from public.learner_coefficients c
    where c.generation = v_generation
      and c.key > p_after collate "C" and (upto is null or c.key <= upto collate "C")
      and (p_scope is null or c.scope = p_scope) and (p_name is null or c.name = p_name) and c.n >= p_min_n;
  return jsonb_build_object('rows', rows, 'next', upto);
end
$$;

-- Where every consumer of a topic stands, and how many open dead letters each has, seen at one moment. For `strandline lag`.
create or replace function public.strandline_lag(p_topic text) returns jsonb language sql stable security invoker set search_path = '' as $$
  select jsonb_build_object(
    'positions', coalesce((
      select jsonb_agg(jsonb_build_object(
        'consumer', c.consumer, 'partition', c.partition, 'position', c.position, 'epoch', c.epoch, 'holder', c.holder,
        'committed_at', c.committed_at) order by c.consumer, c.partition)
      from public.consumer_positions c where c.topic = p_topic), '[]'),
    'dead_letters', coalesce((
      select jsonb_agg(jsonb_build_object('consumer', d.consumer, 'partition', d.partition, 'reason', d.reason, 'count', d.count)
                       order by d.consumer, d.partition, d.reason)
      from (select consumer, partition, reason, count(*) from public.dead_letters where topic = p_topic and redriven_at is null and applied_at is null
            group by consumer, partition, reason) d), '[]'),
    'active', (select 'learner/' || g.model || '/' || left(g.hash, 12) from public.learner_generations g where g.active and g.topic = p_topic))
$$;

do $$
declare f regprocedure;
begin
  for f in select p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'public' and p.proname in ('learner_activate', 'learner_generation', 'learner_versions', 'decision_version', 'decision_model',
                                                        'decision_coefficients', 'decision_page', 'strandline_lag')
  loop
    execute format('revoke all on function %s from public, anon, authenticated', f);
    execute format('grant execute on function %s to service_role', f);
  end loop;
end $$;
grant all on public.learner_coefficients, public.learning_coefficients to service_role;
revoke all on public.learner_coefficients, public.learning_coefficients from anon, authenticated;

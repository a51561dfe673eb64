-- Model versions as an operator has them: how large each is, and one taken away. Everything goes page by page along a key, for all sums at once: nothing
-- has an index by whose they are, and a hosted project ends a statement after 8 s.

-- Trades in the ledger by whose sums they are in, of a page behind a place ('' at first): {trades: [[model_version, n], …], next: the last place of the page, null at the end}.
create function public.strandline_learner_count_trades(p_after text, p_size integer)
returns jsonb language plpgsql stable security invoker set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  v_id uuid := coalesce(nullif(split_part(p_after, ' ', 1), '')::uuid, '00000000-0000-0000-0000-000000000000');
  v_version integer := coalesce(nullif(split_part(p_after, ' ', 2), '')::integer, 0);
  v_page jsonb;
begin
  with page as materialized (
    select l.event_id, l.model_version from strandline.learner_ledger l
    where (l.event_id, l.model_version) > (v_id, v_version) order by l.event_id, l.model_version limit p_size)
  select jsonb_build_object(
    'trades', (select coalesce(jsonb_agg(jsonb_build_array(c.model_version, c.n) order by c.model_version), '[]')
               from (select p.model_version, count(*) as n from page p group by p.model_version) c),
    'next', (select p.event_id || ' ' || p.model_version from page p order by p.event_id, p.model_version offset p_size - 1 limit 1)) into v_page;
  return v_page;
end
$$;

-- The same of coefficients, in the order of their keys: {sums: [[model_version, coefficients, rows of sums], …], next: the last key, null at the end}.
create function public.strandline_learner_count_sums(p_after text, p_size integer)
returns jsonb language plpgsql stable security invoker set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  -- the baseline has the key '': the first page begins with it
  v_upto text := (select p.key from strandline.learner_partials p where p.key > p_after collate "C" order by p.key offset p_size - 1 limit 1);
begin
  return jsonb_build_object('next', v_upto, 'sums', (
    select coalesce(jsonb_agg(jsonb_build_array(c.model_version, c.coefficients, c.n) order by c.model_version), '[]')
    from (select g.model_version, count(*) filter (where g.scope <> 'global') as coefficients, sum(g.n) as n
          from (select p.model_version, p.scope, p.name, p.key, count(*) as n from strandline.learner_partials p
                where (p.key > p_after collate "C" or p_after = '' and p.key = '') and (v_upto is null or p.key <= v_upto collate "C")
                group by p.model_version, p.scope, p.name, p.key) g
          group by g.model_version) c));
end
$$;

-- Bytes of the ledger and of the sums on disk, with their indexes, of all versions together.
create function public.strandline_learner_bytes() returns jsonb language sql stable security invoker set search_path = '' as $$
  select jsonb_build_object('trades', pg_catalog.pg_total_relation_size('strandline.learner_ledger'), 'sums', pg_catalog.pg_total_relation_size('strandline.learner_partials'))
$$;

-- A version is no version any more, or (p_dropping false) it is one again: 'ok', 'active' (readers see it: it stays), 'shared' (others read its sums: it
-- stays), 'unknown'. The learners of its sums are fenced. Nobody opens a version meanwhile, which might share them.
create function public.strandline_learner_drop(p_model_version integer, p_dropping boolean)
returns text language plpgsql security invoker set search_path = '' as $$
declare
  g strandline.model_versions;
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('strandline.model_version'));
  select * into g from strandline.model_versions where model_version = p_model_version;
  if not found then return 'unknown'; end if;
  -- waits for commits that are under way: they lock their checkpoint first and what a switch waits for last
  perform 1 from strandline.consumer_checkpoints c
  where g.shares is null and c.consumer = strandline.learner_consumer(g) and c.topic = g.topic order by c.partition for update;
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('strandline.activate'));
  select * into g from strandline.model_versions where model_version = p_model_version;
  if not found then return 'unknown'; end if;
  if g.active then return 'active'; end if;
  if exists (select from strandline.model_versions v where v.shares = p_model_version) then return 'shared'; end if;
  update strandline.model_versions set dropping = p_dropping where model_version = p_model_version and dropping <> p_dropping;
  update strandline.consumer_checkpoints c set epoch = c.epoch + 1 where g.shares is null and c.consumer = strandline.learner_consumer(g) and c.topic = g.topic;
  return 'ok';
end
$$;

-- Takes a page of its rows away. p_store: trades, sums, letters. Returns {next: the place to go on from, null at the end, dropped: rows}.
create function public.strandline_learner_drop_rows(p_model_version integer, p_store text, p_after text, p_size integer)
returns jsonb language plpgsql security invoker set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  g strandline.model_versions;
  v_upto text;
  v_dropped bigint;
begin
  select * into g from strandline.model_versions where model_version = p_model_version and dropping and shares is null;
  if not found then return '{"next": null, "dropped": 0}'; end if;
  if p_store = 'trades' then
    select l.event_id::text into v_upto from strandline.learner_ledger l
    where (p_after = '' or l.event_id > nullif(p_after, '')::uuid) order by l.event_id offset p_size - 1 limit 1;
    delete from strandline.learner_ledger l
    where l.model_version = p_model_version and (p_after = '' or l.event_id > nullif(p_after, '')::uuid)
      and (v_upto is null or l.event_id <= v_upto::uuid);
  elsif p_store = 'sums' then
    select p.key into v_upto from strandline.learner_partials p where p.key > p_after collate "C" order by p.key offset p_size - 1 limit 1;
    delete from strandline.learner_partials p
    where p.model_version = p_model_version and (p.key > p_after collate "C" or p_after = '' and p.key = '') and (v_upto is null or p.key <= v_upto collate "C");
  elsif p_store = 'letters' then
    delete from strandline.dead_letters d where d.ctid = any (array(
      select x.ctid from strandline.dead_letters x where x.consumer = strandline.learner_consumer(g) and x.topic = g.topic limit p_size));
  end if;
  get diagnostics v_dropped = row_count;
  return jsonb_build_object('next', case when p_store <> 'letters' then v_upto when v_dropped = p_size then '' end, 'dropped', v_dropped);
end
$$;

-- The last of it: its checkpoints, and the version itself. Whatever came after it comes after what was before it.
create function public.strandline_learner_dropped(p_model_version integer) returns void language plpgsql security invoker set search_path = '' as $$
declare
  g strandline.model_versions;
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('strandline.model_version'));   -- before what it locks: as strandline_learner_drop
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('strandline.activate'));
  select * into g from strandline.model_versions where model_version = p_model_version and dropping;
  if not found then return; end if;
  delete from strandline.consumer_checkpoints c where g.shares is null and c.consumer = strandline.learner_consumer(g) and c.topic = g.topic;
  update strandline.model_versions v set previous = nullif(g.previous, v.model_version) where v.previous = p_model_version;
  delete from strandline.model_versions where model_version = p_model_version;
end
$$;

do $$ begin perform strandline.seal(); end $$;

-- PostgREST keeps the schema in memory.
notify pgrst, 'reload schema';

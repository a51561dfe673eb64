-- What the decision maker reads: in one call, so that all of it is of one moment. Nothing is written.

-- Whether a text names a version: by its model (lowcap-v4), by the first six or more digits of its hash, either with .r2 behind it for a build. In
-- TypeScript: core/store/version-name.ts; test/store/versions.int.test.ts holds the two together.
create function strandline.names_version(p_text text, g strandline.model_versions) returns boolean language sql immutable set search_path = '' as $$
  select p_text = g.model or p_text = g.model || '.r' || g.build
    or (p_text ~ '^[0-9a-f]{6,64}$' and starts_with(g.hash, p_text))
    or (p_text ~ '^[0-9a-f]{6,64}[.]r[0-9]+$' and starts_with(g.hash, split_part(p_text, '.', 1)) and split_part(p_text, '.r', 2) = g.build::text)
$$;

-- The version that a reader means: the active one, or by name (of several, the active one, else the newest complete one). null: there is none.
create function strandline.decision_version(p_model text)
returns integer language sql stable security invoker set search_path = '' as $$
  select g.model_version from strandline.model_versions g
  where not g.dropping and case when p_model is null then g.active else strandline.names_version(p_model, g) end
  order by coalesce(g.model = p_model, false) desc, g.active desc, g.building, g.model_version desc limit 1
$$;

-- A model version: {model_version, sums, consumer, hash, build, topic, active, definition}; null where there is none. p_model null: the active one.
create function public.strandline_decision_model(p_model text default null)
returns jsonb language sql stable security invoker set search_path = '' as $$
  select strandline.learner_opened(g) || jsonb_build_object('hash', g.hash, 'topic', g.topic, 'definition', g.definition)
  from strandline.model_versions g where g.model_version = strandline.decision_version(p_model)
$$;

-- What all trades in sums amount to, and their outcomes' squares: {global_rr: {rr_short, rr_long, n} or null, baseline, squares: {rr_short, rr_long, n,
-- sum_short, sum_long} or null}.
create function strandline.decision_baseline(p_sums integer)
returns jsonb language sql stable security invoker set search_path = '' set enable_seqscan = off set jit = off as $$
  select jsonb_build_object('global_rr', b.baseline - array['sum_short', 'sum_long'], 'baseline', b.baseline, 'squares', b.squares)
  from (select jsonb_object_agg(e.key, to_jsonb(e) - array['model_version', 'scope', 'name', 'key']) -> '' as baseline,
               jsonb_object_agg(e.key, to_jsonb(e) - array['model_version', 'scope', 'name', 'key']) -> 'squares' as squares
        from strandline.learner_evidence e
        where e.model_version = p_sums and e.name = 'global' and e.key in ('', 'squares')) b
$$;

-- What the trades of the given coefficients amount to, each an index look-up. p_keys: JSON array of {scope, name, key}, as text. p_model: as above.
-- Returns {model_version, hash, active: of the version that was read, global_rr, baseline, squares: as above, rows: [{scope, name, key, rr_short, rr_long, n,
-- sum_short, sum_long}] in the order of the keys}. What follows of them, by the model's rule, is the reader's to say (domain/learning/weigher.ts).
-- The planner has one way, whatever it believes of a table that was empty a moment ago: the index.
create function public.strandline_decision_coefficients(p_keys text, p_model text default null)
returns jsonb language plpgsql stable security invoker set search_path = '' set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off set jit = off as $$
declare
  g strandline.model_versions;
begin
  select v.* into g from strandline.model_versions v where v.model_version = strandline.decision_version(p_model);
  return jsonb_build_object('model_version', g.model_version, 'hash', g.hash, 'active', coalesce(g.active, false), 'rows',
    (select coalesce(jsonb_agg(to_jsonb(e) - 'model_version' order by k.nth), '[]')
     from rows from (jsonb_to_recordset(p_keys::jsonb) as (scope text, name text, key text)) with ordinality k (scope, name, key, nth)
     cross join lateral (select * from strandline.learner_evidence x where x.model_version = g.sums and x.key = k.key collate "C"
                           and x.name = k.name collate "C" and x.scope = k.scope collate "C" offset 0) e))
    || strandline.decision_baseline(g.sums);
end
$$;

-- Coefficients, a page at a time in the order of their keys (bytewise), which is the order of the index: reading all of them costs one pass.
-- p_after: the `next` of the page before, '' for the first; p_size: how many partials one page reads, about. A key, not an offset: rows that
-- appear meanwhile move nothing. A function, not a select on the view: PostgREST cuts those at its max-rows. p_model: as above; p_model_version goes before it,
-- so that pages of one reading are of one version, whichever is made active meanwhile.
-- Returns {rows, baseline, squares: as above; members: as rows, the lever values of which the interactions of the page are made (by the rule v4 none: they do
-- not matter there); next: the last key of the page, null after the last page; model_version}. As json: to make jsonb of so many numbers takes as long as they do.
create function public.strandline_decision_page(p_scope text, p_name text, p_min_n bigint, p_after text, p_size integer, p_model text default null, p_model_version integer default null)
returns json language plpgsql stable security invoker set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  v_model_version integer := coalesce(p_model_version, strandline.decision_version(p_model));
  v_sums     integer := (select g.sums from strandline.model_versions g where g.model_version = v_model_version);
  v_levers   jsonb := (select g.levers from strandline.model_versions g where g.model_version = v_model_version and g.rule = 'shrunk');
  v_baseline jsonb := strandline.decision_baseline(v_sums);
  v_page     json;
  upto       text;
begin
  select p.key into upto from strandline.learner_partials p
  where p.key > p_after collate "C" order by p.key offset p_size - 1 limit 1;
  with page as materialized (
    select c.* from strandline.learner_evidence c
    where c.model_version = v_sums and c.scope <> 'global'
      and c.key > p_after collate "C" and (upto is null or c.key <= upto collate "C")
      and (p_scope is null or c.scope = p_scope) and (p_name is null or c.name = p_name) and c.n >= p_min_n
  ), members as (
    select e.* from (select distinct part from page p, string_to_table(p.key, '|') part where v_levers is not null and p.scope = 'interaction') p
    cross join lateral (select * from strandline.learner_evidence x
                        where x.model_version = v_sums and x.name = (v_levers ->> split_part(p.part, '=', 1)) collate "C"
                          and x.key = replace(replace(substr(p.part, strpos(p.part, '=') + 1), '%7C', '|'), '%25', '%') collate "C" offset 0) e
  )
  select json_build_object(
    'rows', (select coalesce(json_agg(json_build_object('scope', c.scope, 'name', c.name, 'key', c.key, 'rr_short', c.rr_short, 'rr_long', c.rr_long, 'n', c.n,
                                                        'sum_short', c.sum_short, 'sum_long', c.sum_long)), '[]') from page c),
    'members', (select coalesce(json_agg(json_build_object('scope', c.scope, 'name', c.name, 'key', c.key, 'rr_short', c.rr_short, 'rr_long', c.rr_long, 'n', c.n,
                                                           'sum_short', c.sum_short, 'sum_long', c.sum_long)), '[]') from members c),
    'baseline', v_baseline -> 'baseline', 'squares', v_baseline -> 'squares', 'next', upto, 'model_version', v_model_version) into v_page;
  return v_page;
end
$$;

do $$ begin perform strandline.seal(); end $$;

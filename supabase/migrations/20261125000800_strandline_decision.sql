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

-- A model version: {model_version, hash, build, topic, active, definition}; null where there is none. p_model null: the active one.
create function public.strandline_decision_model(p_model text default null)
returns jsonb language sql stable security invoker set search_path = '' as $$
  select jsonb_build_object('model_version', g.model_version, 'hash', g.hash, 'build', g.build, 'topic', g.topic, 'active', g.active, 'definition', g.definition)
  from strandline.model_versions g where g.model_version = strandline.decision_version(p_model)
$$;

-- The rows of the given coefficients, each an index look-up. p_keys: JSON array of {scope, name, key}, as text. p_model: as above.
-- Returns {version, hash, active: of the version that was read, global_rr: {rr_short, rr_long, n} or null, baseline and squares: {rr_short, rr_long, n,
-- sum_short, sum_long} or null, rows: [{scope, name, key, weight, rr_short, rr_long, n, sum_short, sum_long}]}. Plans are made anew: one from the first, empty days would scan the table for ever.
create function public.strandline_decision_coefficients(p_keys text, p_model text default null)
returns jsonb language plpgsql stable security invoker set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  v_model_version integer := strandline.decision_version(p_model);
  k     record;
  found_row jsonb;
  rows  jsonb := '[]';
begin
  for k in select * from jsonb_to_recordset(p_keys::jsonb) as r(scope text, name text, key text) loop
    select jsonb_build_object('scope', c.scope, 'name', c.name, 'key', c.key,
                              'weight', c.weight, 'rr_short', c.rr_short, 'rr_long', c.rr_long, 'n', c.n, 'sum_short', e.sum_short, 'sum_long', e.sum_long)
      into found_row
      from strandline.learner_coefficients c
      join strandline.learner_evidence e on e.model_version = v_model_version and e.key = k.key collate "C" and e.name = k.name collate "C"
      where c.model_version = v_model_version and c.key = k.key collate "C" and c.name = k.name collate "C" and c.scope = k.scope collate "C";
    if found then rows := rows || found_row; end if;
  end loop;
  return jsonb_build_object(
    'model_version', v_model_version,
    'hash', (select g.hash from strandline.model_versions g where g.model_version = v_model_version),
    'active', coalesce((select g.active from strandline.model_versions g where g.model_version = v_model_version), false),
    'global_rr', (select jsonb_build_object('rr_short', b.rr_short, 'rr_long', b.rr_long, 'n', b.n)
                  from strandline.learner_groups b where b.model_version = v_model_version and b.name = 'global' and b.key = ''),
    'baseline', (select to_jsonb(b) from (select e.rr_short, e.rr_long, e.n, e.sum_short, e.sum_long from strandline.learner_evidence e
                                          where e.model_version = v_model_version and e.name = 'global' and e.key = '') b),
    'squares', (select to_jsonb(b) from (select e.rr_short, e.rr_long, e.n, e.sum_short, e.sum_long from strandline.learner_evidence e
                                         where e.model_version = v_model_version and e.name = 'global' and e.key = 'squares') b),
    'rows', rows);
end
$$;

-- Coefficients, a page at a time in the order of their keys (bytewise), which is the order of the index: reading all of them costs one pass.
-- p_after: the `next` of the page before, '' for the first; p_size: how many partials one page reads, about. A key, not an offset: rows that
-- appear meanwhile move nothing. A function, not a select on the view: PostgREST cuts those at its max-rows. p_model: as above; p_model_version goes before it,
-- so that pages of one reading are of one version, whichever is made active meanwhile.
-- Returns {rows: [{module, scope, name, key, weight, rr_short, rr_long, n}], next: the last key of the page, null after the last page, model_version}.
create function public.strandline_decision_page(p_scope text, p_name text, p_min_n bigint, p_after text, p_size integer, p_model text default null, p_model_version integer default null)
returns jsonb language plpgsql stable security invoker set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  v_model_version integer := coalesce(p_model_version, strandline.decision_version(p_model));
  upto text;
  rows jsonb;
begin
  select p.key into upto from strandline.learner_partials p
  where p.key > p_after collate "C" order by p.key offset p_size - 1 limit 1;
  select coalesce(jsonb_agg(jsonb_build_object('module', c.module, 'scope', c.scope, 'name', c.name, 'key', c.key, 'weight', c.weight,
                                               'rr_short', c.rr_short, 'rr_long', c.rr_long, 'n', c.n)), '[]')
    into rows
    from strandline.learner_coefficients c
    where c.model_version = v_model_version
      and c.key > p_after collate "C" and (upto is null or c.key <= upto collate "C")
      and (p_scope is null or c.scope = p_scope) and (p_name is null or c.name = p_name) and c.n >= p_min_n;
  return jsonb_build_object('rows', rows, 'next', upto, 'model_version', v_model_version);
end
$$;

do $$ begin perform strandline.seal(); end $$;

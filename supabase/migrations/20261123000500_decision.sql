-- What the decision maker reads: in one call, so that all of it is of one moment. Nothing is written.

-- The model whose coefficients are active: {hash, definition}; null while nothing is learned.
create function public.decision_model()
returns jsonb language sql stable security invoker set search_path = '' as $$
  select jsonb_build_object('hash', g.hash, 'definition', g.definition) from public.learner_generations g where g.active
$$;

-- The rows of the given coefficients, each an index look-up. p_keys: JSON array of {scope, name, key}, as text.
-- Returns {hash: of the active model, global_rr: {rr_short, rr_long, n} or null, rows: [{scope, name, key, weight, rr_short, rr_long, n}]}.
-- Plans are made anew: one from the first, empty days would scan the table for ever.
create function public.decision_coefficients(p_keys text)
returns jsonb language plpgsql stable security invoker set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  k     record;
  found_row jsonb;
  rows  jsonb := '[]';
begin
  for k in select * from jsonb_to_recordset(p_keys::jsonb) as r(scope text, name text, key text) loop
    select jsonb_build_object('scope', c.scope, 'name', c.name, 'key', c.key,
                              'weight', c.weight, 'rr_short', c.rr_short, 'rr_long', c.rr_long, 'n', c.n)
      into found_row
      from public.learning_coefficients c where c.key = k.key collate "C" and c.name = k.name collate "C" and c.scope = k.scope collate "C";
    if found then rows := rows || found_row; end if;
  end loop;
  return jsonb_build_object(
    'hash', (select g.hash from public.learner_generations g where g.active),
    'global_rr', (select jsonb_build_object('rr_short', b.rr_short, 'rr_long', b.rr_long, 'n', b.n)
                  from public.learner_groups b join public.learner_generations g on g.generation = b.generation and g.active
                  where b.name = 'global' and b.key = ''),
    'rows', rows);
end
$$;

-- Coefficients, a page at a time in the order of their keys (bytewise), which is the order of the index: reading all of them costs one pass.
-- p_after: the `next` of the page before, '' for the first; p_size: how many partials one page reads, about. A key, not an offset: rows that
-- appear meanwhile move nothing. A function, not a select on the view: PostgREST cuts those at its max-rows.
-- Returns {rows: [{module, scope, name, key, weight, rr_short, rr_long, n}], next: the last key of the page, null after the last page}.
create function public.decision_page(p_scope text, p_name text, p_min_n bigint, p_after text, p_size integer)
returns jsonb language plpgsql stable security invoker set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  upto text;
  rows jsonb;
begin
  select p.key into upto from public.learner_partials p
  where p.key > p_after collate "C" order by p.key offset p_size - 1 limit 1;
  select coalesce(jsonb_agg(jsonb_build_object('module', c.module, 'scope', c.scope, 'name', c.name, 'key', c.key, 'weight', c.weight,
                                               'rr_short', c.rr_short, 'rr_long', c.rr_long, 'n', c.n)), '[]')
    into rows
    from public.learning_coefficients c
    where c.key > p_after collate "C" and (upto is null or c.key <= upto collate "C")
      and (p_scope is null or c.scope = p_scope) and (p_name is null or c.name = p_name) and c.n >= p_min_n;
  return jsonb_build_object('rows', rows, 'next', upto);
end
$$;

do $$
declare f regprocedure;
begin
  for f in select p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'public' and p.proname in ('decision_model', 'decision_coefficients', 'decision_page')
  loop
    execute format('revoke all on function %s from public, anon, authenticated', f);
    execute format('grant execute on function %s to service_role', f);
  end loop;
end $$;

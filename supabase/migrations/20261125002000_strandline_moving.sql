-- Moving readers of the old tables to what is learned, and back. Called by a person (`strandline switch`, `strandline undo`, or an SQL editor) as the role
-- that owns the old tables; nothing of ours calls it.

-- The view that takes the place of an old table is read by roles that may not look into this schema: what lies below it is read as its owner.
alter view strandline.learner_groups reset (security_invoker);
alter view strandline.learner_evidence reset (security_invoker);
alter view strandline.learner_coefficients reset (security_invoker);
alter view strandline.learning_coefficients reset (security_invoker);

-- Names of coefficients that the active model learns. Rows of the old table that have another one are nobody else's, and readers go on seeing them.
create view strandline.learned_names as
select g.module, n.scope, n.name
from strandline.model_versions g
cross join lateral (
  select 'lever'::text as scope, l ->> 'name' as name from jsonb_array_elements(g.definition -> 'levers') l
  union all
  select 'interaction', i ->> 'name' from jsonb_array_elements(coalesce(g.definition -> 'interactions', '[]')) i) n
where g.active;

-- What the old configuration said where we write, before we did.
create table strandline.kept_configs (
  module      text  primary key,
  existed     boolean not null,
  config_data text,                                  -- as it stood there, whatever the type of the column
  row         jsonb
);

-- The coefficients that the old system wrote: its table, under the name that it has now. null: it had none.
create function strandline.old_coefficients() returns regclass language sql stable security invoker set search_path = '' as $$
  select case when strandline.made('learning_coefficients') then null
              else coalesce(to_regclass('public.learning_coefficients_before_strandline'), to_regclass('public.learning_coefficients')) end
$$;

-- An expression for a column of the old table, of a row that we learned. c: strandline.learning_coefficients, k: the old table.
create function strandline.learned_column(p_table regclass, p_column text) returns text language plpgsql stable security invoker set search_path = '' as $$
declare
  a      record;
  target text;
begin
  select t.atttypid, pg_catalog.format_type(t.atttypid, t.atttypmod) as type, ty.typcategory as category into a
  from pg_catalog.pg_attribute t join pg_catalog.pg_type ty on ty.oid = t.atttypid where t.attrelid = p_table and t.attname = p_column;
  target := a.type;
  return case
    -- without its length: a cut would be in the way of the index
    when p_column in ('module', 'scope', 'name', 'key') then
      format('c.%I::%s%s', p_column, case when a.atttypid in (25, 1043) then pg_catalog.format_type(a.atttypid, null) else target end,
             case when a.category = 'S' then ' collate "C"' else '' end)
    when p_column = 'n' and a.atttypid = 23 then 'least(c.n, 2147483647)::integer'
    when p_column = 'n' and a.atttypid = 21 then 'least(c.n, 32767)::smallint'
    when p_column in ('weight', 'rr_short', 'rr_long', 'n') then format('c.%I::%s', p_column, target)
    when p_column = 'updated_at' and a.atttypid = 1184 then 'c.updated_at'
    when p_column = 'updated_at' and a.category = 'D' then format('(c.updated_at at time zone ''UTC'')::%s', target)
    when p_column = 'updated_at' and a.category = 'S' then
      format('to_char(c.updated_at at time zone ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.MS"+00:00"'')::%s', target)
    -- a column that only they know: as their row has it, where they have one
    else format('(select k.%I from %s k where k.module::text = c.module collate "default" and k.scope::text = c.scope collate "default"
      and k.name::text = c.name collate "default" and k.key::text = c.key collate "default" limit 1)', p_column, p_table)
  end;
end
$$;

-- Policies of a table for select, as a condition of the reader on one row (named like the table, since that is how they name it).
create function strandline.policy_condition(p_table regclass) returns text language sql stable security invoker set search_path = '' as $$
  with p as (
    select pol.polpermissive as permissive,
           format('(%s and (%s))',
             case when 0 = any (pol.polroles) then 'true'
                  else (select string_agg(format('pg_catalog.pg_has_role(current_user, %L, ''usage'')', r.rolname), ' or ')
                        from pg_catalog.pg_roles r where r.oid = any (pol.polroles)) end,
             coalesce(pg_catalog.pg_get_expr(pol.polqual, pol.polrelid), 'true')) as holds,
           case when 0 = any (pol.polroles) then 'false'
                else format('not (%s)', (select string_agg(format('pg_catalog.pg_has_role(current_user, %L, ''usage'')', r.rolname), ' or ')
                        from pg_catalog.pg_roles r where r.oid = any (pol.polroles))) end as elsewhere
    from pg_catalog.pg_policy pol where pol.polrelid = p_table and pol.polcmd in ('r', '*'))
  select format('coalesce((%s)%s, false)',
    coalesce((select string_agg(holds, ' or ') from p where permissive), 'false'),
    coalesce((select string_agg(format(' and (%s or %s)', elsewhere, holds), '') from p where not permissive), ''))
$$;

-- Puts our view in the place of public.learning_coefficients: the same columns, grants and policies; the old table is kept under another name, and old
-- writers go on writing into it.
create function strandline.take_place() returns void language plpgsql security invoker set search_path = '' as $$
declare
  kept     constant text := 'learning_coefficients_before_strandline';
  old_oid  oid := to_regclass('public.learning_coefficients');
  old      record;
  c        record;
  g        record;
  condition text;
  ours     text := '';
  theirs   text := '';
  plain    text := '';
  missing  text;
  assigned text := '';
  changed  text := '';
  filled   text := '';
  refilled text := '';
begin
  select t.oid, t.relkind, t.relrowsecurity, t.relowner, t.relacl, pg_catalog.pg_get_userbyid(t.relowner) as owner into old from pg_catalog.pg_class t where t.oid = old_oid;
  if to_regclass('public.' || kept) is not null then
    raise exception using errcode = 'ST002', message = format('public.%s is there already, and is no table that was kept.', kept),
      hint = 'Rename or drop it, if nothing needs it.';
  end if;
  select string_agg(n, ', ') into missing from unnest(array['module', 'scope', 'name', 'key', 'weight']) n
  where not exists (select 1 from pg_catalog.pg_attribute a where a.attrelid = old_oid and a.attname = n and not a.attisdropped);
  if missing is not null then
    raise exception using errcode = 'ST002', message = format('public.learning_coefficients has no column %s: it is not the table that readers of coefficients know.', missing);
  end if;
  -- a view reads as its owner
  if pg_catalog.row_security_active(old_oid) then
    raise exception using errcode = 'ST002', message = 'The row level security of public.learning_coefficients holds for its owner too (force): a view could not show all of its rows to those who may see them.',
      hint = 'Switch as a role that bypasses row level security, or say: alter table public.learning_coefficients no force row level security.';
  end if;
  -- before it is renamed: expressions name the table as it is called now
  condition := case when old.relrowsecurity then strandline.policy_condition(old_oid) end;
  execute format('alter table public.learning_coefficients rename to %I', kept);

  for c in
    select a.attname as name, a.attcollation <> 0 as collated, pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
           a.attidentity <> '' or a.attgenerated <> '' as made, pg_catalog.pg_get_expr(d.adbin, d.adrelid) as default_value, a.attgenerated <> '' as generated,
           exists (select from pg_catalog.pg_index i where i.indrelid = old_oid and i.indisprimary and a.attnum = any (i.indkey)) as in_key
    from pg_catalog.pg_attribute a left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = old_oid and a.attnum > 0 and not a.attisdropped order by a.attnum
  loop
    ours := ours || format(', %s as %I', strandline.learned_column(old_oid, c.name), c.name);
    theirs := theirs || case
      when c.name not in ('module', 'scope', 'name', 'key') or not c.collated then format(', k.%I', c.name)
      when c.type like 'character varying%' then format(', k.%I::character varying collate "C"', c.name)
      else format(', k.%I collate "C"', c.name) end;
    plain := plain || format(', u.%I', c.name);
    assigned := assigned || format('  n.%1$I := new.%1$I; if tg_op <> ''INSERT'' then o.%1$I := old.%1$I; end if;', c.name) || E'\n';
    changed := changed || format('    if new.%1$I::text is distinct from old.%1$I::text then sets := sets || '', %1$I = ($1).%1$I''; end if;', c.name) || E'\n';
    filled := filled || case when c.made
      then format('    if n.%1$I is not null then cols := cols || '', %1$I''; end if;', c.name)
      else format('    cols := cols || '', %1$I'';', c.name) end || E'\n';
    if not c.made and not c.in_key and c.name not in ('module', 'scope', 'name', 'key') then refilled := refilled || format(', %1$I = ($1).%1$I', c.name); end if;
  end loop;

  if condition is not null then
    -- As whoever reads: what a policy looks up, it looks up with the reader's rights.
    execute format('create function strandline.readable(public.%I) returns boolean language sql stable security invoker set search_path = '''' as $f$
      select %s from (select ($1).*) as learning_coefficients $f$', kept, condition);
    grant execute on function strandline.readable to public;
  end if;
  execute format('create view public.learning_coefficients%s as
    select %s from (
      select %s from strandline.learning_coefficients c
      union all
      select %s from public.%I k where not exists (select 1 from strandline.learned_names l
        where l.module = k.module::text and l.scope = k.scope::text and l.name = k.name::text)) u%s',
    case when condition is null then '' else ' with (security_barrier = true)' end, substr(plain, 3), substr(ours, 3), substr(theirs, 3), kept,
    case when condition is null then '' else format(' where not pg_catalog.row_security_active(%s::oid) or strandline.readable(row(%s)::public.%I)',
      old_oid, substr(plain, 3), kept) end);
  if (select a.atttypid in (25, 1043) from pg_catalog.pg_attribute a where a.attrelid = old_oid and a.attname = 'key') and old.relkind in ('r', 'p') then
    execute format('create index strandline_kept on public.%I ((key::text) collate "C")', kept);
  end if;

  -- Whatever default privileges gave it is taken back; then what the table has.
  for g in select distinct x.grantee, coalesce(quote_ident(r.rolname), 'public') as role
           from pg_catalog.pg_class v cross join lateral aclexplode(v.relacl) x left join pg_catalog.pg_roles r on r.oid = x.grantee
           where v.oid = 'public.learning_coefficients'::regclass and x.grantee <> v.relowner
  loop
    execute format('revoke all on public.learning_coefficients from %s', g.role);
  end loop;
  execute format('grant all on public.learning_coefficients to %I', old.owner);
  for g in
    select x.privilege_type as privilege, coalesce(quote_ident(r.rolname), 'public') as role, x.is_grantable, null::text as col
    from aclexplode(old.relacl) x left join pg_catalog.pg_roles r on r.oid = x.grantee where x.grantee <> old.relowner
    union all
    select x.privilege_type, coalesce(quote_ident(r.rolname), 'public'), x.is_grantable, a.attname
    from pg_catalog.pg_attribute a cross join lateral aclexplode(a.attacl) x left join pg_catalog.pg_roles r on r.oid = x.grantee
    where a.attrelid = old_oid and not a.attisdropped
  loop
    execute format('grant %s%s on public.learning_coefficients to %s%s', g.privilege, case when g.col is null then '' else format(' (%I)', g.col) end, g.role,
      case when g.is_grantable then ' with grant option' else '' end);
  end loop;

  for c in
    select a.attname as name, pg_catalog.pg_get_expr(d.adbin, d.adrelid) as value
    from pg_catalog.pg_attribute a join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = old_oid and not a.attisdropped and a.attgenerated = ''
  loop
    execute format('alter view public.learning_coefficients alter column %I set default %s', c.name, c.value);
  end loop;

  -- Old writers go on, with their own rights, in the kept table: nothing that we learned is written by them.
  execute format($f$
create function strandline.write_kept() returns trigger language plpgsql security invoker set search_path = '' as $w$
declare
  n     public.%1$I;
  o     public.%1$I;
  cols  text := '';
  sets  text := '';
  found_rows bigint;
  same  constant text := ' where (module, scope, name, key) = (($2).module, ($2).scope, ($2).name, ($2).key)';
begin
  -- What hangs on their tables (triggers, functions) may rely on the path of a request, as PostgREST sets it.
  perform pg_catalog.set_config('search_path', 'public, extensions', true);
%2$s
  if tg_op = 'INSERT' then
%3$s
    begin
      execute format('insert into public.%1$I (%%s) select %%s', substr(cols, 3), regexp_replace(substr(cols, 3), '("[^"]+"|[^ ,"]+)', '($1).\1', 'g')) using n;
    exception when unique_violation then
      -- a row of theirs that readers do not see any more, as what we learned has its place: they cannot know that it is there
      if exists (select 1 from public.learning_coefficients v where v.module = n.module and v.scope = n.scope and v.name = n.name and v.key = n.key) then raise; end if;
      execute 'update public.%1$I set %5$s' || same using n, n;
    end;
    return new;
  end if;
  if tg_op = 'DELETE' then
    execute 'delete from public.%1$I' || same using n, o;
    get diagnostics found_rows = row_count;
    return case when found_rows > 0 then old end;
  end if;
%4$s
  if sets = '' then return new; end if;
  execute 'update public.%1$I set ' || substr(sets, 3) || same using n, o;
  get diagnostics found_rows = row_count;
  return case when found_rows > 0 then new end;
end
$w$ $f$, kept, assigned, filled, changed, substr(refilled, 3));
  revoke all on function strandline.write_kept() from public, anon, authenticated; -- the trigger alone calls it
  create trigger strandline_write_kept instead of insert or update or delete on public.learning_coefficients
    for each row execute function strandline.write_kept();
  -- Where a value of ours does not fit a column of theirs, readers must not find that out.
  begin
    perform count(v::text) from (select * from public.learning_coefficients limit 20000) v;
  exception when data_exception or invalid_parameter_value or check_violation then
    raise exception using errcode = 'ST002', message = format('What is learned does not fit the columns of public.learning_coefficients: %s.', sqlerrm);
  end;
  update strandline.readers set ours = true where name = 'learning_coefficients';
end
$$;

-- The old table under its own name again, with all that was written into it meanwhile.
create function strandline.give_place_back() returns void language plpgsql security invoker set search_path = '' as $$
declare
  detail text;
begin
  begin
    drop view public.learning_coefficients;
  exception when dependent_objects_still_exist then
    get stacked diagnostics detail = pg_exception_detail;
    raise exception using errcode = 'ST002', message = format('Something was made on top of the view public.learning_coefficients since the switch: %s.', detail),
      hint = 'Drop that first.';
  end;
  drop function strandline.write_kept();
  drop function if exists strandline.readable;
  drop index if exists public.strandline_kept;
  alter table public.learning_coefficients_before_strandline rename to learning_coefficients;
  update strandline.readers set ours = false where name = 'learning_coefficients';
end
$$;

-- The column of learning_configs that says whose row it is.
create function strandline.config_key_column() returns text language sql stable security invoker set search_path = '' as $$
  select a.attname from pg_catalog.pg_attribute a
  where a.attrelid = to_regclass('public.learning_configs') and a.attname in ('module', 'module_id') and not a.attisdropped order by a.attname limit 1
$$;

create function strandline.take_configs() returns void language plpgsql security invoker set search_path = '' as $$
declare
  v_text text;
  v_row  jsonb;
begin
  execute format('select config_data::text, to_jsonb(c) from public.learning_configs c where %I = ''decision_maker'' for update', strandline.config_key_column()) into v_text, v_row;
  insert into strandline.kept_configs (module, existed, config_data, row) values ('decision_maker', v_row is not null, v_text, v_row)
  on conflict (module) do update set existed = excluded.existed, config_data = excluded.config_data, row = excluded.row;
  update strandline.readers set ours = true where name = 'learning_configs';
  perform strandline.learner_write_baseline(g.sums) from strandline.model_versions g where g.active;
end
$$;

-- The two keys that are ours say again what they said; every other one stays as people have set it since. Where they set none, the row is again what it
-- was, to the letter.
create function strandline.give_configs_back() returns void language plpgsql security invoker set search_path = '' as $$
declare
  key_column constant text := strandline.config_key_column();
  type       constant text := (select pg_catalog.format_type(a.atttypid, a.atttypmod) from pg_catalog.pg_attribute a
                               where a.attrelid = to_regclass('public.learning_configs') and a.attname = 'config_data');
  ours       constant text[] := array['global_rr', 'timeframe_weights'];
  kept       strandline.kept_configs;
  before     jsonb;
  now_there  jsonb;
begin
  select * into kept from strandline.kept_configs where module = 'decision_maker';
  execute format('select to_jsonb(c) from public.learning_configs c where %I = ''decision_maker'' for update', key_column) into now_there;
  if now_there is not null then
    now_there := strandline.as_jsonb(now_there ->> 'config_data');
    before := strandline.as_jsonb(kept.config_data);
    if not coalesce(kept.existed, false) and now_there - ours = '{}' then
      execute format('delete from public.learning_configs using strandline.their_path() where %I = ''decision_maker''', key_column);
    elsif kept.existed and (now_there - ours is not distinct from before - ours or now_there is null) then
      execute format('update public.learning_configs set config_data = $1::%s from strandline.their_path() where %I = ''decision_maker''', type, key_column) using kept.config_data;
      perform pg_catalog.set_config('search_path', '', true);
      if kept.row ? 'updated_at' then
        execute format('update public.learning_configs c set updated_at = (jsonb_populate_record(c, $1)).updated_at from strandline.their_path() where %I = ''decision_maker''', key_column)
          using jsonb_build_object('updated_at', kept.row -> 'updated_at');
      end if;
    else
      execute format('update public.learning_configs set config_data = ($1::text)::%s from strandline.their_path() where %I = ''decision_maker''', type, key_column)
        using ((now_there - ours) || (select coalesce(jsonb_object_agg(e.key, e.value), '{}') from jsonb_each(coalesce(before, '{}')) e where e.key = any (ours)))::text;
    end if;
  end if;
  perform pg_catalog.set_config('search_path', '', true);
  delete from strandline.kept_configs where module = 'decision_maker';
  update strandline.readers set ours = false where name = 'learning_configs';
end
$$;

-- Readers of the old tables see what is learned from now on. Once more: with the grants and policies that the kept table has now.
-- Answers {status: 'ok' | 'again' | 'ours' (no table was there before us: they always did), names: [what was switched]}.
-- Errors (ST002): nothing is learned; the table is not one that we can stand in for.
create function strandline.switch_readers(p_force boolean default false) returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  names    text[] := '{}';
  again    boolean := false;
  learned  bigint;
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('strandline.activate'));
  if strandline.made('learning_coefficients') and strandline.made('learning_configs') then return jsonb_build_object('status', 'ours', 'names', '[]'::jsonb); end if;
  select coalesce(sum(p.n), 0) into learned from strandline.learner_partials p join strandline.model_versions g on g.sums = p.model_version and g.active
  where p.key = '' and p.name = 'global';
  if learned = 0 and not p_force then
    raise exception using errcode = 'ST002', message = 'Nothing is learned yet: readers would find no coefficient.',
      hint = 'Let the bridge, ./strandline backfill and the learner come to their end first: ./strandline lag and ./strandline compare-legacy show it.';
  end if;
  if not strandline.made('learning_configs') and not (select ours from strandline.readers where name = 'learning_configs') then
    perform strandline.take_configs();
    names := names || 'learning_configs'::text;
  end if;
  if not strandline.made('learning_coefficients') and to_regclass('public.learning_coefficients') is not null then
    if (select ours from strandline.readers where name = 'learning_coefficients') then
      perform strandline.give_place_back();
      again := true;
    end if;
    perform strandline.take_place();
    names := names || 'learning_coefficients'::text;
  end if;
  return jsonb_build_object('status', case when again then 'again' else 'ok' end, 'names', (select coalesce(jsonb_agg(n order by n), '[]') from unnest(names) n));
end
$$;

-- Readers see again what they saw before the switch. Answers {names: [what was given back]}.
create function strandline.restore_readers() returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  names text[] := '{}';
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('strandline.activate'));
  if not strandline.made('learning_configs') and (select ours from strandline.readers where name = 'learning_configs') then
    perform strandline.give_configs_back();
    names := names || 'learning_configs'::text;
  end if;
  if not strandline.made('learning_coefficients') and (select ours from strandline.readers where name = 'learning_coefficients') then
    perform strandline.give_place_back();
    names := names || 'learning_coefficients'::text;
  end if;
  return jsonb_build_object('names', (select coalesce(jsonb_agg(n order by n), '[]') from unnest(names) n));
end
$$;

-- The baseline that the old configuration has or had; null: none.
create function strandline.old_global_rr() returns jsonb language plpgsql stable security invoker set search_path = '' as $$
declare
  v jsonb;
begin
  if strandline.made('learning_configs') then return null; end if;
  if (select ours from strandline.readers where name = 'learning_configs') then
    return (select strandline.as_jsonb(k.config_data) -> 'global_rr' from strandline.kept_configs k where k.module = 'decision_maker');
  end if;
  execute format('select to_jsonb(c) from public.learning_configs c where %I = ''decision_maker''', strandline.config_key_column()) into v;
  return strandline.as_jsonb(v ->> 'config_data') -> 'global_rr';
end
$$;

-- What `strandline compare-legacy` reads, in pages: each call ends within the time that a hosted project gives it.

-- {table (null: there was none), sums (null: no version is active), definition, hash, baseline, before (the old baseline), names: [[module, scope, name], …] that are learned}.
create function public.strandline_compare_head() returns jsonb language sql stable security invoker set search_path = '' as $$
  select jsonb_build_object('table', strandline.old_coefficients()::text, 'sums', g.sums, 'definition', g.definition, 'hash', g.hash,
    'baseline', strandline.learner_baseline(g.sums) -> 'global_rr', 'before', strandline.old_global_rr(),
    'names', (select coalesce(jsonb_agg(jsonb_build_array(n.module, n.scope, n.name)), '[]') from strandline.learned_names n))
  from (select 1) one left join strandline.model_versions g on g.active
$$;

-- Rows of the old table, whatever columns it has.
create function public.strandline_compare_old(p_offset integer, p_limit integer) returns jsonb language plpgsql stable security invoker set search_path = '' as $$
declare
  rows jsonb;
begin
  execute format('select jsonb_agg(to_jsonb(p)) from (select * from %s t order by t::text offset $1 limit $2) p', strandline.old_coefficients())
    into rows using p_offset, p_limit;
  return coalesce(rows, '[]');
end
$$;

-- Of the active version every lever (p_keys null), or these interactions: [[name, key], …] as JSON text. [{scope, name, key, weight, rr_short, rr_long, n}, …].
create function public.strandline_compare_learned(p_keys text)
returns jsonb language plpgsql stable security invoker set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  k     jsonb;
  found_row jsonb;
  rows  jsonb := '[]';
begin
  if p_keys is null then
    select jsonb_agg(to_jsonb(c) - 'module' - 'updated_at') into rows from strandline.learning_coefficients c where c.scope = 'lever';
    return coalesce(rows, '[]');
  end if;
  for k in select * from jsonb_array_elements(p_keys::jsonb) loop
    select to_jsonb(c) - 'module' - 'updated_at' into found_row from strandline.learning_coefficients c
    where c.scope = 'interaction' and c.key = (k ->> 1) collate "C" and c.name = (k ->> 0) collate "C";
    if found then rows := rows || found_row; end if;
  end loop;
  return rows;
end
$$;

create function public.strandline_compare_interactions(p_sums integer) returns bigint language sql stable security invoker set search_path = '' as $$
  select count(*) from (select distinct p.key, p.name from strandline.learner_partials p where p.model_version = p_sums and p.scope = 'interaction') i
$$;

-- Scored trades of the ledger, as they lie: those of p_blocks blocks from p_block on. {rows: [[event_id, closed_at_ms, rr, levers], …], blocks: how many there are}.
create function public.strandline_compare_trades(p_sums integer, p_block integer, p_blocks integer)
returns jsonb language sql stable security invoker set search_path = '' set plan_cache_mode = force_custom_plan set jit = off as $$
  select jsonb_build_object(
    'blocks', pg_catalog.pg_relation_size('strandline.learner_ledger') / current_setting('block_size')::bigint,
    'rows', coalesce(jsonb_agg(jsonb_build_array(l.event_id, l.closed_at_ms, l.rr, l.levers)), '[]'))
  from strandline.learner_ledger l
  where l.ctid >= format('(%s,0)', p_block)::tid and l.ctid < format('(%s,0)', p_block + p_blocks)::tid
    and l.model_version = p_sums and not l.voided and l.rr is not null
$$;

-- Takes out the strands that our projector wrote, with what the queue has of them: they are made of the log, which can make them again. One that
-- something of others refers to stays. Answers how many went.
create function strandline.remove_own_strands() returns bigint language plpgsql security invoker set search_path = '' as $$
declare
  ids   text[] := array(select t.strand_id from strandline.strands t where not t.adopted and t.strand_id is not null);
  one   text;
  gone  bigint := 0;
begin
  delete from public.learning_queue q using strandline.their_path(), unnest(ids) i where q.strand_id = strandline.queued_strand_key(i);
  perform pg_catalog.set_config('search_path', '', true);
  begin
    delete from public.ad_strands s using strandline.their_path(), unnest(ids) i where s.id = strandline.strand_key(i);
    get diagnostics gone = row_count;
    perform pg_catalog.set_config('search_path', '', true);
  exception when foreign_key_violation or restrict_violation then
    foreach one in array ids loop
      begin
        delete from public.ad_strands s using strandline.their_path() where s.id = strandline.strand_key(one);
        perform pg_catalog.set_config('search_path', '', true);
        gone := gone + 1;
      exception when foreign_key_violation or restrict_violation then null;
      end;
    end loop;
  end;
  return gone;
end
$$;

do $$ begin perform strandline.seal(); end $$;
notify pgrst, 'reload schema';

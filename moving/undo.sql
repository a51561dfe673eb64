-- Takes all that Strandline made out of a database again; nothing of anybody else is dropped, and what is in the way is named. Settings of the
-- transaction say what may be lost, and what stays: strandline.lose_unpublished, strandline.drop_data, strandline.keep_strands ('on'); strandline.versions are those of our migrations.
do $undo$
declare
  r          record;
  waiting    bigint;
  held       text[] := '{}';
  count_of   bigint;
  keep       boolean := coalesce(current_setting('strandline.keep_strands', true), '') = 'on';
  added      jsonb;
  made       text[];
  ours       text[];
  dropped    integer;
  obstacle   text;
  detail     text;
  obstacles  text[];
  bookkeeping boolean;
  known      text[];
begin
  if to_regnamespace('strandline') is null then
    raise exception using errcode = 'ST003', message = 'Strandline is not in this database.';
  end if;
  select string_agg(format('%s (%s)', s.service, s.place), ', ' order by s.service, s.place) into obstacle from strandline.running_services s;
  if obstacle is not null then
    raise exception using errcode = 'ST002', message = format('Services run against this database, and would go on against what is taken away: %s.', obstacle),
      hint = 'Stop them first (Ctrl-C where ./strandline up runs; docker compose stop). One that was killed is forgotten half a minute later.';
  end if;

  -- The tables were locked before this, the outbox too: nobody closes a trade from here on.
  select count(*) into waiting from strandline.pm_outbox where published_at is null;
  if waiting > 0 and coalesce(current_setting('strandline.lose_unpublished', true), '') <> 'on' then
    raise exception using errcode = 'ST002', message = format('%s closed trade(s) wait in the outbox and are not in the log yet: they would be lost.', waiting),
      hint = 'Let the PM publish them (./strandline audit says when none waits), or say --lose-unpublished.';
  end if;

  -- Strands that are kept keep their table.
  select coalesce(array_agg(table_name order by table_name), '{}') into made from strandline.adopted
  where not existed and not (keep and table_name = 'ad_strands');
  if coalesce(current_setting('strandline.drop_data', true), '') <> 'on' then
    foreach obstacle in array made loop
      continue when to_regclass('public.' || obstacle) is null or obstacle = 'learning_coefficients';
      execute format('select count(*) from public.%I', obstacle) into count_of;
      if obstacle = 'ad_strands' then count_of := count_of - (select count(*) from strandline.strands where not adopted and strand_id is not null); end if;
      if obstacle = 'learning_configs' then
        execute 'select count(*) from public.learning_configs where config_data - array[''global_rr'', ''timeframe_weights''] <> ''{}''' into count_of;
      end if;
      if obstacle = 'learning_queue' then count_of := 0; end if;
      if count_of > 0 then held := held || format('%s (%s rows)', obstacle, count_of); end if;
    end loop;
    if held <> '{}' then
      raise exception using errcode = 'ST002', message = format('These tables were made by Strandline, and hold what is in no log: %s.', array_to_string(held, ', ')),
        hint = 'Save what you need of them, and say --drop-data.';
    end if;
  end if;

  perform strandline.restore_readers();
  if keep then
    -- Not noted where we made the table; another migrate makes them again.
    drop trigger if exists strandline_queue_strand on public.ad_strands;
    drop index if exists public.strandline_strands_foreign;
  else
    perform strandline.remove_own_strands();
  end if;

  select coalesce(jsonb_agg(to_jsonb(a)), '[]') into added from strandline.added a;
  for r in select a ->> 'table_name' as t, a ->> 'object' as o from jsonb_array_elements(added) a where a ->> 'kind' = 'trigger' loop
    execute format('drop trigger if exists %I on public.%I', r.o, r.t);
  end loop;
  for r in select a ->> 'object' as o from jsonb_array_elements(added) a where a ->> 'kind' = 'index' loop
    execute format('drop index if exists public.%I', r.o);
  end loop;

  -- What others built on a column of ours alone would go with it without a word.
  select string_agg(distinct pg_describe_object(d.classid, d.objid, d.objsubid), '; ') into obstacle
  from jsonb_array_elements(added) a
  join pg_attribute x on x.attrelid = to_regclass('public.' || quote_ident(a ->> 'table_name')) and x.attname = a ->> 'object' and not x.attisdropped
  join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = x.attrelid and d.refobjsubid = x.attnum and d.deptype = 'a' and d.classid <> 'pg_attrdef'::regclass
  left join pg_constraint k on d.classid = 'pg_constraint'::regclass and k.oid = d.objid
  where a ->> 'kind' = 'column' and k.contype is distinct from 'n'
    and not (k.contype is not distinct from 'c' and k.conkey = array[x.attnum] and k.conname = (a ->> 'table_name') || '_' || (a ->> 'object') || '_check');
  if obstacle is not null then
    raise exception using errcode = 'ST002', message = format('Somebody built on columns that Strandline added: %s.', obstacle), hint = 'Drop that first.';
  end if;

  select coalesce(array_agg(identity), '{}') into known from strandline.objects;
  -- What depends on what, PostgreSQL knows best: what cannot go yet goes in a later round.
  select coalesce(array_agg(s), '{}') into ours from (
    select format('drop %s %s', case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence' when 'f' then 'foreign table' else 'table' end,
                  c.oid::regclass) as s
    from pg_class c where c.relnamespace = 'strandline'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
      and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i') and c.relkind = 'S')
      and exists (select from pg_identify_object('pg_class'::regclass, c.oid, 0) i where i.type || ' ' || i.identity = any (known))
    union all
    select format('drop %s %s', case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end, p.oid::regprocedure)
    from pg_proc p where (p.pronamespace = 'strandline'::regnamespace or (p.pronamespace = 'public'::regnamespace and p.proname like 'strandline\_%'))
      and exists (select from pg_identify_object('pg_proc'::regclass, p.oid, 0) i where i.type || ' ' || i.identity = any (known))
    union all
    select format('drop %s %s', case t.typtype when 'd' then 'domain' else 'type' end, t.oid::regtype)
    from pg_type t left join pg_class tc on tc.oid = t.typrelid
    where t.typnamespace = 'strandline'::regnamespace and (t.typtype in ('d', 'e', 'r') or tc.relkind = 'c')
      and exists (select from pg_identify_object('pg_type'::regclass, t.oid, 0) i where i.type || ' ' || i.identity = any (known))
    union all
    select format('drop view public.%I', m) from unnest(made) m where m = 'learning_coefficients' and to_regclass('public.learning_coefficients') is not null
    union all
    select format('drop table public.%I', m) from unnest(made) m where m <> 'learning_coefficients' and to_regclass('public.' || quote_ident(m)) is not null
    union all
    select format('alter table public.%I drop column %I', a ->> 'table_name', a ->> 'object') from jsonb_array_elements(added) a
    where a ->> 'kind' = 'column' and exists (select from pg_attribute x where x.attrelid = to_regclass('public.' || quote_ident(a ->> 'table_name'))
                                                and x.attname = a ->> 'object' and not x.attisdropped)) all_of_it;
  bookkeeping := exists (select from jsonb_array_elements(added) a where a ->> 'kind' = 'schema' and a ->> 'object' = 'supabase_migrations');
  loop
    exit when cardinality(ours) = 0;
    dropped := 0;
    obstacles := '{}';
    for r in select s from unnest(ours) s loop
      begin
        execute r.s;
        ours := array_remove(ours, r.s);
        dropped := dropped + 1;
      exception when dependent_objects_still_exist then
        get stacked diagnostics detail = pg_exception_detail;
        obstacles := obstacles || string_to_array(detail, E'\n');
      end;
    end loop;
    if dropped = 0 then
      -- ours depend on each other as well: those that are in the way of all are somebody else's
      select string_agg(distinct o, '; ') into obstacle from unnest(obstacles) o
      where split_part(o, ' depends on ', 1) not like '%strandline%' or cardinality(obstacles) = 1;
      raise exception using errcode = 'ST002',
        message = format('Something that is not of Strandline was made on top of it: %s.', coalesce(obstacle, array_to_string(obstacles, '; '))),
        hint = 'Drop that first.';
    end if;
  end loop;
  begin
    drop schema strandline;
  exception when dependent_objects_still_exist then
    get stacked diagnostics obstacle = pg_exception_detail;
    raise exception using errcode = 'ST002', message = format('Somebody made objects in the schema strandline: %s.', replace(obstacle, E'\n', '; ')), hint = 'Move or drop them first.';
  end;

  if to_regclass('supabase_migrations.schema_migrations') is not null then
    delete from supabase_migrations.schema_migrations where version = any (string_to_array(current_setting('strandline.versions'), ','));
    if bookkeeping and not exists (select from supabase_migrations.schema_migrations) then
      drop table supabase_migrations.schema_migrations;
      drop schema supabase_migrations;
    end if;
  end if;
end
$undo$;
notify pgrst, 'reload schema';

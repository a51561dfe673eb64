-- What the projector writes into ad_strands, and how a strand that somebody else inserted is tied to its trade's event. That is kept in a table of
-- ours: a foreign strand's row is never changed.

create table strandline.strands (
  event_id  text    collate "C" primary key,
  topic     text,
  strand_id text,                                    -- its row in ad_strands; null: it has none (see projected)
  adopted   boolean not null default false,          -- the row is somebody else's
  kept      boolean not null default false,          -- of the time before ad_strands was adopted: it gets no row there
  revision  integer,                                 -- null: tied to its event, which has not come by yet
  voided    boolean not null default false,
  projected jsonb                                    -- the strand as the log has it, where ad_strands does not show that
);
create index strands_strand on strandline.strands (strand_id);
create index strands_without_row on strandline.strands (event_id) where strand_id is null;

-- Second strands of somebody else for one trade: the first one is adopted.
create table strandline.duplicate_strands (
  strand_id text primary key,
  event_id  text not null
);

create type strandline.strand as (
  id text, module text, kind text, symbol text, timeframe text, session_bucket text, tags jsonb, target_agent text, created_at timestamptz, updated_at timestamptz,
  position_id text, trade_id text, parent_id text, signal_pack jsonb, content jsonb, module_intelligence jsonb, regime_context jsonb, status text, metadata jsonb
);

-- p_row: a row of ad_strands, by to_jsonb, whatever types its columns have. What cannot be read is null.
create function strandline.read_strand(p_row jsonb)
returns strandline.strand language plpgsql stable security invoker set search_path = '' set timezone = 'UTC' as $$
declare
  s strandline.strand;
  c record;
  v_row jsonb := p_row || jsonb_build_object('tags', strandline.as_jsonb(p_row -> 'tags'), 'content', strandline.as_jsonb(p_row -> 'content'),
    'signal_pack', strandline.as_jsonb(p_row -> 'signal_pack'), 'module_intelligence', strandline.as_jsonb(p_row -> 'module_intelligence'),
    'regime_context', strandline.as_jsonb(p_row -> 'regime_context'), 'metadata', strandline.as_jsonb(p_row -> 'metadata'));
begin
  return jsonb_populate_record(null::strandline.strand, v_row);
exception when data_exception then
  for c in select e.key, e.value from jsonb_each(v_row) e loop
    begin
      s := jsonb_populate_record(s, jsonb_build_object(c.key, c.value));
    exception when data_exception then null;
    end;
  end loop;
  return s;
end
$$;

-- A row of ad_strands for those that read it: every column of it, JSON as JSON whatever it is kept as.
create function strandline.shown_strand(p_row jsonb) returns jsonb language sql stable security invoker set search_path = '' set timezone = 'UTC' as $$
  select p_row || to_jsonb(strandline.read_strand(p_row)) || jsonb_build_object(
    'entry_context', strandline.as_jsonb(p_row -> 'entry_context'), 'completed_trades', strandline.as_jsonb(p_row -> 'completed_trades'))
$$;

-- What depends on the types of ad_strands: which strands of somebody else are of a given trade, and which rows are ours. The two ids of a trade are in the
-- columns, or (older shape) in the content alone; long ones are compared by their beginning, so that no foreign row becomes too long for the index.
do $$
declare
  v_columns  jsonb := (select jsonb_object_agg(a.attname, format_type(a.atttypid, null)) from pg_attribute a
                       where a.attrelid = 'public.ad_strands'::regclass and a.attnum > 0 and not a.attisdropped);
  v_metadata boolean := v_columns ->> 'metadata' in ('jsonb', 'json');
  v_text     boolean := v_columns ->> 'content' <> 'jsonb';
  v_projected text := case when v_columns ->> 'metadata' = 'json' then 'strandline.text_field(metadata::text, ''projected_by'')' else 'metadata ->> ''projected_by''' end;
  v_field    text;
  v_ids      text[];
  v_foreign  text := 'kind = ''position_closed''';
begin
  if v_text or v_columns ->> 'metadata' = 'json' then
    -- A field of JSON that may be none, or that an operator refuses (\u0000): an old writer must be able to insert it as before. An index calls it as whoever inserts a strand: so everybody may.
    create function strandline.text_field(p_json text, p_name text) returns text language plpgsql immutable security invoker set search_path = '' as $f$
    begin
      return p_json::json ->> p_name;
    exception when data_exception then
      return null;
    end
    $f$;
    grant execute on function strandline.text_field(text, text) to public;
  end if;
  foreach v_field in array array['position_id', 'trade_id'] loop
    v_ids := v_ids || format('left(coalesce(%s%s), 255)', case when v_columns ? v_field then format('%I::text, ', v_field) else '' end,
      case when v_text then format('strandline.text_field(content::text, %L)', v_field) else format('content ->> %L', v_field) end);
  end loop;
  if v_metadata then v_foreign := v_foreign || format(' and %s is null', v_projected); end if;
  execute format('create index strandline_strands_foreign on public.ad_strands ((%s), (%s)) where %s', v_ids[1], v_ids[2], v_foreign);
  perform strandline.note('index', 'ad_strands', 'strandline_strands_foreign');

  -- Of these strands of ours (as for strandline_projector_commit), those of somebody else for the same trade, not tied yet; the oldest first.
  execute format($f$
    create function strandline.foreign_strands(p_rows jsonb) returns table (event_id text, strand_id text)
    language plpgsql stable security invoker set search_path = '' set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off set jit = off as $b$
    begin
      return query select r.metadata ->> 'event_id', s.id::text
      from jsonb_to_recordset(p_rows) as r(position_id text, trade_id text, metadata jsonb)
      cross join lateral (
        select x.id, strandline.row_jsonb(x) ->> 'created_at' as created_at from public.ad_strands x
        where %1$s and %2$s = left(r.position_id, 255) and %3$s = left(r.trade_id, 255) offset 0) s
      where not exists (select 1 from strandline.strands t where t.strand_id = s.id::text)
        and not exists (select 1 from strandline.duplicate_strands d where d.strand_id = s.id::text)
      order by s.created_at, s.id;
    end
    $b$ $f$, v_foreign, v_ids[1], v_ids[2]);

  -- For audits, counted from the table itself: trades (distinct events), the rows that hold them, and how many are retracted or adopted. rows > events is a
  -- trade counted twice. Trades that have no row in ad_strands of their own (see strandline_projector_commit) are rows of strandline.strands.
  execute format($f$
    create function public.strandline_strands_event_count() returns jsonb language sql stable security invoker set search_path = '' as $b$
      select jsonb_build_object(
        'events', (select count(*) from strandline.strands),
        'rows', (select count(*) from public.ad_strands s left join (select distinct strand_id from strandline.strands) t on t.strand_id = s.id::text
                 where s.kind = 'position_closed' and (t.strand_id is not null%s))
                + (select count(*) from strandline.strands t where t.strand_id is null),
        'voided', (select count(*) from strandline.strands t where t.voided),
        'adopted', (select count(*) from strandline.strands t where t.adopted))
    $b$ $f$, case when v_metadata then format(' or %s = ''strandline''', v_projected) else '' end);
end $$;

-- Closed trades as readers want them: every column of the strand, then its content flattened. Retracted trades and second strands of one trade are left
-- out. An adopted strand keeps its own content; where the log knows more, the flattened columns show that. In a table that we made, the columns are read
-- as they are, so that its indexes serve.
do $$
declare
  v_columns text[] := '{id,module,kind,symbol,timeframe,session_bucket,tags,target_agent,created_at,updated_at,position_id,trade_id,parent_id,signal_pack,content,module_intelligence,regime_context,status,metadata}';
  v_read    text := (select string_agg('a.' || c, ', ') from unnest(v_columns) c);
  v_kept    text := (select string_agg('k.' || c, ', ') from unnest(v_columns) c);
begin
  execute format($f$
    create view strandline.position_closed_strands with (security_invoker = true) as
    select %1$s, r.event_id, r.revision,
           coalesce(r.projected -> 'metadata', r.metadata) ->> 'source' as source,
           c.body ->> 'chain' as chain,
           coalesce(c.body ->> 'token', c.body ->> 'token_contract') as token,
           c.body ->> 'decision_type' as decision_type,
           coalesce((r.projected -> 'content' ->> 'ts')::timestamptz, r.created_at) as closed_at,
           case when jsonb_typeof(t.trade -> 'entry_price') = 'number' then (t.trade ->> 'entry_price')::double precision end as entry_price,
           case when jsonb_typeof(t.trade -> 'exit_price') = 'number' then (t.trade ->> 'exit_price')::double precision end as exit_price,
           case when jsonb_typeof(t.trade -> 'rr') = 'number' then (t.trade ->> 'rr')::double precision end as rr,
           case when jsonb_typeof(t.trade -> 'return') = 'number' then (t.trade ->> 'return')::double precision end as "return",
           case when jsonb_typeof(t.trade -> 'net_return') = 'number' then (t.trade ->> 'net_return')::double precision end as net_return,
           case when jsonb_typeof(t.trade -> 'max_drawdown') = 'number' then (t.trade ->> 'max_drawdown')::double precision end as max_drawdown,
           case when jsonb_typeof(t.trade -> 'max_gain') = 'number' then (t.trade ->> 'max_gain')::double precision end as max_gain,
           c.body -> 'entry_context' as entry_context,
           c.body -> 'completed_trades' as completed_trades,
           c.body -> 'trade_summary' as trade_summary
    from (
      select %2$s, t.event_id, t.revision, t.projected
      from public.ad_strands s left join strandline.strands t on t.strand_id = s.id::text
      cross join lateral %3$s a
      where s.kind = 'position_closed' and t.voided is not true
        and not exists (select 1 from strandline.duplicate_strands d where d.strand_id = s.id::text)
      union all
      select %4$s, t.event_id, t.revision, t.projected
      from strandline.strands t cross join lateral strandline.read_strand(t.projected) k
      where t.strand_id is null and t.projected is not null and not t.voided) r
    cross join lateral (select coalesce(r.projected -> 'content', r.content) as body) c
    cross join lateral (select coalesce(c.body -> 'trade_summary', c.body -> 'completed_trades' -> -1) as trade) t
    $f$, (select string_agg('r.' || c, ', ') from unnest(v_columns) c), v_read,
    case when strandline.made('ad_strands') then '(select ' || (select string_agg('s.' || c, ', ') from unnest(v_columns) c) || ')'
         else 'strandline.read_strand(strandline.row_jsonb(s))' end, v_kept);
end $$;

-- This row is in ad_strands, and a closed trade.
create function strandline.is_closed_strand(p_strand_id text) returns boolean language plpgsql stable security invoker
set search_path = '' set enable_seqscan = off as $$
begin
  return exists (select from public.ad_strands s where s.id = strandline.strand_key(p_strand_id) and s.kind = 'position_closed');
end
$$;

-- Ties a strand that somebody else inserted (the old PM) to the trade's event. Why: older readers select from ad_strands by kind, so a second row of ours
-- would show them the trade twice. Theirs stays as it is, because others may point at it; ours is derived from the log and gives way, whichever came
-- first, where the table lets it. Of two foreign strands of one trade the first is adopted, as long as it is there, and the second noted as its duplicate.
-- Returns {status: 'adopted' | 'duplicate' (with "of") | 'not_found' (no such strand, not a position_closed one, or our own)}.
create function strandline.adopt(p_strand_id text, p_event_id text)
returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  v_known strandline.strands;
  v_ours  jsonb;
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('strandline_adopt'));
  if not strandline.is_closed_strand(p_strand_id) or exists (select 1 from strandline.strands t where t.strand_id = p_strand_id and not t.adopted) then
    return jsonb_build_object('status', 'not_found');
  end if;
  select * into v_known from strandline.strands t where t.event_id = p_event_id for update;
  if v_known.adopted and v_known.strand_id = p_strand_id then return jsonb_build_object('status', 'adopted'); end if;
  if v_known.adopted and strandline.is_closed_strand(v_known.strand_id) then
    insert into strandline.duplicate_strands (strand_id, event_id) values (p_strand_id, p_event_id) on conflict do nothing;
    return jsonb_build_object('status', 'duplicate', 'of', v_known.strand_id);
  end if;
  if v_known.strand_id is not null and not v_known.adopted then
    begin
      delete from public.ad_strands s using strandline.their_path()
      where s.id = strandline.strand_key(v_known.strand_id) returning to_jsonb(strandline.read_strand(strandline.row_jsonb(s))) into v_ours;
      perform pg_catalog.set_config('search_path', '', true);
    exception when others or assert_failure then   -- something refers to ours: it stays
      if not strandline.is_rows_fault(sqlstate) then raise; end if;
      insert into strandline.duplicate_strands (strand_id, event_id) values (p_strand_id, p_event_id) on conflict do nothing;
      return jsonb_build_object('status', 'duplicate', 'of', v_known.strand_id);
    end;
  end if;
  insert into strandline.strands as t (event_id, strand_id, adopted) values (p_event_id, p_strand_id, true)
  on conflict (event_id) do update set strand_id = excluded.strand_id, adopted = true, projected = coalesce(v_ours, t.projected);
  delete from strandline.duplicate_strands d where d.strand_id = p_strand_id;
  delete from strandline.set_aside a where a.kind = 'projection' and a.id = p_event_id;
  return jsonb_build_object('status', 'adopted');
end
$$;

-- Adopted strands whose row is gone (the old system prunes them, or writes them anew) show their trade no more. Where the trade comes by again, as it is
-- known or newer, the oldest of its duplicates follows; where there is none its tie goes, and the projector makes one of ours.
-- p_rows: rows as those of strandline_projector_commit, by event.
create function strandline.untie_gone(p_rows jsonb) returns void language plpgsql security invoker
set search_path = '' set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
  c      record;
  v_heir text;
begin
  for c in
    select k.event_id, k.strand_id from jsonb_each(p_rows) e
    cross join lateral (select t.event_id, t.strand_id, t.revision from strandline.strands t where t.event_id = e.key and t.adopted offset 0) k
    where coalesce(k.revision, 0) <= (e.value -> 'metadata' ->> 'revision')::integer and not strandline.is_closed_strand(k.strand_id)
    order by k.event_id
  loop
    select d.strand_id into v_heir from strandline.duplicate_strands d join public.ad_strands s on s.id = strandline.strand_key(d.strand_id)
    where d.event_id = c.event_id and s.kind = 'position_closed' order by strandline.row_jsonb(s) ->> 'created_at', s.id limit 1;
    delete from strandline.duplicate_strands d where d.event_id = c.event_id and (v_heir is null or d.strand_id = v_heir);
    if v_heir is null then delete from strandline.strands t where t.event_id = c.event_id and t.strand_id = c.strand_id;
    else update strandline.strands t set strand_id = v_heir where t.event_id = c.event_id and t.strand_id = c.strand_id; end if;
  end loop;
end
$$;

-- Names of p_columns that ad_strands has.
create function strandline.strand_columns(p_columns text[]) returns text[] language plpgsql stable security invoker set search_path = '' as $$
begin
  return (select array_agg(a.attname::text order by a.attnum) from pg_catalog.pg_attribute a
    where a.attrelid = 'public.ad_strands'::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and a.attname = any (p_columns));
end
$$;

-- One of these rows is in ad_strands. By its index, also with a plan of the first, empty days.
create function strandline.any_strand_there(p_rows jsonb) returns boolean language plpgsql stable security invoker
set search_path = '' set enable_seqscan = off as $$
begin
  return exists (select from jsonb_array_elements(p_rows) r
    cross join lateral (select from public.ad_strands s where s.id = strandline.strand_key(r.value ->> 'id') offset 0) s);
end
$$;

-- Strands of ours: rows that are there are made what p_rows say, the others are made (one without an id gets the table's). Returns their ids.
-- Errors: what the table refuses.
create function strandline.put_strands(p_rows jsonb)
returns text[] language plpgsql security invoker set search_path = '' set timezone = 'UTC' set enable_seqscan = on as $$
declare
  v_set   text;
  v_names text;
  v_there text[] := '{}';
  v_new   jsonb;
  v_ids   text[] := '{}';
begin
  if strandline.any_strand_there(p_rows) then   -- a correction, a replay
    v_set := (select string_agg(quote_ident(c), ', ') from unnest(strandline.strand_columns(
      '{symbol,timeframe,created_at,updated_at,position_id,trade_id,content,regime_context,status,metadata}')) c);
    execute format('with there as (
        update public.ad_strands s set (%1$s) = (select %1$s from jsonb_populate_record(s, r.value))
        from strandline.their_path(), jsonb_array_elements($1) r where s.id = strandline.strand_key(r.value ->> ''id'') returning s.id)
      select coalesce(array_agg(id::text), ''{}'') from there', v_set) into v_there using p_rows;
    perform pg_catalog.set_config('search_path', '', true);
  end if;
  select jsonb_agg(r.value) into v_new from jsonb_array_elements(p_rows) r where not coalesce(r.value ->> 'id' = any (v_there), false);
  if v_new is not null then
    select string_agg(quote_ident(c), ', ') into v_names from unnest(strandline.strand_columns(array(
      select k from jsonb_object_keys(v_new -> 0) k where v_new -> 0 -> k <> 'null'))) c;
    execute format('with made as (insert into public.ad_strands (%1$s) overriding system value
      select %1$s from strandline.their_path(), jsonb_populate_recordset(null::public.ad_strands, $1) returning id) select array_agg(id::text) from made', v_names)
      into v_ids using v_new;
    perform pg_catalog.set_config('search_path', '', true);
  end if;
  return v_there || v_ids;
end
$$;

-- A strand of ours, as far as the table takes it: without the ids that its columns cannot hold or do not know (they are in its content as well); a
-- retracted one whose status the table does not know has no row. What is refused all the same is set aside with the reason; a row that was there
-- stays as it was. What is no row's fault (a deadlock, no room, a shutdown) is raised. Returns {id: of its row or null, refused}.
create function strandline.try_strand(p_row jsonb) returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  v_event text := p_row -> 'metadata' ->> 'event_id';
  v_id    text;
  v_why   text;
begin
  begin
    v_id := (strandline.put_strands(jsonb_build_array(p_row)))[1];
  exception when others or assert_failure then
    if not strandline.is_rows_fault(sqlstate) then raise; end if;
    begin
      v_id := (strandline.put_strands(jsonb_build_array(p_row || '{"position_id": null, "trade_id": null}')))[1];
    exception when others or assert_failure then
      if not strandline.is_rows_fault(sqlstate) then raise; end if;
      v_why := sqlerrm;
      if p_row ->> 'status' = 'voided' then
        begin
          delete from public.ad_strands s using strandline.their_path() where s.id = strandline.strand_key(p_row ->> 'id');
          perform pg_catalog.set_config('search_path', '', true);
          v_why := null;
        exception when others or assert_failure then
          if not strandline.is_rows_fault(sqlstate) then raise; end if;
        end;
      end if;
      select s.id::text into v_id from public.ad_strands s where s.id = strandline.strand_key(p_row ->> 'id');
    end;
  end;
  if v_why is null then
    delete from strandline.set_aside a where a.kind = 'projection' and a.id = v_event;
  else
    insert into strandline.set_aside as a (kind, id, scope, reason) values ('projection', v_event, p_row ->> 'timeframe', v_why)
    on conflict (kind, id) do update set reason = excluded.reason, attempts = a.attempts + 1;
  end if;
  return jsonb_build_object('id', v_id, 'refused', v_why is not null);
end
$$;

-- One batch of the projector: fence, strands and position in one transaction.
-- p_rows: a JSON array, as text, of ad_strands rows (domain/strand.ts). A row replaces a strand only with a higher metadata.revision; of equal
-- ones the first stays. A trade of the time before ad_strands was adopted gets no row there, unless it is our PM that closed it: readers would take the
-- past for news; but for one that has it, as an undo kept our strands. Plans are kept, so they go by indexes from the first, empty days on: one that scans would scan for ever.
-- Returns {status: 'ok', written, adopted, kept (without a row), set_aside} or {status: 'fenced' | 'stale'}, which changed nothing.
create function public.strandline_projector_commit(
  p_consumer text, p_topic text, p_partition integer, p_epoch bigint, p_version bigint, p_next bigint, p_commit uuid, p_rows text,
  p_seen text default null, p_checkpoint bigint default null, p_sync boolean default true)
returns jsonb language plpgsql security invoker set search_path = '' set enable_seqscan = off as $$
declare
  v_held    text;
  v_since   timestamptz := (select a.at from strandline.adopted a where a.table_name = 'ad_strands' and a.existed);
  v_key     text := pg_typeof(strandline.strand_key(''));
  v_rows    jsonb;   -- by event
  v_changed jsonb;   -- rows of ours that are to be written
  v_ids     text[] := '{}';
  v_foreign boolean := false;
  v_adopted integer;
  v_kept    integer;
  v_aside   integer := 0;
  c         record;
  v_id      text;
  v_tried   jsonb;
begin
  if not p_sync then perform strandline.restorable(); end if;
  v_held := strandline.fence(p_consumer, p_topic, p_partition, p_epoch, p_version, p_checkpoint);
  if v_held <> 'ok' then return jsonb_build_object('status', v_held); end if;

  select coalesce(jsonb_object_agg(i.event_id, i.row), '{}') into v_rows from (
    select distinct on (r.value -> 'metadata' ->> 'event_id') r.value -> 'metadata' ->> 'event_id' as event_id,
      r.value || jsonb_build_object('updated_at', now()) as row
    from jsonb_array_elements(p_rows::jsonb) with ordinality as r
    order by r.value -> 'metadata' ->> 'event_id', (r.value -> 'metadata' ->> 'revision')::integer desc, r.ordinality) i;

  -- Strands of somebody else for these trades, not tied to their event yet. Rare: usually the bridge did it before the event was published.
  for c in select f.event_id, f.strand_id from strandline.foreign_strands((select coalesce(jsonb_agg(e.value), '[]') from jsonb_each(v_rows) e)) f loop
    perform strandline.adopt(c.strand_id, c.event_id);
    v_foreign := true;
  end loop;
  if not v_foreign then
    -- An adoption by the bridge waits for this commit, or this commit for it: otherwise both could make the trade's one strand.
    perform pg_catalog.pg_advisory_xact_lock_shared(pg_catalog.hashtext('strandline_adopt'));
  end if;

  perform strandline.untie_gone(v_rows);

  -- Our rows' ids follow from the event, where they are no numbers: those the table gives.
  with put as (
    insert into strandline.strands as t (event_id, topic, strand_id, revision, voided, kept, projected)
    select e.key, p_topic, case when not k.kept then o.id end,
      (e.value -> 'metadata' ->> 'revision')::integer, e.value ->> 'status' = 'voided', k.kept, case when k.kept then e.value - 'updated_at' end
    from jsonb_each(v_rows) e
    cross join lateral (select case when v_key in ('bigint', 'integer') then null when v_key = 'uuid' then substr(e.value ->> 'id', length('position_closed_') + 1)
                                    else e.value ->> 'id' end as id) o
    cross join lateral (select coalesce((e.value ->> 'created_at')::timestamptz < v_since, false) and e.value -> 'metadata' ->> 'source' <> 'pm'
                                 and not strandline.any_strand_there(jsonb_build_array(jsonb_build_object('id', o.id))) as kept) k
    order by e.key
    on conflict (event_id) do update set topic = excluded.topic, revision = excluded.revision, voided = excluded.voided,
      strand_id = case when t.adopted or t.kept then t.strand_id else coalesce(t.strand_id, excluded.strand_id) end,
      projected = case when t.adopted or t.kept then (v_rows -> excluded.event_id) - 'updated_at' end
      where coalesce(t.revision, -1) < excluded.revision
        -- somebody deleted our row, or it was refused: a replay makes it again
        or t.revision = excluded.revision and not t.adopted and (
          t.strand_id is not null and not exists (select 1 from public.ad_strands s where s.id = strandline.strand_key(t.strand_id))
          or exists (select 1 from strandline.set_aside a where a.kind = 'projection' and a.id = t.event_id))
    returning t.event_id, t.strand_id, t.adopted, t.kept and not t.adopted as kept
  )
  select coalesce(jsonb_agg((v_rows -> put.event_id) || jsonb_build_object('id', put.strand_id)) filter (where not put.adopted and not put.kept), '[]'),
         count(*) filter (where put.adopted), count(*) filter (where put.kept) into v_changed, v_adopted, v_kept from put;

  -- All at once where the table takes them, else one by one.
  if v_changed <> '[]' then
    begin
      if v_key in ('bigint', 'integer') then raise integrity_constraint_violation; end if;
      v_ids := strandline.put_strands(v_changed);
      delete from strandline.set_aside a using jsonb_array_elements(v_changed) x where a.kind = 'projection' and a.id = x.value -> 'metadata' ->> 'event_id';
    exception when others or assert_failure then
      if not strandline.is_rows_fault(sqlstate) then raise; end if;
      if strandline.made('ad_strands') and sqlstate like '22%' then raise; end if;
      for c in select x.value as row from jsonb_array_elements(v_changed) x loop
        v_tried := strandline.try_strand(c.row);
        v_id := v_tried ->> 'id';
        update strandline.strands t set strand_id = v_id, projected = case when v_id is null or (v_tried ->> 'refused')::boolean then c.row - 'updated_at' - 'id' end
        where t.event_id = c.row -> 'metadata' ->> 'event_id';
        if (v_tried ->> 'refused')::boolean then v_aside := v_aside + 1; elsif v_id is not null then v_ids := v_ids || v_id; end if;
      end loop;
    end;
  end if;

  perform strandline.settle_own_strands(v_ids);
  perform strandline.advance(p_consumer, p_topic, p_partition, p_next, p_commit, p_seen::jsonb);
  return jsonb_build_object('status', 'ok', 'written', cardinality(v_ids), 'adopted', v_adopted, 'kept', v_kept, 'set_aside', v_aside);
end
$$;

-- Our own strands are no news to the learner: the queue's rows for them are done in the transaction that made them.
create function strandline.settle_own_strands(p_ids text[]) returns void language plpgsql security invoker set search_path = '' set enable_seqscan = on as $$
begin
  if cardinality(p_ids) = 0 then return; end if;
  execute 'update public.learning_queue q set status = ''completed''' || case when exists (
      select from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid where a.attrelid = 'public.learning_queue'::regclass
        and a.attname = 'processed_at' and not a.attisdropped and a.attgenerated = '' and t.typcategory in ('D', 'S'))
    then ', processed_at = now()' else '' end
    || ' from strandline.their_path(), unnest($1) i where q.strand_id = strandline.queued_strand_key(i) and q.status = ''pending''' using p_ids;
  perform pg_catalog.set_config('search_path', '', true);
end
$$;

do $$ begin perform strandline.seal(); end $$;

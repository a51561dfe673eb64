-- `strandline backfill`: closed trades of the past, from strands and from lowcap_positions.completed_trades, into the outbox.

-- One run of it, from the first row to the last; a run that was broken off is gone on with where its last transaction left it.
create table strandline.backfill_runs (
  id          bigint      generated always as identity primary key,
  since       text        not null default '',                 -- as it was asked for; '': everything
  owner       text        not null,                            -- the process that has it; another one that takes it over fences this one
  source      text        not null default 'strands',          -- strands, then positions
  after       text,                                            -- the last key that was read of the source
  visited     bigint      not null default 0,                  -- rows of the source that were read
  published   bigint      not null default 0,
  known       bigint      not null default 0,
  report      jsonb       not null default '{}',               -- what the command counts itself (services/pm/sources/backfill-report.ts)
  refused     jsonb       not null default '[]',               -- what the newest step was taken without; of earlier ones the report has it
  last_outbox bigint,                                          -- the newest row of the outbox when the run had read everything
  started_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  finished_at timestamptz
);

-- How many rows the source has: counted where they are few, else as the statistics have it.
create function strandline.about(p_table regclass) returns bigint language plpgsql stable security invoker set search_path = '' as $$
declare
  estimate bigint := (select reltuples::bigint from pg_catalog.pg_class where oid = p_table);
  counted  bigint;
begin
  if estimate > 200000 then return estimate; end if;
  execute format('select count(*) from (select from %s limit 200001) t', p_table) into counted;
  return counted;
end
$$;

create function strandline.backfill_state(p_run strandline.backfill_runs) returns jsonb language sql stable security invoker set search_path = '' as $$
  select jsonb_build_object('run', p_run.id, 'since', p_run.since, 'source', p_run.source, 'after', p_run.after, 'visited', p_run.visited,
    'published', p_run.published, 'known', p_run.known, 'report', p_run.report, 'refused', p_run.refused, 'started_at', p_run.started_at)
$$;

-- What there is to read: {strands, positions (about how many rows), now (ms)}.
create function public.strandline_backfill_sizes() returns jsonb language sql stable security invoker set search_path = '' as $$
  select jsonb_build_object('strands', strandline.about('public.ad_strands'), 'positions', strandline.about('public.lowcap_positions'),
    'now', strandline.pm_ms(clock_timestamp()))
$$;

-- Takes the run that was broken off (asked for with the same p_since), or begins one. Returns its state, with `resumed`.
create function public.strandline_backfill_begin(p_owner text, p_since text) returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  r strandline.backfill_runs;
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('strandline_backfill'));
  update strandline.backfill_runs b set owner = p_owner, updated_at = now()
  where b.id = (select id from strandline.backfill_runs where finished_at is null and since = p_since order by id desc limit 1) returning * into r;
  if r.id is not null then return strandline.backfill_state(r) || '{"resumed": true}'; end if;
  insert into strandline.backfill_runs (owner, since) values (p_owner, p_since) returning * into r;
  return strandline.backfill_state(r) || '{"resumed": false}';
end
$$;

-- The next p_limit rows of ad_strands behind p_after (null: from the first), of any kind, so that one page costs the same whatever they are; of large
-- ones fewer. Returns {rows: [{id, strand (JSON as text)}, …] of the closed trades that somebody else wrote, visited, last, more, now, position_ids}.
create function public.strandline_backfill_strands(p_after text, p_limit integer)
returns jsonb language plpgsql stable security invoker
set search_path = '' set timezone = 'UTC' set plan_cache_mode = force_custom_plan set enable_sort = off as $$
declare
  after_key public.ad_strands.id%type := strandline.strand_key(p_after);
  page      jsonb;
begin
  with seen as materialized (
    select s.id, case when s.kind = 'position_closed' then strandline.strand_text(strandline.row_jsonb(s)) end as strand
    from public.ad_strands s where after_key is null or s.id > after_key order by s.id limit p_limit
  ), sized as (
    select s.*, row_number() over w as n, sum(coalesce(length(s.strand), 0)) over w as bytes from seen s window w as (order by s.id)
  ), taken as (
    select z.*, not exists (select 1 from strandline.strands t where t.strand_id = z.id::text and not t.adopted) as theirs
    from sized z where z.n = 1 or z.bytes <= 4000000
  )
  select jsonb_build_object(
    'rows', coalesce(jsonb_agg(jsonb_build_object('id', t.id::text, 'strand', t.strand) order by t.id) filter (where t.strand is not null and t.theirs), '[]'),
    'visited', count(*), 'last', (array_agg(t.id::text order by t.id desc))[1],
    'more', count(*) = p_limit or count(*) < (select count(*) from seen),
    'now', strandline.pm_ms(clock_timestamp()), 'position_ids', pg_catalog.pg_typeof(strandline.position_key(null))::text) into page
  from taken t;
  return page;
end
$$;

-- The same of lowcap_positions: {rows: [{id, position (JSON as text: what tradesOfPosition reads)}, …] of those whose completed_trades hold something}.
create function public.strandline_backfill_positions(p_after text, p_limit integer)
returns jsonb language plpgsql stable security invoker
set search_path = '' set timezone = 'UTC' set plan_cache_mode = force_custom_plan set enable_sort = off as $$
declare
  after_key public.lowcap_positions.id%type := strandline.position_key(p_after);
  page      jsonb;
begin
  with seen as materialized (
    select p.id, case when coalesce(p.completed_trades::text, '') not in ('', '[]', 'null') then (
      select jsonb_build_object('id', p.id::text, 'token_ticker', r.it -> 'token_ticker', 'token_contract', r.it -> 'token_contract', 'token_chain', r.it -> 'token_chain',
        'timeframe', r.it -> 'timeframe', 'side', r.it -> 'side', 'entry_context', r.it -> 'entry_context', 'regime_context', r.it -> 'regime_context',
        'completed_trades', r.it -> 'completed_trades', 'running', p.total_quantity > 0 or p.status = 'active')::text
      from (select strandline.row_jsonb(p) as it offset 0) r) end as position
    from public.lowcap_positions p where after_key is null or p.id > after_key order by p.id limit p_limit
  ), sized as (
    select s.*, row_number() over w as n, sum(coalesce(length(s.position), 0)) over w as bytes from seen s window w as (order by s.id)
  ), taken as (
    select z.* from sized z where z.n = 1 or z.bytes <= 4000000
  )
  select jsonb_build_object(
    'rows', coalesce(jsonb_agg(jsonb_build_object('id', t.id::text, 'position', t.position) order by t.id) filter (where t.position is not null), '[]'),
    'visited', count(*), 'last', (array_agg(t.id::text order by t.id desc))[1],
    'more', count(*) = p_limit or count(*) < (select count(*) from seen),
    'now', strandline.pm_ms(clock_timestamp())) into page
  from taken t;
  return page;
end
$$;

-- One step of a run, in one transaction: trades into the outbox, and how far it is. A step that was taken already (the answer was lost) is not taken twice:
-- its run is behind p_from no more.
-- What is refused of it is kept with the run in the same transaction: p_step was sent before anybody knew.
-- p_rows: JSON array, as text, as strandline.take_trades has it; p_step: {in (the source that was read), from (behind this key), source, after, visited,
-- report: where the run is behind this step}.
-- p_each: as that of strandline_bridge_settle.
-- Returns {status: 'ok', published, known, refused: [{strand_id | null, position_id, trade_id, reason}, …]}, {status: 'page', reason} (nothing happened:
-- ask with p_each), or {status: 'fenced' | 'stale'} with the state of the run.
create function public.strandline_backfill_step(p_run bigint, p_owner text, p_step text, p_rows text, p_each boolean)
returns jsonb language plpgsql security invoker set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  step    jsonb := p_step::jsonb;
  given   jsonb := p_rows::jsonb;
  r       strandline.backfill_runs;
  row_    jsonb;
  answer  jsonb;
  added   integer := 0;
  lacking jsonb := '[]';
  state   text;
begin
  -- Before everything else: the order in which the bridge and the projector take their locks.
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('strandline_adopt'));
  select * into r from strandline.backfill_runs where id = p_run for update;
  if r.owner is distinct from p_owner or r.finished_at is not null then return strandline.backfill_state(r) || '{"status": "fenced"}'; end if;
  if r.source <> step ->> 'in' or r.after is distinct from step ->> 'from' then return strandline.backfill_state(r) || '{"status": "stale"}'; end if;

  if given <> '[]' and not p_each then
    begin
      added := (strandline.take_trades(given, null, 0) ->> 'added')::integer;
    exception when others or assert_failure then
      get stacked diagnostics state = returned_sqlstate;
      if not strandline.is_rows_fault(state) then raise; end if;   -- no row's fault: a deadlock, no room, a shutdown
      return jsonb_build_object('status', 'page', 'reason', sqlerrm);
    end;
  elsif given <> '[]' then
    for row_ in select v from jsonb_array_elements(given) v loop
      begin
        added := added + (strandline.take_trades(jsonb_build_array(row_), null, 0) ->> 'added')::integer;
      exception when others or assert_failure then
        get stacked diagnostics state = returned_sqlstate;
        if not strandline.is_rows_fault(state) then raise; end if;
        lacking := lacking || jsonb_build_object('strand_id', row_ -> 'strand_id', 'position_id', row_ -> 'event' -> 'position_id',
          'trade_id', row_ -> 'event' -> 'trade_id', 'reason', sqlerrm);
      end;
    end loop;
  end if;
  update strandline.backfill_runs b set source = step ->> 'source', after = step ->> 'after', visited = (step ->> 'visited')::bigint,
    published = b.published + added, known = b.known + jsonb_array_length(given) - jsonb_array_length(lacking) - added,
    report = step -> 'report', refused = lacking, updated_at = now()
  where b.id = p_run;
  return jsonb_build_object('status', 'ok', 'published', added, 'known', jsonb_array_length(given) - jsonb_array_length(lacking) - added, 'refused', lacking);
end
$$;

-- The run has read everything. Returns {status: 'ok' | 'fenced', last_outbox}.
create function public.strandline_backfill_end(p_run bigint, p_owner text, p_report text) returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  r strandline.backfill_runs;
begin
  update strandline.backfill_runs b set finished_at = coalesce(b.finished_at, now()), report = p_report::jsonb, refused = '[]',
    last_outbox = coalesce(b.last_outbox, (select max(id) from strandline.pm_outbox), 0)
  where b.id = p_run and b.owner = p_owner returning * into r;
  return jsonb_build_object('status', case when r.id is null then 'fenced' else 'ok' end, 'last_outbox', r.last_outbox);
end
$$;

-- Which of these trades the log has already, by either name. p_events: JSON array, as text, of events; returns their places in it, from 0.
create function public.strandline_backfill_known(p_events text) returns jsonb language sql stable security invoker set search_path = '' as $$
  select coalesce(jsonb_agg(n - 1 order by n), '[]')
  from jsonb_array_elements(p_events::jsonb) with ordinality as x (e, n)
  where exists (select 1 from strandline.pm_outbox o where o.event_id = strandline.event_of_trade(e))
$$;

-- Trades of backfills that no relay has published yet, up to this row of the outbox; counted to 100,000.
-- Returns {waiting, refused (those of them that are at fault themselves), error (why the newest of them that has a reason is not published)}.
create function public.strandline_backfill_waiting(p_last bigint) returns jsonb language sql stable security invoker set search_path = '' as $$
  select jsonb_build_object('waiting', count(*), 'refused', count(*) filter (where w.refused),
    'error', (array_agg(w.last_error order by w.id desc) filter (where w.last_error is not null))[1])
  from (select o.id, o.refused, o.last_error from strandline.pm_outbox o
        where o.published_at is null and o.id <= p_last and o.payload ->> 'source' = 'backfill' order by o.id limit 100000) w
$$;

do $$ begin perform strandline.seal(); end $$;

-- Closed trades that others recorded (strands, completed_trades) on their way into the outbox, many in one transaction: each counted once, whoever
-- brings it, the bridge, the backfill or our own close.

-- Ties strands to their events as strandline.adopt does, many at once: those that nothing is known of here, the others one by one.
-- p_strands: [[strand_id, event_id], …].
create function strandline.adopt_all(p_strands jsonb) returns void language plpgsql security invoker set search_path = '' as $$
declare
  tied text[];
begin
  with given as (
    select distinct on (s ->> 1) s ->> 0 as strand_id, s ->> 1 as event_id
    from jsonb_array_elements(p_strands) with ordinality as x (s, n) order by s ->> 1, n
  ), fresh as (
    insert into strandline.strands (event_id, strand_id, adopted)
    select g.event_id, g.strand_id, true from given g
    where not exists (select 1 from strandline.strands t where t.strand_id = g.strand_id)
      and exists (select 1 from public.ad_strands s where s.id = strandline.strand_key(g.strand_id) and s.kind = 'position_closed')
    on conflict (event_id) do nothing
    returning strand_id
  )
  select coalesce(array_agg(strand_id), '{}') into tied from fresh;
  perform strandline.adopt(s ->> 0, s ->> 1) from jsonb_array_elements(p_strands) s where s ->> 0 <> all (tied);
end
$$;

-- Many trades in one transaction: into the outbox (once, whoever brought them first), and their strands tied to their events. Whoever calls it for
-- strands holds the lock of strandline.adopt, from its first statement on.
-- p_rows: [{event, side, score_later, strand_id | null}, …]; rows without an event are passed over.
-- Returns {added, known, published: the outbox rows that were added, for the relay that has them (p_relay; null: none, a poll finds them)}.
create function strandline.take_trades(p_rows jsonb, p_relay text, p_lease_ms integer)
returns jsonb language plpgsql security invoker set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  given_n   integer;
  added     integer;
  published jsonb;
  strands   jsonb;
begin
  perform strandline.name_trades((select jsonb_agg(r -> 'event' order by n) from jsonb_array_elements(p_rows) with ordinality as x (r, n) where jsonb_typeof(r -> 'event') = 'object'));
  with given as materialized (
    select x.n, x.r, x.r -> 'event' as event, e.event_id as own_id, coalesce(t.same_as, e.event_id) as event_id
    from jsonb_array_elements(p_rows) with ordinality as x (r, n)
    cross join lateral jsonb_to_record(x.r -> 'event') as e(event_id text)
    left join strandline.trade_names t on t.event_id = e.event_id
    where jsonb_typeof(x.r -> 'event') = 'object'
  ), later as materialized (   -- an object, not a join: how many rows there are is not known to the planner
    select coalesce(jsonb_object_agg(g.event_id, g.r -> 'side'), '{}') as sides from given g where g.r -> 'score_later' = 'true'
  ), added as (
    insert into strandline.pm_outbox (event_id, revision, payload, claimed_by, claimed_until)
    select distinct on (g.event_id) g.event_id, (g.event ->> 'revision')::integer, g.event, p_relay,
      case when p_relay is not null then now() + p_lease_ms * interval '1 ms' end
    from given g where g.event_id = g.own_id order by g.event_id, g.n
    on conflict (event_id, revision) do nothing
    returning id, event_id, payload, traceparent, created_at
  ), unscored as (
    insert into strandline.pm_provisional (event_id, position_id, trade_id, side, token_contract, chain, timeframe, opened_at, closed_at, waits_until)
    select a.event_id, a.payload ->> 'position_id', a.payload ->> 'trade_id', l.sides ->> a.event_id, a.payload ->> 'token_contract',
      a.payload ->> 'chain', a.payload ->> 'timeframe', to_timestamp((a.payload ->> 'opened_at')::double precision / 1000),
      to_timestamp((a.payload ->> 'closed_at')::double precision / 1000), now()
    from added a cross join later l where l.sides ? a.event_id and a.payload -> 'rr' = 'null'
    on conflict (event_id) do nothing
  )
  select
    (select count(*) from given), (select count(*) from added),
    (select jsonb_agg(jsonb_build_object('id', a.id, 'payload', a.payload, 'traceparent', a.traceparent, 'recorded_at', a.created_at) order by a.id)
     from added a where p_relay is not null),
    (select jsonb_agg(jsonb_build_array(g.r -> 'strand_id', g.event_id) order by g.n) from given g
     where coalesce(g.r ->> 'strand_id', '') <> '')
    into given_n, added, published, strands;
  if strands is not null then perform strandline.adopt_all(strands); end if;
  return jsonb_build_object('added', added, 'known', given_n - added, 'published', coalesce(published, '[]'));
end
$$;

-- Bars of many trades. p_trades: JSON [[token_contract, chain, timeframe, from, to], …]; returns theirs in the same order, each as strandline_pm_bars does.
create function public.strandline_pm_bars_of(p_trades text) returns jsonb language sql stable security invoker set search_path = '' as $$
  select coalesce(jsonb_agg(public.strandline_pm_bars(t ->> 0, t ->> 1, t ->> 2, (t ->> 3)::timestamptz, (t ->> 4)::timestamptz) order by n), '[]')
  from jsonb_array_elements(p_trades::jsonb) with ordinality as x (t, n)
$$;

-- What positions are of, for strands that do not say it. p_ids: JSON [position_id, …]; returns {position_id: {timeframe, token_ticker, …}}.
create function public.strandline_position_facts(p_ids text) returns jsonb language sql stable security invoker set search_path = '' as $$
  select coalesce(jsonb_object_agg(i.id, jsonb_build_object('timeframe', p.timeframe, 'token_ticker', p.token_ticker,
    'token_contract', p.token_contract, 'token_chain', p.token_chain, 'side', p.side)), '{}')
  from (select distinct v as id from jsonb_array_elements_text(p_ids::jsonb) v) i
  join public.lowcap_positions p on p.id = strandline.position_key(i.id)
$$;

-- A row of ad_strands as its reader needs it: JSON as text, so that numbers keep their digits; without what may be large and says nothing of a trade.
create function strandline.strand_text(p_strand jsonb) returns text language sql immutable security invoker set search_path = '' as $$
  select (p_strand - array['signal_pack', 'module_intelligence', 'context_vector', 'tags', 'target_agent', 'session_bucket', 'features'])::text
$$;

do $$ begin perform strandline.seal(); end $$;

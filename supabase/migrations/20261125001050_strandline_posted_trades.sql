-- Closed trades and bars that a bot posts by itself: it keeps no position here.

-- What was posted, by the bot's own count of revisions: the same again is the same post, and another content under the same number is refused. The event's
-- revision may be higher: a tick scores a trade whose bars come late, a person corrects one, consumers have read more than an outbox has that was put back.
create table strandline.posted_trades (
  event_id       text        not null,
  revision       integer     not null,
  request_digest text        not null,                    -- md5 of what was sent
  recorded_at    timestamptz not null default now(),
  primary key (event_id, revision)
);

-- A trade of which nobody posted anything here is the posted one when these are the same.
create function strandline.same_trade(p_one jsonb, p_other jsonb) returns boolean language sql immutable security invoker set search_path = '' as $$
  select (p_one -> 'opened_at', p_one -> 'closed_at', p_one -> 'entry_price', p_one -> 'exit_price', p_one -> 'voided')
    = (p_other -> 'opened_at', p_other -> 'closed_at', p_other -> 'entry_price', p_other -> 'exit_price', p_other -> 'voided')
$$;

-- A posted trade into the outbox, once. p_trade: JSON {event (scored PositionClosed), revision (the bot's), request, side, awaits (bars: 'any', or 'rest' where
-- it is scored on those that are there; null: none), max_skew_ms, traceparent}.
-- Returns {status: 'posted', event (as the log gets it), outbox: row} or {status: 'known', event (its newest revision)}; or, with nothing changed, {status:
-- 'in_future', now}, 'conflict' (other content), 'older' with `newest` (the bot's newest revision), 'voided' (it was retracted), 'unknown' (a retraction of nothing).
create function public.strandline_pm_post_trade(p_trade text, p_relay text, p_lease_ms integer)
returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  t          jsonb   := p_trade::jsonb;
  ev         jsonb   := t -> 'event';
  v_revision integer := (t ->> 'revision')::integer;
  v_digest   text    := md5((t -> 'request')::text);
  v_now      double precision := strandline.pm_ms(clock_timestamp());
  v_event    text;
  v_newest   jsonb;
  v_applied  record;
  v_known    text;
  v_posted   integer;
  v_named    boolean := false;
  v_next     jsonb;
  added      jsonb;
begin
  if (ev ->> 'closed_at')::double precision > v_now + (t ->> 'max_skew_ms')::double precision then
    return jsonb_build_object('status', 'in_future', 'now', v_now);
  end if;
  -- One post of a trade at a time; a tick that scores it holds its row of pm_provisional.
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('strandline_post'), pg_catalog.hashtext(ev ->> 'event_id'));
  -- Looked at until nobody else has brought it meanwhile: once before it is named, so that a refusal changes nothing, and again after that, since naming waits
  -- for whoever is about to bring it (a close, the bridge, a backfill, a post by another name).
  loop
    v_event := strandline.event_of_trade(ev);
    perform 1 from strandline.pm_provisional u where u.event_id = v_event for update;
    v_known := (select p.request_digest from strandline.posted_trades p where p.event_id = v_event and p.revision = v_revision);
    v_posted := (select max(p.revision) from strandline.posted_trades p where p.event_id = v_event);
    v_newest := public.strandline_pm_outbox_event(v_event);
    v_applied := strandline.applied_revision(v_event);
    if v_known = v_digest then return jsonb_build_object('status', 'known', 'event', v_newest); end if;
    if v_known is not null then return jsonb_build_object('status', 'conflict', 'event', v_newest); end if;
    if v_posted > v_revision then return jsonb_build_object('status', 'older', 'newest', v_posted); end if;
    if v_newest -> 'voided' = 'true' and ev -> 'voided' <> 'true' then return jsonb_build_object('status', 'voided', 'event', v_newest); end if;
    if v_applied.voided and ev -> 'voided' <> 'true' and v_applied.revision > coalesce((v_newest ->> 'revision')::integer, -1) then
      return jsonb_build_object('status', 'voided', 'event', jsonb_build_object('event_id', v_event, 'revision', v_applied.revision));
    end if;
    if v_revision = 0 and v_newest is not null then   -- somebody else brought it: a close of ours, an import
      if v_newest -> 'opened_at' is not null and not strandline.same_trade(ev, v_newest) then return jsonb_build_object('status', 'conflict', 'event', v_newest); end if;
      -- by this name, too, from now on: another id of the same entry is another trade, and a correction may say another entry
      if v_named then return jsonb_build_object('status', 'known', 'event', v_newest); end if;
    end if;
    if v_newest is null and v_applied.revision is null and ev -> 'voided' = 'true' then return '{"status": "unknown"}'; end if;
    if v_named then
      -- A correction leaves the trade where it came from: models learn from some sources and not from others.
      -- What the bot posts first has the first number, also where consumers know the trade: to them it is that one.
      v_next := ev || jsonb_build_object('event_id', v_event,
        'revision', case when v_revision = 0 then 0 else coalesce(greatest((v_newest ->> 'revision')::integer, v_applied.revision) + 1, 0) end,
        'source', coalesce(v_newest -> 'source', ev -> 'source'));
      added := strandline.pm_outbox_put(v_next, t ->> 'traceparent', p_relay, p_lease_ms);
      exit when added is not null;
    end if;
    perform strandline.name_trade(ev);
    v_named := true;
  end loop;
  ev := v_next;
  insert into strandline.posted_trades (event_id, revision, request_digest) values (v_event, v_revision, v_digest);
  delete from strandline.pm_provisional u where u.event_id = v_event;
  if t ->> 'awaits' is not null then
    perform strandline.pm_note_provisional(ev, t ->> 'side', case when t ->> 'awaits' = 'rest' then (ev ->> 'revision')::integer end,
      greatest(clock_timestamp(), to_timestamp((ev ->> 'closed_at')::double precision / 1000) + coalesce(strandline.pm_timeframe(ev ->> 'timeframe'), '0')) + interval '3 days');
  end if;
  return jsonb_build_object('status', 'posted', 'event', ev, 'outbox', added);
end
$$;

-- Bars of one token and timeframe: new ones, and what is different in those that are there. p_bars: JSON {token_contract, chain, timeframe, max_skew_ms, bars:
-- [[start (ms), open, high, low, close, volume], …]}, where null says nothing of a number that is known. Returns {status: 'stored', added, changed}, or, with
-- nothing changed, {status: 'in_future', start, now} or {status: 'invalid', reason}: the table takes no such row. Columns that the table of another system has
-- not are left out; whether a bar is there is asked, as that table may know no key.
create function public.strandline_pm_put_bars(p_bars text)
returns jsonb language plpgsql security invoker set search_path = '' set timezone = 'UTC' as $$
declare
  b         jsonb := p_bars::jsonb;
  v_now     double precision := strandline.pm_ms(clock_timestamp());
  v_start   double precision;
  v_columns text[];
  v_added   integer;
  v_changed integer;
begin
  select max((r ->> 0)::double precision) into v_start from jsonb_array_elements(b -> 'bars') r;
  if v_start > v_now + (b ->> 'max_skew_ms')::double precision then return jsonb_build_object('status', 'in_future', 'start', v_start, 'now', v_now); end if;
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('strandline_bars'));
  select array_agg(a.attname::text order by a.attnum) into v_columns from pg_catalog.pg_attribute a
  where a.attrelid = 'public.lowcap_price_data_ohlc'::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    and a.attname in ('open_usd', 'high_usd', 'low_usd', 'close_usd', 'volume');
  execute format($q$
    with given as materialized (
      select w.* from jsonb_array_elements($1 -> 'bars') r
      cross join lateral jsonb_populate_record(null::public.lowcap_price_data_ohlc, jsonb_build_object(
        'token_contract', $1 -> 'token_contract', 'chain', $1 -> 'chain', 'timeframe', $1 -> 'timeframe', 'timestamp', to_timestamp((r ->> 0)::double precision / 1000),
        'open_usd', r -> 1, 'high_usd', r -> 2, 'low_usd', r -> 3, 'close_usd', r -> 4, 'volume', r -> 5)) w
    ), changed as (
      update public.lowcap_price_data_ohlc b set %s from given g, strandline.their_path()
      where b.token_contract = g.token_contract and b.chain = g.chain and b.timeframe = g.timeframe and b.timestamp = g.timestamp and (%s)
      returning 1
    ), added as (
      insert into public.lowcap_price_data_ohlc (token_contract, chain, timeframe, timestamp, %s)
      select g.token_contract, g.chain, g.timeframe, g.timestamp, %s from given g, strandline.their_path()
      where not exists (select from public.lowcap_price_data_ohlc b
                        where b.token_contract = g.token_contract and b.chain = g.chain and b.timeframe = g.timeframe and b.timestamp = g.timestamp)
      on conflict do nothing returning 1
    )
    select (select count(*) from added), (select count(*) from changed) $q$,
    (select string_agg(format('%1$I = coalesce(g.%1$I, b.%1$I)', c), ', ') from unnest(v_columns) c),
    (select string_agg(format('g.%1$I is not null and g.%1$I is distinct from b.%1$I', c), ' or ') from unnest(v_columns) c),
    (select string_agg(format('%I', c), ', ') from unnest(v_columns) c),
    (select string_agg(format('g.%I', c), ', ') from unnest(v_columns) c)) into v_added, v_changed using b;
  perform pg_catalog.set_config('search_path', '', true);
  return jsonb_build_object('status', 'stored', 'added', v_added, 'changed', v_changed);
exception when data_exception or integrity_constraint_violation or generated_always then
  return jsonb_build_object('status', 'invalid', 'reason', sqlerrm);
end
$$;

do $$ begin perform strandline.seal(); end $$;

-- What the portfolio manager (PM) does with trades that are over: closing them, scoring them late, setting aside what cannot be closed.

-- Notes an event whose bars are not all there, to be scored once they are. p_revision: null where it has no score at all.
create function strandline.pm_note_provisional(p_event jsonb, p_side text, p_revision integer, p_until timestamptz)
returns void language sql security invoker set search_path = '' as $$
  insert into strandline.pm_provisional (event_id, position_id, trade_id, side, token_contract, chain, timeframe, opened_at, closed_at, revision, waits_until)
  values (p_event ->> 'event_id', p_event ->> 'position_id', p_event ->> 'trade_id', p_side, p_event ->> 'token_contract',
    p_event ->> 'chain', p_event ->> 'timeframe', to_timestamp((p_event ->> 'opened_at')::double precision / 1000),
    to_timestamp((p_event ->> 'closed_at')::double precision / 1000), p_revision, p_until)
  on conflict (event_id) do nothing
$$;

-- The newest revision of an event, or null, also by a trade's other name; provisional only while it is. Of one whose content is past its retention: its id, revision and source.
create function public.strandline_pm_outbox_event(p_event_id text) returns jsonb language sql stable security invoker set search_path = '' as $$
  select coalesce(case when o.payload -> 'provisional' = 'true'
      and not exists (select from strandline.pm_provisional u where u.event_id = o.event_id and coalesce(u.revision, o.revision) = o.revision)
    then o.payload || '{"provisional": false}' else o.payload end, jsonb_strip_nulls(jsonb_build_object('event_id', o.event_id, 'revision', o.revision, 'source', o.source)))
  from strandline.pm_outbox o
  where o.event_id = coalesce((select t.same_as from strandline.trade_names t where t.event_id = p_event_id), p_event_id) order by o.revision desc limit 1
$$;

-- Why a position is not the trade that was scored (c: as strandline_pm_close takes it): as that returns it; null: it is, and can be closed.
create function strandline.pm_close_refusal(p strandline.position, c jsonb) returns jsonb language plpgsql stable security invoker set search_path = '' as $$
declare
  known jsonb;
begin
  if not strandline.pm_is_open(p) or strandline.pm_trade_id(p) <> c ->> 'trade_id' then
    known := public.strandline_pm_outbox_event(c -> 'event' ->> 'event_id');
    return jsonb_build_object('status', case when known is null then 'changed' else 'already_closed' end, 'event', known);
  end if;
  if not strandline.pm_is_flat(p) then return jsonb_build_object('status', 'not_flat', 'left', p.total_quantity); end if;
  if strandline.pm_fingerprint(p) <> c ->> 'fingerprint' then return jsonb_build_object('status', 'changed'); end if;
  if not ((c -> 'event' ->> 'entry_price')::double precision > 0 and (c -> 'event' ->> 'exit_price')::double precision > 0)
    or coalesce(jsonb_typeof(p.completed_trades), 'array') <> 'array' then
    return jsonb_build_object('status', 'invalid');
  end if;
  return null;
end
$$;

-- What a close changes in the row of its position. p_event_id: by which the log knows the trade (strandline.name_trade): somebody else's record of it may
-- have come first, under another name.
create function strandline.pm_close_changes(p strandline.position, c jsonb, p_event_id text)
returns jsonb language plpgsql stable security invoker set search_path = '' set timezone = 'UTC' as $$
begin
  return jsonb_build_object('status', strandline.pm_status(p.status, false), 'current_trade_id', null, 'total_quantity', 0, 'settled_entry', p.first_entry_timestamp,
      'closed_at', to_timestamp((c -> 'event' ->> 'closed_at')::double precision / 1000))
    || case when strandline.pm_is_completed(p.completed_trades, c ->> 'trade_id') then '{}'
            else jsonb_build_object('completed_trades', p.completed_trades || jsonb_build_array((c -> 'completed_trade') || jsonb_build_object('event_id', p_event_id))) end;
end
$$;

-- The event of a trade that was closed into the outbox, and the note to score it again. Returns what strandline_pm_close does.
create function strandline.pm_publish_close(c jsonb, p_event_id text, p_relay text, p_lease_ms integer)
returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  ev    jsonb := c -> 'event';
  added jsonb;
begin
  if p_event_id = ev ->> 'event_id' then added := strandline.pm_outbox_put(ev, c ->> 'traceparent', p_relay, p_lease_ms); end if;
  if added is not null and c ->> 'waits_until' is not null then
    perform strandline.pm_note_provisional(ev, c ->> 'side', case when not (c ->> 'score_later')::boolean then (ev ->> 'revision')::integer end,
      to_timestamp((c ->> 'waits_until')::double precision / 1000));
  end if;
  return jsonb_build_object('status', 'closed', 'outbox', added)
    || case when added is null then jsonb_build_object('event', public.strandline_pm_outbox_event(p_event_id)) else '{}' end;
end
$$;

-- Closes a scored trade, in one transaction: completed_trades, status, closed_at, outbox row, and the note to score it again.
-- p_close: JSON {position_id, trade_id, fingerprint, event (PositionClosed), completed_trade, side, score_later, waits_until (ms; null: its score is final), traceparent}.
-- Returns {status: 'closed', outbox: row | null} (null: the trade was in the outbox before: `event`, perhaps under another name), or, with nothing changed:
-- 'already_closed' with the event, 'not_flat', 'changed' (it is not what was scored), 'unknown_position', 'invalid'.
create function public.strandline_pm_close(p_close text, p_relay text, p_lease_ms integer)
returns jsonb language plpgsql security invoker set search_path = '' set timezone = 'UTC' as $$
declare
  c         jsonb := p_close::jsonb;
  v_row     jsonb;
  p         strandline.position;
  v_refusal jsonb;
  v_event   text;
begin
  select strandline.row_jsonb(l) into v_row from public.lowcap_positions l where l.id = strandline.position_key(c ->> 'position_id') for update;
  if not found then return jsonb_build_object('status', 'unknown_position'); end if;
  p := strandline.read_position(v_row);
  v_refusal := strandline.pm_close_refusal(p, c);
  if v_refusal is not null then return v_refusal; end if;
  v_event := strandline.name_trade(c -> 'event');
  perform strandline.write_position(p.id, strandline.pm_close_changes(p, c, v_event));
  return strandline.pm_publish_close(c, v_event, p_relay, p_lease_ms);
end
$$;

-- An exit that leaves nothing, and the close that was scored for it (strandline_pm_trade_after), in one transaction. p_execution, p_close: as
-- strandline_pm_record_execution and strandline_pm_close take them. Returns the answer of the first, with `close`: that of the second. The exit is recorded also
-- where the close finds another trade than the one that was scored.
create function public.strandline_pm_exit(p_execution text, p_close text, p_relay text, p_lease_ms integer)
returns jsonb language plpgsql security invoker set search_path = '' as $$
begin
  return strandline.pm_record(p_execution::jsonb, p_close::jsonb, p_relay, p_lease_ms);
end
$$;

-- Trades that closed before all of their bars were there, and of which there is something new. Without a score: any bar counts by now. With a provisional one: a
-- bar is there that may cover the exit, or a later one; or it has been waited for long enough. Where a newer revision is in the outbox, somebody else scored,
-- corrected or retracted the trade, and the note goes; so where consumers know a newer one than the outbox, which was put back. Pages by event_id.
-- Returns {trades: [{event_id, position_id, event (its latest revision), side, revision (as in the table), bars (null: many, read in pieces), exit_bar, later_bar, now,
-- over: nobody waits any longer, settled: by somebody else}, …], provisional: how many trades of the timeframe have a provisional score}.
create function public.strandline_pm_late_trades(p_timeframe text, p_after text, p_limit integer)
returns jsonb language plpgsql security invoker set search_path = '' set timezone = 'UTC' as $$
declare
  found_rows jsonb;
begin
  with waiting as materialized (
    select u.*, exit.bars as exit_bars, exit.reached, seen.bars_now, latest.payload, case
        when latest.payload is null then true
        when u.revision is null then coalesce(latest.payload -> 'rr' <> 'null' or latest.payload -> 'voided' = 'true', false)
        else latest.revision <> u.revision end or coalesce((strandline.applied_revision(u.event_id)).revision > latest.revision, false) as settled
    from strandline.pm_provisional u
    cross join lateral (
      select e.bars, e.bars -> 'exit_bar' <> 'null' or (e.bars ->> 'later_bar')::boolean as reached
      from (select strandline.pm_exit_bars(u.token_contract, u.chain, u.timeframe, u.opened_at, u.closed_at) as bars offset 0) e offset 0) exit
    cross join lateral (   -- counting those of a long trade takes a while, and is needed only while they arrive
      select case when u.revision is not null then 0
        when exit.reached then exists (
          select from public.lowcap_price_data_ohlc b
          where b.token_contract = u.token_contract and b.chain = u.chain and b.timeframe = u.timeframe
            and b.timestamp > u.opened_at - strandline.pm_timeframe(u.timeframe) and b.timestamp <= greatest(u.opened_at, u.closed_at))::integer
        else (
          select count(*)::integer from public.lowcap_price_data_ohlc b
          where b.token_contract = u.token_contract and b.chain = u.chain and b.timeframe = u.timeframe
            and b.timestamp > u.opened_at - strandline.pm_timeframe(u.timeframe) and b.timestamp <= greatest(u.opened_at, u.closed_at)) end as bars_now
      offset 0) seen
    cross join lateral (
      select o.payload, o.revision from strandline.pm_outbox o where o.event_id = u.event_id order by o.revision desc limit 1) latest
    where u.timeframe = p_timeframe and u.event_id > p_after
      and case when u.revision is null then seen.bars_now > 0 else exit.reached or u.waits_until <= now() or latest.revision <> u.revision end
    order by u.event_id limit p_limit
  ), looked as (
    update strandline.pm_provisional u set bars_seen = w.bars_now
    from waiting w where u.event_id = w.event_id and not w.settled and u.revision is null and not w.reached and w.bars_now <> w.bars_seen
  ), gone as (
    delete from strandline.pm_provisional u using waiting w where u.event_id = w.event_id and w.settled
  )
  select jsonb_agg(w.exit_bars || jsonb_build_object(
      'event_id', w.event_id,
      'position_id', w.position_id,
      'event', w.payload,
      'side', w.side,
      'revision', w.revision,
      'bars', case when not w.settled then strandline.pm_few_bars(w.token_contract, w.chain, w.timeframe, w.opened_at, w.closed_at, 200) end,
      'now', strandline.pm_ms(clock_timestamp()),
      -- without a score, half of the bars would score another trade: the others may come one after another, also years later
      'over', w.waits_until <= now() and (w.revision is not null or (not w.reached and w.bars_now = w.bars_seen)),
      'settled', w.settled) order by w.event_id)
    into found_rows
  from waiting w;
  return jsonb_build_object('trades', coalesce(found_rows, '[]'),
    'provisional', (select count(*) from strandline.pm_provisional u where u.timeframe = p_timeframe and u.revision is not null));
end
$$;

-- Publishes the score of all bars of a trade: the next revision, and the numbers in completed_trades; and takes the note away. Only while the note is there, and the
-- revision that was scored is the newest, also by what consumers have applied.
-- p_score: JSON {event (the new revision), score: {rr, return, max_drawdown, max_gain, unscored_reason}, traceparent}.
-- Returns {status: 'scored', outbox: row} or {status: 'superseded'}: someone else scored, corrected or retracted it. Then the next look decides about the note.
create function public.strandline_pm_score_late(p_score text, p_relay text, p_lease_ms integer)
returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  s       jsonb := p_score::jsonb;
  ev      jsonb := s -> 'event';
  u       strandline.pm_provisional;
  newest  record;
  v_row   jsonb;
  trades  jsonb;
  v_added jsonb;
begin
  select strandline.row_jsonb(l) into v_row from public.lowcap_positions l
  where l.id = strandline.position_key(ev ->> 'position_id') for update;   -- positions first, as everywhere
  select * into u from strandline.pm_provisional p where p.event_id = ev ->> 'event_id' for update;
  if not found then return jsonb_build_object('status', 'superseded'); end if;
  select o.revision, o.payload into newest from strandline.pm_outbox o where o.event_id = u.event_id order by o.revision desc limit 1;
  if newest.payload is null or newest.revision <> (ev ->> 'revision')::integer - 1 or newest.revision <> u.revision
    or newest.payload -> 'voided' = 'true' or (u.revision is null and newest.payload -> 'rr' <> 'null')
    or (strandline.applied_revision(u.event_id)).revision > newest.revision then
    return jsonb_build_object('status', 'superseded');
  end if;
  v_added := strandline.pm_outbox_put(ev, s ->> 'traceparent', p_relay, p_lease_ms);
  if v_added is null then return jsonb_build_object('status', 'superseded'); end if;   -- somebody else's revision of that number was faster
  delete from strandline.pm_provisional p where p.event_id = u.event_id;
  trades := strandline.trades_of(v_row -> 'completed_trades');
  if strandline.pm_is_completed(trades, u.trade_id) then
    select jsonb_agg(case when t ->> 'trade_id' = u.trade_id then t || (s -> 'score') || jsonb_build_object('revision', ev -> 'revision') else t end order by n)
      into trades from jsonb_array_elements(trades) with ordinality as x (t, n);
    perform strandline.write_position(u.position_id, jsonb_build_object('completed_trades', trades));
  end if;
  return jsonb_build_object('status', 'scored', 'outbox', v_added);
end
$$;

-- Takes the note from trades whose provisional score is that of all bars. p_notes: JSON [[event_id, revision], …].
create function public.strandline_pm_confirm_scores(p_notes text) returns void language sql security invoker set search_path = '' as $$
  delete from strandline.pm_provisional u using jsonb_array_elements(p_notes::jsonb) n
  where u.event_id = n ->> 0 and u.revision = (n ->> 1)::integer
$$;

-- Timeframes that trades have which run or are not scored for good, and no tick of its own looks at; '': they have none. And those whose tick has set a position
-- aside: it was mended by now, perhaps. p_known: JSON array of those that have a tick of their own.
create function public.strandline_pm_other_timeframes(p_known text) returns jsonb language sql stable security invoker set search_path = '' as $$
  with recursive noted as (   -- from one timeframe to the next along the index
    (select u.timeframe from strandline.pm_provisional u order by u.timeframe limit 1)
    union all
    select (select u.timeframe from strandline.pm_provisional u where u.timeframe > n.timeframe order by u.timeframe limit 1) from noted n where n.timeframe is not null
  )
  select coalesce(jsonb_agg(t.timeframe order by t.timeframe), '[]') from (
    select coalesce(p.timeframe, '')::text as timeframe from public.lowcap_positions p
    where p.first_entry_timestamp is not null and p.first_entry_timestamp is distinct from p.settled_entry
      and (p.status = 'active' or p.current_trade_id is not null)
    union select n.timeframe from noted n where n.timeframe is not null
    union select a.scope from strandline.set_aside a where a.kind = 'position') t
  where not p_known::jsonb ? t.timeframe
$$;

-- Positions of a timeframe that its tick could not close, in place of those that it named before. p_rows: JSON [[id, reason], …]; an id comes once.
create function public.strandline_pm_set_aside_positions(p_timeframe text, p_rows text) returns void language plpgsql security invoker set search_path = '' as $$
begin
  delete from strandline.set_aside a
  where a.kind = 'position' and a.scope = p_timeframe and a.id not in (select r ->> 0 from jsonb_array_elements(p_rows::jsonb) r);
  insert into strandline.set_aside as a (kind, id, scope, reason)
  select 'position', r ->> 0, p_timeframe, r ->> 1 from jsonb_array_elements(p_rows::jsonb) r
  on conflict (kind, id) do update set scope = excluded.scope, reason = excluded.reason, attempts = a.attempts + 1;
end
$$;

-- A trade whose position does not begin so: {place: lowcap_positions, pm_outbox or ad_strands, position}; null: there is none.
create function public.strandline_pm_foreign_trade(p_prefix text) returns jsonb language sql stable security invoker set search_path = '' as $$
  select jsonb_build_object('place', f.place, 'position', f.position) from (
    (select 'lowcap_positions' as place, p.id::text as position from public.lowcap_positions p where not starts_with(p.id::text, p_prefix) limit 1)
    union all
    (select 'pm_outbox', o.payload ->> 'position_id' from strandline.pm_outbox o where not starts_with(o.payload ->> 'position_id', p_prefix) limit 1)
    union all
    (select 'ad_strands', strandline.row_jsonb(s) ->> 'position_id' from public.ad_strands s
     where not starts_with(coalesce(strandline.row_jsonb(s) ->> 'position_id', ''), p_prefix) limit 1)) f
  limit 1
$$;

do $$ begin perform strandline.seal(); end $$;

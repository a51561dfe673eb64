-- What the portfolio manager (PM) does with positions that run: executions, and what of them is over. Positions are judged by what they hold, whatever
-- their status; the database's clock decides what lies in the future; one row that cannot be read is one row that is set aside.

-- What the trader reported, by the report's own id: the second report with an id changes nothing.
create table strandline.pm_executions (
  id            text             primary key,
  position_id   text             not null,
  trade_id      text             not null,
  kind          text             not null,             -- entry, buy, add; trim, emergency_exit
  quantity      double precision not null,             -- tokens
  price         double precision not null,
  size_frac     double precision,                      -- share of what was held, of an exit
  left_quantity double precision not null,             -- held after it
  executed_at   timestamptz      not null,
  request       jsonb,                                 -- as it was sent: the same id with other content is refused; null: long ago
  request_digest text,                                 -- then md5 of it
  recorded_at   timestamptz      not null default now()
);
create index pm_executions_trade on strandline.pm_executions (position_id, trade_id);

-- Trades that closed before all of their bars were there: a tick scores them, or scores them again, once they are (domain/closing/final-bars.ts).
create table strandline.pm_provisional (
  event_id       text        primary key,
  position_id    text        not null,
  trade_id       text        not null,
  side           text        not null,
  token_contract text        not null,
  chain          text        not null,
  timeframe      text        not null,
  opened_at      timestamptz not null,
  closed_at      timestamptz not null,
  revision       integer,                              -- the one whose score is provisional; null: there was no bar at all, and it has none
  waits_until    timestamptz not null,                 -- for bars that are not there
  bars_seen      integer     not null default 0        -- of one without a score, by the last look
);
create index pm_provisional_timeframe on strandline.pm_provisional (timeframe, event_id);

-- What cannot be closed or bridged at the moment, with the reason: for people, and so that it does not keep others. A row goes when its cause does.
create table strandline.set_aside (
  kind     text        not null,                     -- position, strand (to be bridged), projection (a strand of ours that ad_strands refuses)
  id       text        not null,                     -- of lowcap_positions, of learning_queue, of the event
  scope    text        not null default '',          -- timeframe of a position; of a strand: its id in ad_strands
  reason   text        not null,
  since    timestamptz not null default now(),
  attempts integer     not null default 1,
  retry_at timestamptz,                              -- null: not tried again before somebody changes it
  primary key (kind, id)
);

-- A position as we calculate with it, whatever the types of its table are. Times without a zone are UTC.
create type strandline.position as (
  id text, token_chain text, token_contract text, token_ticker text, timeframe text, status text, current_trade_id text, side text,
  total_quantity double precision, bought_quantity double precision, sold_quantity double precision, avg_entry_price double precision, avg_exit_price double precision,
  first_entry_timestamp timestamptz, last_activity_timestamp timestamptz, closed_at timestamptz, flat_since timestamptz, settled_entry timestamptz,
  entry_context jsonb, regime_context jsonb, completed_trades jsonb, created_at timestamptz, updated_at timestamptz
);

-- A list of trades, however it was kept: one trade is an object, no trade at all an empty object or nothing. What is no list stays what it is.
create function strandline.trades_of(p_trades jsonb) returns jsonb language sql immutable security invoker set search_path = '' as $$
  select case jsonb_typeof(t.trades) when 'object' then case when t.trades = '{}' then '[]' else jsonb_build_array(t.trades) end
                                     when 'null' then '[]' else coalesce(t.trades, '[]') end
  from (select strandline.as_jsonb(p_trades) as trades) t
$$;

-- p_row: a row of lowcap_positions, by to_jsonb. What cannot be read is null: a position that lacks it is refused by name when it closes.
create function strandline.read_position(p_row jsonb)
returns strandline.position language plpgsql stable security invoker set search_path = '' set timezone = 'UTC' as $$
declare
  p strandline.position;
  v_row jsonb := p_row;
  c record;
begin
  -- as a rule they are JSON already
  if not coalesce(jsonb_typeof(p_row -> 'entry_context') <> 'string' and jsonb_typeof(p_row -> 'regime_context') <> 'string'
                  and jsonb_typeof(p_row -> 'completed_trades') = 'array', false) then
    v_row := p_row || jsonb_build_object('entry_context', strandline.as_jsonb(p_row -> 'entry_context'),
      'regime_context', strandline.as_jsonb(p_row -> 'regime_context'), 'completed_trades', strandline.trades_of(p_row -> 'completed_trades'));
  end if;
  return jsonb_populate_record(null::strandline.position, v_row);
exception when data_exception then
  for c in select e.key, e.value from jsonb_each(v_row) e loop
    begin
      p := jsonb_populate_record(p, jsonb_build_object(c.key, c.value));
    exception when data_exception then null;
    end;
  end loop;
  return p;
end
$$;

-- A row of lowcap_positions for people: every column of it, those that we know in our types.
create function strandline.shown_position(p_row jsonb) returns jsonb language plpgsql stable security invoker set search_path = '' set timezone = 'UTC' as $$
begin
  return p_row || to_jsonb(strandline.read_position(p_row));
end
$$;

-- Writes the given columns of a position, each in the type that it has there, and no other. Returns the row as it is then, by to_jsonb.
create function strandline.write_position(p_id text, p_changes jsonb)
returns jsonb language plpgsql security invoker set search_path = '' set timezone = 'UTC' as $$
declare
  v_row jsonb;
begin
  update public.lowcap_positions l
  set (status, current_trade_id, total_quantity, bought_quantity, sold_quantity, avg_entry_price, avg_exit_price, first_entry_timestamp, last_activity_timestamp,
       closed_at, flat_since, settled_entry, entry_context, regime_context, completed_trades, updated_at) = (
    select w.status, w.current_trade_id, w.total_quantity, w.bought_quantity, w.sold_quantity, w.avg_entry_price, w.avg_exit_price, w.first_entry_timestamp,
           w.last_activity_timestamp, w.closed_at, w.flat_since, w.settled_entry, w.entry_context, w.regime_context, w.completed_trades, w.updated_at
    from jsonb_populate_record(l, p_changes || jsonb_build_object('updated_at', now())) w)
  from strandline.their_path() where l.id = strandline.position_key(p_id) returning strandline.row_jsonb(l) into v_row;
  perform pg_catalog.set_config('search_path', '', true);
  return v_row;
end
$$;

-- What is different in a position, by column.
create function strandline.position_changes(p_before strandline.position, p_after strandline.position)
returns jsonb language plpgsql stable security invoker set search_path = '' set timezone = 'UTC' as $$
declare
  v_before jsonb := to_jsonb(p_before);   -- once, not for each column
begin
  return coalesce((select jsonb_object_agg(e.key, e.value) from jsonb_each(to_jsonb(p_after)) e where e.value <> v_before -> e.key), '{}');
end
$$;

-- Length of a bar; null for a timeframe that has none.
create function strandline.pm_timeframe(p_timeframe text) returns interval language sql immutable security invoker set search_path = '' as $$
  select case when p_timeframe ~ '^[1-9][0-9]{0,4}[smhdw]$' then
    (left(p_timeframe, -1) || case right(p_timeframe, 1) when 's' then ' seconds' when 'm' then ' minutes' when 'h' then ' hours'
                                                         when 'd' then ' days' else ' weeks' end)::interval end
$$;

create function strandline.pm_ms(p_time timestamptz) returns double precision language plpgsql immutable security invoker set search_path = '' as $$
begin
  return floor(extract(epoch from p_time) * 1000)::double precision;
end
$$;

-- The database's clock, in ms: what lies in the future is decided by it.
create function public.strandline_pm_now() returns double precision language sql volatile security invoker set search_path = '' as $$
  select strandline.pm_ms(clock_timestamp())
$$;

-- The bars that may touch a trade: [[start ms, low, high], …], in the order of time. Which of them count is domain/closing/rr.ts' decision. Those of a
-- trade that was held for long come in pieces: p_limit of them behind p_after (start ms of the last one; null: from the first on; p_limit null: all).
create function public.strandline_pm_bars(
  p_contract text, p_chain text, p_timeframe text, p_from timestamptz, p_to timestamptz, p_after double precision default null, p_limit integer default null)
returns jsonb language sql stable security invoker set search_path = '' set timezone = 'UTC' as $$
  select coalesce(jsonb_agg(jsonb_build_array(r.start, r.low_usd, r.high_usd) order by r.start), '[]')
  from (select floor(extract(epoch from b.timestamp) * 1000)::double precision as start, b.low_usd, b.high_usd   -- pm_ms, without a call for each bar
        from public.lowcap_price_data_ohlc b
        where b.token_contract = p_contract and b.chain = p_chain and b.timeframe = p_timeframe
          and b.timestamp > p_from - strandline.pm_timeframe(p_timeframe) and b.timestamp <= greatest(p_from, p_to)
          and b.timestamp >= to_timestamp(coalesce(p_after, '-infinity') / 1000) and floor(extract(epoch from b.timestamp) * 1000)::double precision > coalesce(p_after, '-infinity')
        order by b.timestamp limit p_limit) r
$$;

-- The bars of a trade, as they travel with it; null: more than p_most, which are read in pieces.
create function strandline.pm_few_bars(p_contract text, p_chain text, p_timeframe text, p_from timestamptz, p_to timestamptz, p_most integer)
returns jsonb language sql stable security invoker set search_path = '' as $$
  select case when jsonb_array_length(b.bars) <= p_most then b.bars end
  from (select public.strandline_pm_bars(p_contract, p_chain, p_timeframe, p_from, p_to, null, p_most + 1) as bars offset 0) b
$$;

-- What is stored of the bars at the end of a trade: {exit_bar: start (ms) of the last one that may cover the exit, later_bar: one begins behind the trade}.
-- An existence and a short range, no order by the time: of a token that nobody trades any more, the newest bar may lie far back in an index by time alone.
create function strandline.pm_exit_bars(p_contract text, p_chain text, p_timeframe text, p_from timestamptz, p_to timestamptz)
returns jsonb language plpgsql stable security invoker set search_path = '' set timezone = 'UTC' as $$
begin
  return jsonb_build_object(
    'exit_bar', (
      select strandline.pm_ms(max(r.timestamp)) from (
        select b.timestamp from public.lowcap_price_data_ohlc b
        where b.token_contract = p_contract and b.chain = p_chain and b.timeframe = p_timeframe
          and b.timestamp >= p_to - strandline.pm_timeframe(p_timeframe) and b.timestamp <= greatest(p_from, p_to) offset 0) r),
    'later_bar', exists (
      select from public.lowcap_price_data_ohlc b
      where b.token_contract = p_contract and b.chain = p_chain and b.timeframe = p_timeframe and b.timestamp >= p_to and b.timestamp > p_from));
end
$$;

-- Nothing is held: what is left is rounding (a billionth of what was bought). `case`: a product that comes to nothing would be an error.
create function strandline.pm_is_flat(p strandline.position)
returns boolean language plpgsql immutable security invoker set search_path = '' as $$
begin
  return case when p.total_quantity is null then false
              when p.total_quantity <= 0 then true
              when p.bought_quantity > 1e-250 and p.bought_quantity < 'infinity' then p.total_quantity <= p.bought_quantity * 1e-9
              else false end;
end
$$;

-- Something is held, in a quantity that one can calculate with.
create function strandline.pm_is_held(p strandline.position) returns boolean language plpgsql immutable security invoker set search_path = '' as $$
begin
  return coalesce(p.total_quantity < 'infinity', false) and not strandline.pm_is_flat(p);
end
$$;

create function strandline.pm_is_completed(p_trades jsonb, p_trade_id text)
returns boolean language plpgsql immutable security invoker set search_path = '' as $$
begin
  return exists (select 1 from jsonb_array_elements(case when jsonb_typeof(p_trades) = 'array' then p_trades else '[]' end) t
                 where strandline.canonical_id(t ->> 'trade_id') = strandline.canonical_id(p_trade_id));
end
$$;

-- A trade that is over and not closed: it had an entry, holds nothing, and was not settled. By what happened to it, not by its status:
--   active                          the old system's word for a running trade
--   watchlist, archived             its word for "no trade": only what was executed through us, under a trade id that is not completed yet
--   paused, dormant, anything else  the same, or an exit price, or a quantity that we saw come to zero
create function strandline.pm_is_over(p strandline.position) returns boolean language plpgsql immutable security invoker set search_path = '' as $$
begin
  return strandline.pm_is_flat(p) and p.first_entry_timestamp is not null and p.first_entry_timestamp is distinct from p.settled_entry
    and case when p.status = 'active' then true
             when p.current_trade_id is null or p.current_trade_id::text = '' then false
             when not (p.bought_quantity > 0 or p.sold_quantity > 0 or (coalesce(p.status not in ('watchlist', 'archived'), true)
               and (p.avg_exit_price is not null or coalesce(p.flat_since >= p.first_entry_timestamp, false)))) then false
             else not strandline.pm_is_completed(p.completed_trades, p.current_trade_id::text) end;
end
$$;

-- A trade is running that has had an entry: something is held, or it is over and waits to be closed.
create function strandline.pm_is_open(p strandline.position)
returns boolean language plpgsql immutable security invoker set search_path = '' as $$
begin
  return strandline.pm_is_held(p) or (strandline.pm_is_over(p) and isfinite(p.first_entry_timestamp));
end
$$;

-- watchlist, active and dormant follow what is held; paused, archived and what we do not know is somebody's decision, and stays.
create function strandline.pm_status(p_status text, p_running boolean) returns text language plpgsql immutable security invoker set search_path = '' as $$
begin
  return case when coalesce(p_status, '') in ('', 'watchlist', 'active', 'dormant') then case when p_running then 'active' else 'watchlist' end
              else p_status end;
end
$$;

-- Identity of the running trade. One that someone else opened without naming it is named after its first entry.
create function strandline.pm_trade_id(p strandline.position)
returns text language plpgsql immutable security invoker set search_path = '' as $$
begin
  return coalesce(strandline.canonical_id(nullif(p.current_trade_id::text, '')), case when isfinite(p.first_entry_timestamp)
    then 'entry-' || strandline.pm_ms(p.first_entry_timestamp)::bigint else 'entry-' || p.first_entry_timestamp::text end);
end
$$;

-- What a close depends on: a trade that was scored is closed only while this is the same.
create function strandline.pm_fingerprint(p strandline.position) returns text language plpgsql immutable security invoker set search_path = '' as $$
begin
  return md5(jsonb_build_array(p.status, p.current_trade_id, p.total_quantity, p.avg_entry_price, p.avg_exit_price,
    strandline.pm_ms(p.first_entry_timestamp), strandline.pm_ms(p.closed_at), p.entry_context)::text);
end
$$;

-- A flat position as a trade to be scored and closed, its bars included unless they are more than p_most_bars. Times in ms; `now`: the database's clock. A row that cannot be read as
-- one is {position_id, trade_id, problem}: it must not keep the others of its page. p_kind, p_exit: its last exit, where that is not recorded yet.
create function strandline.pm_trade(p strandline.position, p_most_bars integer default 1000, p_kind text default null, p_exit timestamptz default null)
returns jsonb language plpgsql stable security invoker set search_path = '' as $$
declare
  v_trade text := strandline.pm_trade_id(p);
  v_kind  text := p_kind;
  v_exit  timestamptz := p_exit;
  exited  timestamptz;
begin
  if v_kind is null then
    select kind, executed_at into v_kind, v_exit from strandline.pm_executions
    where position_id = p.id and trade_id = v_trade and left_quantity = 0
    order by recorded_at desc limit 1;
  end if;
  exited := greatest(p.first_entry_timestamp, case when v_exit is not null then v_exit else coalesce(
    case when p.closed_at >= p.first_entry_timestamp then p.closed_at end, p.flat_since, p.last_activity_timestamp, p.updated_at) end);
  return jsonb_build_object(
    'position_id', p.id, 'trade_id', v_trade, 'fingerprint', strandline.pm_fingerprint(p), 'now', strandline.pm_ms(clock_timestamp()),
    'symbol', p.token_ticker, 'token_contract', p.token_contract, 'chain', p.token_chain, 'timeframe', coalesce(p.timeframe, ''), 'side', p.side,
    'decision_type', coalesce(v_kind, 'external'),
    'entry_price', p.avg_entry_price, 'exit_price', p.avg_exit_price, 'quantity', p.bought_quantity,
    'opened_at', strandline.pm_ms(p.first_entry_timestamp), 'closed_at', strandline.pm_ms(exited),
    'entry_context', p.entry_context, 'regime_context', p.regime_context,
    'problem', case when coalesce(jsonb_typeof(p.completed_trades), 'array') <> 'array'
      then 'its completed_trades is of type ' || jsonb_typeof(p.completed_trades) || ', not a list' end,
    'bars', case when isfinite(p.first_entry_timestamp) and isfinite(exited)
      then strandline.pm_few_bars(p.token_contract, p.token_chain, p.timeframe, p.first_entry_timestamp, exited, p_most_bars) else '[]' end)
    || case when isfinite(p.first_entry_timestamp) and isfinite(exited)
      then strandline.pm_exit_bars(p.token_contract, p.token_chain, p.timeframe, p.first_entry_timestamp, exited) else '{"exit_bar": null, "later_bar": false}' end;
exception when data_exception then
  return jsonb_build_object('position_id', p.id, 'trade_id', v_trade, 'problem', sqlerrm);
end
$$;

-- One position as a trade to be closed, or null when it is not flat, or closed already.
create function public.strandline_pm_flat_trade(p_position_id text)
returns jsonb language sql stable security invoker set search_path = '' as $$
  select strandline.pm_trade(r.p)
  from (select strandline.read_position(strandline.row_jsonb(l)) as p from public.lowcap_positions l where l.id = strandline.position_key(p_position_id) offset 0) r
  where strandline.pm_is_over(r.p)
$$;

-- Positions that are flat and not closed: by their last report, or because someone else brought them to zero. Pages by id. The first three
-- conditions are those of the index lowcap_positions_running; the one on the quantity lets pass what pm_is_flat does and is cheaper.
create function public.strandline_pm_flat_trades(p_timeframe text, p_after text, p_limit integer)
returns jsonb language sql stable security invoker set search_path = '' as $$
  select coalesce(jsonb_agg(strandline.pm_trade(f.p, 200) order by f.id), '[]')
  from (select r.id, r.p from (
          select l.id, strandline.read_position(strandline.row_jsonb(l)) as p from public.lowcap_positions l
          where l.first_entry_timestamp is not null and l.first_entry_timestamp is distinct from l.settled_entry
            and (l.status = 'active' or l.current_trade_id is not null)
            and coalesce(l.timeframe, '') = p_timeframe and l.id >= strandline.position_key(p_after) and (p_after = '' or l.id <> strandline.position_key(p_after))
            and l.total_quantity <= 1e-9 * least(greatest(l.bought_quantity, 1e-200), 1e200)
          order by l.id offset 0) r
        where strandline.pm_is_over(r.p)
        order by r.id limit p_limit) f
$$;

-- Makes a position. p_position: JSON {id?, token_chain, token_contract, token_ticker, timeframe, side, entry_context, regime_context}.
-- Returns {status: 'opened' | 'exists', position}, or {status: 'invalid', reason}: the table takes no such row.
create function public.strandline_pm_open_position(p_position text)
returns jsonb language plpgsql security invoker set search_path = '' set timezone = 'UTC' as $$
declare
  r     jsonb := p_position::jsonb;
  v_row jsonb;
begin
  if r ->> 'id' is null then
    insert into public.lowcap_positions as l (token_chain, token_contract, token_ticker, timeframe, side, entry_context, regime_context)
    select w.token_chain, w.token_contract, w.token_ticker, w.timeframe, w.side, w.entry_context, w.regime_context
    from strandline.their_path(), jsonb_populate_record(null::public.lowcap_positions, r) w
    returning strandline.row_jsonb(l) into v_row;
    perform pg_catalog.set_config('search_path', '', true);
    return jsonb_build_object('status', 'opened', 'position', strandline.shown_position(v_row));
  end if;
  if strandline.position_key(r ->> 'id') is null then
    return jsonb_build_object('status', 'invalid', 'reason', 'its id cannot be one in lowcap_positions, where ids are of the type '
      || pg_typeof(strandline.position_key('')));
  end if;
  insert into public.lowcap_positions as l (id, token_chain, token_contract, token_ticker, timeframe, side, entry_context, regime_context)
  overriding system value
  select w.id, w.token_chain, w.token_contract, w.token_ticker, w.timeframe, w.side, w.entry_context, w.regime_context
  from strandline.their_path(), jsonb_populate_record(null::public.lowcap_positions, r) w
  on conflict do nothing returning strandline.row_jsonb(l) into v_row;
  perform pg_catalog.set_config('search_path', '', true);
  if v_row is not null then return jsonb_build_object('status', 'opened', 'position', strandline.shown_position(v_row)); end if;
  select strandline.row_jsonb(l) into v_row from public.lowcap_positions l where l.id = strandline.position_key(r ->> 'id');
  return jsonb_build_object('status', 'exists', 'position', strandline.shown_position(v_row));
exception when integrity_constraint_violation or generated_always then
  return jsonb_build_object('status', 'invalid', 'reason', sqlerrm);
end
$$;

-- One position as GET shows it, or null.
create function public.strandline_pm_position(p_position_id text) returns jsonb language sql stable security invoker set search_path = '' as $$
  select strandline.shown_position(strandline.row_jsonb(l)) from public.lowcap_positions l where l.id = strandline.position_key(p_position_id)
$$;

-- What an execution makes of a position, or why it cannot be.
create type strandline.applied_execution as (
  refusal  jsonb,                -- {status, …} as strandline_pm_record_execution returns it; null: it can be
  p        strandline.position,
  at       timestamptz,
  quantity double precision,     -- tokens
  share    double precision,     -- of what was held, of an exit
  trade    text                  -- id of its trade
);

-- Moves quantities and averages; writes nothing. What is held decides, not the status. e: as strandline_pm_record_execution takes it.
create function strandline.pm_apply_execution(e jsonb, p strandline.position)
returns strandline.applied_execution language plpgsql stable security invoker set search_path = '' set timezone = 'UTC' as $$
declare
  a     strandline.applied_execution;
  at    timestamptz := (e ->> 'executed_at')::timestamptz;
  price double precision := (e ->> 'price')::double precision;
  qty   double precision := (e ->> 'quantity')::double precision;
  frac  double precision := (e ->> 'size_frac')::double precision;
  rest  double precision;
begin
  if not (price > 0 and price < 'infinity' and (qty is null or (qty > 0 and qty < 'infinity'))) then
    a.refusal := jsonb_build_object('status', 'invalid', 'reason', 'a price or a quantity that is none');
    return a;
  end if;
  if at > now() + (e ->> 'max_skew_ms')::double precision * interval '1 ms' then
    a.refusal := jsonb_build_object('status', 'in_future', 'executed_at', at, 'now', now());
    return a;
  end if;
  -- Without a time of its own it happened now; an entry reported by a clock that runs ahead is not later than its exit for that.
  at := coalesce(at, case when isfinite(p.first_entry_timestamp) and e ->> 'side' = 'exit' then greatest(now(), least(p.first_entry_timestamp,
    now() + (e ->> 'max_skew_ms')::double precision * interval '1 ms')) else now() end);

  if strandline.pm_is_held(p) and (coalesce(not isfinite(p.first_entry_timestamp), true) or p.first_entry_timestamp = p.settled_entry) then
    -- Somebody bought and did not say when: at the latest when the row was last touched.
    p.first_entry_timestamp := case when isfinite(p.last_activity_timestamp) and p.last_activity_timestamp > coalesce(p.settled_entry, '-infinity')
      then least(p.last_activity_timestamp, at) else at end;
    p.settled_entry := null;
    if strandline.pm_is_completed(p.completed_trades, p.current_trade_id::text) then p.current_trade_id := null; end if;
  end if;

  if e ->> 'side' = 'entry' then
    if strandline.pm_is_flat(p) and strandline.pm_is_open(p) then
      a.refusal := jsonb_build_object('status', 'close_first', 'trade', strandline.pm_trade(p));
      return a;
    end if;
    if not strandline.pm_is_open(p) then                                     -- a first entry: nothing of an earlier trade counts
      -- A trade id that someone set beforehand is taken, one left over from a trade that is over is not: its event is in the log already.
      if p.current_trade_id is null or strandline.pm_is_completed(p.completed_trades, p.current_trade_id::text) then
        p.current_trade_id := e ->> 'trade_id';
      end if;
      p.total_quantity := 0; p.bought_quantity := 0; p.sold_quantity := 0;
      p.avg_entry_price := null; p.avg_exit_price := null; p.closed_at := null; p.flat_since := null; p.settled_entry := null;
      p.first_entry_timestamp := at;
      p.entry_context := coalesce(nullif(e -> 'entry_context', 'null'), p.entry_context);
      p.regime_context := coalesce(nullif(e -> 'regime_context', 'null'), p.regime_context);
    end if;
    p.status := strandline.pm_status(p.status, true);
    p.bought_quantity := greatest(p.bought_quantity, p.total_quantity);  -- what someone else bought counts too
    -- A running mean: entries at one price leave exactly that price, which a quotient of sums would not.
    p.avg_entry_price := case when p.avg_entry_price is null or p.bought_quantity = 0 then price
      else p.avg_entry_price + (price - p.avg_entry_price) * (qty / (p.bought_quantity + qty)) end;
    p.bought_quantity := p.bought_quantity + qty;
    p.total_quantity := p.total_quantity + qty;
    p.first_entry_timestamp := least(p.first_entry_timestamp, at);
  else
    if not strandline.pm_is_held(p) then
      a.refusal := jsonb_build_object('status', 'nothing_held');
      return a;
    end if;
    if at < p.first_entry_timestamp then
      a.refusal := jsonb_build_object('status', 'before_entry', 'entry', p.first_entry_timestamp);
      return a;
    end if;
    p.bought_quantity := greatest(p.bought_quantity, p.total_quantity);
    qty := coalesce(qty, case when frac < 0.999 then p.total_quantity * frac else p.total_quantity end);
    frac := coalesce(frac, least(1, qty / p.total_quantity));
    rest := p.total_quantity - qty;
    if rest < -1e-9 * p.bought_quantity then
      a.refusal := jsonb_build_object('status', 'more_than_held', 'held', p.total_quantity);
      return a;
    end if;
    p.avg_exit_price := case when p.avg_exit_price is null or p.sold_quantity = 0 then price
      else p.avg_exit_price + (price - p.avg_exit_price) * (qty / (p.sold_quantity + qty)) end;
    p.sold_quantity := p.sold_quantity + qty;
    p.total_quantity := case when rest <= 1e-9 * p.bought_quantity then 0 else rest end;
  end if;

  -- A trade that others opened without naming it: where the status does not say that it runs, its name does.
  if nullif(p.current_trade_id::text, '') is null and p.status is distinct from 'active' then p.current_trade_id := e ->> 'trade_id'; end if;
  a.p := p; a.at := at; a.quantity := qty; a.share := frac; a.trade := strandline.pm_trade_id(p);
  return a;
end
$$;

-- Records one execution, once per id; with p_close (as strandline_pm_close takes it), one that leaves the trade which was scored for it closes that trade by
-- the same write to its row. e: as strandline_pm_record_execution takes it, which says what is returned.
create function strandline.pm_record(e jsonb, p_close jsonb default null, p_relay text default null, p_lease_ms integer default null)
returns jsonb language plpgsql security invoker set search_path = '' set timezone = 'UTC' as $$
declare
  v_row     jsonb;
  before    strandline.position;
  p         strandline.position;
  known     strandline.pm_executions;
  a         strandline.applied_execution;
  v_changes jsonb;
  v_answer  jsonb;
  v_close   jsonb;
  v_event   text;
begin
  select strandline.row_jsonb(l) into v_row from public.lowcap_positions l where l.id = strandline.position_key(e ->> 'position_id') for update;
  if not found then return jsonb_build_object('status', 'unknown_position'); end if;
  before := strandline.read_position(v_row);
  select * into known from strandline.pm_executions where id = e ->> 'id';
  if found then
    if known.position_id <> before.id or coalesce(md5(known.request::text), known.request_digest) <> md5((e -> 'request')::text) then return jsonb_build_object('status', 'conflict'); end if;
    return jsonb_build_object('status', 'duplicate', 'trade_id', known.trade_id, 'size_frac', known.size_frac, 'left', known.left_quantity,
      'trade', case when strandline.pm_is_over(before) and strandline.pm_trade_id(before) = known.trade_id then strandline.pm_trade(before) end);
  end if;
  a := strandline.pm_apply_execution(e, before);
  if a.refusal is not null then return a.refusal; end if;
  insert into strandline.pm_executions (id, position_id, trade_id, kind, quantity, price, size_frac, left_quantity, executed_at, request)
  values (e ->> 'id', before.id, a.trade, e ->> 'kind', a.quantity, (e ->> 'price')::double precision, a.share, (a.p).total_quantity, a.at, e -> 'request')
  on conflict (id) do nothing;
  if not found then return jsonb_build_object('status', 'conflict'); end if;   -- at the same moment, for another position
  v_changes := strandline.position_changes(before, a.p) || jsonb_build_object('last_activity_timestamp', a.at);
  v_answer := jsonb_build_object('status', 'recorded', 'trade_id', a.trade, 'size_frac', a.share);
  if p_close is null then
    p := strandline.read_position(strandline.write_position(before.id, v_changes));   -- in the types of its table
    return v_answer || jsonb_build_object('left', p.total_quantity, 'trade', case when strandline.pm_is_flat(p) then strandline.pm_trade(p) end);
  end if;
  v_close := strandline.pm_close_refusal(a.p, p_close);
  if v_close is null then
    v_event := strandline.name_trade(p_close -> 'event');
    v_changes := v_changes || strandline.pm_close_changes(a.p, p_close, v_event);
  end if;
  perform strandline.write_position(before.id, v_changes);
  return v_answer || jsonb_build_object('left', (a.p).total_quantity, 'trade', null,
    'close', coalesce(v_close, strandline.pm_publish_close(p_close, v_event, p_relay, p_lease_ms)));
exception when data_exception then   -- numbers of the row that one cannot calculate with
  return jsonb_build_object('status', 'invalid', 'reason', sqlerrm);
end
$$;

-- Records one execution, once per id.
-- p_execution: JSON {id, position_id, side: 'entry' | 'exit', kind, quantity | null, price, size_frac | null, executed_at | null (now, by this
-- database's clock), max_skew_ms, trade_id (for a first entry), entry_context | null, regime_context | null, request}.
-- Returns {status, …}: 'recorded' and 'duplicate' with trade_id, size_frac, left, and trade when the position is flat but not closed; 'close_first' (flat, its
-- trade not closed yet) with trade; 'conflict', 'unknown_position', 'nothing_held', 'more_than_held' (held), 'before_entry' (entry), 'in_future' (executed_at,
-- now), 'invalid' (reason) changed nothing.
create function public.strandline_pm_record_execution(p_execution text) returns jsonb language plpgsql security invoker set search_path = '' as $$
begin
  return strandline.pm_record(p_execution::jsonb);
end
$$;

-- The trade that an exit would leave to be closed, to be scored beforehand; nothing is written. Null: it leaves something, was reported before, or is refused.
create function public.strandline_pm_trade_after(p_execution text) returns jsonb language plpgsql stable security invoker set search_path = '' as $$
declare
  e     jsonb := p_execution::jsonb;
  v_row jsonb;
  a     strandline.applied_execution;
begin
  select strandline.row_jsonb(l) into v_row from public.lowcap_positions l where l.id = strandline.position_key(e ->> 'position_id');
  if not found or exists (select from strandline.pm_executions x where x.id = e ->> 'id') then return null; end if;
  a := strandline.pm_apply_execution(e, strandline.read_position(v_row));
  if a.refusal is not null or not strandline.pm_is_flat(a.p) then return null; end if;
  return strandline.pm_trade(a.p, p_kind => e ->> 'kind', p_exit => a.at);
exception when data_exception then
  return null;
end
$$;

do $$ begin perform strandline.seal(); end $$;

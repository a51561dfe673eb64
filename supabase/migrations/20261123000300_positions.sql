-- Positions, their price bars, what the trader executed, and the outbox: everything that the portfolio manager (PM) writes.
-- `if not exists`: on a database that has the two lowcap_ tables already, they stay as they are, with their rows; columns of ours are added.

create table if not exists public.lowcap_positions (
  id                    text             primary key default gen_random_uuid()::text,
  token_chain           text             not null default '',
  token_contract        text             not null default '',
  token_ticker          text             not null default '',
  timeframe             text             not null,
  status                text             not null default 'watchlist',   -- watchlist, active, dormant, paused, archived
  current_trade_id      text,                                            -- the round trip that is running; null between two
  total_quantity        double precision not null default 0,             -- held now, in tokens (of a short: owed)
  avg_entry_price       double precision,                                -- of the running or the last trade, in the quote currency
  avg_exit_price        double precision,
  first_entry_timestamp timestamptz,
  closed_at             timestamptz,
  entry_context         jsonb            not null default '{}',          -- flat: strings are levers, numbers are measures
  completed_trades      jsonb            not null default '[]',          -- every round trip so far, oldest first
  created_at            timestamptz      not null default now(),
  updated_at            timestamptz      not null default now()
);
alter table public.lowcap_positions
  add column if not exists side                    text not null default 'long' check (side in ('long', 'short')),
  add column if not exists bought_quantity         double precision not null default 0,   -- entered in the running trade, in tokens
  add column if not exists sold_quantity           double precision not null default 0,   -- exited in the running trade, in tokens
  add column if not exists regime_context          jsonb not null default '{}',
  add column if not exists last_activity_timestamp timestamptz,
  add column if not exists flat_since              timestamptz,   -- when total_quantity last fell to 0, whoever wrote it
  add column if not exists settled_entry           timestamptz;   -- first_entry_timestamp of the last trade that was closed here
create index if not exists lowcap_positions_active on public.lowcap_positions (timeframe, id) where status = 'active';

create table if not exists public.lowcap_price_data_ohlc (
  token_contract text             not null,
  chain          text             not null,
  timeframe      text             not null,
  timestamp      timestamptz      not null,   -- start of the bar
  open_usd       double precision,
  high_usd       double precision,
  low_usd        double precision,
  close_usd      double precision,
  volume         double precision,
  primary key (token_contract, chain, timeframe, timestamp)
);

-- What the trader reported, by the report's own id: the second report with an id changes nothing.
create table public.pm_executions (
  id            text             primary key,
  position_id   text             not null,
  trade_id      text             not null,
  kind          text             not null,             -- entry, buy, add; trim, emergency_exit
  quantity      double precision not null,             -- tokens
  price         double precision not null,
  size_frac     double precision,                      -- share of what was held, of an exit
  left_quantity double precision not null,             -- held after it
  executed_at   timestamptz      not null,
  request       jsonb            not null,             -- as it was sent: the same id with other content is refused
  recorded_at   timestamptz      not null default now()
);
create index pm_executions_trade on public.pm_executions (position_id, trade_id);

-- Events on their way to the log. A row is written in the transaction that makes its fact true, and never deleted.
create table public.pm_outbox (
  id            bigint      generated always as identity primary key,
  event_id      text        not null,
  revision      integer     not null,
  payload       jsonb       not null,                  -- PositionClosed (core/event.ts)
  traceparent   text,
  created_at    timestamptz not null default now(),
  claimed_by    text,
  claimed_until timestamptz,                           -- nobody else takes the row before this
  published_at  timestamptz,
  topic         text,
  partition     integer,
  "offset"      bigint,
  attempts      integer     not null default 0,
  refused       boolean     not null default false,    -- it is the event that cannot be published; a person has to look
  last_error    text,
  unique (event_id, revision)
);
create index pm_outbox_unpublished on public.pm_outbox (id) where published_at is null;

-- Trades that closed without bars: a tick scores them once bars are there.
create table public.pm_unscored (
  event_id       text        primary key,
  position_id    text        not null,
  trade_id       text        not null,
  side           text        not null,
  token_contract text        not null,
  chain          text        not null,
  timeframe      text        not null,
  opened_at      timestamptz not null,
  closed_at      timestamptz not null,
  bars_seen      integer     not null default 0
);
create index pm_unscored_timeframe on public.pm_unscored (timeframe, event_id);

alter table public.lowcap_positions enable row level security;
alter table public.lowcap_price_data_ohlc enable row level security;
alter table public.pm_executions enable row level security;
alter table public.pm_outbox enable row level security;
alter table public.pm_unscored enable row level security;

-- Notes when a position came to zero: whoever writes total_quantity, the exit then has a time.
create function public.pm_touch_position() returns trigger language plpgsql security invoker set search_path = '' as $$
begin
  if new.updated_at is not distinct from old.updated_at then new.updated_at := now(); end if;
  if new.total_quantity <= 0 and old.total_quantity > 0 then new.flat_since := now(); end if;
  return new;
end
$$;
create trigger pm_touch_position before update on public.lowcap_positions
  for each row execute function public.pm_touch_position();

-- Length of a bar; null for a timeframe that has none.
create function public.pm_timeframe(p_timeframe text) returns interval language sql immutable security invoker set search_path = '' as $$
  select case when p_timeframe ~ '^[1-9][0-9]{0,4}[smhdw]$' then
    (left(p_timeframe, -1) || case right(p_timeframe, 1) when 's' then ' seconds' when 'm' then ' minutes' when 'h' then ' hours'
                                                         when 'd' then ' days' else ' weeks' end)::interval end
$$;

create function public.pm_ms(p_time timestamptz) returns double precision language sql immutable security invoker set search_path = '' as $$
  select floor(extract(epoch from p_time) * 1000)::double precision
$$;

-- The bars that may touch a trade: [[start ms, low, high], …]. Which of them count is services/pm/rr.ts' decision.
create function public.pm_bars(p_contract text, p_chain text, p_timeframe text, p_from timestamptz, p_to timestamptz)
returns jsonb language sql stable security invoker set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_array(public.pm_ms(b.timestamp), b.low_usd, b.high_usd) order by b.timestamp), '[]')
  from public.lowcap_price_data_ohlc b
  where b.token_contract = p_contract and b.chain = p_chain and b.timeframe = p_timeframe
    and b.timestamp > p_from - public.pm_timeframe(p_timeframe) and b.timestamp <= greatest(p_from, p_to)
$$;

-- Nothing is held: what is left is rounding (a billionth of what was bought).
create function public.pm_is_flat(p public.lowcap_positions) returns boolean language sql immutable security invoker set search_path = '' as $$
  select p.total_quantity <= p.bought_quantity * 1e-9
$$;

-- A trade is running that has had an entry.
create function public.pm_is_open(p public.lowcap_positions) returns boolean language sql immutable security invoker set search_path = '' as $$
  select p.status = 'active' and coalesce(isfinite(p.first_entry_timestamp), false)
    and p.first_entry_timestamp is distinct from p.settled_entry
$$;

-- Identity of the running trade. One that someone else opened without naming it is named after its first entry.
create function public.pm_trade_id(p public.lowcap_positions) returns text language sql immutable security invoker set search_path = '' as $$
  select coalesce(nullif(p.current_trade_id::text, ''), 'entry-' || public.pm_ms(p.first_entry_timestamp)::bigint)
$$;

-- What a close depends on: a trade that was scored is closed only while this is the same.
create function public.pm_fingerprint(p public.lowcap_positions) returns text language sql immutable security invoker set search_path = '' as $$
  select md5(jsonb_build_array(p.status, p.current_trade_id, p.total_quantity, p.avg_entry_price, p.avg_exit_price,
    public.pm_ms(p.first_entry_timestamp), public.pm_ms(p.closed_at), p.entry_context)::text)
$$;

-- A flat position as a trade to be scored and closed, its bars included. Times in ms.
create function public.pm_trade(p public.lowcap_positions) returns jsonb language plpgsql stable security invoker set search_path = '' as $$
declare
  last_exit record;
  exited    timestamptz;
begin
  select kind, executed_at into last_exit from public.pm_executions
  where position_id = p.id::text and trade_id = public.pm_trade_id(p) and left_quantity = 0
  order by recorded_at desc limit 1;
  exited := greatest(p.first_entry_timestamp, case when last_exit.executed_at is not null then last_exit.executed_at else coalesce(
    case when p.closed_at >= p.first_entry_timestamp then p.closed_at end, p.flat_since, p.last_activity_timestamp, p.updated_at) end);
  return jsonb_build_object(
    'position_id', p.id, 'trade_id', public.pm_trade_id(p), 'fingerprint', public.pm_fingerprint(p),
    'symbol', p.token_ticker, 'token_contract', p.token_contract, 'chain', p.token_chain, 'timeframe', p.timeframe, 'side', p.side,
    'decision_type', coalesce(last_exit.kind, 'external'),
    'entry_price', p.avg_entry_price, 'exit_price', p.avg_exit_price, 'quantity', p.bought_quantity,
    'opened_at', public.pm_ms(p.first_entry_timestamp), 'closed_at', public.pm_ms(exited),
    'entry_context', p.entry_context, 'regime_context', p.regime_context,
    'bars', public.pm_bars(p.token_contract, p.token_chain, p.timeframe, p.first_entry_timestamp, exited));
end
$$;

-- Makes a position. p_position: JSON {id?, token_chain, token_contract, token_ticker, timeframe, side, entry_context, regime_context}.
-- Returns {status: 'opened' | 'exists', position}.
create function public.pm_open_position(p_position text) returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  r jsonb := p_position::jsonb;
  p public.lowcap_positions;
begin
  insert into public.lowcap_positions as l (id, token_chain, token_contract, token_ticker, timeframe, side, entry_context, regime_context)
  values (coalesce(r ->> 'id', gen_random_uuid()::text), r ->> 'token_chain', r ->> 'token_contract', r ->> 'token_ticker', r ->> 'timeframe',
    r ->> 'side', r -> 'entry_context', r -> 'regime_context')
  on conflict (id) do nothing returning * into p;
  if p.id is not null then return jsonb_build_object('status', 'opened', 'position', to_jsonb(p)); end if;
  select * into p from public.lowcap_positions where id = r ->> 'id';
  return jsonb_build_object('status', 'exists', 'position', to_jsonb(p));
end
$$;

-- Records one execution and moves quantities and averages, once per id.
-- p_execution: JSON {id, position_id, side: 'entry' | 'exit', kind, quantity | null, price, size_frac | null, executed_at, trade_id (for a
-- first entry), entry_context | null, regime_context | null, request}.
-- Returns {status, …}: 'recorded' and 'duplicate' with trade_id, size_frac, left, position, and trade when the position is flat but not
-- closed; 'close_first' (flat, its trade not closed yet) with trade; 'conflict', 'unknown_position', 'nothing_held', 'more_than_held' (held),
-- 'before_entry' (entry) changed nothing.
create function public.pm_record_execution(p_execution text) returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  e      jsonb := p_execution::jsonb;
  at     timestamptz := (e ->> 'executed_at')::timestamptz;
  price  double precision := (e ->> 'price')::double precision;
  qty    double precision := (e ->> 'quantity')::double precision;
  frac   double precision := (e ->> 'size_frac')::double precision;
  p      public.lowcap_positions;
  known  public.pm_executions;
  trade  text;
  rest   double precision;
begin
  select * into p from public.lowcap_positions where id = e ->> 'position_id' for update;
  if not found then return jsonb_build_object('status', 'unknown_position'); end if;
  select * into known from public.pm_executions where id = e ->> 'id';
  if found then
    if known.position_id <> p.id::text or known.request <> e -> 'request' then return jsonb_build_object('status', 'conflict'); end if;
    return jsonb_build_object('status', 'duplicate', 'trade_id', known.trade_id, 'size_frac', known.size_frac, 'left', known.left_quantity,
      'position', to_jsonb(p),
      'trade', case when public.pm_is_open(p) and public.pm_is_flat(p) and public.pm_trade_id(p) = known.trade_id then public.pm_trade(p) end);
  end if;
  if not (price > 0 and price < 'infinity' and (qty is null or (qty > 0 and qty < 'infinity'))) then
    return jsonb_build_object('status', 'invalid');
  end if;

  if e ->> 'side' = 'entry' then
    if public.pm_is_open(p) and public.pm_is_flat(p) then
      return jsonb_build_object('status', 'close_first', 'trade', public.pm_trade(p));
    end if;
    if not public.pm_is_open(p) then                                     -- a first entry: nothing of an earlier trade counts
      -- A trade id that someone set beforehand is taken, one left over from a trade that is over is not: its event is in the log already.
      if p.current_trade_id is null
        or exists (select 1 from jsonb_array_elements(p.completed_trades) t where t ->> 'trade_id' = p.current_trade_id::text) then
        p.current_trade_id := e ->> 'trade_id';
      end if;
      p.total_quantity := 0; p.bought_quantity := 0; p.sold_quantity := 0;
      p.avg_entry_price := null; p.avg_exit_price := null; p.closed_at := null; p.flat_since := null; p.settled_entry := null;
      p.first_entry_timestamp := at; p.status := 'active';
      p.entry_context := coalesce(nullif(e -> 'entry_context', 'null'), p.entry_context);
      p.regime_context := coalesce(nullif(e -> 'regime_context', 'null'), p.regime_context);
    end if;
    p.bought_quantity := greatest(p.bought_quantity, p.total_quantity);  -- what someone else bought counts too
    -- A running mean: entries at one price leave exactly that price, which a quotient of sums would not.
    p.avg_entry_price := case when p.avg_entry_price is null or p.bought_quantity = 0 then price
      else p.avg_entry_price + (price - p.avg_entry_price) * (qty / (p.bought_quantity + qty)) end;
    p.bought_quantity := p.bought_quantity + qty;
    p.total_quantity := p.total_quantity + qty;
    p.first_entry_timestamp := least(p.first_entry_timestamp, at);
  else
    if not public.pm_is_open(p) or public.pm_is_flat(p) then return jsonb_build_object('status', 'nothing_held'); end if;
    if at < p.first_entry_timestamp then return jsonb_build_object('status', 'before_entry', 'entry', p.first_entry_timestamp); end if;
    p.bought_quantity := greatest(p.bought_quantity, p.total_quantity);
    qty := coalesce(qty, case when frac < 0.999 then p.total_quantity * frac else p.total_quantity end);
    frac := coalesce(frac, least(1, qty / p.total_quantity));
    rest := p.total_quantity - qty;
    if rest < -1e-9 * p.bought_quantity then return jsonb_build_object('status', 'more_than_held', 'held', p.total_quantity); end if;
    p.avg_exit_price := case when p.avg_exit_price is null or p.sold_quantity = 0 then price
      else p.avg_exit_price + (price - p.avg_exit_price) * (qty / (p.sold_quantity + qty)) end;
    p.sold_quantity := p.sold_quantity + qty;
    p.total_quantity := case when rest <= 1e-9 * p.bought_quantity then 0 else rest end;
  end if;

  trade := public.pm_trade_id(p);
  insert into public.pm_executions (id, position_id, trade_id, kind, quantity, price, size_frac, left_quantity, executed_at, request)
  values (e ->> 'id', p.id, trade, e ->> 'kind', qty, price, frac, p.total_quantity, at, e -> 'request')
  on conflict (id) do nothing;
  if not found then return jsonb_build_object('status', 'conflict'); end if;   -- at the same moment, for another position
  update public.lowcap_positions l set
    status = p.status, current_trade_id = p.current_trade_id, total_quantity = p.total_quantity, bought_quantity = p.bought_quantity,
    sold_quantity = p.sold_quantity, avg_entry_price = p.avg_entry_price, avg_exit_price = p.avg_exit_price,
    first_entry_timestamp = p.first_entry_timestamp, closed_at = p.closed_at, flat_since = p.flat_since, settled_entry = p.settled_entry,
    entry_context = p.entry_context, regime_context = p.regime_context, last_activity_timestamp = at, updated_at = now()
  where l.id = p.id returning * into p;
  return jsonb_build_object('status', 'recorded', 'trade_id', trade, 'size_frac', frac, 'left', p.total_quantity, 'position', to_jsonb(p),
    'trade', case when public.pm_is_flat(p) then public.pm_trade(p) end);
end
$$;

-- One event into the outbox, claimed by the relay that will publish it at once (null: by nobody). Returns the row, or null when the log of
-- this event has that revision already.
create function public.pm_outbox_insert(p_event jsonb, p_traceparent text, p_relay text, p_lease_ms integer)
returns jsonb language sql security invoker set search_path = '' as $$
  insert into public.pm_outbox (event_id, revision, payload, traceparent, claimed_by, claimed_until)
  values (p_event ->> 'event_id', (p_event ->> 'revision')::integer, p_event, p_traceparent, p_relay,
    case when p_relay is not null then now() + p_lease_ms * interval '1 ms' end)
  on conflict (event_id, revision) do nothing
  returning jsonb_build_object('id', id, 'payload', payload, 'traceparent', traceparent, 'recorded_at', created_at)
$$;

-- Notes an event that closed without bars, to be scored later.
create function public.pm_note_unscored(p_event jsonb, p_side text) returns void language sql security invoker set search_path = '' as $$
  insert into public.pm_unscored (event_id, position_id, trade_id, side, token_contract, chain, timeframe, opened_at, closed_at)
  values (p_event ->> 'event_id', p_event ->> 'position_id', p_event ->> 'trade_id', p_side, p_event ->> 'token_contract',
    p_event ->> 'chain', p_event ->> 'timeframe', to_timestamp((p_event ->> 'opened_at')::double precision / 1000),
    to_timestamp((p_event ->> 'closed_at')::double precision / 1000))
  on conflict (event_id) do nothing
$$;

-- Closes a scored trade, in one transaction: completed_trades, status, closed_at, outbox row, and the note to score it later.
-- p_close: JSON {position_id, trade_id, fingerprint, event (PositionClosed), completed_trade, side, score_later, traceparent}.
-- Returns {status: 'closed', outbox: row | null} (null: the event was in the outbox before), or, with nothing changed: 'already_closed' with
-- the event, 'not_flat', 'changed' (it is not what was scored), 'unknown_position', 'invalid'.
create function public.pm_close(p_close text, p_relay text, p_lease_ms integer)
returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  c     jsonb := p_close::jsonb;
  ev    jsonb := c -> 'event';
  p     public.lowcap_positions;
  known jsonb;
  added jsonb;
begin
  select * into p from public.lowcap_positions where id = c ->> 'position_id' for update;
  if not found then return jsonb_build_object('status', 'unknown_position'); end if;
  if not public.pm_is_open(p) or public.pm_trade_id(p) <> c ->> 'trade_id' then
    select payload into known from public.pm_outbox where event_id = ev ->> 'event_id' order by revision desc limit 1;
    return jsonb_build_object('status', case when known is null then 'changed' else 'already_closed' end, 'event', known);
  end if;
  if not public.pm_is_flat(p) then return jsonb_build_object('status', 'not_flat', 'left', p.total_quantity); end if;
  if public.pm_fingerprint(p) <> c ->> 'fingerprint' then return jsonb_build_object('status', 'changed'); end if;
  if not ((ev ->> 'entry_price')::double precision > 0 and (ev ->> 'exit_price')::double precision > 0) then
    return jsonb_build_object('status', 'invalid');
  end if;

  update public.lowcap_positions l set
    completed_trades = case when exists (select 1 from jsonb_array_elements(l.completed_trades) t where t ->> 'trade_id' = c ->> 'trade_id')
      then l.completed_trades else l.completed_trades || jsonb_build_array(c -> 'completed_trade') end,
    status = 'watchlist', current_trade_id = null, total_quantity = 0, settled_entry = l.first_entry_timestamp,
    closed_at = to_timestamp((ev ->> 'closed_at')::double precision / 1000), updated_at = now()
  where l.id = p.id;
  added := public.pm_outbox_insert(ev, c ->> 'traceparent', p_relay, p_lease_ms);
  if added is not null and (c ->> 'score_later')::boolean then perform public.pm_note_unscored(ev, c ->> 'side'); end if;
  return jsonb_build_object('status', 'closed', 'outbox', added);
end
$$;

-- One position as a trade to be closed, or null when it is not flat, or closed already.
create function public.pm_flat_trade(p_position_id text)
returns jsonb language sql stable security invoker set search_path = '' as $$
  select public.pm_trade(p) from public.lowcap_positions p
  where p.id = p_position_id and p.status = 'active' and public.pm_is_flat(p) and public.pm_is_open(p)
$$;

-- Positions that are flat and not closed: by their last report, or because someone else brought them to zero. Pages by id.
create function public.pm_flat_trades(p_timeframe text, p_after text, p_limit integer)
returns jsonb language sql stable security invoker set search_path = '' as $$
  select coalesce(jsonb_agg(public.pm_trade(f) order by f.id), '[]')
  from (select * from public.lowcap_positions p
        where p.status = 'active' and p.timeframe = p_timeframe and p.id::text > p_after and public.pm_is_flat(p) and public.pm_is_open(p)
        order by p.id limit p_limit) f
$$;

-- Trades closed without bars whose bars are there now. Bars arrive one after another, and half of them would score another trade: so they
-- have come when one reaches the exit, or when no new one came since the last look. Pages by event_id.
-- Returns [{event (its latest revision), side, bars, complete}, …]; those that are not complete only move the page on.
create function public.pm_late_trades(p_timeframe text, p_after text, p_limit integer)
returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  found_rows jsonb;
begin
  with waiting as materialized (
    select u.*, seen.bars_now, latest.payload, latest.payload -> 'rr' <> 'null' or (latest.payload ->> 'voided')::boolean as settled
    from public.pm_unscored u
    cross join lateral (
      select count(*)::integer as bars_now from public.lowcap_price_data_ohlc b
      where b.token_contract = u.token_contract and b.chain = u.chain and b.timeframe = u.timeframe
        and b.timestamp > u.opened_at - public.pm_timeframe(u.timeframe) and b.timestamp <= greatest(u.opened_at, u.closed_at)) seen
    cross join lateral (
      select o.payload from public.pm_outbox o where o.event_id = u.event_id order by o.revision desc limit 1) latest
    where u.timeframe = p_timeframe and u.event_id > p_after and seen.bars_now > 0
    order by u.event_id limit p_limit
  ), looked as (
    update public.pm_unscored u set bars_seen = w.bars_now
    from waiting w where u.event_id = w.event_id and not w.settled and w.bars_now <> w.bars_seen
  ), corrected as (   -- someone else gave it a score, or retracted it
    delete from public.pm_unscored u using waiting w where u.event_id = w.event_id and w.settled
  )
  select jsonb_agg(jsonb_build_object(
      'event', w.payload,
      'side', w.side,
      'bars', public.pm_bars(w.token_contract, w.chain, w.timeframe, w.opened_at, w.closed_at),
      'complete', not w.settled and (w.bars_now = w.bars_seen or exists (
        select 1 from public.lowcap_price_data_ohlc b
        where b.token_contract = w.token_contract and b.chain = w.chain and b.timeframe = w.timeframe
          and b.timestamp >= w.closed_at - public.pm_timeframe(w.timeframe)))) order by w.event_id)
    into found_rows
  from waiting w;
  return coalesce(found_rows, '[]');
end
$$;

-- Publishes the score of a trade that had none: the next revision, and the numbers in completed_trades.
-- p_score: JSON {event (the new revision), score: {rr, return, max_drawdown, max_gain, unscored_reason}, traceparent}.
-- Returns {status: 'scored', outbox: row} or {status: 'superseded'}: someone else scored or corrected it; it is not asked for again.
create function public.pm_score_late(p_score text, p_relay text, p_lease_ms integer)
returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  s      jsonb := p_score::jsonb;
  ev     jsonb := s -> 'event';
  u      public.pm_unscored;
  newest jsonb;
begin
  perform 1 from public.lowcap_positions where id = ev ->> 'position_id' for update;   -- positions first, as everywhere
  delete from public.pm_unscored where event_id = ev ->> 'event_id' returning * into u;
  select payload into newest from public.pm_outbox where event_id = ev ->> 'event_id' order by revision desc limit 1;
  if u.event_id is null or newest -> 'rr' <> 'null' or (newest ->> 'voided')::boolean
    or (newest ->> 'revision')::integer is distinct from (ev ->> 'revision')::integer - 1 then
    return jsonb_build_object('status', 'superseded');
  end if;
  update public.lowcap_positions l set
    completed_trades = (
      select jsonb_agg(case when t ->> 'trade_id' = u.trade_id then t || (s -> 'score') || jsonb_build_object('revision', ev -> 'revision') else t end
                       order by n)
      from jsonb_array_elements(l.completed_trades) with ordinality as x (t, n))
  where l.id = u.position_id and jsonb_array_length(l.completed_trades) > 0;
  return jsonb_build_object('status', 'scored', 'outbox', public.pm_outbox_insert(ev, s ->> 'traceparent', p_relay, p_lease_ms));
end
$$;

-- Many events into the outbox (importers): those whose revision it has already are left out.
-- p_events: JSON array, as text, of PositionClosed. Returns {added, known}.
create function public.pm_outbox_add(p_events text) returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  added integer;
begin
  insert into public.pm_outbox (event_id, revision, payload)
  select e ->> 'event_id', (e ->> 'revision')::integer, e from jsonb_array_elements(p_events::jsonb) with ordinality as x (e, n) order by n
  on conflict (event_id, revision) do nothing;
  get diagnostics added = row_count;
  return jsonb_build_object('added', added, 'known', jsonb_array_length(p_events::jsonb) - added);
end
$$;

-- Trades that were imported without bars and have their score now: the next revision, for those whose newest one has none.
-- p_events: JSON array, as text, of PositionClosed. Returns [[event_id, revision], …] of what it added.
create function public.pm_outbox_rescore(p_events text) returns jsonb language sql security invoker set search_path = '' as $$
  with added as (
    insert into public.pm_outbox (event_id, revision, payload)
    select e ->> 'event_id', newest.revision + 1, e || jsonb_build_object('revision', newest.revision + 1)
    from jsonb_array_elements(p_events::jsonb) with ordinality as x (e, n)
    cross join lateral (
      select o.revision, o.payload from public.pm_outbox o where o.event_id = e ->> 'event_id' order by o.revision desc limit 1) newest
    where e -> 'rr' <> 'null' and newest.payload -> 'rr' = 'null' and not (newest.payload ->> 'voided')::boolean
    order by n
    on conflict (event_id, revision) do nothing
    returning event_id, revision
  ) select coalesce(jsonb_agg(jsonb_build_array(event_id, revision)), '[]') from added
$$;

-- Takes unpublished rows that nobody holds. By state, never by `id > last`: a transaction that commits late has a low id.
create function public.pm_outbox_claim(p_relay text, p_limit integer, p_lease_ms integer)
returns jsonb language sql security invoker set search_path = '' as $$
  with free as (
    select id from public.pm_outbox
    where published_at is null and (claimed_until is null or claimed_until < now())
    order by id limit p_limit for update skip locked
  ), taken as (
    update public.pm_outbox o set claimed_by = p_relay, claimed_until = now() + p_lease_ms * interval '1 ms'
    from free where o.id = free.id returning o.id, o.payload, o.traceparent, o.created_at
  )
  select coalesce(jsonb_agg(jsonb_build_object('id', id, 'payload', payload, 'traceparent', traceparent, 'recorded_at', created_at) order by id), '[]') from taken
$$;

-- p_marks: JSON [[id, partition, offset], …]. The first mark of a row stays: a second one is a re-publication. Returns how many were marked.
create function public.pm_outbox_published(p_topic text, p_marks text) returns integer language sql security invoker set search_path = '' as $$
  with marked as (
    update public.pm_outbox o set published_at = now(), topic = p_topic, partition = (m ->> 1)::integer, "offset" = (m ->> 2)::bigint,
      claimed_by = null, claimed_until = null, attempts = o.attempts + 1, refused = false, last_error = null
    from jsonb_array_elements(p_marks::jsonb) m
    where o.id = (m ->> 0)::bigint and o.published_at is null returning 1
  ) select count(*)::integer from marked
$$;

-- Gives back rows that could not be published, with the reason (null: they were not tried). They rest for p_rest_ms; where the row itself is
-- what cannot be published (p_growing), twice as long with every attempt, 5 minutes at most.
create function public.pm_outbox_release(p_relay text, p_ids text, p_error text, p_rest_ms integer, p_growing boolean)
returns integer language sql security invoker set search_path = '' as $$
  with released as (
    update public.pm_outbox o set claimed_by = null, attempts = o.attempts + case when p_error is null then 0 else 1 end,
      last_error = coalesce(p_error, o.last_error), refused = case when p_error is null then o.refused else p_growing end,
      claimed_until = now() + least(300000, p_rest_ms * case when p_growing then power(2, least(o.attempts, 12)) else 1 end) * interval '1 ms'
    where o.id in (select v::bigint from jsonb_array_elements_text(p_ids::jsonb) v) and o.claimed_by = p_relay and o.published_at is null
    returning 1
  ) select count(*)::integer from released
$$;

-- What became of events that were added. p_events: JSON [[event_id, revision], …].
-- Returns {waiting: not published yet, refused: those of them that are at fault themselves, error: of one of these}.
create function public.pm_outbox_waiting(p_events text) returns jsonb language sql stable security invoker set search_path = '' as $$
  select jsonb_build_object('waiting', count(*), 'refused', count(*) filter (where o.refused), 'error', max(o.last_error) filter (where o.refused))
  from jsonb_array_elements(p_events::jsonb) e
  join public.pm_outbox o on o.event_id = e ->> 0 and o.revision = (e ->> 1)::integer
  where o.published_at is null
$$;

-- For metrics: unpublished rows, those of them that are at fault themselves, and the age of the oldest in seconds.
create function public.pm_outbox_state() returns jsonb language sql stable security invoker set search_path = '' as $$
  select jsonb_build_object('depth', count(*), 'refused', count(*) filter (where refused),
    'oldest_seconds', coalesce(extract(epoch from now() - min(created_at)), 0)::double precision)
  from public.pm_outbox where published_at is null
$$;

-- The newest revision of an event, or null.
create function public.pm_outbox_event(p_event_id text) returns jsonb language sql stable security invoker set search_path = '' as $$
  select payload from public.pm_outbox where event_id = p_event_id order by revision desc limit 1
$$;

do $$
declare f regprocedure;
begin
  for f in select p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'public' and p.proname in (
             'pm_touch_position', 'pm_timeframe', 'pm_ms', 'pm_bars', 'pm_is_flat', 'pm_is_open',
             'pm_trade_id', 'pm_fingerprint', 'pm_trade', 'pm_open_position', 'pm_record_execution', 'pm_outbox_insert',
             'pm_note_unscored', 'pm_close', 'pm_flat_trade', 'pm_flat_trades', 'pm_late_trades', 'pm_score_late', 'pm_outbox_add',
             'pm_outbox_rescore', 'pm_outbox_claim',
             'pm_outbox_published', 'pm_outbox_release', 'pm_outbox_waiting', 'pm_outbox_state', 'pm_outbox_event')
  loop
    execute format('revoke all on function %s from public, anon, authenticated', f);
    execute format('grant execute on function %s to service_role', f);
  end loop;
end $$;
grant all on public.lowcap_positions, public.lowcap_price_data_ohlc, public.pm_executions, public.pm_outbox, public.pm_unscored to service_role;
revoke all on public.lowcap_positions, public.lowcap_price_data_ohlc, public.pm_executions, public.pm_outbox, public.pm_unscored
  from anon, authenticated;

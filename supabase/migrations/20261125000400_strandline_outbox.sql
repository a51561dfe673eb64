-- Events on their way to the log. A row is written in the transaction that makes its fact true, and never deleted; its content has a retention.
-- An acknowledgement without an offset is none: an event counts as published only with its place in the log.

create table strandline.pm_outbox (
  id            bigint      generated always as identity primary key,
  event_id      text        not null,
  revision      integer     not null,
  payload       jsonb,                                 -- PositionClosed (domain/event.ts); null: published long ago
  source        text,                                  -- of one whose content is gone
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
  unique (event_id, revision),
  constraint pm_outbox_whole check (payload is not null or published_at is not null),
  constraint pm_outbox_placed
    check (published_at is null or (topic is not null and partition is not null and "offset" is not null and partition >= 0 and "offset" >= 0))
);
create index pm_outbox_unpublished on strandline.pm_outbox (id) where published_at is null;

-- Whoever takes a row publishes it into his own topic: so an outbox goes into one, which this is.
create table strandline.outbox_topic (
  one   boolean primary key default true check (one),
  topic text    not null
);

-- A UUID as PostgreSQL writes it, however it was written; anything else as it is. As domain/foreign/canonical-id.ts.
create function strandline.canonical_id(p_id text) returns text language plpgsql immutable security invoker set search_path = '' as $$
begin
  return case when p_id ~* '^(\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{12}[1-8][0-9a-f]{3}[89ab][0-9a-f]{15})$'
    then p_id::uuid::text else p_id end;
end
$$;

-- The name of a trade is its position and its id; where others recorded it without an id, `entry-<ms>`, after its entry. One place may have the id where
-- another has none: then one trade has two names, of one entry and of one exit, give or take what two programs need to note the same. One of the two is
-- what the log knows it by: the first that came. Two ids are two trades, and a nameless trade is one of them at most.
-- The first name of each entry; also what two that name a trade of one entry at the same moment wait for each other at.
create table strandline.trade_entries (
  position_id text   not null,
  opened_at   bigint not null,                       -- ms
  trade_id    text   not null,                       -- strandline.trade_name
  event_id    text   not null,
  closed_at   bigint not null,                       -- ms
  primary key (position_id, opened_at)
);
-- The others, which are few. A name is of one event for good, whatever a later revision says of its entry.
create table strandline.trade_names (
  position_id text   not null,
  opened_at   bigint not null,
  trade_id    text   not null,
  event_id    text   not null unique,
  closed_at   bigint not null,
  same_as     text,                                  -- event_id of the trade that this is another name of; null: a trade of its own
  primary key (position_id, opened_at, trade_id)
);
create index trade_names_same_as on strandline.trade_names (same_as) where same_as is not null;
-- Revisions that came under another name of a trade: each is the next one of the trade, whose own count goes on beside theirs (a tick scores it, a person corrects it).
create table strandline.renamed_revisions (
  event_id    text    not null,                      -- under which it came, and by that name's count
  revision    integer not null,
  as_revision integer not null,
  primary key (event_id, revision)
);

-- Whether this revision of the trade came by put_renamed.
create function strandline.is_renamed(p_event_id text, p_revision integer) returns boolean language sql stable security invoker set search_path = '' as $$
  select exists (select from strandline.renamed_revisions r where r.event_id = p_event_id and r.as_revision = p_revision)
    or exists (select from strandline.trade_names t join strandline.renamed_revisions r on r.event_id = t.event_id where t.same_as = p_event_id and r.as_revision = p_revision)
$$;

-- What its position calls a trade; one without an id (a file's) by its event.
create function strandline.trade_name(p_event jsonb) returns text language sql immutable security invoker set search_path = '' as $$
  select coalesce(nullif(p_event ->> 'trade_id', ''), p_event ->> 'event_id')
$$;

-- Its entry is known: where it is not, an event has its exit in that place.
create function strandline.has_entry(p_event jsonb) returns boolean language plpgsql immutable security invoker set search_path = '' as $$
begin
  return (p_event ->> 'opened_at')::double precision < (p_event ->> 'closed_at')::double precision
    or p_event ->> 'trade_id' = 'entry-' || (p_event ->> 'opened_at');
end
$$;

-- The event_id under which the log has, or would have, this trade. As domain/foreign/trade-names.ts. What is in the outbox under its own id stays what it is.
create function strandline.event_of_trade(p_event jsonb) returns text language plpgsql stable security invoker set search_path = '' as $$
declare
  v_own      text   := p_event ->> 'event_id';
  v_position text   := p_event ->> 'position_id';
  v_trade    text   := strandline.trade_name(p_event);
  v_opened   bigint;
  v_closed   bigint;
  v_entry    text;
  v_found    text;
begin
  select coalesce(n.same_as, n.event_id) into v_found from strandline.trade_names n where n.event_id = v_own;
  if v_found is not null then return v_found; end if;
  if not strandline.has_entry(p_event) then return v_own; end if;
  v_opened := (p_event ->> 'opened_at')::bigint;
  v_closed := (p_event ->> 'closed_at')::bigint;
  v_entry := 'entry-' || v_opened;
  perform 1 from strandline.trade_entries t where t.position_id = v_position and t.opened_at = v_opened and t.trade_id <> v_trade;
  if not found or exists (select from strandline.pm_outbox o where o.event_id = v_own) then return v_own; end if;
  select c.event_id into v_found from (
    select t.trade_id, t.event_id, t.closed_at from strandline.trade_entries t where t.position_id = v_position and t.opened_at = v_opened
    union all
    select n.trade_id, n.event_id, n.closed_at from strandline.trade_names n where n.position_id = v_position and n.opened_at = v_opened and n.same_as is null) c
  where (c.trade_id = v_entry) <> (v_trade = v_entry) and abs(c.closed_at - v_closed) <= 600000
    and not exists (select from strandline.trade_names o where o.position_id = v_position and o.opened_at = v_opened and o.same_as = c.event_id)
  order by abs(c.closed_at - v_closed), c.trade_id collate "C" limit 1;
  return coalesce(v_found, v_own);
end
$$;

-- Notes how this trade is named, and answers as event_of_trade. A correction of what the outbox has names nothing.
create function strandline.name_trade(p_event jsonb) returns text language plpgsql security invoker set search_path = '' as $$
declare
  v_own   text := p_event ->> 'event_id';
  v_name  text := strandline.trade_name(p_event);
  v_event text;
begin
  v_event := (select coalesce(n.same_as, n.event_id) from strandline.trade_names n where n.event_id = v_own);
  if v_event is not null then return v_event; end if;
  if not strandline.has_entry(p_event) then return v_own; end if;
  if p_event -> 'revision' <> '0' and exists (select from strandline.pm_outbox o where o.event_id = v_own) then return v_own; end if;
  insert into strandline.trade_entries (position_id, opened_at, trade_id, event_id, closed_at)
  values (p_event ->> 'position_id', (p_event ->> 'opened_at')::bigint, v_name, v_own, (p_event ->> 'closed_at')::bigint)
  on conflict (position_id, opened_at) do nothing;
  if found then return v_own; end if;
  perform 1 from strandline.trade_entries t
  where t.position_id = p_event ->> 'position_id' and t.opened_at = (p_event ->> 'opened_at')::bigint and t.trade_id <> v_name for update;
  if not found then return v_own; end if;
  v_event := strandline.event_of_trade(p_event);
  insert into strandline.trade_names (position_id, opened_at, trade_id, event_id, closed_at, same_as)
  values (p_event ->> 'position_id', (p_event ->> 'opened_at')::bigint, v_name, v_own, (p_event ->> 'closed_at')::bigint, nullif(v_event, v_own))
  on conflict do nothing;
  return v_event;
end
$$;

-- name_trade for many events at once: most come first with their entry, and a function called for each would cost more than its row. p_events: JSON array; only
-- what has whole times names a trade, of its revisions the first one. What each is known by then stands in trade_names, or is its own.
create function strandline.name_trades(p_events jsonb) returns void language plpgsql security invoker set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  given jsonb;
  other record;
begin
  given := (
    select jsonb_agg(first.e order by first.n) from (
      select distinct on (x.e ->> 'event_id') x.e, x.n from jsonb_array_elements(p_events) with ordinality as x (e, n)
      where x.e ->> 'opened_at' ~ '^-?[0-9]{1,16}$' and x.e ->> 'closed_at' ~ '^-?[0-9]{1,16}$'
        and (x.e -> 'revision' = '0' or not exists (select from strandline.pm_outbox o where o.event_id = x.e ->> 'event_id'))
      order by x.e ->> 'event_id', (x.e ->> 'revision')::double precision, x.n) first);
  if given is null then return; end if;
  insert into strandline.trade_entries (position_id, opened_at, trade_id, event_id, closed_at)
  select distinct on (e.position_id, e.opened_at) e.position_id, e.opened_at, coalesce(nullif(e.trade_id, ''), e.event_id), e.event_id, e.closed_at
  from jsonb_array_elements(given) with ordinality as x (event, n)
  cross join lateral jsonb_to_record(event) as e(event_id text, position_id text, trade_id text, opened_at bigint, closed_at bigint)
  where (e.opened_at < e.closed_at or e.trade_id = 'entry-' || e.opened_at)
    and not exists (select from strandline.trade_names t where t.event_id = e.event_id)
  order by e.position_id, e.opened_at, e.trade_id = 'entry-' || e.opened_at, n
  on conflict (position_id, opened_at) do nothing;

  -- Who comes later with another name: those whose exit is nearest choose first.
  for other in
    select event from jsonb_array_elements(given) with ordinality as x (event, n)
    cross join lateral jsonb_to_record(event) as e(event_id text, position_id text, trade_id text, opened_at bigint, closed_at bigint)
    cross join lateral (select t.trade_id, t.closed_at from strandline.trade_entries t where t.position_id = e.position_id and t.opened_at = e.opened_at offset 0) t
    where (e.opened_at < e.closed_at or e.trade_id = 'entry-' || e.opened_at) and coalesce(nullif(e.trade_id, ''), e.event_id) <> t.trade_id
    order by e.position_id, e.opened_at, abs(e.closed_at - t.closed_at), n
  loop
    perform strandline.name_trade(other.event);
  end loop;
end
$$;

-- One event into the outbox, claimed by the relay that will publish it at once (null: by nobody). Returns the row, or null when it has that revision already.
create function strandline.pm_outbox_put(p_event jsonb, p_traceparent text, p_relay text, p_lease_ms integer)
returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  added jsonb;
begin
  insert into strandline.pm_outbox (event_id, revision, payload, traceparent, claimed_by, claimed_until)
  values (p_event ->> 'event_id', (p_event ->> 'revision')::integer, p_event, p_traceparent, p_relay,
    case when p_relay is not null then now() + p_lease_ms * interval '1 ms' end)
  on conflict (event_id, revision) do nothing
  returning jsonb_build_object('id', id, 'payload', payload, 'traceparent', traceparent, 'recorded_at', created_at) into added;
  return added;
end
$$;

-- The same of an event that was not named yet: null also where the log has that revision of the trade under its other name.
create function strandline.pm_outbox_insert(p_event jsonb, p_traceparent text, p_relay text, p_lease_ms integer)
returns jsonb language plpgsql security invoker set search_path = '' as $$
begin
  if strandline.name_trade(p_event) <> p_event ->> 'event_id' then return null; end if;
  return strandline.pm_outbox_put(p_event, p_traceparent, p_relay, p_lease_ms);
end
$$;

-- A revision that has no number of its own in p_event_id's count, as the next one there: one that came under another name of the trade, or whose number such a one has. What it
-- was taken as, and whether it is new. An older one of its own count than was taken is passed over. A retracted trade stays so.
create function strandline.put_renamed(p_event jsonb, p_event_id text, out as_revision integer, out added boolean) language plpgsql security invoker set search_path = '' as $$
declare
  v_own      text    := p_event ->> 'event_id';
  v_revision integer := (p_event ->> 'revision')::integer;
  v_newest   jsonb;
  v_applied  record;
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('strandline_renamed'), pg_catalog.hashtext(p_event_id));
  loop
    added := false;
    as_revision := (select r.as_revision from strandline.renamed_revisions r where r.event_id = v_own and r.revision >= v_revision order by r.revision limit 1);
    exit when as_revision is not null;
    v_newest := public.strandline_pm_outbox_event(p_event_id);
    as_revision := (v_newest ->> 'revision')::integer;
    exit when v_newest -> 'voided' = 'true' and p_event -> 'voided' <> 'true';
    -- the database was put back: it may be what they have read, and what came after it is not replaced; a retraction holds, whatever came
    v_applied := strandline.applied_revision(p_event_id);
    if v_applied.revision > as_revision then
      as_revision := v_applied.revision;
      exit when p_event -> 'voided' <> 'true' or v_applied.voided;
    end if;
    -- of the trade's own count a newer one is there
    exit when v_own = p_event_id and exists (
      select from strandline.pm_outbox o where o.event_id = v_own and o.revision > v_revision and not strandline.is_renamed(v_own, o.revision));
    as_revision := coalesce(as_revision + 1, v_revision);
    -- models learn from some sources and not from others
    added := strandline.pm_outbox_put(p_event || jsonb_build_object('event_id', p_event_id, 'revision', as_revision,
      'source', coalesce(v_newest -> 'source', p_event -> 'source')), null, null, null) is not null;
    continue when not added;   -- somebody else has revised it meanwhile
    insert into strandline.renamed_revisions (event_id, revision, as_revision) values (v_own, v_revision, put_renamed.as_revision);
    exit;
  end loop;
end
$$;

-- The newest revision of an event that consumers of this database have applied; null: none. After an older state of the database is restored the outbox lies behind
-- its log, which consumers read again: a number that they know already is passed over by them.
create function strandline.applied_revision(p_event_id text, out revision integer, out voided boolean) language plpgsql stable security invoker set search_path = '' as $$
begin
  select a.revision, a.voided into applied_revision.revision, applied_revision.voided from (
    select s.revision, s.voided from strandline.strands s where s.event_id = p_event_id and s.revision is not null
    union all
    select l.revision, l.voided from strandline.learner_ledger l
    where l.event_id = case when p_event_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then p_event_id::uuid end) a
  order by a.revision desc limit 1;
end
$$;

-- Many events into the outbox (importers): those whose revision it has already are left out, also under the trade's other name.
-- p_events: JSON array, as text, of PositionClosed. p_as_they_are: they are revisions of what the log has under these very ids.
-- Returns {added, known, renamed: [[n (from 0), event_id, revision], …]: what those are that the log has under another name, or number, where there are such,
-- taken: how many of those that are as they are, and known, have another content than the outbox has, where there are such}.
create function public.strandline_pm_outbox_add(p_events text, p_as_they_are boolean default false) returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  v_events  jsonb := p_events::jsonb;
  v_added   integer;
  v_renamed jsonb;
  v_taken   integer;
  other     record;
  put       record;
begin
  if not p_as_they_are then perform strandline.name_trades(v_events); end if;
  with given as materialized (
    select n, e, (e ->> 'revision')::integer as revision, coalesce(t.same_as, e ->> 'event_id') as event_id
    from jsonb_array_elements(v_events) with ordinality as x (e, n)
    left join strandline.trade_names t on t.event_id = e ->> 'event_id' and not p_as_they_are
  ), other as materialized (
    select n, e, revision, event_id from given
    where event_id <> e ->> 'event_id' or (revision > 0 and not p_as_they_are and strandline.is_renamed(event_id, revision))
  ), added as (
    insert into strandline.pm_outbox (event_id, revision, payload)
    select g.event_id, g.revision, g.e || jsonb_build_object('event_id', g.event_id) from given g
    where g.revision = 0 or not exists (select from other o where o.n = g.n) order by g.n
    on conflict (event_id, revision) do nothing
    returning 1
  )
  select (select count(*) from added), (select jsonb_agg(jsonb_build_array(n - 1, event_id, revision) order by n) from other) into v_added, v_renamed;
  for other in
    select x.n - 1 as at, v_events -> (r ->> 0)::integer as event, r ->> 1 as event_id
    from jsonb_array_elements(v_renamed) with ordinality as x (r, n) where r -> 2 <> '0' order by (r ->> 2)::integer, x.n
  loop
    put := strandline.put_renamed(other.event, other.event_id);
    v_added := v_added + put.added::integer;
    v_renamed := jsonb_set(v_renamed, array[other.at::text, '2'], to_jsonb(put.as_revision));
  end loop;
  if p_as_they_are then
    -- what is said again because its answer was lost is its own
    select nullif(count(*), 0) into v_taken
    from jsonb_array_elements(v_events) e
    join strandline.pm_outbox o on o.event_id = e ->> 'event_id' and o.revision = (e ->> 'revision')::integer and o.payload is distinct from e;
  end if;
  return jsonb_strip_nulls(jsonb_build_object('added', v_added, 'known', jsonb_array_length(v_events) - v_added, 'renamed', v_renamed, 'taken', v_taken));
end
$$;

-- Trades that were imported before and lack what is known of them now: the next revision, for those whose newest one has no score and now has its bars, and
-- for those that do not say what they came to in money, which then says that as well and stays what it is otherwise. Not where somebody has changed a price
-- since: the money is that of the old one. Nor where consumers know a newer revision than the outbox has: what that one lacks is not known here.
-- p_events: JSON array, as text, of PositionClosed. Returns [[event_id, revision], …] of what it added.
create function public.strandline_pm_outbox_rescore(p_events text) returns jsonb language sql security invoker set search_path = '' as $$
  with added as (
    insert into strandline.pm_outbox (event_id, revision, payload)
    select e ->> 'event_id', newest.revision + 1, case when lacks.score then e else newest.payload - 'revised_by' || money.fields end || jsonb_build_object('revision', newest.revision + 1)
    from jsonb_array_elements(p_events::jsonb) with ordinality as x (e, n)
    cross join lateral (
      select o.revision, o.payload from strandline.pm_outbox o where o.event_id = e ->> 'event_id' order by o.revision desc limit 1) newest
    cross join lateral (
      select e -> 'rr' <> 'null' and newest.payload -> 'rr' = 'null' as score,
             e -> 'net_return' <> 'null' and coalesce(newest.payload -> 'net_return', 'null') = 'null'
               and e -> 'entry_price' = newest.payload -> 'entry_price' and e -> 'exit_price' = newest.payload -> 'exit_price' as money) lacks
    cross join lateral (
      select jsonb_object_agg(f, e -> f) as fields from unnest(array['net_return', 'fees', 'stake', 'risk_at_entry']) f where e -> f <> 'null') money
    where (lacks.score or lacks.money) and not (newest.payload ->> 'voided')::boolean
      and (strandline.applied_revision(e ->> 'event_id')).revision > newest.revision is not true
    order by n
    on conflict (event_id, revision) do nothing
    returning event_id, revision
  ) select coalesce(jsonb_agg(jsonb_build_array(event_id, revision)), '[]') from added
$$;

-- Takes unpublished rows that nobody holds. By state, never by `id > last`: a transaction that commits late has a low id.
-- p_topic: where the relay publishes; null: it does not say. None, where the outbox goes elsewhere by now.
create function public.strandline_pm_outbox_claim(p_relay text, p_limit integer, p_lease_ms integer, p_topic text default null)
returns jsonb language sql security invoker set search_path = '' as $$
  with free as (
    select id from strandline.pm_outbox
    where published_at is null and (claimed_until is null or claimed_until < now())
      and not exists (select from strandline.outbox_topic t where t.topic <> p_topic)
    order by id limit p_limit for update skip locked
  ), taken as (
    update strandline.pm_outbox o set claimed_by = p_relay, claimed_until = now() + p_lease_ms * interval '1 ms'
    from free where o.id = free.id returning o.id, o.payload, o.traceparent, o.created_at
  )
  select coalesce(jsonb_agg(jsonb_build_object('id', id, 'payload', payload, 'traceparent', traceparent, 'recorded_at', created_at) order by id), '[]') from taken
$$;

-- What went into a topic that the outbox has left meanwhile is not published: its lease runs out, and it goes where the others go.
create function public.strandline_pm_outbox_published(p_topic text, p_marks text) returns jsonb language sql security invoker set search_path = '' as $$
  with given as (
    select (m ->> 0)::bigint as id,
      case when p_topic is not null and m ->> 1 ~ '^[0-9]{1,9}$' and m ->> 2 ~ '^[0-9]{1,18}$' then (m ->> 1)::integer end as partition,
      case when p_topic is not null and m ->> 1 ~ '^[0-9]{1,9}$' and m ->> 2 ~ '^[0-9]{1,18}$' then (m ->> 2)::bigint end as "offset"
    from jsonb_array_elements(p_marks::jsonb) m
  ), marked as (
    update strandline.pm_outbox o set published_at = now(), topic = p_topic, partition = g.partition, "offset" = g."offset",
      claimed_by = null, claimed_until = null, attempts = o.attempts + 1, refused = false, last_error = null
    from given g where o.id = g.id and g."offset" is not null and o.published_at is null
      and not exists (select from strandline.outbox_topic t where t.topic <> p_topic) returning 1
  )
  select jsonb_build_object('marked', (select count(*) from marked),
    'refused', coalesce((select jsonb_agg(g.id order by g.id) from given g where g."offset" is null), '[]'))
$$;

-- Gives back rows that could not be published, with the reason (null: they were not tried). They rest for p_rest_ms; where the row itself is
-- what cannot be published (p_growing), twice as long with every attempt, 5 minutes at most.
create function public.strandline_pm_outbox_release(p_relay text, p_ids text, p_error text, p_rest_ms integer, p_growing boolean)
returns integer language sql security invoker set search_path = '' as $$
  with released as (
    update strandline.pm_outbox o set claimed_by = null, attempts = o.attempts + case when p_error is null then 0 else 1 end,
      last_error = coalesce(p_error, o.last_error), refused = case when p_error is null then o.refused else p_growing end,
      claimed_until = now() + least(300000, p_rest_ms * case when p_growing then power(2, least(o.attempts, 12)) else 1 end) * interval '1 ms'
    where o.id in (select v::bigint from jsonb_array_elements_text(p_ids::jsonb) v) and o.claimed_by = p_relay and o.published_at is null
    returning 1
  ) select count(*)::integer from released
$$;

-- What became of events that were added. p_events: JSON [[event_id, revision], …].
-- Returns {waiting: not published yet, refused: those of them that are at fault themselves, error: why the newest of them that has a reason is not published}.
create function public.strandline_pm_outbox_waiting(p_events text) returns jsonb language sql stable security invoker set search_path = '' as $$
  select jsonb_build_object('waiting', count(*), 'refused', count(*) filter (where o.refused),
    'error', (array_agg(o.last_error order by o.id desc) filter (where o.last_error is not null))[1])
  from jsonb_array_elements(p_events::jsonb) e
  join strandline.pm_outbox o on o.event_id = e ->> 0 and o.revision = (e ->> 1)::integer
  where o.published_at is null
$$;

-- Those of the events that cannot be published because of what they are: [{position_id, trade_id}, …], p_limit at most. p_ids: JSON [event_id, …].
create function public.strandline_pm_outbox_refused(p_ids text, p_limit integer) returns jsonb language sql stable security invoker set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('position_id', r.payload ->> 'position_id', 'trade_id', r.payload ->> 'trade_id') order by r.id), '[]')
  from (select o.id, o.payload from jsonb_array_elements_text(p_ids::jsonb) as i(event_id)
        join strandline.pm_outbox o on o.event_id = i.event_id
        where o.refused and o.published_at is null order by o.id limit p_limit) r
$$;

-- Where events lie in the log: [[event_id, partition, offset], …], of each revision that was published. p_ids: JSON [event_id, …].
create function public.strandline_pm_outbox_places(p_ids text) returns jsonb language sql stable security invoker set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_array(o.event_id, o.partition, o."offset") order by o.id), '[]')
  from jsonb_array_elements_text(p_ids::jsonb) as i(event_id)
  join strandline.pm_outbox o on o.event_id = i.event_id and o.published_at is not null
$$;

-- For metrics: unpublished rows, those of them that are at fault themselves, and the age of the oldest of the others in seconds.
create function public.strandline_pm_outbox_state() returns jsonb language sql stable security invoker set search_path = '' as $$
  select jsonb_build_object('depth', count(*), 'refused', count(*) filter (where refused),
    'oldest_seconds', coalesce(extract(epoch from now() - min(created_at) filter (where not refused)), 0)::double precision)
  from strandline.pm_outbox where published_at is null
$$;

-- Whose outbox this is, for a relay of p_topic: {read: [[topic, Kafka's id of it (null: the broker has none, or nothing of it was applied yet), whether something of it
-- was applied], …] by consumers of the database, goes_to: topic, or null}. p_topic null: somebody only looks. It goes where the first relay goes whose topic consumers read; where it goes into p_leave, from now
-- on into p_topic, if they read that.
create function public.strandline_pm_outbox_topics(p_topic text, p_leave text) returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  v_read  jsonb;
  v_names text[];
  v_to    text;
begin
  select coalesce(jsonb_agg(jsonb_build_array(k.topic, k.topic_id, k.begun) order by k.topic collate "C", k.topic_id collate "C" nulls first), '[]'), array_agg(k.topic)
    into v_read, v_names
  from (select c.topic, c.topic_id, bool_or(c.checkpoint is not null) as begun from strandline.consumer_checkpoints c group by c.topic, c.topic_id) k;
  v_to := (select t.topic from strandline.outbox_topic t);
  if p_topic = any (v_names) and v_to is distinct from p_topic and (v_to is null or v_to = p_leave or v_to <> all (v_names)) then
    insert into strandline.outbox_topic as t (topic) values (p_topic)
    on conflict (one) do update set topic = excluded.topic where t.topic = v_to;
    v_to := (select t.topic from strandline.outbox_topic t);
  end if;
  return jsonb_build_object('read', v_read, 'goes_to', v_to);
end
$$;

-- How far consumers of the database have read each partition of a topic: [{partition, consumer, checkpoint, last_record}, …], of each the one that is furthest.
create function public.strandline_pm_outbox_furthest(p_topic text) returns jsonb language sql stable security invoker set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('partition', f.partition, 'consumer', f.consumer, 'checkpoint', f.checkpoint, 'last_record', f.last_record) order by f.partition), '[]')
  from (select distinct on (c.partition) c.partition, c.consumer, c.checkpoint, c.last_record from strandline.consumer_checkpoints c
        where c.topic = p_topic and c.checkpoint is not null order by c.partition, c.checkpoint desc, c.consumer collate "C") f
$$;

do $$ begin perform strandline.seal(); end $$;

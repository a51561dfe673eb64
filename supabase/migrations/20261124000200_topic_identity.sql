-- The checkpoint knows which log it belongs to: the topic's id, and the last record that was applied. Both are compared when a partition is claimed
-- (core/runner/last-record.ts): another topic of the same name, or a log that was cut and has grown again, is then not taken for the old one.

alter table public.consumer_positions
  add column topic_id    text,   -- Kafka's id of the topic; null: unknown (written by an older version, or the broker has no ids)
  add column last_record jsonb;  -- {offset, time (ms), digest (of key and value), event_id}: the record before the position

-- A topic that was made anew has other records at the same places: a letter belongs to a topic's id and a record's time as well as to its place.
-- '' and 0: recorded by an older version.
alter table public.dead_letters
  add column topic_id  text   not null default '',
  add column record_ms bigint not null default 0;
alter table public.dead_letters drop constraint dead_letters_pkey;
alter table public.dead_letters add primary key (consumer, topic, partition, "offset", topic_id, record_ms);

create or replace function public.strandline_claim(p_consumer text, p_topic text, p_partition integer, p_holder text)
returns jsonb language sql security invoker set search_path = '' as $$
  insert into public.consumer_positions as c (consumer, topic, partition, epoch, holder)
  values (p_consumer, p_topic, p_partition, 1, p_holder)
  on conflict (consumer, topic, partition)
    do update set epoch = c.epoch + 1, holder = excluded.holder, claimed_at = now()
  returning jsonb_build_object('epoch', c.epoch, 'version', c.version, 'position', c.position, 'topic_id', c.topic_id, 'last_record', c.last_record)
$$;

-- The functions below take one parameter more than before. A service of the version before names its parameters, and calls them without it.
do $$
declare f regprocedure;
begin
  for f in select p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'public' and p.proname in ('strandline_advance', 'learner_commit', 'projector_commit', 'dead_letters_applied')
  loop
    execute format('drop function %s', f);
  end loop;
end $$;

-- Moves a position forward (a replay below it leaves it where it is) and counts the change.
-- p_seen: {topic_id, record}: which log was read, and the last record that was applied of it.
create function public.strandline_advance(
  p_consumer text, p_topic text, p_partition integer, p_next bigint, p_commit uuid default null, p_seen jsonb default null)
returns void language sql security invoker set search_path = '' as $$
  update public.consumer_positions
  set position = greatest(coalesce(position, p_next), p_next), version = version + 1, last_commit = p_commit, committed_at = now(),
      topic_id = coalesce(p_seen ->> 'topic_id', topic_id),
      last_record = case when p_seen -> 'record' is not null and p_next >= coalesce(position, p_next) then p_seen -> 'record' else last_record end
  where consumer = p_consumer and topic = p_topic and partition = p_partition
$$;

-- Tables grow from nothing to millions of rows under one cached plan, so the functions below leave the planner one way: the index look-up, key by key.
-- `lateral … offset 0` is never pulled up, so never turned round into a scan of the table.

-- Ledger rows of the given events, and partials of the given groups and periods of one partition (arrays as text: '{…}'), with the version of that state.
create or replace function public.learner_read(p_consumer text, p_topic text, p_generation integer, p_partition integer, p_ids text, p_names text, p_keys text, p_periods text)
returns jsonb language sql stable security invoker set search_path = '' set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off set jit = off as $$
  select jsonb_build_object(
    'version', coalesce((select c.version from public.consumer_positions c where c.consumer = p_consumer and c.topic = p_topic and c.partition = p_partition), 0),
    'ledger', (
      select coalesce(jsonb_agg(jsonb_build_array(l.event_id, l.partition, l.revision, l.voided, l.closed_at_ms, l.rr, l.levers)), '[]')
      from unnest(p_ids::uuid[]) as i(event_id)
      cross join lateral (select * from public.learner_ledger x where x.event_id = i.event_id and x.generation = p_generation offset 0) l),
    'partials', (
      select coalesce(jsonb_agg(jsonb_build_array(p.scope, p.name, p.key, p.period, p.n, p.newest_ms,
                                                  p.ws, p.ws_lo, p.wrs, p.wrs_lo, p.wl, p.wl_lo, p.wrl, p.wrl_lo)), '[]')
      from unnest(p_names::text[], p_keys::text[], p_periods::integer[]) as k(name, key, period)
      cross join lateral (
        select * from public.learner_partials x
        where x.key = k.key collate "C" and x.name = k.name collate "C" and x.generation = p_generation and x.partition = p_partition and x.period = k.period
        offset 0) p))
$$;

-- One chunk of one partition, whole or not at all. Columns come as array literals in text ('{…}'), which every PostgREST passes through unchanged.
-- Answers {"status": …}: ok; fenced (claimed since); stale (a partition's state changed since it was read); seen (with "ids": events that the
-- chunk took for new are in the ledger: read them and fold again). Whatever is not ok changed nothing.
create function public.learner_commit(
  p_consumer text, p_topic text, p_partition integer, p_epoch bigint, p_version bigint, p_next bigint, p_commit uuid, p_generation integer,
  p_ids text, p_offsets text, p_revisions text, p_voided text, p_closed_at text, p_rr text, p_levers text,
  p_changed text,
  p_sum_partitions text, p_scopes text, p_names text, p_keys text, p_periods text, p_ns text, p_newest text,
  p_ws text, p_ws_lo text, p_wrs text, p_wrs_lo text, p_wl text, p_wl_lo text, p_wrl text, p_wrl_lo text,
  p_foreign text, p_dead text, p_seen text default null)
returns jsonb language plpgsql security invoker set search_path = '' set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off set jit = off as $$
declare
  v_status text;
  v_ids uuid[] := p_ids::uuid[];
  v_expected integer;
  v_count integer;
  v_seen jsonb;
begin
  if p_foreign <> '[]' then
    -- corrections of trades whose effect lies in other partitions: all positions in one order, so that two such commits cannot deadlock
    perform 1 from public.consumer_positions c
    where c.consumer = p_consumer and c.topic = p_topic
      and (c.partition = p_partition or c.partition in (select f.partition from jsonb_to_recordset(p_foreign::jsonb) as f(partition integer)))
    order by c.partition for update;
  end if;
  v_status := public.strandline_fence(p_consumer, p_topic, p_partition, p_epoch, p_version);
  if v_status <> 'ok' then return jsonb_build_object('status', v_status); end if;
  if p_foreign <> '[]' then
    -- a topic that was made anew may have fewer partitions than the ledger knows: what the ledger says of the others changes under a position as well
    insert into public.consumer_positions (consumer, topic, partition)
    select p_consumer, p_topic, f.partition from jsonb_to_recordset(p_foreign::jsonb) as f(partition integer) order by f.partition
    on conflict do nothing;
    update public.consumer_positions c set version = c.version + 1
    from jsonb_to_recordset(p_foreign::jsonb) as f(partition integer, version bigint)
    where c.consumer = p_consumer and c.topic = p_topic and c.partition = f.partition and c.version = f.version;
    get diagnostics v_count = row_count;
    if v_count <> jsonb_array_length(p_foreign::jsonb) then
      raise exception using errcode = 'ST001';
    end if;
  end if;

  if p_changed <> '[]' then
    update public.learner_ledger l
    set "offset" = c."offset", closed_at_ms = c.closed_at_ms, rr = c.rr, revision = c.revision, partition = p_partition, voided = c.voided, levers = c.levers
    from jsonb_to_recordset(p_changed::jsonb)
      as c(event_id uuid, "offset" bigint, closed_at_ms bigint, rr double precision, was integer, revision integer, voided boolean, levers text)
    -- what was taken out of the sums is the revision that was read: through another partition it may have been overtaken since
    where l.event_id = c.event_id and l.generation = p_generation and l.revision = c.was;
    get diagnostics v_count = row_count;
    if v_count <> jsonb_array_length(p_changed::jsonb) then
      raise exception using errcode = 'ST001';
    end if;
  end if;

  v_expected := coalesce(array_length(v_ids, 1), 0);
  if v_expected > 0 then
    insert into public.learner_ledger (event_id, "offset", revision, voided, closed_at_ms, rr, levers, generation, partition)
    select u.*, p_generation, p_partition
    from unnest(v_ids, p_offsets::bigint[], p_revisions::integer[], p_voided::boolean[], p_closed_at::bigint[], p_rr::double precision[], p_levers::text[]) u;
  end if;

  insert into public.learner_partials as p
    (partition, scope, name, key, period, n, newest_ms, ws, ws_lo, wrs, wrs_lo, wl, wl_lo, wrl, wrl_lo, generation)
  select u.*, p_generation
  from unnest(p_sum_partitions::smallint[], p_scopes::text[], p_names::text[], p_keys::text[], p_periods::integer[], p_ns::bigint[], p_newest::bigint[],
              p_ws::double precision[], p_ws_lo::double precision[], p_wrs::double precision[], p_wrs_lo::double precision[],
              p_wl::double precision[], p_wl_lo::double precision[], p_wrl::double precision[], p_wrl_lo::double precision[])
    as u(partition, scope, name, key, period, n, newest_ms, ws, ws_lo, wrs, wrs_lo, wl, wl_lo, wrl, wrl_lo)
  where u.n > 0
  on conflict (key, name, generation, partition, period) do update
    set n = excluded.n, newest_ms = excluded.newest_ms, ws = excluded.ws, ws_lo = excluded.ws_lo, wrs = excluded.wrs, wrs_lo = excluded.wrs_lo,
        wl = excluded.wl, wl_lo = excluded.wl_lo, wrl = excluded.wrl, wrl_lo = excluded.wrl_lo;
  if 0 = any (p_ns::bigint[]) then -- retractions emptied a group
    delete from public.learner_partials p where p.ctid = any (array(
      select x.ctid
      from unnest(p_sum_partitions::smallint[], p_names::text[], p_keys::text[], p_periods::integer[], p_ns::bigint[]) as u(partition, name, key, period, n)
      cross join lateral (
        select y.ctid from public.learner_partials y
        where y.key = u.key collate "C" and y.name = u.name collate "C" and y.generation = p_generation and y.partition = u.partition and y.period = u.period
        offset 0) x
      where u.n = 0));
  end if;

  if p_dead <> '[]' then
    insert into public.dead_letters (consumer, topic, topic_id, partition, "offset", record_ms, reason, detail, dead_topic, dead_partition, dead_offset)
    select p_consumer, p_topic, coalesce(p_seen::jsonb ->> 'topic_id', ''), p_partition, d."offset", coalesce(d.record_ms, 0), d.reason, d.detail,
           d.dead_topic, d.dead_partition, d.dead_offset
    from jsonb_to_recordset(p_dead::jsonb)
      as d("offset" bigint, record_ms bigint, reason text, detail text, dead_topic text, dead_partition integer, dead_offset bigint)
    on conflict do nothing;
  end if;

  perform public.strandline_advance(p_consumer, p_topic, p_partition, p_next, p_commit, p_seen::jsonb);
  if v_expected > 0 or p_changed <> '[]' then
    -- Whether this model version is the active one must not change between this look and our commit: a switch waits for us, or we for it, and
    -- whichever comes second sees what the first one wrote.
    perform pg_catalog.pg_advisory_xact_lock_shared(pg_catalog.hashtext('strandline.activate'));
    if (select active from public.learner_generations where generation = p_generation) then
      perform public.learner_write_baseline(p_generation);
    end if;
  end if;
  return jsonb_build_object('status', 'ok');
exception
  when sqlstate 'ST001' then
    return jsonb_build_object('status', 'stale');
  when unique_violation then -- the ledger's key: the other tables are written with `on conflict`
    select jsonb_agg(l.event_id) into v_seen from public.learner_ledger l where l.event_id = any (v_ids) and l.generation = p_generation;
    return jsonb_build_object('status', 'seen', 'ids', coalesce(v_seen, '[]'));
end
$$;

-- One batch of the projector: fence, strands and position in one transaction.
-- p_rows: a JSON array, as text, of ad_strands rows (services/projector/strand.ts). A row replaces a strand only with a higher
-- metadata.revision; of equal ones the first stays. Plans are made anew each time: one from the first, empty days would scan for ever.
-- Returns {status: 'ok', written, adopted} or {status: 'fenced' | 'stale'}, which changed nothing.
create function public.projector_commit(
  p_consumer text, p_topic text, p_partition integer, p_epoch bigint, p_version bigint, p_next bigint, p_commit uuid, p_rows text,
  p_seen text default null)
returns jsonb language plpgsql security invoker set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  held    text;
  foreign_ids text[];
  ids     text[];
  adopted integer;
begin
  held := public.strandline_fence(p_consumer, p_topic, p_partition, p_epoch, p_version);
  if held <> 'ok' then return jsonb_build_object('status', held); end if;

  -- Strands of somebody else for these trades, not tied to their event yet. Rare: usually the bridge did it before the event was published.
  select array_agg(distinct s.id order by s.id) into foreign_ids
  from jsonb_populate_recordset(null::public.ad_strands, p_rows::jsonb) r
  join public.ad_strands s on s.kind = 'position_closed'
    and coalesce(s.position_id, s.content ->> 'position_id') = r.position_id
    and coalesce(s.trade_id::text, s.content ->> 'trade_id') = r.trade_id::text
  where s.metadata ->> 'event_id' is null and s.metadata ->> 'duplicate_of' is null;
  if foreign_ids is not null then
    perform public.strandline_adopt(s.id, r.metadata ->> 'event_id', r.id)
    from (select distinct on (position_id, trade_id) *
          from jsonb_populate_recordset(null::public.ad_strands, p_rows::jsonb)) r
    join public.ad_strands s on s.id = any (foreign_ids)
      and coalesce(s.position_id, s.content ->> 'position_id') = r.position_id
      and coalesce(s.trade_id::text, s.content ->> 'trade_id') = r.trade_id::text
    order by s.created_at, s.id;
  else
    -- An adoption by the bridge waits for this commit, or this commit for it: otherwise both could make the trade's one strand.
    perform pg_catalog.pg_advisory_xact_lock_shared(pg_catalog.hashtext('strandline_adopt'));
  end if;

  with incoming as materialized (
    select distinct on (r.metadata ->> 'event_id') r.*, r.metadata ->> 'event_id' as event_id, (r.metadata ->> 'revision')::integer as revision
    from jsonb_populate_recordset(null::public.ad_strands, p_rows::jsonb) with ordinality as r
    order by r.metadata ->> 'event_id', (r.metadata ->> 'revision')::integer desc, r.ordinality
  ), theirs as (
    select s.id, i.event_id from incoming i
    join public.ad_strands s on s.metadata ->> 'adopted_by' is not null and s.metadata ->> 'event_id' = i.event_id
  ), revised as (
    update public.ad_strands s set
      metadata = s.metadata || (i.metadata - 'projected_by') || jsonb_build_object('projection', i.content),
      status = case when i.status = 'voided' then 'voided' else coalesce(s.metadata ->> 'adopted_status', 'active') end,
      updated_at = now()
    from incoming i join theirs t on t.event_id = i.event_id
    where s.id = t.id and coalesce((s.metadata ->> 'revision')::integer, -1) < i.revision
    returning s.id
  ), written as (
    insert into public.ad_strands as s (id, module, kind, symbol, timeframe, session_bucket, tags, target_agent, created_at, updated_at,
      position_id, trade_id, parent_id, signal_pack, content, module_intelligence, regime_context, status, metadata)
    select i.id, i.module, i.kind, i.symbol, i.timeframe, i.session_bucket, i.tags, i.target_agent, i.created_at, now(),
      i.position_id, i.trade_id, i.parent_id, i.signal_pack, i.content, i.module_intelligence, i.regime_context, i.status, i.metadata
    from incoming i where i.event_id not in (select event_id from theirs)
    order by i.id
    on conflict (id) do update set
      symbol = excluded.symbol, timeframe = excluded.timeframe, created_at = excluded.created_at, updated_at = now(),
      position_id = excluded.position_id, trade_id = excluded.trade_id, content = excluded.content, regime_context = excluded.regime_context,
      status = excluded.status, metadata = coalesce(s.metadata, '{}') || excluded.metadata
      where coalesce((s.metadata ->> 'revision')::integer, -1) < (excluded.metadata ->> 'revision')::integer
    returning s.id
  )
  select (select array_agg(id) from written), (select count(*) from revised) into ids, adopted;

  -- Our own strands are no news to the learner: the queue's rows for them are done in the transaction that made them.
  update public.learning_queue set status = 'completed', processed_at = now()
  where strand_id = any (ids) and status = 'pending';
  perform public.strandline_advance(p_consumer, p_topic, p_partition, p_next, p_commit, p_seen::jsonb);
  return jsonb_build_object('status', 'ok', 'written', coalesce(cardinality(ids), 0), 'adopted', adopted);
end
$$;

-- A replay read these records again, and refused only p_refused ('{…}'). p_topic_id: of the topic that was read; null: unknown.
create function public.dead_letters_applied(
  p_consumer text, p_topic text, p_partition integer, p_from bigint, p_next bigint, p_refused text, p_topic_id text default null)
returns void language sql security invoker set search_path = '' as $$
  update public.dead_letters
  set applied_at = now()
  where consumer = p_consumer and topic = p_topic and partition = p_partition and "offset" >= p_from and "offset" < p_next
    and (p_topic_id is null or topic_id in ('', p_topic_id))
    and "offset" <> all (p_refused::bigint[]) and applied_at is null
$$;

-- p_placed: [{"offset", "to_partition", "to_offset"}], where each record went. Of several topics of that name: the one whose letter is the newest,
-- which is the one that dead_letters_page shows.
create or replace function public.dead_letters_redriven(p_topic text, p_partition integer, p_placed text)
returns void language sql security invoker set search_path = '' as $$
  update public.dead_letters l
  set redriven_at = now(), redriven_partition = p.to_partition, redriven_offset = p.to_offset
  from jsonb_to_recordset(p_placed::jsonb) as p("offset" bigint, to_partition integer, to_offset bigint)
  where l.topic = p_topic and l.partition = p_partition and l."offset" = p."offset"
    and (l.topic_id, l.record_ms) = (
      select n.topic_id, n.record_ms from public.dead_letters n
      where n.topic = p_topic and n.partition = p_partition and n."offset" = p."offset" order by n.recorded_at desc limit 1)
$$;

do $$
declare f regprocedure;
begin
  for f in select p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'public' and p.proname in ('strandline_claim', 'strandline_advance', 'learner_read', 'learner_commit', 'projector_commit',
                                                        'dead_letters_applied', 'dead_letters_redriven')
  loop
    execute format('revoke all on function %s from public, anon, authenticated', f);
    execute format('grant execute on function %s to service_role', f);
  end loop;
end $$;

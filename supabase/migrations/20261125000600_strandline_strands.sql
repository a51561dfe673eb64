-- What the projector writes into ad_strands, and how a strand that somebody else inserted is tied to its trade's event.

-- Closed trades as readers want them: every column of the strand, then its content flattened. Retracted trades and second strands of
-- one trade are left out. An adopted strand keeps its own content; where the log knows a later revision, the flattened columns show that.
create view strandline.position_closed_strands with (security_invoker = true) as
select s.id, s.module, s.kind, s.symbol, s.timeframe, s.session_bucket, s.tags, s.target_agent, s.created_at, s.updated_at, s.position_id,
       s.trade_id, s.parent_id, s.signal_pack, s.content, s.module_intelligence, s.regime_context, s.status, s.metadata,
       s.metadata ->> 'event_id' as event_id,
       case when coalesce(s.metadata ->> 'projected_by', s.metadata ->> 'adopted_by') = 'strandline'
            then (s.metadata ->> 'revision')::integer end as revision,
       s.metadata ->> 'source' as source,
       c.body ->> 'chain' as chain,
       coalesce(c.body ->> 'token', c.body ->> 'token_contract') as token,
       c.body ->> 'decision_type' as decision_type,
       coalesce((s.metadata -> 'projection' ->> 'ts')::timestamptz, s.created_at) as closed_at,
       case when jsonb_typeof(t.trade -> 'entry_price') = 'number' then (t.trade ->> 'entry_price')::double precision end as entry_price,
       case when jsonb_typeof(t.trade -> 'exit_price') = 'number' then (t.trade ->> 'exit_price')::double precision end as exit_price,
       case when jsonb_typeof(t.trade -> 'rr') = 'number' then (t.trade ->> 'rr')::double precision end as rr,
       case when jsonb_typeof(t.trade -> 'return') = 'number' then (t.trade ->> 'return')::double precision end as "return",
       case when jsonb_typeof(t.trade -> 'max_drawdown') = 'number' then (t.trade ->> 'max_drawdown')::double precision end as max_drawdown,
       case when jsonb_typeof(t.trade -> 'max_gain') = 'number' then (t.trade ->> 'max_gain')::double precision end as max_gain,
       c.body -> 'entry_context' as entry_context,
       c.body -> 'completed_trades' as completed_trades,
       c.body -> 'trade_summary' as trade_summary
from public.ad_strands s
cross join lateral (select coalesce(s.metadata -> 'projection', s.content) as body) c
cross join lateral (select coalesce(c.body -> 'trade_summary', c.body -> 'completed_trades' -> -1) as trade) t
where s.kind = 'position_closed' and s.status is distinct from 'voided' and s.metadata ->> 'duplicate_of' is null;

-- Ties a strand that somebody else inserted (the old PM) to the trade's event. Why: older readers select from ad_strands by kind, so a
-- second row of ours would show them the trade twice. Theirs stays, with its content and id, because others may point at it; ours is derived
-- from the log and gives way, whichever came first. Of two foreign strands of one trade the first is adopted and the second marked.
-- p_own_id: the id that our strand of the event has or would have (strandId in services/projector/strand.ts).
-- Returns {status: 'adopted' | 'duplicate' (with "of") | 'not_found' (no such strand, not a position_closed one, or our own)}.
create function strandline.adopt(p_strand_id text, p_event_id text, p_own_id text)
returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  theirs public.ad_strands;
  ours   public.ad_strands;
  known  text;
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('strandline_adopt'));
  select * into theirs from public.ad_strands where id = p_strand_id and kind = 'position_closed' for update;
  if not found or theirs.metadata ->> 'projected_by' is not null then return jsonb_build_object('status', 'not_found'); end if;
  if theirs.metadata ->> 'event_id' = p_event_id then return jsonb_build_object('status', 'adopted'); end if;
  select id into known from public.ad_strands where metadata ->> 'adopted_by' is not null and metadata ->> 'event_id' = p_event_id;
  if found then
    update public.ad_strands set metadata = coalesce(metadata, '{}') || jsonb_build_object('duplicate_of', known) where id = p_strand_id;
    return jsonb_build_object('status', 'duplicate', 'of', known);
  end if;
  delete from public.ad_strands where id = p_own_id and metadata ->> 'projected_by' = 'strandline' returning * into ours;
  update public.ad_strands s set
    metadata = case when jsonb_typeof(s.metadata) = 'object' then s.metadata - 'revision' - 'projection' else '{}' end
      || case when ours.id is null then '{}' else (ours.metadata - 'projected_by') || jsonb_build_object('projection', ours.content) end
      || jsonb_build_object('event_id', p_event_id, 'adopted_by', 'strandline', 'adopted_status', s.status),
    status = case when ours.status = 'voided' then 'voided' else s.status end,
    updated_at = now()
  where s.id = p_strand_id;
  return jsonb_build_object('status', 'adopted');
end
$$;;

-- One batch of the projector: fence, strands and position in one transaction.
-- p_rows: a JSON array, as text, of ad_strands rows (services/projector/strand.ts). A row replaces a strand only with a higher
-- metadata.revision; of equal ones the first stays. Plans are made anew each time: one from the first, empty days would scan for ever.
-- Returns {status: 'ok', written, adopted} or {status: 'fenced' | 'stale'}, which changed nothing.
create function public.strandline_projector_commit(
  p_consumer text, p_topic text, p_partition integer, p_epoch bigint, p_version bigint, p_next bigint, p_commit uuid, p_rows text,
  p_seen text default null)
returns jsonb language plpgsql security invoker set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  held    text;
  foreign_ids text[];
  ids     text[];
  adopted integer;
begin
  held := strandline.fence(p_consumer, p_topic, p_partition, p_epoch, p_version);
  if held <> 'ok' then return jsonb_build_object('status', held); end if;

  -- Strands of somebody else for these trades, not tied to their event yet. Rare: usually the bridge did it before the event was published.
  select array_agg(distinct s.id order by s.id) into foreign_ids
  from jsonb_populate_recordset(null::public.ad_strands, p_rows::jsonb) r
  join public.ad_strands s on s.kind = 'position_closed'
    and coalesce(s.position_id, s.content ->> 'position_id') = r.position_id
    and coalesce(s.trade_id::text, s.content ->> 'trade_id') = r.trade_id::text
  where s.metadata ->> 'event_id' is null and s.metadata ->> 'duplicate_of' is null;
  if foreign_ids is not null then
    perform strandline.adopt(s.id, r.metadata ->> 'event_id', r.id)
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
  perform strandline.advance(p_consumer, p_topic, p_partition, p_next, p_commit, p_seen::jsonb);
  return jsonb_build_object('status', 'ok', 'written', coalesce(cardinality(ids), 0), 'adopted', adopted);
end
$$;;

-- For audits, counted from the table itself: trades (distinct events), the rows that hold them, and how many are retracted. rows > events is a
-- trade counted twice.
create function public.strandline_strands_event_count()
returns jsonb language sql stable security invoker set search_path = '' as $$
  select jsonb_build_object(
    'events', count(distinct s.metadata ->> 'event_id'),
    'rows', count(*),
    'voided', count(*) filter (where s.status = 'voided'),
    'adopted', count(*) filter (where s.metadata ->> 'adopted_by' is not null))
  from public.ad_strands s
  where s.kind = 'position_closed' and coalesce(s.metadata ->> 'projected_by', s.metadata ->> 'adopted_by') = 'strandline'
$$;;

do $$ begin perform strandline.seal(); end $$;

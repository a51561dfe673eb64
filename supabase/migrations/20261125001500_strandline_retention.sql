-- What only grows keeps what recognises a trade for ever, and the rest for a time. The PM asks for it now and then, in small pieces (services/pm/retention.ts).

-- By an expression: along the primary key, which has the same order, every row that is small already would be passed over again.
create index pm_outbox_whole on strandline.pm_outbox ((id + 0)) where published_at is not null and payload is not null;
create index pm_executions_whole on strandline.pm_executions (recorded_at) where request is not null;
create index dead_letters_applied on strandline.dead_letters (applied_at) where applied_at is not null;
-- What is open is asked for every few seconds (strandline lag), and is little.
create index dead_letters_open on strandline.dead_letters (topic, consumer, partition, reason) where redriven_at is null and applied_at is null and discarded_at is null;

-- Outbox: a published row keeps its event's id, revision and place in the log, which the audit counts and a repetition is recognised by; its content goes, once
-- nothing is asked of it any more: while a trade has no score, or a provisional one, bars may still come, and of one that was retracted whoever posts it again is told.
create function strandline.retain_outbox(p_before timestamptz, p_after bigint, p_limit integer) returns jsonb language sql security invoker set search_path = '' as $$
  with page as materialized (
    select o.id, o.event_id, o.revision, o.published_at, o.payload -> 'rr' <> 'null' and o.payload -> 'voided' <> 'true'
      and not exists (select from strandline.pm_provisional u where u.event_id = o.event_id offset 0) as settled
    from strandline.pm_outbox o where o.published_at is not null and o.payload is not null and o.id + 0 > p_after order by o.id + 0 limit p_limit
  ), slimmed as (
    update strandline.pm_outbox o set payload = null, source = o.payload ->> 'source', traceparent = null from page p
    where o.id = p.id and o.published_at < p_before
      and (p.settled or exists (select from strandline.pm_outbox n where n.event_id = p.event_id and n.revision > p.revision))
    returning 1
  )
  select jsonb_build_object('done', (select count(*) from slimmed),
    'next', (select max(p.id)::text from page p having count(*) = p_limit and min(p.published_at) < p_before))
$$;

-- Executions: the report's id and what it came to stay, a report that is repeated is still that one; of what was sent only the digest stays.
create function strandline.retain_executions(p_before timestamptz, p_limit integer) returns jsonb language sql security invoker set search_path = '' as $$
  with page as (
    select id from strandline.pm_executions where request is not null and recorded_at < p_before order by recorded_at limit p_limit for update skip locked
  ), slimmed as (
    update strandline.pm_executions e set request_digest = md5(e.request::text), request = null from page p where e.id = p.id returning 1
  ) select jsonb_build_object('done', count(*), 'next', case when count(*) = p_limit then '' end) from slimmed
$$;

-- Queue: rows of strands that the projector made and settled. Those of others are the old system's, whoever settled them. Where the table does not say when, all stay.
create function strandline.retain_queue(p_before timestamptz, p_after text, p_limit integer)
returns jsonb language plpgsql security invoker set search_path = '' set timezone = 'UTC' as $$
declare
  v_answer jsonb;
begin
  if not exists (
    select from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
    where a.attrelid = 'public.learning_queue'::pg_catalog.regclass and a.attname = 'processed_at' and not a.attisdropped and t.typname in ('timestamptz', 'timestamp')) then
    return '{"done": 0, "next": null}';
  end if;
  execute 'with page as materialized (
      select q.id, q.strand_id::text as strand, q.status::text as status, q.processed_at from public.learning_queue q
      where q.id >= strandline.queue_key($2) and ($2 = '''' or q.id <> strandline.queue_key($2)) order by q.id limit $3
    ), gone as (
      delete from public.learning_queue q using page p, strandline.their_path()
      where q.id = p.id and p.status = ''completed'' and p.processed_at < $1
        and exists (select from strandline.strands t where t.strand_id = p.strand and not t.adopted)
      returning 1
    )
    select jsonb_build_object(''done'', (select count(*) from gone),
      ''next'', (select (array_agg(p.id order by p.id desc))[1]::text from page p having count(*) = $3))' into v_answer using p_before, p_after, p_limit;
  perform pg_catalog.set_config('search_path', '', true);
  return v_answer;
end
$$;

-- Dead letters that a replay has applied since: the ledger knows them. Those that were published again or discarded stay, as a replay
-- would refuse the old record once more, and the audit counts what became of each.
create function strandline.retain_letters(p_before timestamptz, p_limit integer) returns jsonb language sql security invoker set search_path = '' as $$
  with page as (
    select ctid from strandline.dead_letters where applied_at < p_before order by applied_at limit p_limit for update skip locked
  ), gone as (
    delete from strandline.dead_letters d using page p where d.ctid = p.ctid returning 1
  ) select jsonb_build_object('done', count(*), 'next', case when count(*) = p_limit then '' end) from gone
$$;

-- One piece of one table: rows that are older than p_days, p_limit looked at at most, behind p_after ('' at first).
-- By the indexes, whatever the planner believes of a table that was small a moment ago. Returns {done: rows that were changed or deleted, next: where the next piece begins, null after the last}.
create function public.strandline_retain(p_table text, p_days double precision, p_after text, p_limit integer)
returns jsonb language plpgsql security invoker set search_path = '' set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
  v_before timestamptz := now() - p_days * interval '1 day';
begin
  return case p_table
    when 'pm_outbox' then strandline.retain_outbox(v_before, coalesce(nullif(p_after, '')::bigint, 0), p_limit)
    when 'pm_executions' then strandline.retain_executions(v_before, p_limit)
    when 'learning_queue' then strandline.retain_queue(v_before, p_after, p_limit)
    when 'dead_letters' then strandline.retain_letters(v_before, p_limit)
  end;
end
$$;

do $$ begin perform strandline.seal(); end $$;

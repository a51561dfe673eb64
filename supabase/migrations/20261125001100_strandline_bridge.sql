-- The bridge: position_closed strands that somebody else queued (the old PM) become events of the outbox. Other strand types are left alone. Pages by key
-- along the index of what waits, settled as a whole: a page costs the same at any backlog. It goes on past a strand that cannot be taken, and needs no
-- column of the queue that an older system may not have: reasons are kept in strandline.set_aside, and in `error` where the queue has it.

-- The next rows of the queue behind p_after (null: from the first), whatever they are: one page costs the same however many wait.
-- No sort: the only plan is then along the index (id) of what waits; where statistics are old, another would read and sort the whole backlog.
-- Returns {rows: [{id, strand_id, strand (JSON as text; null: it is not in ad_strands any more), ours}, …] without those that rest, resting, last (its last id,
-- null: nothing is behind p_after), more (the page is full), now (ms, the database's clock), position_ids (their type)}. Nothing is claimed: strandline_bridge_settle takes a row only while it waits.
create function public.strandline_bridge_page(p_after text, p_limit integer)
returns jsonb language plpgsql stable security invoker
set search_path = '' set timezone = 'UTC' set plan_cache_mode = force_custom_plan set enable_sort = off as $$
declare
  after_key public.learning_queue.id%type := strandline.queue_key(p_after);
  page      jsonb;
begin
  with page as materialized (
    select q.id, q.strand_id::text as strand_id
    from public.learning_queue q
    where q.status = 'pending' and q.strand_type = 'position_closed' and (after_key is null or q.id > after_key)
    order by q.id limit p_limit
  )
  select jsonb_build_object(
    'rows', coalesce(jsonb_agg(jsonb_build_object('id', p.id::text, 'strand_id', p.strand_id, 'strand', s.strand, 'ours', t.ours) order by p.id)
      filter (where a.retry_at is null), '[]'),
    'resting', count(a.retry_at),
    'last', (array_agg(p.id::text order by p.id desc))[1],
    'more', count(*) = p_limit,
    'now', public.strandline_pm_now(),
    'position_ids', pg_catalog.pg_typeof(strandline.position_key(null))::text)
    into page
  from page p
  left join lateral (
    select strandline.strand_text(strandline.row_jsonb(s)) as strand from public.ad_strands s where s.id = strandline.strand_key(p.strand_id) offset 0) s on true
  cross join lateral (select exists (select 1 from strandline.strands t where t.strand_id = p.strand_id and not t.adopted) as ours offset 0) t
  left join lateral (
    select a.retry_at from strandline.set_aside a where a.kind = 'strand' and a.id = p.id::text and a.retry_at > now() offset 0) a on true;
  return page;
end
$$;

-- Rows of the queue that are settled: p_rows [{id, strand_id, error | null, wait_ms | null (it rests: passed over)}, …]. Its other columns are written
-- where they take a text, cut to their length, and a time.
create function strandline.queue_done(p_rows jsonb) returns void language plpgsql security invoker set search_path = '' as $$
declare
  c    record;
  sets text := '';
begin
  for c in
    select a.attname, t.typcategory, pg_catalog.format_type(a.atttypid, null) as type, case when a.atttypid = 'pg_catalog.varchar'::pg_catalog.regtype and a.atttypmod > 4 then a.atttypmod - 4 end as most
    from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
    where a.attrelid = 'public.learning_queue'::regclass and a.attname in ('status', 'processed_at', 'error') and not a.attisdropped and a.attgenerated = ''
  loop
    sets := sets || case
      when c.attname = 'status' then format(', status = (case when r ->> ''error'' is null then ''completed'' else ''failed'' end)::%s', c.type)  -- an enumeration takes no text
      when c.attname = 'processed_at' and c.typcategory in ('D', 'S') then ', processed_at = now()'
      when c.attname = 'error' and c.typcategory = 'S' then format(', error = left(r ->> ''error'', %s)', coalesce(c.most, 2000))
      else '' end;
  end loop;
  execute 'update public.learning_queue q set ' || substr(sets, 3)
    || ' from strandline.their_path(), jsonb_array_elements($1) r where r ->> ''wait_ms'' is null and q.id = strandline.queue_key(r ->> ''id'') and q.status = ''pending'''
    using p_rows;
  perform pg_catalog.set_config('search_path', '', true);
  delete from strandline.set_aside a using jsonb_array_elements(p_rows) r
  where a.kind = 'strand' and a.id = r ->> 'id' and r ->> 'error' is null and r ->> 'wait_ms' is null;
  insert into strandline.set_aside as a (kind, id, scope, reason)
  select 'strand', r ->> 'id', coalesce(r ->> 'strand_id', ''), r ->> 'error' from jsonb_array_elements(p_rows) r where r ->> 'error' is not null and r ->> 'wait_ms' is null
  on conflict (kind, id) do update set reason = excluded.reason, attempts = a.attempts + 1, retry_at = null;
end
$$;

-- A row of the queue rests: for p_ms, or (null) for a minute first and an hour at most.
create function strandline.queue_rest(p_id text, p_strand_id text, p_reason text, p_ms double precision)
returns void language sql security invoker set search_path = '' as $$
  insert into strandline.set_aside as a (kind, id, scope, reason, retry_at)
  values ('strand', p_id, coalesce(p_strand_id, ''), p_reason, now() + coalesce(p_ms, 60000) * interval '1 ms')
  on conflict (kind, id) do update set reason = excluded.reason, attempts = a.attempts + 1,
    retry_at = now() + coalesce(p_ms * interval '1 ms', least(60, power(2, least(a.attempts, 6))) * interval '1 minute')
$$;

-- Settles these rows as one; what one of them raises undoes all.
create function strandline.bridge_settle_all(p_rows jsonb, p_relay text, p_lease_ms integer)
returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  answer jsonb := strandline.take_trades(p_rows, p_relay, p_lease_ms);
begin
  perform strandline.queue_rest(r ->> 'id', r ->> 'strand_id', r ->> 'error', (r ->> 'wait_ms')::double precision)
  from jsonb_array_elements(p_rows) r where r ->> 'wait_ms' is not null;
  perform strandline.queue_done(p_rows);
  return answer || (
    select jsonb_build_object('refused', '[]'::jsonb, 'waiting', count(*) filter (where r ->> 'wait_ms' is not null),
      'failed', count(*) filter (where r ->> 'error' is not null and r ->> 'wait_ms' is null))
    from jsonb_array_elements(p_rows) r);
end
$$;

-- Settles queue rows in one transaction: the event into the outbox (once, whoever brought the trade first), the strand tied to its event, the row
-- completed, or failed with its reason. Rows that somebody else settled or is settling are left to them.
-- p_results: JSON array, as text, of {id, error | null, wait_ms | null (rest that long, the error is the reason), event | null (with neither: the row
-- is no news, and completed), side, score_later, keep}.
-- p_each: where false, the database may refuse the page as a whole ("page" says why, and nothing happened: ask again with p_each). Where true, one row
-- that it refuses keeps no other: it stays pending, is reported, and with `keep` it rests, so that those behind it get their turn.
-- Returns {added, known, failed, waiting, published: [outbox rows that p_relay has], refused: [[id, reason, is it the row's own fault for sure], …]} or {page: reason}.
create function public.strandline_bridge_settle(p_results text, p_relay text, p_lease_ms integer, p_each boolean)
returns jsonb language plpgsql security invoker set search_path = '' set plan_cache_mode = force_custom_plan
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
  taken  jsonb;
  r      jsonb;
  one    jsonb;
  answer jsonb := '{"added": 0, "known": 0, "failed": 0, "waiting": 0, "published": [], "refused": []}';
  state  text;
begin
  -- Before the queue's rows: the projector takes its strand, then its row of the queue.
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('strandline_adopt'));
  with locked as (
    select q.id, q.strand_id, x.r, x.n
    from jsonb_array_elements(p_results::jsonb) with ordinality as x (r, n)
    join public.learning_queue q on q.id = strandline.queue_key(x.r ->> 'id') and q.status = 'pending'
    for update of q skip locked
  )
  select jsonb_agg(l.r || jsonb_build_object('id', l.id::text, 'strand_id', l.strand_id::text) order by l.n) into taken from locked l;
  if taken is null then return answer; end if;

  if not p_each then
    begin
      return strandline.bridge_settle_all(taken, p_relay, p_lease_ms);
    exception when others or assert_failure then
      get stacked diagnostics state = returned_sqlstate;
      if not strandline.is_rows_fault(state) then raise; end if;   -- no row's fault: a deadlock, no room, a shutdown
      return jsonb_build_object('page', sqlerrm);
    end;
  end if;

  for r in select v from jsonb_array_elements(taken) v loop
    begin
      one := strandline.bridge_settle_all(jsonb_build_array(r), p_relay, p_lease_ms);
      answer := jsonb_build_object('published', answer -> 'published' || (one -> 'published'), 'refused', answer -> 'refused')
        || (select jsonb_object_agg(k, (answer ->> k)::integer + (one ->> k)::integer) from unnest(array['added', 'known', 'failed', 'waiting']) k);
    exception when others or assert_failure then
      get stacked diagnostics state = returned_sqlstate;
      if not strandline.is_rows_fault(state) then raise; end if;
      -- 22: its values are none; anything else may be what the database lacks
      answer := jsonb_set(answer, '{refused}', answer -> 'refused' || jsonb_build_array(jsonb_build_array(r -> 'id', sqlerrm, left(state, 2) = '22')));
      if (r ->> 'keep')::boolean then perform strandline.queue_rest(r ->> 'id', r ->> 'strand_id', sqlerrm, null); end if;
    end;
  end loop;
  return answer;
end
$$;

do $$ begin perform strandline.seal(); end $$;

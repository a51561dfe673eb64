-- The bridge: position_closed strands that somebody else queued (the old PM) become events of the outbox. Other strand types are left alone. It goes on
-- past a strand that cannot be taken, and needs no column of the queue that an older system may not have: reasons are kept in strandline.set_aside,
-- and in `error` where the queue has it.

-- Settles rows of the queue. p_rows: JSON [[id, strand id, status: 'completed' | 'failed', reason | null], …].
create function strandline.queue_settle(p_rows jsonb) returns void language plpgsql security invoker set search_path = '' as $$
declare
  has_error boolean := exists (select 1 from pg_catalog.pg_attribute where attrelid = 'public.learning_queue'::regclass and attname = 'error' and not attisdropped);
  has_time  boolean := exists (select 1 from pg_catalog.pg_attribute where attrelid = 'public.learning_queue'::regclass and attname = 'processed_at' and not attisdropped);
begin
  -- What hangs on their tables (triggers, functions) may rely on the path of a request, as PostgREST sets it.
  perform pg_catalog.set_config('search_path', 'public, extensions', true);
  execute 'update public.learning_queue q set status = r ->> 2' || case when has_error then ', error = r ->> 3' else '' end
    || case when has_time then ', processed_at = now()' else '' end
    || ' from jsonb_array_elements($1) r where q.id = (jsonb_populate_record(null::public.learning_queue, jsonb_build_object(''id'', r -> 0))).id'
    || ' and q.status = ''pending'''
    using p_rows;
  delete from strandline.set_aside a where a.kind = 'strand'
    and a.id in (select r ->> 0 from jsonb_array_elements(p_rows) r where r ->> 2 = 'completed');
  insert into strandline.set_aside as a (kind, id, scope, reason)
  select 'strand', r ->> 0, coalesce(r ->> 1, ''), coalesce(r ->> 3, '') from jsonb_array_elements(p_rows) r where r ->> 2 = 'failed'
  on conflict (kind, id) do update set reason = excluded.reason, attempts = a.attempts + 1, retry_at = null;
end
$$;

-- Whether a row of ad_strands is of our own projector. p_row: by to_jsonb.
create function strandline.is_own_strand(p_row jsonb) returns boolean language sql stable security invoker set search_path = '' as $$
  select coalesce(strandline.as_jsonb(p_row -> 'metadata') ->> 'projected_by' = 'strandline', false)
    or exists (select 1 from strandline.strands t where t.strand_id = p_row ->> 'id' and not t.adopted)
$$;

-- The oldest strands to be taken: [{id (of the queue's row), strand, now (ms, the database's clock)}, …]; those that rest after a failure are
-- left out until their time. On the way it settles rows that need no event: strands of our own projector are no news, and a strand that is gone
-- cannot be read. Nothing is claimed: pm_bridge_settle takes a row only while it is pending.
create function public.strandline_pm_bridge_next(p_limit integer)
returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  settled jsonb;
  strands jsonb;
begin
  with pending as (
    select q.id, q.strand_id, s.id is null as missing from public.learning_queue q
    left join public.ad_strands s on s.id = strandline.strand_key(q.strand_id::text)
    where q.status = 'pending' and q.strand_type = 'position_closed'
      and (s.id is null or strandline.is_own_strand(to_jsonb(s)))
    order by q.id limit 1000 for update of q skip locked
  )
  select jsonb_agg(jsonb_build_array(p.id, p.strand_id, case when p.missing then 'failed' else 'completed' end,
                                     case when p.missing then 'the strand is not in ad_strands any more' end))
    into settled from pending p;
  if settled is not null then perform strandline.queue_settle(settled); end if;

  select jsonb_agg(jsonb_build_object('id', f.id, 'strand', f.strand, 'now', public.strandline_pm_now()) order by f.id) into strands
  from (select q.id, strandline.shown_strand(to_jsonb(s)) as strand from public.learning_queue q
        join public.ad_strands s on s.id = strandline.strand_key(q.strand_id::text)
        where q.status = 'pending' and q.strand_type = 'position_closed' and not strandline.is_own_strand(to_jsonb(s))
          and not exists (select 1 from strandline.set_aside a where a.kind = 'strand' and a.id = q.id::text and a.retry_at > now())
        order by q.id limit p_limit) f;
  return coalesce(strands, '[]');
end
$$;

-- Settles queue rows in one transaction: the event into the outbox (once, whoever brought the trade first), the strand tied to its event, the
-- row completed, or failed with its reason. A row that the database refuses keeps no other: it stays pending and is reported.
-- p_results: JSON array, as text, of {id, error | null, wait_ms | null (rest that long, the error is the reason), event | null, own_strand (the
-- id that our projector would give its strand), side, score_later, keep (where the row is refused: it rests, a minute first and an hour at most,
-- so that those behind it get their turn; otherwise it is only reported)}.
-- Returns {published: [outbox rows], known, failed, waiting, refused: [[id, reason, is it the row's own fault for sure], …]}; rows that somebody else settled meanwhile are in none.
create function public.strandline_pm_bridge_settle(p_results text, p_relay text, p_lease_ms integer)
returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  r         record;
  added     jsonb;
  state     text;
  settled   jsonb := '[]';
  published jsonb := '[]';
  refused   jsonb := '[]';
  known     integer := 0;
  failed    integer := 0;
  waiting   integer := 0;
begin
  for r in
    select q.id, q.strand_id::text as strand_id, x ->> 'error' as error, (x ->> 'wait_ms')::double precision as wait_ms, x -> 'event' as event,
      x ->> 'own_strand' as own_strand, x ->> 'side' as side, (x ->> 'score_later')::boolean as score_later,
      coalesce((x ->> 'keep')::boolean, false) as keep
    from jsonb_array_elements(p_results::jsonb) x
    join public.learning_queue q on q.id = (jsonb_populate_record(null::public.learning_queue, jsonb_build_object('id', x -> 'id'))).id
    where q.status = 'pending'
    order by q.id for update of q
  loop
    if r.wait_ms is not null then
      waiting := waiting + 1;
      insert into strandline.set_aside as a (kind, id, scope, reason, retry_at)
      values ('strand', r.id::text, r.strand_id, r.error, now() + r.wait_ms * interval '1 ms')
      on conflict (kind, id) do update set reason = excluded.reason, attempts = a.attempts + 1, retry_at = excluded.retry_at;
    elsif r.error is not null then
      failed := failed + 1;
      settled := settled || jsonb_build_array(jsonb_build_array(r.id, r.strand_id, 'failed', r.error));
    else
      begin
        added := strandline.pm_outbox_insert(r.event, null, p_relay, p_lease_ms);
        if added is not null and r.score_later then perform strandline.pm_note_unscored(r.event, r.side); end if;
        perform strandline.adopt(r.strand_id, r.event ->> 'event_id');
        if added is null then known := known + 1; else published := published || jsonb_build_array(added); end if;
        settled := settled || jsonb_build_array(jsonb_build_array(r.id, r.strand_id, 'completed', null));
      exception when others then
        get stacked diagnostics state = returned_sqlstate;
        -- not this row's fault: a deadlock, no room, a shutdown
        if left(state, 2) in ('08', '40', '53', '55', '57', '58') then raise; end if;
        -- 22: its values are none; anything else may be what the database lacks
        refused := refused || jsonb_build_array(jsonb_build_array(r.id, sqlerrm, left(state, 2) = '22'));
        if r.keep then
          insert into strandline.set_aside as a (kind, id, scope, reason, retry_at)
          values ('strand', r.id::text, r.strand_id, sqlerrm, now() + interval '1 minute')
          on conflict (kind, id) do update set reason = excluded.reason, attempts = a.attempts + 1,
            retry_at = now() + least(60, power(2, least(a.attempts, 6))) * interval '1 minute';
        end if;
      end;
    end if;
  end loop;
  if settled <> '[]' then perform strandline.queue_settle(settled); end if;
  return jsonb_build_object('published', published, 'known', known, 'failed', failed, 'waiting', waiting, 'refused', refused);
end
$$;

do $$ begin perform strandline.seal(); end $$;

-- The bridge: position_closed strands that somebody else queued (the old PM) become events of the outbox. Other strand types are left alone.

create index if not exists learning_queue_closed on public.learning_queue (id) where status = 'pending' and strand_type = 'position_closed';

-- The oldest strands to be taken: [{id (of the queue's row), strand}, …]. On the way it settles rows that need no event: strands of our own
-- projector are no news, and a strand that is gone cannot be read. Nothing is claimed: pm_bridge_settle takes a row only while it is pending.
create function public.pm_bridge_next(p_limit integer)
returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  strands jsonb;
begin
  with pending as (
    select q.id, s.id is null as missing from public.learning_queue q
    left join public.ad_strands s on s.id = q.strand_id
    where q.status = 'pending' and q.strand_type = 'position_closed'
      and (s.id is null or s.metadata ->> 'projected_by' = 'strandline')
    order by q.id limit 1000 for update of q skip locked
  )
  update public.learning_queue q set
    status = case when p.missing then 'failed' else 'completed' end,
    error = case when p.missing then 'the strand is not in ad_strands any more' end,
    processed_at = now()
  from pending p where q.id = p.id;

  select jsonb_agg(jsonb_build_object('id', f.id, 'strand', f.strand) order by f.id) into strands
  from (select q.id, to_jsonb(s) as strand from public.learning_queue q
        join public.ad_strands s on s.id = q.strand_id
        where q.status = 'pending' and q.strand_type = 'position_closed' and s.metadata ->> 'projected_by' is distinct from 'strandline'
        order by q.id limit p_limit) f;
  return coalesce(strands, '[]');
end
$$;

-- Settles queue rows in one transaction: the event into the outbox (once, whoever brought the trade first), the strand tied to its event, the
-- row completed, or failed with its reason.
-- p_results: JSON array, as text, of {id, error | null, event | null, own_strand (the id that our projector would give its strand), side,
-- score_later}.
-- Returns {published: [outbox rows], known, failed}; rows that somebody else settled meanwhile are in none of them.
create function public.pm_bridge_settle(p_results text, p_relay text, p_lease_ms integer)
returns jsonb language plpgsql security invoker set search_path = '' as $$
declare
  r         record;
  added     jsonb;
  published jsonb := '[]';
  known     integer := 0;
  failed    integer := 0;
begin
  for r in
    select q.id, q.strand_id, x ->> 'error' as error, x -> 'event' as event, x ->> 'own_strand' as own_strand, x ->> 'side' as side,
      (x ->> 'score_later')::boolean as score_later
    from jsonb_array_elements(p_results::jsonb) x
    join public.learning_queue q on q.id = (jsonb_populate_record(null::public.learning_queue, x)).id
    where q.status = 'pending'
    order by q.id for update of q
  loop
    if r.error is not null then
      failed := failed + 1;
    else
      added := public.pm_outbox_insert(r.event, null, p_relay, p_lease_ms);
      if added is null then known := known + 1; else published := published || jsonb_build_array(added); end if;
      if added is not null and r.score_later then perform public.pm_note_unscored(r.event, r.side); end if;
      perform public.strandline_adopt(r.strand_id, r.event ->> 'event_id', r.own_strand);
    end if;
    update public.learning_queue q set status = case when r.error is null then 'completed' else 'failed' end, error = r.error, processed_at = now()
    where q.id = r.id;
  end loop;
  return jsonb_build_object('published', published, 'known', known, 'failed', failed);
end
$$;

do $$
declare f regprocedure;
begin
  for f in select p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'public' and p.proname in ('pm_bridge_next', 'pm_bridge_settle')
  loop
    execute format('revoke all on function %s from public, anon, authenticated', f);
    execute format('grant execute on function %s to service_role', f);
  end loop;
end $$;

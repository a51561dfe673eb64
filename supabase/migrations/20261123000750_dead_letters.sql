-- Dead letters for an operator: a page of those that are open, and what becomes of them.
create index dead_letters_place on public.dead_letters (topic, partition, "offset");

-- Dead letters of a topic behind a place, by place; where several consumers refused one record, the newest refusal. p_all: also those dealt with.
create function public.dead_letters_page(p_topic text, p_all boolean, p_partition integer, p_offset bigint, p_limit integer)
returns jsonb language sql stable security invoker set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(d) order by d.partition, d."offset"), '[]')
  from (
    select distinct on (l.partition, l."offset") l.*
    from public.dead_letters l
    where l.topic = p_topic and (l.partition, l."offset") > (p_partition, p_offset)
      and (p_all or (l.redriven_at is null and l.applied_at is null))
    order by l.partition, l."offset", l.recorded_at desc
    limit p_limit) d
$$;

-- p_placed: [{"offset", "to_partition", "to_offset"}], where each record went.
create function public.dead_letters_redriven(p_topic text, p_partition integer, p_placed text)
returns void language sql security invoker set search_path = '' as $$
  update public.dead_letters l
  set redriven_at = now(), redriven_partition = p.to_partition, redriven_offset = p.to_offset
  from jsonb_to_recordset(p_placed::jsonb) as p("offset" bigint, to_partition integer, to_offset bigint)
  where l.topic = p_topic and l.partition = p_partition and l."offset" = p."offset"
$$;

-- A replay read these records again, and refused only p_refused ('{…}').
create function public.dead_letters_applied(p_consumer text, p_topic text, p_partition integer, p_from bigint, p_next bigint, p_refused text)
returns void language sql security invoker set search_path = '' as $$
  update public.dead_letters
  set applied_at = now()
  where consumer = p_consumer and topic = p_topic and partition = p_partition and "offset" >= p_from and "offset" < p_next
    and "offset" <> all (p_refused::bigint[]) and applied_at is null
$$;

do $$
declare f regprocedure;
begin
  for f in select p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'public' and p.proname in ('dead_letters_page', 'dead_letters_redriven', 'dead_letters_applied')
  loop
    execute format('revoke all on function %s from public, anon, authenticated', f);
    execute format('grant execute on function %s to service_role', f);
  end loop;
end $$;

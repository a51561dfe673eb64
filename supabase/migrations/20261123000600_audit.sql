-- Pages of event ids for the audit, each counted in its own store: nothing here trusts another table's bookkeeping.
-- p_store: positions (trades that the PM closed), outbox (what was handed to it, imports among it), ledger, strands. Pages follow a key that has an
-- index; p_after is the `next` of the page before, '' at first. Returns {"ids": […], "next": text or null at the end}. An id may come twice.
create function public.strandline_audit_page(p_store text, p_after text, p_limit integer)
returns jsonb language plpgsql stable security invoker set search_path = '' set enable_seqscan = off as $$
declare
  v_page jsonb;
begin
  if p_store = 'positions' then
    select jsonb_build_object('next', case when count(*) = p_limit then max(r.id) end, 'ids', coalesce((
        select jsonb_agg(t ->> 'event_id') from unnest(array_agg(r.completed_trades)) c(trades)
        cross join lateral jsonb_array_elements(case when jsonb_typeof(c.trades) = 'array' then c.trades else '[]' end) t
        where t ->> 'event_id' is not null), '[]')) into v_page
    from (select p.id::text as id, p.completed_trades from public.lowcap_positions p
          where p_after = '' or p.id::text > p_after order by p.id::text limit p_limit) r;
  elsif p_store = 'outbox' then
    select jsonb_build_object('next', case when count(*) = p_limit then max(r.id)::text end, 'ids', coalesce(jsonb_agg(r.event_id), '[]')) into v_page
    from (select o.id, o.event_id from public.pm_outbox o where o.id > coalesce(nullif(p_after, '')::bigint, 0) order by o.id limit p_limit) r;
  elsif p_store = 'ledger' then
    select jsonb_build_object('next', case when count(*) = p_limit then (max(r.event_id::text)) end, 'ids', coalesce(jsonb_agg(r.event_id), '[]')) into v_page
    from (select distinct l.event_id from public.learner_ledger l
          where l.event_id > coalesce(nullif(p_after, '')::uuid, '00000000-0000-0000-0000-000000000000') order by 1 limit p_limit) r;
  elsif p_store = 'strands' then
    select jsonb_build_object('next', case when count(*) = p_limit then max(r.id) end,
                              'ids', coalesce(jsonb_agg(r.event_id) filter (where r.event_id is not null), '[]')) into v_page
    from (select s.id::text as id, case when s.kind = 'position_closed' then s.metadata ->> 'event_id' end as event_id from public.ad_strands s
          where p_after = '' or s.id::text > p_after order by s.id::text limit p_limit) r;
  end if;
  return v_page;
end
$$;
revoke all on function public.strandline_audit_page(text, text, integer) from public, anon, authenticated;
grant execute on function public.strandline_audit_page(text, text, integer) to service_role;

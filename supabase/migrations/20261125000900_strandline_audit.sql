-- What operators look at: how far every consumer is, and the audit, which counts every store itself.

-- Where every consumer of a topic stands, and how many open dead letters each has, seen at one moment. For `strandline lag`.
create function public.strandline_lag(p_topic text) returns jsonb language sql stable security invoker set search_path = '' as $$
  select jsonb_build_object(
    'checkpoints', coalesce((
      select jsonb_agg(jsonb_build_object(
        'consumer', c.consumer, 'partition', c.partition, 'checkpoint', c.checkpoint, 'epoch', c.epoch, 'holder', c.holder,
        'committed_at', c.committed_at) order by c.consumer, c.partition)
      from strandline.consumer_checkpoints c where c.topic = p_topic), '[]'),
    'dead_letters', coalesce((
      select jsonb_agg(jsonb_build_object('consumer', d.consumer, 'partition', d.partition, 'reason', d.reason, 'count', d.count)
                       order by d.consumer, d.partition, d.reason)
      from (select consumer, partition, reason, count(*) from strandline.dead_letters where topic = p_topic and redriven_at is null and applied_at is null and discarded_at is null
            group by consumer, partition, reason) d), '[]'),
    'active', (select strandline.learner_consumer(g) from strandline.model_versions g where g.active and g.topic = p_topic))
$$;

-- The audit counts every store itself. Pages follow a key that has an index; p_after is the `next` of the page before, '' at first.
-- p_store: positions (trades that the PM closed), outbox (what was handed to it, imports among it), ledger (of the active version), strands (rows of ad_strands, and trades that the projector keeps without one).
-- Returns {"ids": […], "next": text or null at the end}; an id may come twice. The outbox has "rows" as well, one for each revision:
-- [event_id, revision, published, topic, partition, offset, refused]; strands have "revisions", of each id the one that was projected (null: none).
create function public.strandline_audit_page(p_store text, p_after text, p_limit integer)
returns jsonb language plpgsql stable security invoker set search_path = '' set enable_seqscan = off as $$
declare
  v_page jsonb;
begin
  if p_store = 'positions' then
    select jsonb_build_object('next', case when count(*) = p_limit then (array_agg(r.id order by r.key desc))[1] end, 'ids', coalesce((
        select jsonb_agg(t ->> 'event_id') from unnest(array_agg(r.completed_trades)) c(trades)
        cross join lateral jsonb_array_elements(case when jsonb_typeof(c.trades) = 'array' then c.trades else '[]' end) t
        where t ->> 'event_id' is not null), '[]')) into v_page
    from (select p.id as key, p.id::text as id, strandline.trades_of(strandline.row_jsonb(p) -> 'completed_trades') as completed_trades from public.lowcap_positions p
          where p.id >= strandline.position_key(p_after) and (p_after = '' or p.id <> strandline.position_key(p_after)) order by p.id limit p_limit) r;
  elsif p_store = 'outbox' then
    select jsonb_build_object('next', case when count(*) = p_limit then max(r.id)::text end, 'ids', coalesce(jsonb_agg(r.event_id), '[]'),
        'rows', coalesce(jsonb_agg(jsonb_build_array(r.event_id, r.revision, r.published, r.topic, r.partition, r."offset", r.refused)), '[]')) into v_page
    from (select o.id, o.event_id, o.revision, o.published_at is not null as published, o.topic, o.partition, o."offset", o.refused
          from strandline.pm_outbox o where o.id > coalesce(nullif(p_after, '')::bigint, 0) order by o.id limit p_limit) r;
  elsif p_store = 'ledger' then
    select jsonb_build_object('next', case when count(*) = p_limit then (max(r.event_id::text)) end, 'ids', coalesce(jsonb_agg(r.event_id), '[]')) into v_page
    from (select l.event_id from strandline.learner_ledger l
          where (p_after = '' or l.event_id > nullif(p_after, '')::uuid)
            and l.model_version = (select g.sums from strandline.model_versions g where g.active)
          order by 1 limit p_limit) r;
  elsif p_store = 'strands' then
    select jsonb_build_object('next', case when count(*) = p_limit then max(r.event_id collate "C") end,
                              'ids', coalesce(jsonb_agg(r.event_id) filter (where r.there), '[]'),
                              'revisions', coalesce(jsonb_agg(r.revision) filter (where r.there), '[]')) into v_page
    from (select t.event_id, t.revision, t.projected is not null and t.strand_id is null or exists (
            select 1 from public.ad_strands s where s.id = strandline.strand_key(t.strand_id) and s.kind = 'position_closed') as there
          from strandline.strands t where t.event_id collate "C" > p_after order by t.event_id collate "C" limit p_limit) r;
  end if;
  return v_page;
end
$$;

-- What is set aside, by kind: [{kind, n, reason (the newest)}, …].
create function public.strandline_set_aside_reasons() returns jsonb language sql stable security invoker set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('kind', a.kind, 'n', a.n, 'reason', a.reason) order by a.kind), '[]')
  from (select kind, count(*) as n, (array_agg(reason order by since desc, id))[1] as reason from strandline.set_aside group by kind) a
$$;

-- What a consumer refused and has not applied since, a page behind a place: [[partition, offset, reason, state], …]. open; redriven: published again;
-- discarded: settled by an operator.
create function public.strandline_audit_letters(p_consumer text, p_topic text, p_partition integer, p_offset bigint, p_limit integer)
returns jsonb language sql stable security invoker set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_array(d.partition, d."offset", d.reason,
    case when d.redriven_at is not null then 'redriven' when d.discarded_at is not null then 'discarded' else 'open' end) order by d.partition, d."offset"), '[]')
  from (select distinct on (l.partition, l."offset") l.*
        from strandline.dead_letters l
        left join strandline.consumer_checkpoints c on c.consumer = l.consumer and c.topic = l.topic and c.partition = l.partition
        where l.consumer = p_consumer and l.topic = p_topic and l.applied_at is null and (l.partition, l."offset") > (p_partition, p_offset)
          -- of a topic of that name that was there before: another record lies at its place now
          and (l.topic_id = '' or c.topic_id is null or l.topic_id = c.topic_id)
        order by l.partition, l."offset", l.record_ms desc limit p_limit) d
$$;

-- A page of the active coefficients, with where their learner stands: one snapshot, so that they can be compared with a fold up to exactly there.
-- Returns {hash: of the active model, checkpoints: [[partition, next offset], …], global_rr: {rr_short, rr_long, n} or null,
-- rows: [{scope, name, key, weight, rr_short, rr_long, n}], next: the last key of the page, null after the last page}.
create function public.strandline_audit_coefficients(p_consumer text, p_topic text, p_after text, p_size integer)
returns jsonb language plpgsql stable security invoker set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  upto text;
begin
  select p.key into upto from strandline.learner_partials p
  where p.key > p_after collate "C" order by p.key offset p_size - 1 limit 1;
  return jsonb_build_object(
    'hash', (select g.hash from strandline.model_versions g where g.active),
    'checkpoints', (select coalesce(jsonb_agg(jsonb_build_array(c.partition, c.checkpoint)), '[]') from strandline.consumer_checkpoints c
                  where c.consumer = p_consumer and c.topic = p_topic and c.checkpoint is not null),
    'global_rr', (select jsonb_build_object('rr_short', b.rr_short, 'rr_long', b.rr_long, 'n', b.n)
                  from strandline.learner_groups b join strandline.model_versions g on g.sums = b.model_version and g.active
                  where b.name = 'global' and b.key = ''),
    'rows', (select coalesce(jsonb_agg(jsonb_build_object('scope', c.scope, 'name', c.name, 'key', c.key, 'weight', c.weight,
                                                          'rr_short', c.rr_short, 'rr_long', c.rr_long, 'n', c.n)), '[]')
             from strandline.learning_coefficients c
             where c.key > p_after collate "C" and (upto is null or c.key <= upto collate "C")),
    'next', upto);
end
$$;

-- A page of sums, with where its learner stands: one snapshot, so that they can be compared with a fold up to exactly there.
-- Pages follow (key, name). Returns {checkpoints: [[partition, next offset], …], rows: [[scope, name, key, partition, period, n,
-- the eight doubles in the order of the table], …], next: {key, name} of the page's last group, null after the last page}.
create function public.strandline_audit_sums(p_consumer text, p_topic text, p_sums integer, p_after_key text, p_after_name text, p_size integer)
returns jsonb language plpgsql stable security invoker set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  v_key  text;
  v_name text;
begin
  select p.key, p.name into v_key, v_name from strandline.learner_partials p
  where (p.key, p.name) > (p_after_key collate "C", p_after_name collate "C") order by p.key, p.name offset p_size - 1 limit 1;
  return jsonb_build_object(
    'checkpoints', (select coalesce(jsonb_agg(jsonb_build_array(c.partition, c.checkpoint)), '[]') from strandline.consumer_checkpoints c
                    where c.consumer = p_consumer and c.topic = p_topic and c.checkpoint is not null),
    'rows', (select coalesce(jsonb_agg(jsonb_build_array(p.scope, p.name, p.key, p.partition, p.period, p.n,
                                                         p.weight_short, p.weight_short_low, p.weighted_rr_short, p.weighted_rr_short_low,
                                                         p.weight_long, p.weight_long_low, p.weighted_rr_long, p.weighted_rr_long_low)), '[]')
             from strandline.learner_partials p
             where (p.key, p.name) > (p_after_key collate "C", p_after_name collate "C")
               and (v_key is null or (p.key, p.name) <= (v_key collate "C", v_name collate "C")) and p.model_version = p_sums),
    'next', case when v_key is not null then jsonb_build_object('key', v_key, 'name', v_name) end);
end
$$;

do $$ begin perform strandline.seal(); end $$;

-- PostgREST keeps the schema in memory.
notify pgrst, 'reload schema';

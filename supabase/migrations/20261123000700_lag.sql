-- Where every consumer of a topic stands, and how many open dead letters each has, seen at one moment. For `strandline lag`.
create function public.strandline_lag(p_topic text) returns jsonb language sql stable security invoker set search_path = '' as $$
  select jsonb_build_object(
    'positions', coalesce((
      select jsonb_agg(jsonb_build_object(
        'consumer', c.consumer, 'partition', c.partition, 'position', c.position, 'epoch', c.epoch, 'holder', c.holder,
        'committed_at', c.committed_at) order by c.consumer, c.partition)
      from public.consumer_positions c where c.topic = p_topic), '[]'),
    'dead_letters', coalesce((
      select jsonb_agg(jsonb_build_object('consumer', d.consumer, 'partition', d.partition, 'reason', d.reason, 'count', d.count)
                       order by d.consumer, d.partition, d.reason)
      from (select consumer, partition, reason, count(*) from public.dead_letters where topic = p_topic and redriven_at is null and applied_at is null
            group by consumer, partition, reason) d), '[]'),
    'active', (select 'learner/' || g.model || '/' || left(g.hash, 12) from public.learner_generations g where g.active))
$$;

revoke all on function public.strandline_lag(text) from public;
revoke all on function public.strandline_lag(text) from anon, authenticated;
grant execute on function public.strandline_lag(text) to service_role;

-- Who holds the partition is said as well: where a dump was restored, somebody else's claim may have the number of ours.
create or replace function public.strandline_checkpoint(p_consumer text, p_topic text, p_partition integer)
returns jsonb language sql stable security invoker set search_path = '' as $$
  select jsonb_build_object('epoch', c.epoch, 'version', c.version, 'checkpoint', c.checkpoint, 'last_commit', c.last_commit, 'holder', c.holder)
  from strandline.consumer_checkpoints c
  where c.consumer = p_consumer and c.topic = p_topic and c.partition = p_partition
$$;

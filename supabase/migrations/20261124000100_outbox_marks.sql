-- An acknowledgement without an offset is none. An event counts as published only with its place in the log; what an earlier version marked without
-- one (its client had left the record out of the request) is not in the log, and is published again. What is in the log after all is counted once.

update public.pm_outbox
set published_at = null, topic = null, partition = null, "offset" = null, claimed_by = null, claimed_until = null
where published_at is not null and (topic is null or partition is null or "offset" is null or partition < 0 or "offset" < 0);

alter table public.pm_outbox add constraint pm_outbox_placed
  check (published_at is null or (topic is not null and partition is not null and "offset" is not null and partition >= 0 and "offset" >= 0));

-- p_marks: JSON [[id, partition, offset], …]. The first mark of a row stays: a second one is a re-publication. A mark without a place marks nothing.
-- Returns {marked: how many rows, refused: ids whose mark has no place}.
drop function public.pm_outbox_published(text, text);
create function public.pm_outbox_published(p_topic text, p_marks text) returns jsonb language sql security invoker set search_path = '' as $$
  with given as (
    select (m ->> 0)::bigint as id,
      case when p_topic is not null and m ->> 1 ~ '^[0-9]{1,9}$' and m ->> 2 ~ '^[0-9]{1,18}$' then (m ->> 1)::integer end as partition,
      case when p_topic is not null and m ->> 1 ~ '^[0-9]{1,9}$' and m ->> 2 ~ '^[0-9]{1,18}$' then (m ->> 2)::bigint end as "offset"
    from jsonb_array_elements(p_marks::jsonb) m
  ), marked as (
    update public.pm_outbox o set published_at = now(), topic = p_topic, partition = g.partition, "offset" = g."offset",
      claimed_by = null, claimed_until = null, attempts = o.attempts + 1, refused = false, last_error = null
    from given g where o.id = g.id and g."offset" is not null and o.published_at is null returning 1
  )
  select jsonb_build_object('marked', (select count(*) from marked),
    'refused', coalesce((select jsonb_agg(g.id order by g.id) from given g where g."offset" is null), '[]'))
$$;
revoke all on function public.pm_outbox_published(text, text) from public, anon, authenticated;
grant execute on function public.pm_outbox_published(text, text) to service_role;

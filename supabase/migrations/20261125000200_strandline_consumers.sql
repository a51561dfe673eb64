-- Where each consumer of the log stands, and what it could not apply.
-- The fence: `epoch` counts the claims of a partition, `version` the changes of its state. A commit names both; a stale one changes nothing.
-- The checkpoint knows which log it belongs to: the topic's id, and the last record that was applied. Both are compared when a partition is claimed
-- (core/runner/last-record.ts): another topic of the same name, or a log that was cut and has grown again, is then not taken for the old one.

create table strandline.consumer_checkpoints (
  consumer     text        not null,                 -- e.g. learner/lowcap-v4/<model hash>, projector
  topic        text        not null,
  partition    integer     not null,
  epoch        bigint      not null default 0,
  version      bigint      not null default 0,
  checkpoint     bigint,                               -- next offset to read; null: nothing read yet
  last_commit  uuid,                                 -- id of the newest commit: how a lost answer is looked up
  holder       text,                                 -- who claimed it last
  claimed_at   timestamptz not null default now(),
  committed_at timestamptz,
  topic_id     text,                                 -- Kafka's id of the topic; null: the broker has no ids
  last_record  jsonb,                                -- {offset, time (ms), digest (of key and value), event_id}: the record before the checkpoint
  primary key (consumer, topic, partition)
);

-- A topic that was made anew has other records at the same places: a letter belongs to a topic's id and a record's time as well as to its place.
create table strandline.dead_letters (
  consumer      text        not null,
  topic         text        not null,
  partition     integer     not null,
  "offset"      bigint      not null,
  topic_id      text        not null default '',     -- '': the broker has no ids
  record_ms     bigint      not null default 0,
  reason        text        not null,
  detail        text        not null default '',
  dead_topic    text,
  dead_partition integer,
  dead_offset   bigint,
  recorded_at   timestamptz not null default now(),
  -- what became of it: published again by an operator (redriven), or applied by a replay after what was wrong had been put right
  redriven_at        timestamptz,
  redriven_partition integer,
  redriven_offset    bigint,
  applied_at         timestamptz,
  -- a redrive that was begun and not noted as done: where the partition ended then. Its copy, if there is one, lies there or behind.
  redriving_from     bigint,
  -- what the record's headers said, where it is a copy itself: how often it had been published again, and of which offset of its partition it is one
  redrives           integer     not null default 0,
  redrive_of         bigint,
  -- settled by an operator without being applied
  discarded_at       timestamptz,
  discarded_by       text,
  discard_reason     text,
  primary key (consumer, topic, partition, "offset", topic_id, record_ms)
);
create index dead_letters_place on strandline.dead_letters (topic, partition, "offset");
create index dead_letters_copies on strandline.dead_letters (topic, partition, redrive_of) where redrive_of is not null;

create function public.strandline_claim(p_consumer text, p_topic text, p_partition integer, p_holder text)
returns jsonb language sql security invoker set search_path = '' as $$
  insert into strandline.consumer_checkpoints as c (consumer, topic, partition, epoch, holder)
  values (p_consumer, p_topic, p_partition, 1, p_holder)
  on conflict (consumer, topic, partition)
    do update set epoch = c.epoch + 1, holder = excluded.holder, claimed_at = now()
  returning jsonb_build_object('epoch', c.epoch, 'version', c.version, 'checkpoint', c.checkpoint, 'topic_id', c.topic_id, 'last_record', c.last_record)
$$;

-- What became of a commit whose answer was lost.
-- Who holds the partition is said as well: where a dump was restored, somebody else's claim may have the number of ours.
create function public.strandline_checkpoint(p_consumer text, p_topic text, p_partition integer)
returns jsonb language sql stable security invoker set search_path = '' as $$
  select jsonb_build_object('epoch', c.epoch, 'version', c.version, 'checkpoint', c.checkpoint, 'last_commit', c.last_commit, 'holder', c.holder)
  from strandline.consumer_checkpoints c
  where c.consumer = p_consumer and c.topic = p_topic and c.partition = p_partition
$$;

-- Locks the checkpoint and checks the claim: 'ok', 'fenced' (someone claimed it since) or 'stale' (its state changed since it was read).
-- p_checkpoint: what whoever commits takes the checkpoint for, -1 for none; null: not compared. A crash may take back commits that did not wait for the
-- disk, and a dump may be restored: then the version alone could be, by chance, what is expected.
create function strandline.fence(p_consumer text, p_topic text, p_partition integer, p_epoch bigint, p_version bigint, p_checkpoint bigint default null)
returns text language plpgsql security invoker set search_path = '' as $$
declare
  held record;
begin
  select epoch, version, checkpoint into held from strandline.consumer_checkpoints
  where consumer = p_consumer and topic = p_topic and partition = p_partition
  for update;
  if not found or held.epoch <> p_epoch then return 'fenced'; end if;
  if held.version <> p_version or coalesce(held.checkpoint, -1) <> coalesce(p_checkpoint, held.checkpoint, -1) then return 'stale'; end if;
  return 'ok';
end
$$;

-- What the log can restore need not wait for the disk: a crash takes the newest commits, checkpoint and effect together, and they are read again.
create function strandline.restorable() returns void language plpgsql security invoker set search_path = '' as $$
begin
  perform pg_catalog.set_config('synchronous_commit', 'off', true);
end
$$;

-- Moves a checkpoint forward (a replay below it leaves it where it is) and counts the change.
-- p_seen: {topic_id, record}: which log was read, and the last record that was applied of it.
create function strandline.advance(
  p_consumer text, p_topic text, p_partition integer, p_next bigint, p_commit uuid default null, p_seen jsonb default null)
returns void language sql security invoker set search_path = '' as $$
  update strandline.consumer_checkpoints
  set checkpoint = greatest(coalesce(checkpoint, p_next), p_next), version = version + 1, last_commit = p_commit, committed_at = now(),
      topic_id = coalesce(p_seen ->> 'topic_id', topic_id),
      last_record = case when p_seen -> 'record' is not null and p_next >= coalesce(checkpoint, p_next) then p_seen -> 'record' else last_record end
  where consumer = p_consumer and topic = p_topic and partition = p_partition
$$;

-- Where a consumer of a topic stands: [[partition, next offset or null, holder, id of the topic that was read], …].
create function public.strandline_consumer_checkpoints(p_consumer text, p_topic text)
returns jsonb language sql stable security invoker set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_array(c.partition, c.checkpoint, c.holder, c.topic_id) order by c.partition), '[]')
  from strandline.consumer_checkpoints c where c.consumer = p_consumer and c.topic = p_topic
$$;

-- Which dead letters a person asks for. p_filter: {"reasons": […], "partitions": […], "since", "until": texts of times}, each of them optional.
create function strandline.dead_letter_fits(p_filter jsonb, p_partition integer, p_reason text, p_recorded_at timestamptz)
returns boolean language sql stable security invoker set search_path = '' as $$
  select coalesce(p_filter -> 'partitions' @> to_jsonb(p_partition), true) and coalesce(p_filter -> 'reasons' @> to_jsonb(p_reason), true)
    and coalesce(p_recorded_at >= (p_filter ->> 'since')::timestamptz, true) and coalesce(p_recorded_at < (p_filter ->> 'until')::timestamptz, true)
$$;

-- Dead letters of a topic behind a place, by place; where several consumers refused one record, the newest refusal. p_all: also those dealt with.
create function public.strandline_dead_letters_page(
  p_topic text, p_all boolean, p_partition integer, p_offset bigint, p_limit integer, p_filter text default '{}')
returns jsonb language sql stable security invoker set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(d) order by d.partition, d."offset"), '[]')
  from (
    select distinct on (l.partition, l."offset") l.*
    from strandline.dead_letters l
    where l.topic = p_topic and (l.partition, l."offset") > (p_partition, p_offset)
      and (p_all or (l.redriven_at is null and l.applied_at is null and l.discarded_at is null))
      and strandline.dead_letter_fits(p_filter::jsonb, l.partition, l.reason, l.recorded_at)
    order by l.partition, l."offset", l.recorded_at desc
    limit p_limit) d
$$;

-- How many of them there are, by reason: [[reason, n], …].
create function public.strandline_dead_letters_count(p_topic text, p_all boolean, p_filter text default '{}')
returns jsonb language sql stable security invoker set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_array(c.reason, c.n) order by c.reason collate "C"), '[]')
  from (
    select d.reason, count(*) as n
    from (
      select distinct on (l.partition, l."offset") l.reason
      from strandline.dead_letters l
      where l.topic = p_topic and (p_all or (l.redriven_at is null and l.applied_at is null and l.discarded_at is null))
        and strandline.dead_letter_fits(p_filter::jsonb, l.partition, l.reason, l.recorded_at)
      order by l.partition, l."offset", l.recorded_at desc) d
    group by d.reason) c
$$;

-- Which of these places ('{…}', offsets) a consumer has letters of: [[offset, topic_id, record_ms], …].
create function public.strandline_dead_letters_at(p_consumer text, p_topic text, p_partition integer, p_offsets text)
returns jsonb language sql stable security invoker set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_array(d."offset", d.topic_id, d.record_ms)), '[]')
  from unnest(p_offsets::bigint[]) as o(at)
  cross join lateral (select * from strandline.dead_letters x
                      where x.consumer = p_consumer and x.topic = p_topic and x.partition = p_partition and x."offset" = o.at offset 0) d
$$;

-- Of several topics of that name: the record that is meant, which is the one that dead_letters_page shows: whose letter is the newest of those that are
-- open, and where none is, of all.
create function strandline.newest_refusal(p_topic text, p_partition integer, p_offset bigint, out topic_id text, out record_ms bigint)
language sql stable security invoker set search_path = '' as $$
  select n.topic_id, n.record_ms from strandline.dead_letters n
  where n.topic = p_topic and n.partition = p_partition and n."offset" = p_offset
  order by (n.redriven_at is null and n.applied_at is null and n.discarded_at is null) desc, n.recorded_at desc
  limit 1
$$;

-- What an operator does about letters names their records, as dead_letters_page has shown them: [{"offset", "topic_id", "record_ms"}, …]. By its place alone
-- the letter of an earlier topic would be taken for one that somebody else has settled meanwhile.
create function strandline.records_of(p_records text, out "offset" bigint, out topic_id text, out record_ms bigint)
returns setof record language sql immutable security invoker set search_path = '' as $$
  select r.* from jsonb_to_recordset(p_records::jsonb) as r("offset" bigint, topic_id text, record_ms bigint)
$$;

-- A redrive of these records begins; p_end: where the partition ends now. [[offset, p_end or that of an earlier one that was not noted], …] of those that
-- are open.
create function public.strandline_dead_letters_redriving(p_topic text, p_partition integer, p_records text, p_end bigint)
returns jsonb language sql security invoker set search_path = '' as $$
  with begun as (
    update strandline.dead_letters l set redriving_from = least(l.redriving_from, p_end)
    from strandline.records_of(p_records) r
    where l.topic = p_topic and l.partition = p_partition and l."offset" = r."offset" and l.topic_id = r.topic_id and l.record_ms = r.record_ms
      and l.redriven_at is null and l.applied_at is null and l.discarded_at is null
    returning l."offset", l.redriving_from
  ) select coalesce(jsonb_agg(jsonb_build_array(b."offset", b.since) order by b."offset"), '[]')
    from (select "offset", min(redriving_from) as since from begun group by "offset") b
$$;

-- p_placed: [{"offset", "topic_id", "record_ms", "to_partition", "to_offset"}], where each record went.
create function public.strandline_dead_letters_redriven(p_topic text, p_partition integer, p_placed text)
returns void language sql security invoker set search_path = '' as $$
  update strandline.dead_letters l
  set redriven_at = now(), redriven_partition = p.to_partition, redriven_offset = p.to_offset, redriving_from = null
  from jsonb_to_recordset(p_placed::jsonb) as p("offset" bigint, topic_id text, record_ms bigint, to_partition integer, to_offset bigint)
  where l.topic = p_topic and l.partition = p_partition and l."offset" = p."offset" and l.topic_id = p.topic_id and l.record_ms = p.record_ms
$$;

-- Open letters of these records are settled without being applied. Returns the offsets of those that were.
create function public.strandline_dead_letters_discard(p_topic text, p_partition integer, p_records text, p_by text, p_reason text)
returns jsonb language sql security invoker set search_path = '' as $$
  with done as (
    update strandline.dead_letters l set discarded_at = now(), discarded_by = p_by, discard_reason = p_reason
    from strandline.records_of(p_records) r
    where l.topic = p_topic and l.partition = p_partition and l."offset" = r."offset" and l.topic_id = r.topic_id and l.record_ms = r.record_ms
      and l.redriven_at is null and l.applied_at is null and l.discarded_at is null
    returning l."offset"
  ) select coalesce(jsonb_agg(distinct d."offset"), '[]') from done d
$$;

-- The other way round.
create function public.strandline_dead_letters_reopen(p_topic text, p_partition integer, p_records text)
returns jsonb language sql security invoker set search_path = '' as $$
  with done as (
    update strandline.dead_letters l set discarded_at = null, discarded_by = null, discard_reason = null
    from strandline.records_of(p_records) r
    where l.topic = p_topic and l.partition = p_partition and l."offset" = r."offset" and l.topic_id = r.topic_id and l.record_ms = r.record_ms
      and l.discarded_at is not null and l.applied_at is null
    returning l."offset"
  ) select coalesce(jsonb_agg(distinct d."offset"), '[]') from done d
$$;

-- Every letter of the record at a place, of those that it is a copy of, and of the copies that became letters again: by place, the newest refusal first.
-- A copy lies in the partition of what it was made of, and behind it: so there is no circle.
create function public.strandline_dead_letters_chain(p_topic text, p_partition integer, p_offset bigint, p_limit integer)
returns jsonb language sql stable security invoker set search_path = '' as $$
  with recursive origins as (
    select l.topic_id, l."offset", l.redrive_of
    from strandline.dead_letters l
    where l.topic = p_topic and l.partition = p_partition and l."offset" = p_offset
      and l.topic_id = (select n.topic_id from strandline.newest_refusal(p_topic, p_partition, p_offset) n)
    union
    select l.topic_id, l."offset", l.redrive_of
    from origins o
    join strandline.dead_letters l on l.topic = p_topic and l.partition = p_partition and l."offset" = o.redrive_of and l.topic_id = o.topic_id
  ), chain as (
    select o.topic_id, o."offset" from origins o
    union
    select l.topic_id, l."offset"
    from chain c
    join strandline.dead_letters l on l.topic = p_topic and l.partition = p_partition and l.redrive_of = c."offset" and l.topic_id = c.topic_id
  )
  select coalesce(jsonb_agg(to_jsonb(d) order by d."offset", d.recorded_at desc), '[]')
  from (
    select l.* from strandline.dead_letters l
    join chain c on c.topic_id = l.topic_id and c."offset" = l."offset"
    where l.topic = p_topic and l.partition = p_partition
    order by l."offset", l.recorded_at desc
    limit p_limit) d
$$;

-- A replay read these records again, and refused only p_refused ('{…}'). p_topic_id: of the topic that was read; null: unknown.
create function public.strandline_dead_letters_applied(
  p_consumer text, p_topic text, p_partition integer, p_from bigint, p_next bigint, p_refused text, p_topic_id text default null)
returns void language sql security invoker set search_path = '' as $$
  update strandline.dead_letters
  set applied_at = now()
  where consumer = p_consumer and topic = p_topic and partition = p_partition and "offset" >= p_from and "offset" < p_next
    and (p_topic_id is null or topic_id in ('', p_topic_id))
    and "offset" not in (select unnest(p_refused::bigint[])) and applied_at is null
$$;

-- Which database this is: the same by every way that leads to it, and another one of a copy.
create function public.strandline_database_identity() returns text language sql stable security invoker set search_path = '' as $$
  select concat_ws('/', (select system_identifier from pg_catalog.pg_control_system()), current_database(), pg_catalog.pg_postmaster_start_time())
$$;

do $$ begin perform strandline.seal(); end $$;

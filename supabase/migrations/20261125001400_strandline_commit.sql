-- The commit of a chunk: one place decides about fence, duplicates, corrections and checkpoint, for rows that come through PostgREST as text, and for rows
-- that were copied in (services/learner/copy-commit.ts).

-- One chunk of one partition, whole or not at all, by whichever way it came.
-- p_copied: new rows of ledger and sums were copied in by the same transaction already; p_ids and p_ns then name the rest.
-- p_sync false: the commit does not wait for the disk (strandline.restorable).
-- p_baseline: the baseline is written along. A commit that may be the last of its partition for now has to: whoever comes later sees what this one wrote.
-- p_settles: {from, refused ('{…}', offsets)} of the chunk's records; null: it has none. Letters of what it did not refuse are settled with its effect, below the
-- checkpoint and above it: letters may be older than a checkpoint that was deleted.
-- Answers {"status": …}: ok; fenced (claimed since); stale (a partition's state changed since it was read); seen (with "ids": events that the
-- chunk took for new are in the ledger: read them and fold again). Whatever is not ok changed nothing.
create function strandline.learner_commit(
  p_consumer text, p_topic text, p_partition integer, p_epoch bigint, p_version bigint, p_next bigint, p_commit uuid, p_sums integer, p_copied boolean,
  p_ids uuid[], p_offsets bigint[], p_revisions integer[], p_voided boolean[], p_closed_at bigint[], p_rr double precision[], p_levers text[],
  p_changed jsonb,
  p_sum_partitions smallint[], p_scopes text[], p_names text[], p_keys text[], p_periods integer[], p_ns bigint[], p_newest bigint[],
  p_weight_short double precision[], p_weight_short_low double precision[], p_weighted_rr_short double precision[], p_weighted_rr_short_low double precision[],
  p_weight_long double precision[], p_weight_long_low double precision[], p_weighted_rr_long double precision[], p_weighted_rr_long_low double precision[],
  p_foreign jsonb, p_dead jsonb, p_seen jsonb, p_checkpoint bigint, p_sync boolean, p_baseline boolean, p_settles jsonb)
returns jsonb language plpgsql security invoker set search_path = '' set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off set jit = off as $$
declare
  v_from constant bigint := (p_settles ->> 'from')::bigint;
  v_status text;
  v_count integer;
  v_seen jsonb;
  v_constraint text;
begin
  if p_foreign <> '[]' then
    -- corrections of trades whose effect lies in other partitions: all checkpoints in one order, so that two such commits cannot deadlock
    perform 1 from strandline.consumer_checkpoints c
    where c.consumer = p_consumer and c.topic = p_topic
      and (c.partition = p_partition or c.partition in (select f.partition from jsonb_to_recordset(p_foreign) as f(partition integer)))
    order by c.partition for update;
  end if;
  -- a dead letter is what the log cannot restore: its copy is in the dead-letter topic already; nor does a
  -- checkpoint show what is lost of a replay (what lies below it), or of a change of another partition's sums
  if not p_sync and p_dead = '[]' and coalesce(v_from >= p_checkpoint, true) and p_foreign = '[]' then perform strandline.restorable(); end if;
  v_status := strandline.fence(p_consumer, p_topic, p_partition, p_epoch, p_version, p_checkpoint);
  -- a version that is being dropped, or was: what is written now nobody would take away any more
  if v_status = 'ok' and not exists (select from strandline.model_versions where model_version = p_sums and not dropping) then v_status := 'fenced'; end if;
  if v_status <> 'ok' then return jsonb_build_object('status', v_status); end if;
  if p_foreign <> '[]' then
    -- a topic that was made anew may have fewer partitions than the ledger knows: what the ledger says of the others changes under a checkpoint as well
    insert into strandline.consumer_checkpoints (consumer, topic, partition)
    select p_consumer, p_topic, f.partition from jsonb_to_recordset(p_foreign) as f(partition integer) order by f.partition
    on conflict do nothing;
    update strandline.consumer_checkpoints c set version = c.version + 1
    from jsonb_to_recordset(p_foreign) as f(partition integer, version bigint, checkpoint bigint)
    -- a crash may have taken the version back, and it has counted up since: as strandline.fence
    where c.consumer = p_consumer and c.topic = p_topic and c.partition = f.partition and c.version = f.version and c.checkpoint is not distinct from f.checkpoint;
    get diagnostics v_count = row_count;
    if v_count <> jsonb_array_length(p_foreign) then
      raise exception using errcode = 'ST001';
    end if;
  end if;

  if p_changed <> '[]' then
    update strandline.learner_ledger l
    set "offset" = c."offset", closed_at_ms = c.closed_at_ms, rr = c.rr, revision = c.revision, partition = p_partition, voided = c.voided, levers = c.levers
    from jsonb_to_recordset(p_changed)
      as c(event_id uuid, "offset" bigint, closed_at_ms bigint, rr double precision, was integer, revision integer, voided boolean, levers text)
    -- what was taken out of the sums is the revision that was read: through another partition it may have been overtaken since
    where l.event_id = c.event_id and l.model_version = p_sums and l.revision = c.was;
    get diagnostics v_count = row_count;
    if v_count <> jsonb_array_length(p_changed) then
      raise exception using errcode = 'ST001';
    end if;
  end if;

  if cardinality(p_ids) > 0 then
    insert into strandline.learner_ledger (event_id, "offset", revision, voided, closed_at_ms, rr, levers, model_version, partition)
    select u.*, p_sums, p_partition
    from unnest(p_ids, p_offsets, p_revisions, p_voided, p_closed_at, p_rr, p_levers) u;
  end if;

  insert into strandline.learner_partials as p
    (partition, scope, name, key, period, n, newest_ms, weight_short, weight_short_low, weighted_rr_short, weighted_rr_short_low, weight_long, weight_long_low, weighted_rr_long, weighted_rr_long_low, model_version)
  select u.*, p_sums
  from unnest(p_sum_partitions, p_scopes, p_names, p_keys, p_periods, p_ns, p_newest,
              p_weight_short, p_weight_short_low, p_weighted_rr_short, p_weighted_rr_short_low,
              p_weight_long, p_weight_long_low, p_weighted_rr_long, p_weighted_rr_long_low)
    as u(partition, scope, name, key, period, n, newest_ms, weight_short, weight_short_low, weighted_rr_short, weighted_rr_short_low, weight_long, weight_long_low, weighted_rr_long, weighted_rr_long_low)
  where u.n > 0
  on conflict (key, name, model_version, partition, period) do update
    set n = excluded.n, newest_ms = excluded.newest_ms, weight_short = excluded.weight_short, weight_short_low = excluded.weight_short_low, weighted_rr_short = excluded.weighted_rr_short, weighted_rr_short_low = excluded.weighted_rr_short_low,
        weight_long = excluded.weight_long, weight_long_low = excluded.weight_long_low, weighted_rr_long = excluded.weighted_rr_long, weighted_rr_long_low = excluded.weighted_rr_long_low;
  if 0 = any (p_ns) then -- retractions emptied a group
    delete from strandline.learner_partials p where p.ctid = any (array(
      select x.ctid
      from unnest(p_sum_partitions, p_names, p_keys, p_periods, p_ns) as u(partition, name, key, period, n)
      cross join lateral (
        select y.ctid from strandline.learner_partials y
        where y.key = u.key collate "C" and y.name = u.name collate "C" and y.model_version = p_sums and y.partition = u.partition and y.period = u.period
        offset 0) x
      where u.n = 0));
  end if;

  -- before its own letters are there: of those none is settled
  if exists (select from strandline.dead_letters d
             where d.consumer = p_consumer and d.topic = p_topic and d.partition = p_partition and d."offset" >= v_from and d."offset" < p_next and d.applied_at is null) then
    perform public.strandline_dead_letters_applied(p_consumer, p_topic, p_partition, v_from, p_next, p_settles ->> 'refused', p_seen ->> 'topic_id');
  end if;

  if p_dead <> '[]' then
    -- two versions that refuse a record at once: the later one sees the letter of the other
    perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('strandline.dead_letters'), p_partition);
    -- what an operator has done about the record, when another version refused it, holds for this one; so does the place of its copy, of which there is one
    insert into strandline.dead_letters (consumer, topic, topic_id, partition, "offset", record_ms, reason, detail, dead_topic, dead_partition, dead_offset, redrives, redrive_of,
      redriven_at, redriven_partition, redriven_offset, discarded_at, discarded_by, discard_reason)
    select p_consumer, p_topic, coalesce(p_seen ->> 'topic_id', ''), p_partition, d."offset", coalesce(d.record_ms, 0), d.reason, d.detail,
           coalesce(c.dead_topic, d.dead_topic), coalesce(c.dead_partition, d.dead_partition), coalesce(c.dead_offset, d.dead_offset), coalesce(d.redrives, 0), d.redrive_of,
           k.redriven_at, k.redriven_partition, k.redriven_offset, k.discarded_at, k.discarded_by, k.discard_reason
    from jsonb_to_recordset(p_dead)
      as d("offset" bigint, record_ms bigint, reason text, detail text, dead_topic text, dead_partition integer, dead_offset bigint, redrives integer, redrive_of bigint)
    left join lateral (
      select x.* from strandline.dead_letters x
      where x.topic = p_topic and x.partition = p_partition and x."offset" = d."offset" and x.topic_id = coalesce(p_seen ->> 'topic_id', '')
        and x.record_ms = coalesce(d.record_ms, 0) and (x.redriven_at is not null or x.discarded_at is not null)
      order by x.recorded_at desc limit 1) k on true
    left join lateral (
      select x.dead_topic, x.dead_partition, x.dead_offset from strandline.dead_letters x
      where x.topic = p_topic and x.partition = p_partition and x."offset" = d."offset" and x.topic_id = coalesce(p_seen ->> 'topic_id', '')
        and x.record_ms = coalesce(d.record_ms, 0) and x.dead_offset is not null
      order by x.recorded_at desc limit 1) c on d.dead_offset is null
    on conflict do nothing;
    update strandline.dead_letters l set dead_topic = d.dead_topic, dead_partition = d.dead_partition, dead_offset = d.dead_offset
    from jsonb_to_recordset(p_dead) as d("offset" bigint, record_ms bigint, dead_topic text, dead_partition integer, dead_offset bigint)
    cross join lateral (
      select x.ctid from strandline.dead_letters x
      where x.topic = p_topic and x.partition = p_partition and x."offset" = d."offset" and x.topic_id = coalesce(p_seen ->> 'topic_id', '')
        and x.record_ms = coalesce(d.record_ms, 0) and x.dead_offset is null
      offset 0) o
    where d.dead_offset is not null and l.ctid = o.ctid;
  end if;

  perform strandline.advance(p_consumer, p_topic, p_partition, p_next, p_commit, p_seen);
  if p_baseline then
    -- Whether readers see a version that reads these sums must not change between this look and our commit: a switch waits for us, or we for it, and
    -- whichever comes second sees what the first one wrote.
    perform pg_catalog.pg_advisory_xact_lock_shared(pg_catalog.hashtext('strandline.activate'));
    if exists (select from strandline.model_versions g where g.active and g.sums = p_sums) then
      perform strandline.learner_write_baseline(p_sums);
    end if;
  end if;
  return jsonb_build_object('status', 'ok');
exception
  when sqlstate 'ST001' then
    return jsonb_build_object('status', 'stale');
  when unique_violation then -- the ledger's key: the other tables are written with `on conflict`; or that of a table which a trigger on an adopted one writes
    get stacked diagnostics v_constraint = constraint_name;
    if v_constraint <> 'learner_ledger_pkey' then raise; end if;
    select jsonb_agg(l.event_id) into v_seen from strandline.learner_ledger l where l.event_id = any (p_ids) and l.model_version = p_sums;
    return jsonb_build_object('status', 'seen', 'ids', coalesce(v_seen, '[]'));
end
$$;

-- The same over PostgREST: columns as array literals in text ('{…}'), which every PostgREST passes through unchanged.
create or replace function public.strandline_learner_commit(
  p_consumer text, p_topic text, p_partition integer, p_epoch bigint, p_version bigint, p_next bigint, p_commit uuid, p_sums integer,
  p_ids text, p_offsets text, p_revisions text, p_voided text, p_closed_at text, p_rr text, p_levers text,
  p_changed text,
  p_sum_partitions text, p_scopes text, p_names text, p_keys text, p_periods text, p_ns text, p_newest text,
  p_weight_short text, p_weight_short_low text, p_weighted_rr_short text, p_weighted_rr_short_low text, p_weight_long text, p_weight_long_low text, p_weighted_rr_long text, p_weighted_rr_long_low text,
  p_foreign text, p_dead text, p_seen text default null, p_checkpoint bigint default null, p_sync boolean default true, p_baseline boolean default true, p_settles text default null)
returns jsonb language sql security invoker set search_path = '' as $$
  select strandline.learner_commit(
    p_consumer, p_topic, p_partition, p_epoch, p_version, p_next, p_commit, p_sums, false,
    p_ids::uuid[], p_offsets::bigint[], p_revisions::integer[], p_voided::boolean[], p_closed_at::bigint[], p_rr::double precision[], p_levers::text[],
    p_changed::jsonb,
    p_sum_partitions::smallint[], p_scopes::text[], p_names::text[], p_keys::text[], p_periods::integer[], p_ns::bigint[], p_newest::bigint[],
    p_weight_short::double precision[], p_weight_short_low::double precision[], p_weighted_rr_short::double precision[], p_weighted_rr_short_low::double precision[], p_weight_long::double precision[], p_weight_long_low::double precision[], p_weighted_rr_long::double precision[], p_weighted_rr_long_low::double precision[],
    p_foreign::jsonb, p_dead::jsonb, p_seen::jsonb, p_checkpoint, p_sync, p_baseline, p_settles::jsonb)
$$;

do $$ begin perform strandline.seal(); end $$;

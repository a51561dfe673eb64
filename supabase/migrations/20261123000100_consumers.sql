-- Where each consumer of the log stands, and what it could not apply.
-- The fence: `epoch` counts the claims of a partition, `version` the changes of its state. A commit names both; a stale one changes nothing.

create table public.consumer_positions (
  consumer     text        not null,                 -- e.g. learner/lowcap-v4/<model hash>, projector
  topic        text        not null,
  partition    integer     not null,
  epoch        bigint      not null default 0,
  version      bigint      not null default 0,
  position     bigint,                               -- next offset to read; null: nothing read yet
  last_commit  uuid,                                 -- id of the newest commit: how a lost answer is looked up
  holder       text,                                 -- who claimed it last
  claimed_at   timestamptz not null default now(),
  committed_at timestamptz,
  primary key (consumer, topic, partition)
);

create table public.dead_letters (
  consumer      text        not null,
  topic         text        not null,
  partition     integer     not null,
  "offset"      bigint      not null,
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
  primary key (consumer, topic, partition, "offset")
);

alter table public.consumer_positions enable row level security;
alter table public.dead_letters enable row level security;

-- Takes a partition: every earlier claim of it is fenced from here on.
create function public.strandline_claim(p_consumer text, p_topic text, p_partition integer, p_holder text)
returns jsonb language sql security invoker set search_path = '' as $$
  insert into public.consumer_positions as c (consumer, topic, partition, epoch, holder)
  values (p_consumer, p_topic, p_partition, 1, p_holder)
  on conflict (consumer, topic, partition)
    do update set epoch = c.epoch + 1, holder = excluded.holder, claimed_at = now()
  returning jsonb_build_object('epoch', c.epoch, 'version', c.version, 'position', c.position)
$$;

-- What became of a commit whose answer was lost.
create function public.strandline_position(p_consumer text, p_topic text, p_partition integer)
returns jsonb language sql stable security invoker set search_path = '' as $$
  select jsonb_build_object('epoch', c.epoch, 'version', c.version, 'position', c.position, 'last_commit', c.last_commit)
  from public.consumer_positions c
  where c.consumer = p_consumer and c.topic = p_topic and c.partition = p_partition
$$;

-- Locks the position and checks the claim: 'ok', 'fenced' (someone claimed it since) or 'stale' (its state changed since it was read).
create function public.strandline_fence(p_consumer text, p_topic text, p_partition integer, p_epoch bigint, p_version bigint)
returns text language plpgsql security invoker set search_path = '' as $$
declare
  held record;
begin
  select epoch, version into held from public.consumer_positions
  where consumer = p_consumer and topic = p_topic and partition = p_partition
  for update;
  if not found or held.epoch <> p_epoch then return 'fenced'; end if;
  if held.version <> p_version then return 'stale'; end if;
  return 'ok';
end
$$;

-- Moves a position forward (a replay below it leaves it where it is) and counts the change.
create function public.strandline_advance(p_consumer text, p_topic text, p_partition integer, p_next bigint, p_commit uuid default null)
returns void language sql security invoker set search_path = '' as $$
  update public.consumer_positions
  set position = greatest(coalesce(position, p_next), p_next), version = version + 1, last_commit = p_commit, committed_at = now()
  where consumer = p_consumer and topic = p_topic and partition = p_partition
$$;

revoke all on function public.strandline_claim(text, text, integer, text) from public;
revoke all on function public.strandline_position(text, text, integer) from public;
revoke all on function public.strandline_fence(text, text, integer, bigint, bigint) from public;
revoke all on function public.strandline_advance(text, text, integer, bigint, uuid) from public;
do $$
declare f regprocedure;
begin
  for f in select p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'public' and p.proname in ('strandline_claim', 'strandline_position', 'strandline_fence', 'strandline_advance')
  loop
    execute format('revoke all on function %s from anon, authenticated', f);
    execute format('grant execute on function %s to service_role', f);
  end loop;
end $$;
grant all on public.consumer_positions, public.dead_letters to service_role;
revoke all on public.consumer_positions, public.dead_letters from anon, authenticated;

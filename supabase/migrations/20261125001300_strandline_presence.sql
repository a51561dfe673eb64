-- Which services run against this database: `strandline undo` takes nothing away under one that would go on.

create table strandline.services (
  instance text        primary key,                  -- of one process
  service  text        not null,                     -- pm, learner, projector, decision
  place    text        not null,                     -- where a person finds it: host and process id
  since    timestamptz not null default now(),
  seen_at  timestamptz not null default now()        -- said anew every few seconds, core/presence.ts
);

create function public.strandline_present(p_instance text, p_service text, p_place text) returns void language sql security invoker set search_path = '' as $$
  delete from strandline.services where seen_at < clock_timestamp() - interval '1 day';
  insert into strandline.services (instance, service, place) values (p_instance, p_service, p_place)
  on conflict (instance) do update set seen_at = clock_timestamp()
$$;

create function public.strandline_absent(p_instance text) returns void language sql security invoker set search_path = '' as $$
  delete from strandline.services where instance = p_instance
$$;

-- Services that were heard of within the time in which three of their words would have come: a process that was killed says no goodbye.
create view strandline.running_services with (security_invoker = true) as
select service, place, since, seen_at from strandline.services where seen_at > clock_timestamp() - interval '30 seconds';

do $$ begin perform strandline.seal(); end $$;

-- Which models were tried on which log (`strandline verdict`): whoever tries many finds one that looks good by chance, so each try is kept and counts in the
-- next answer.

create table strandline.verdicts (
  topic     text             not null,
  hash      text             not null,               -- of the model's definition
  since_ms  bigint           not null,               -- only trades that were entered from then on were judged; 0: all
  model     text             not null,
  p         double precision not null,
  trades    bigint           not null,
  judged_at timestamptz      not null default now(),
  primary key (topic, hash, since_ms)
);

-- [{hash, since, p}, …] of this topic, the newest answer of each.
create function public.strandline_verdicts(p_topic text) returns jsonb language sql stable security invoker set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('hash', v.hash, 'since', v.since_ms, 'p', v.p) order by v.hash, v.since_ms), '[]')
  from strandline.verdicts v where v.topic = p_topic
$$;

-- p_rows: JSON array of {hash, since, model, p, trades}, as text.
create function public.strandline_verdicts_note(p_topic text, p_rows text) returns void language sql security invoker set search_path = '' as $$
  insert into strandline.verdicts (topic, hash, since_ms, model, p, trades)
  select p_topic, r.hash, r.since, r.model, r.p, r.trades
  from jsonb_to_recordset(p_rows::jsonb) as r(hash text, since bigint, model text, p double precision, trades bigint)
  on conflict (topic, hash, since_ms) do update set model = excluded.model, p = excluded.p, trades = excluded.trades, judged_at = now()
$$;

do $$ begin perform strandline.seal(); end $$;

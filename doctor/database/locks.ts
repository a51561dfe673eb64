/** Who would keep a migration waiting, and with it everybody behind it. */
import { duration, type Finding, list, warning } from '../finding.ts'
import type { Ask } from './read-only.ts'
import { SHARED } from './shared-tables.ts'

export interface LockFacts {
  pid: number
  who: string
  /** Age of the transaction in milliseconds; null where our role may not see it. */
  age_ms: number | null
  tables: string[]
}

export async function inspectLocks(ask: Ask): Promise<LockFacts[]> {
  return ask<LockFacts>(
    `select l.pid, coalesce(a.usename::text, '?') as who, extract(epoch from now() - a.xact_start)::double precision * 1000 as age_ms,
      jsonb_agg(distinct c.relname order by c.relname) as tables
    from pg_locks l join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace left join pg_stat_activity a on a.pid = l.pid
    where l.locktype = 'relation' and l.database = (select oid from pg_database where datname = current_database()) and l.granted
      and l.pid <> pg_backend_pid() and n.nspname = 'public' and c.relname = any($1)
    group by 1, 2, 3 order by 3 desc nulls last`,
    [SHARED],
  )
}

/** Longer than a writer takes. Milliseconds. */
const SHORT_MS = 10_000

export function judgeLocks(locks: LockFacts[], migrated: boolean): Finding[] {
  if (migrated) return []
  return locks
    .filter((l) => (l.age_ms ?? 0) > SHORT_MS)
    .map((l) =>
      warning(
        'database',
        `A transaction of ${l.who} (process ${l.pid}) has been open for ${duration(l.age_ms!)} and holds locks on ${list(l.tables)}: migrate would wait for it, and everybody else behind migrate.`,
        `Let it end, or end it: select pg_terminate_backend(${l.pid});`,
      ),
    )
}

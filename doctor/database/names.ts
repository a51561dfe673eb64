/** Names of ours in the database, and whose they are. */
import { error, type Finding, list } from '../finding.ts'
import type { Ask } from './read-only.ts'

export interface NameFacts {
  /** There is a schema `strandline`. */
  schema: boolean
  /** It is ours: it has the table that notes what was here before us. */
  ours: boolean
  /** An earlier development version, whose tables were in `public`. */
  development: boolean
  /** Objects in `public` whose names begin with strandline_. */
  taken: string[]
}

export async function inspectNames(ask: Ask): Promise<NameFacts> {
  const [facts] = await ask<NameFacts>(`
    select exists (select from pg_namespace where nspname = 'strandline') as schema,
      exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'strandline' and c.relname = 'adopted') as ours,
      exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public' and c.relname = 'pm_outbox')
        and exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public' and c.relname = 'consumer_checkpoints')
        as development,
      coalesce((select jsonb_agg(x.name order by x.name) from (
        select 'function public.' || p.proname || '()' as name from pg_proc p where p.pronamespace = n.oid and p.proname like 'strandline\\_%'
        union select 'public.' || c.relname from pg_class c where c.relnamespace = n.oid and c.relname like 'strandline\\_%') x), '[]') as taken
    from (select (select oid from pg_namespace where nspname = 'public') as oid) n`)
  return facts!
}

export function judgeNames({ schema, ours, development, taken }: NameFacts): Finding[] {
  if (ours) return []
  if (development)
    return [
      error(
        'tables',
        'The database was made by a development version of Strandline, before its tables had a schema of their own.',
        'Use another database, or take that version out of this one first.',
      ),
    ]
  const found: Finding[] = []
  if (schema)
    found.push(
      error(
        'tables',
        'There is a schema strandline that is not ours: migrate makes one of that name.',
        'Rename it (alter schema strandline rename to …), or use another database.',
      ),
    )
  if (taken.length > 0)
    found.push(
      error(
        'tables',
        `Names that are ours are taken by others: ${list(taken)}.`,
        'Rename or drop them, or use another database.',
      ),
    )
  return found
}

/** Which migrations the database has. */
import { count, error, type Finding, info, warning } from '../finding.ts'
import type { Ask } from './read-only.ts'

export interface MigrationFacts {
  /** What is recorded as applied, ours and others'; null: our role may not read that. */
  recorded: { version: string; name: string | null }[] | null
}

const TABLE = 'supabase_migrations.schema_migrations'

export async function inspectMigrations(ask: Ask): Promise<MigrationFacts> {
  const [state] = await ask<{ there: boolean; readable: boolean }>(`
    select true as there, has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as readable
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'supabase_migrations' and c.relname = 'schema_migrations'`)
  if (!state) return { recorded: [] }
  if (!state.readable) return { recorded: null }
  return { recorded: await ask(`select version, to_jsonb(m) ->> 'name' as name from ${TABLE} m order by version`) }
}

/**
 * @param known versions of this program, in order
 * @param ours the schema strandline is there
 */
export function judgeMigrations({ recorded }: MigrationFacts, known: string[], ours: boolean): Finding[] {
  if (recorded === null)
    return [
      ours
        ? info(
            'migrations',
            `Our role may not read ${TABLE}; the schema strandline is there.`,
            `./strandline migrate --dry-run, as the owner, says whether it is up to date.`,
          )
        : warning(
            'migrations',
            `Our role may not read ${TABLE}; there is no schema strandline, so nothing of ours is applied.`,
            'Apply the migrations as the owner: ./strandline migrate.',
          ),
    ]
  const applied = recorded.map((m) => m.version)
  const missing = known.filter((version) => !applied.includes(version))
  if (missing.length === known.length && !ours)
    return [
      warning(
        'migrations',
        `Nothing of ours is in this database: none of ${count(known.length, 'migration')} is applied.`,
        './strandline migrate --dry-run shows what would be done; ./strandline migrate does it, in one transaction.',
      ),
    ]
  // as migrate sees it: the table is others' as well
  const newer = recorded.filter((m) => m.name?.startsWith('strandline_') && !known.includes(m.version))
  const found: Finding[] = []
  if (missing.length > 0)
    found.push(
      error(
        'migrations',
        `The database is behind: ${count(missing.length, 'migration is', 'migrations are')} missing, from ${missing[0]} on.`,
        './strandline migrate (or supabase db push).',
      ),
    )
  else if (!ours)
    found.push(
      error(
        'migrations',
        'The migrations are recorded as applied, and the schema strandline is not there: somebody dropped it.',
        `Restore it, or take our rows out of ${TABLE} and migrate again.`,
      ),
    )
  else found.push(info('migrations', `All of ${count(known.length, 'migration')} are applied, up to ${known.at(-1)}.`))
  if (newer.length > 0)
    found.push(
      error(
        'migrations',
        `The database has our migration ${newer.at(-1)!.version}, which this version of Strandline does not know.`,
        'Use the newer version of Strandline.',
      ),
    )
  return found
}

/** What a database holds, so that a change shows: every table that its catalog has, whatever its schema. */
import type pg from 'pg'

/** Of one table: how many rows, and a hash of all of them in whatever order. */
export type Digest = Map<string, string>

interface Table {
  schema: string
  name: string
}

/** Schemas of PostgreSQL itself. */
export const SYSTEM_SCHEMAS = `n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'`

/** @param except tables that change by themselves, as `schema.name` */
export async function digestOf(client: pg.ClientBase, except: readonly string[] = []): Promise<Digest> {
  const { rows: tables } = await client.query<Table>(`
    select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and ${SYSTEM_SCHEMAS} order by 1, 2`)
  const digest: Digest = new Map()
  for (const { schema, name } of tables) {
    if (except.includes(`${schema}.${name}`)) continue
    const { rows } = await client.query<{ rows: string; hash: string | null }>(
      `select count(*) as rows, sum(hashtextextended(t::text, 0)::numeric) as hash from ${quoted(schema)}.${quoted(name)} t`,
    )
    digest.set(`${schema}.${name}`, `${rows[0]!.rows} rows, ${rows[0]!.hash ?? 'no'} hash`)
  }
  return digest
}

/** Tables of which the two say something else. */
export const changedTables = (before: Digest, after: Digest): string[] =>
  [...new Set([...before.keys(), ...after.keys()])].filter((table) => before.get(table) !== after.get(table))

export const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`

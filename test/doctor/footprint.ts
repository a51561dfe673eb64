/** What a visitor leaves in a database: every row and every object, with the transaction that wrote it. */
import { withClient } from '../../core/store/client.ts'

const CATALOGS = [
  'pg_class pg_attribute pg_attrdef pg_proc pg_trigger pg_policy pg_constraint pg_namespace pg_index pg_rewrite pg_default_acl pg_description',
  // not those of the whole cluster: other tests run beside this one
  'pg_sequence pg_publication',
].flatMap((names) => names.split(' '))

export async function footprint(databaseUrl: string): Promise<Record<string, string>> {
  return withClient(databaseUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>(`
      select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'S') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') order by 1`)
    const found: Record<string, string> = {}
    for (const { name } of [...rows, ...CATALOGS.map((c) => ({ name: `pg_catalog.${c}` }))]) {
      const { rows: sums } = await client.query<{ sum: string }>(
        `select count(*) || ' ' || coalesce(sum(hashtextextended(t.xmin::text || t.ctid::text, 0)), 0) as sum from ${name} t`,
      )
      found[name] = sums[0]!.sum
    }
    // written and taken back leaves no row
    const { rows: written } = await client.query<{ n: string }>(
      'select sum(n_tup_ins + n_tup_upd + n_tup_del)::text as n from pg_stat_user_tables',
    )
    found.written = written[0]!.n
    return found
  })
}

/**
 * Every object of a database in lines of text, sorted: what `pg_dump --schema-only` tells, from the catalogs, so that it needs no program of the server's
 * own version. Two databases with the same lines have the same objects, columns in their order, rights, policies and comments among them.
 */
import { withClient } from '../../core/store/client.ts'

const OURS_ALONE = `n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and n.nspname not like 'pg\\_temp%' and n.nspname not like 'pg\\_toast\\_temp%'`

const QUERIES = [
  `select format('schema %s owner %s acl %s', n.nspname, pg_get_userbyid(n.nspowner), n.nspacl) from pg_namespace n where ${OURS_ALONE}`,
  `select format('relation %s.%s kind %s owner %s rls %s force %s acl %s options %s persistence %s comment %s', n.nspname, c.relname, c.relkind,
     pg_get_userbyid(c.relowner), c.relrowsecurity, c.relforcerowsecurity, c.relacl, c.reloptions, c.relpersistence, obj_description(c.oid, 'pg_class'))
   from pg_class c join pg_namespace n on n.oid = c.relnamespace where ${OURS_ALONE} and c.relkind <> 't'`,
  `select format('column %s.%s %s %s type %s notnull %s default %s identity %s generated %s collation %s acl %s options %s statistics %s comment %s', n.nspname, c.relname,
     row_number() over (partition by a.attrelid order by a.attnum), a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
     pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated, a.attcollation::regcollation, a.attacl, a.attoptions, a.attstattarget, col_description(c.oid, a.attnum))
   from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
   left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
   where ${OURS_ALONE} and a.attnum > 0 and not a.attisdropped and c.relkind <> 't'`,
  `select format('view %s.%s %s', n.nspname, c.relname, pg_get_viewdef(c.oid))
   from pg_class c join pg_namespace n on n.oid = c.relnamespace where ${OURS_ALONE} and c.relkind in ('v', 'm')`,
  `select format('index %s', pg_get_indexdef(i.indexrelid)) from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
   where ${OURS_ALONE}`,
  `select format('constraint %s on %s %s', k.conname, k.conrelid::regclass, pg_get_constraintdef(k.oid)) from pg_constraint k
   join pg_namespace n on n.oid = k.connamespace where ${OURS_ALONE}`,
  `select format('trigger on %s %s enabled %s', t.tgrelid::regclass, pg_get_triggerdef(t.oid), t.tgenabled) from pg_trigger t where not t.tgisinternal`,
  `select format('policy %s on %s cmd %s permissive %s roles %s using %s check %s', p.polname, p.polrelid::regclass, p.polcmd, p.polpermissive,
     (select array_agg(case r when 0 then 'public' else pg_get_userbyid(r) end order by 1) from unnest(p.polroles) r),
     pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) from pg_policy p`,
  `select format('function %s owner %s acl %s %s', p.oid::regprocedure, pg_get_userbyid(p.proowner), p.proacl, pg_get_functiondef(p.oid)) from pg_proc p
   join pg_namespace n on n.oid = p.pronamespace where ${OURS_ALONE} and p.prokind in ('f', 'p')`,
  `select format('type %s.%s %s acl %s', n.nspname, t.typname, t.typtype, t.typacl) from pg_type t join pg_namespace n on n.oid = t.typnamespace
   where ${OURS_ALONE} and t.typtype in ('e', 'd', 'r')`,
  `select format('sequence %s %s', s.seqrelid::regclass, to_jsonb(s) - 'seqrelid') from pg_sequence s`,
  `select format('default %s %s %s', pg_get_userbyid(d.defaclrole), d.defaclobjtype, d.defaclacl) from pg_default_acl d`,
  `select format('extension %s', e.extname) from pg_extension e`,
  `select format('publication %s %s', p.pubname, pt.tablename) from pg_publication p left join pg_publication_tables pt using (pubname)`,
]

export async function schemaOf(databaseUrl: string): Promise<string[]> {
  return withClient(databaseUrl, async (client) => {
    await client.query(`set search_path = ''`)
    const lines: string[] = []
    for (const text of QUERIES)
      lines.push(...(await client.query({ text, rowMode: 'array' })).rows.map(([line]) => line as string))
    return lines.sort()
  })
}

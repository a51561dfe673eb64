/** The tables that the old system and Strandline both use: what they are, and who else works with them. */
import type { Ask } from './read-only.ts'

export const SHARED = [
  'lowcap_positions',
  'lowcap_price_data_ohlc',
  'ad_strands',
  'learning_queue',
  'learning_configs',
  'learning_coefficients',
] as const
export type SharedName = (typeof SHARED)[number]

export interface ColumnFacts {
  name: string
  /** As PostgreSQL writes it. */
  type: string
  /** The same without its length. */
  base: string
  /** pg_type.typcategory: S strings, N numbers, D times, … */
  group: string
  required: boolean
  /** Filled by the database where nobody does: a default, an identity, a generated column. */
  filled: boolean
  /** Computed by the database from other columns: nobody can write it. */
  generated: boolean
}

export interface TableFacts {
  name: SharedName
  /** pg_class.relkind: r table, p partitioned, v view, m materialized view, f foreign table, … */
  kind: string
  owner: string
  /** Whether our role may add columns, indexes and triggers, and read. */
  may_alter: boolean
  may_read: boolean
  /** Policies decide which rows our role sees. */
  hides_rows: boolean
  rls: boolean
  /** The planner's estimate; -1: never counted. */
  rows: number
  columns: ColumnFacts[]
  /** No two rows, and none without one. */
  id_is_unique: boolean
  policies: string[]
  triggers: { name: string; function: string; enabled: boolean }[]
  indexes: string[]
  /** Columns of each valid index on all rows, in its order. */
  index_columns: string[][]
  checks: string[]
  /** Who else may do what: `anon: SELECT`. */
  grants: { role: string; privileges: string[] }[]
  /** Views that read it. */
  dependents: string[]
  /** Tables that inherit from it, and are no partitions of it. */
  children: string[]
  /** Publications (realtime) that send its changes. */
  publications: string[]
}

export async function inspectTables(ask: Ask): Promise<TableFacts[]> {
  return ask<TableFacts>(
    `select c.relname::text as name, c.relkind::text as kind, pg_get_userbyid(c.relowner)::text as owner,
      pg_has_role(c.relowner, 'usage') as may_alter, has_any_column_privilege(c.oid, 'select') as may_read,
      row_security_active(c.oid) as hides_rows, c.relrowsecurity as rls, c.reltuples::double precision as rows,
      coalesce((select jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
          'base', format_type(a.atttypid, null), 'group', (select y.typcategory from pg_type y where y.oid = a.atttypid), 'required', a.attnotnull,
          'filled', a.atthasdef or a.attidentity <> '' or a.attgenerated <> '', 'generated', a.attgenerated <> '') order by a.attnum)
        from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), '[]') as columns,
      exists (select from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0] and a.attname = 'id' and a.attnotnull
        where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indpred is null and i.indnkeyatts = 1) as id_is_unique,
      coalesce((select jsonb_agg(p.polname order by p.polname) from pg_policy p where p.polrelid = c.oid), '[]') as policies,
      coalesce((select jsonb_agg(jsonb_build_object('name', t.tgname, 'function', t.tgfoid::regproc::text, 'enabled', t.tgenabled <> 'D')
        order by t.tgname) from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal), '[]') as triggers,
      coalesce((select jsonb_agg(x.relname order by x.relname) from pg_index i join pg_class x on x.oid = i.indexrelid
        where i.indrelid = c.oid), '[]') as indexes,
      coalesce((select jsonb_agg((select coalesce(jsonb_agg(a.attname order by k.n), '[]') from unnest(i.indkey) with ordinality k(attnum, n)
          join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum)) from pg_index i
        where i.indrelid = c.oid and i.indisvalid and i.indpred is null), '[]') as index_columns,
      coalesce((select jsonb_agg(format('%I %s', k.conname, pg_get_constraintdef(k.oid)) order by k.conname)
        from pg_constraint k where k.conrelid = c.oid and k.contype = 'c'), '[]') as checks,
      coalesce((select jsonb_agg(jsonb_build_object('role', g.role, 'privileges', g.privileges) order by g.role) from (
        select case when e.grantee = 0 then 'PUBLIC' else pg_get_userbyid(e.grantee)::text end as role,
          jsonb_agg(e.privilege_type order by e.privilege_type) as privileges
        from aclexplode(c.relacl) e where e.grantee <> c.relowner group by 1) g), '[]') as grants,
      coalesce((select jsonb_agg(distinct format('%I.%I', vn.nspname, v.relname)) from pg_depend d
        join pg_rewrite w on w.oid = d.objid and d.classid = 'pg_rewrite'::regclass join pg_class v on v.oid = w.ev_class and v.oid <> c.oid
        join pg_namespace vn on vn.oid = v.relnamespace
        where d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid), '[]') as dependents,
      coalesce((select jsonb_agg(i.inhrelid::regclass::text) from pg_inherits i where i.inhparent = c.oid and c.relkind = 'r'), '[]') as children,
      coalesce((select jsonb_agg(p.pubname order by p.pubname) from pg_publication_tables p
        where p.schemaname = 'public' and p.tablename = c.relname), '[]') as publications
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relname = any($1) and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')
    order by array_position($1, c.relname::text)`,
    [SHARED],
  )
}

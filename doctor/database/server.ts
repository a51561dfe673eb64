/** The server itself, and who we are on it. */
import { error, type Finding, info, list, warning } from '../finding.ts'
import type { Ask } from './read-only.ts'

/** Versions of PostgreSQL that the migrations and functions are written for. */
export const OLDEST_POSTGRES = 150_000

export interface ServerFacts {
  /** As server_version_num. */
  number: number
  version: string
  role: string
  database: string
  superuser: boolean
  /** Whether the role may make a schema, and functions in `public`. */
  may_create_schema: boolean
  may_create_in_public: boolean
  /** Others than the owners who may, `everybody` among them. */
  creators: string[]
  /** A standby, or a server where transactions read only unless they say otherwise. */
  read_only: boolean
  encoding: string
  /** Of Supabase's roles those that are there. */
  roles: { name: string; bypassrls: boolean }[]
}

export async function inspectServer(ask: Ask): Promise<ServerFacts> {
  const [facts] = await ask<ServerFacts>(`
    select current_setting('server_version_num')::integer as number, current_setting('server_version') as version,
      current_user::text as role, current_database()::text as database, r.rolsuper as superuser,
      has_database_privilege(current_database(), 'create') as may_create_schema,
      coalesce((select has_schema_privilege(n.oid, 'create') from pg_namespace n where n.nspname = 'public'), false) as may_create_in_public,
      coalesce((select jsonb_agg(distinct case when a.grantee = 0 then 'everybody' else a.grantee::regrole::text end)
        from pg_namespace n, aclexplode(n.nspacl) a where n.nspname = 'public' and a.privilege_type = 'CREATE' and a.grantee <> n.nspowner
          and not coalesce((select o.rolsuper from pg_roles o where o.oid = a.grantee), false)
          and not exists (select from pg_database d where d.datname = current_database() and d.datdba = a.grantee)
          and a.grantee not in (select t.relowner from pg_class t where t.relnamespace = n.oid)), '[]') as creators,
      pg_is_in_recovery() or current_setting('default_transaction_read_only')::boolean as read_only,
      current_setting('server_encoding') as encoding,
      coalesce((select jsonb_agg(jsonb_build_object('name', s.rolname, 'bypassrls', s.rolbypassrls) order by s.rolname)
        from pg_roles s where s.rolname in ('anon', 'authenticated', 'service_role', 'authenticator')), '[]') as roles
    from pg_roles r where r.rolname = current_user`)
  return facts!
}

/** @param migrated all migrations are applied, so that nobody needs to make anything */
export function judgeServer(f: ServerFacts, migrated: boolean): Finding[] {
  const found: Finding[] = []
  if (f.number < OLDEST_POSTGRES)
    found.push(
      error(
        'versions',
        `The database is PostgreSQL ${f.version}; Strandline needs 15 or later.`,
        'Upgrade it (hosted: Settings, Infrastructure), or use another one.',
      ),
    )
  else
    found.push(info('versions', `The database ${f.database} is PostgreSQL ${f.version}; we look at it as ${f.role}.`))
  if (f.encoding !== 'UTF8')
    found.push(
      error(
        'database',
        `The database has the encoding ${f.encoding}: what trades are called may not fit it.`,
        'Use a database with the encoding UTF8.',
      ),
    )
  if (f.read_only)
    found.push(
      error(
        'database',
        'The database only reads: it is a standby, or its transactions are read only.',
        'Name the primary in DATABASE_URL, or set default_transaction_read_only back to off.',
      ),
    )
  found.push(...judgeRoles(f, migrated))
  if (f.creators.length > 0)
    found.push(
      warning(
        'rights',
        `In the schema public ${list(f.creators)} may make functions, and whatever looks for one there may find theirs.`,
        `revoke create on schema public from ${f.creators.map((r) => (r === 'everybody' ? 'public' : r)).join(', ')}.`,
      ),
    )
  if (!migrated && !f.superuser) found.push(...judgeRights(f))
  return found
}

/** Who requests act as. The service role must get past the policies of the old tables. */
function judgeRoles({ roles }: ServerFacts, migrated: boolean): Finding[] {
  const service = roles.find((r) => r.name === 'service_role')
  const missing = ['anon', 'authenticated', 'service_role'].filter((name) => !roles.some((r) => r.name === name))
  if (missing.length > 0)
    return [
      (migrated ? error : warning)(
        'rights',
        `The database has no role ${list(missing)}, which a Supabase project has.`,
        './strandline supabase in front of it makes what is missing, with its migrations; a hosted project has all of them.',
      ),
    ]
  if (service && !service.bypassrls)
    return [
      warning(
        'rights',
        'The role service_role does not bypass row level security: policies of the old tables hide rows from the services.',
        'As a superuser: alter role service_role bypassrls.',
      ),
    ]
  return [info('rights', `Of Supabase's roles there are ${list(roles.map((r) => r.name))}.`)]
}

function judgeRights({ role, database, may_create_schema, may_create_in_public }: ServerFacts): Finding[] {
  const missing = [
    ...(may_create_schema ? [] : [`make a schema in the database ${database}`]),
    ...(may_create_in_public ? [] : ['make functions in the schema public']),
  ]
  if (missing.length === 0) return []
  return [
    error(
      'rights',
      `The role ${role} may not ${list(missing)}: it cannot migrate.`,
      `Migrate as the owner of the tables (hosted: postgres), or grant it: ${[
        ...(may_create_schema ? [] : [`grant create on database "${database}" to "${role}"`]),
        ...(may_create_in_public ? [] : [`grant create on schema public to "${role}"`]),
      ].join('; ')}.`,
    ),
  ]
}

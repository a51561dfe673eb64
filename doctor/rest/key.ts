/** What a Supabase key says of itself. Pure. */
import { duration, error, type Finding, info, warning } from '../finding.ts'

const RIGHT =
  'Set SUPABASE_SERVICE_ROLE_KEY to the service role key (or a sb_secret_… key) of that project: Settings, API keys.'

/** @param now ms */
export function judgeKey(key: string, url: string, now: number): Finding[] {
  if (key.startsWith('sb_secret_')) return [info('key', 'The key is a secret key (sb_secret_…).')]
  if (key.startsWith('sb_publishable_'))
    return [
      error(
        'key',
        'The key is a publishable one (sb_publishable_…), which browsers have: it opens nothing of ours.',
        RIGHT,
      ),
    ]
  const claims = claimsOf(key)
  if (!claims)
    return [warning('key', 'The key is neither a JSON Web Token nor one that begins with sb_secret_.', RIGHT)]
  const found: Finding[] = []
  const { role, ref, exp } = claims
  if (role === 'anon' || role === 'authenticated')
    found.push(
      error('key', `The key is that of the role ${role}, not the service role’s: it opens nothing of ours.`, RIGHT),
    )
  else if (role !== 'service_role')
    found.push(
      warning(
        'key',
        `The key is that of ${typeof role === 'string' ? `the role ${role}` : 'no role'}, not the service role’s.`,
        RIGHT,
      ),
    )
  else found.push(info('key', 'The key is that of the service role.'))
  if (typeof exp === 'number' && exp * 1000 <= now)
    found.push(error('key', `The key has expired, ${duration(now - exp * 1000)} ago.`, RIGHT))
  const project = projectOfUrl(url)
  if (typeof ref === 'string' && project && ref !== project)
    found.push(error('key', `The key is that of the project ${ref}, and SUPABASE_URL names ${project}.`, RIGHT))
  return found
}

/** Whether two settings name the same hosted project. */
export function judgeProjects(supabaseUrl: string, databaseUrl: string): Finding[] {
  const [api, database] = [projectOfUrl(supabaseUrl), projectOfDatabase(databaseUrl)]
  if (!api || !database || api === database) return []
  return [
    error(
      'settings',
      `SUPABASE_URL names the project ${api}, and the database URL ${database}.`,
      'Take both from the same project.',
    ),
  ]
}

/** `abc` of https://abc.supabase.co; null for what is not hosted there. */
function projectOfUrl(url: string): string | null {
  return URL.canParse(url) ? (/^([a-z0-9]+)\.supabase\.(co|in|net)$/.exec(new URL(url).hostname)?.[1] ?? null) : null
}

/** Directly (db.abc.supabase.co), or through the pooler (user postgres.abc). */
function projectOfDatabase(url: string): string | null {
  if (!URL.canParse(url)) return null
  const { hostname, username } = new URL(url)
  if (/\.pooler\.supabase\.(com|co)$/.test(hostname))
    return /\.([a-z0-9]+)$/.exec(decodeURIComponent(username))?.[1] ?? null
  return /^db\.([a-z0-9]+)\.supabase\.(co|in|net)$/.exec(hostname)?.[1] ?? null
}

function claimsOf(key: string): Record<string, unknown> | null {
  const payload = key.split('.')[1]
  if (!payload || key.split('.').length !== 3) return null
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString())
    return typeof claims === 'object' ? (claims as Record<string, unknown> | null) : null
  } catch {
    return null
  }
}

/**
 * What of lite may be reached, and by whom. It is a whole platform: /_system/info tells the database's address with its password to whoever asks. So
 * there are two ways in, /rest/v1/ with the service role's key and /healthz, and whatever else a request target may mean is not found.
 */
import type { IncomingMessage } from 'node:http'
import { createGuard, sameSecret } from '../../core/http-guard.ts'

const REST = '/rest/v1/'
const HEALTH = '/healthz'

export interface DoorRefusal {
  status: number
  /** As PostgREST has them. */
  code: string
  message: string
}

export interface Door {
  refusal(request: Pick<IncomingMessage, 'method' | 'url' | 'headers' | 'socket'>): DoorRefusal | undefined
  isHealth(url: string): boolean
}

export function createDoor(serviceRoleKey: string, host: string): Door {
  const guard = createGuard({ host, hasKey: true, mediaTypes: BODIES })
  return {
    isHealth: (url) => new URL(url).pathname === HEALTH,
    refusal(request) {
      const path = (request.url ?? '').split('?', 1)[0]!
      const refused = guard(request)
      if (refused) return { status: refused.status, message: `${refused.message} ${refused.todo}`, code: 'PGRST125' }
      if (path === HEALTH) return undefined
      if (!isRest(path))
        return { status: 404, code: 'PGRST125', message: `Only ${REST} and ${HEALTH} are served here.` }
      if (!shows(request.headers, serviceRoleKey))
        return { status: 401, code: 'PGRST302', message: "The service role's key is missing or wrong." }
      return undefined
    },
  }
}

/** supabase-js and PostgREST's users send JSON; CSV is the other form of a bulk insert. */
const BODIES = ['application/json', 'application/vnd.pgrst.object+json', 'application/vnd.pgrst.array+json', 'text/csv']

/** Exactly what it says: a segment that is another one after decoding, or that leads elsewhere, is not followed. */
export function isRest(path: string): boolean {
  if (!path.startsWith(REST)) return false
  const rest = path.slice(REST.length)
  return rest === '' || rest.split('/').every(isName)
}

function isName(segment: string): boolean {
  let name: string
  try {
    name = decodeURIComponent(segment)
  } catch {
    return false
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get further
  return name !== '' && name !== '.' && name !== '..' && !/[/\\\x00-\x1f\x7f#;]|%/.test(name)
}

/** In `apikey` or as a bearer, as supabase-js sends both: every one that is there is right, and one is there. */
function shows({ apikey, authorization }: IncomingMessage['headers'], key: string): boolean {
  const bearer = authorization === undefined ? undefined : (/^bearer +(\S+)$/i.exec(authorization)?.[1] ?? '')
  const shown = [apikey, bearer].filter((secret) => secret !== undefined)
  return shown.length > 0 && shown.every((secret) => typeof secret === 'string' && sameSecret(secret, key))
}

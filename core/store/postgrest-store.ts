/** The database over HTTP: supabase-js, and one `rpc` that turns its answers into values or StrandlineErrors. */
import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import { StrandlineError } from '../errors.ts'
import { within } from '../within.ts'
import { brokenOff, type Store } from './store.ts'

/** Statuses whose answers have no body, not even an empty one. */
const NO_BODY = [204, 205, 304]

export interface PostgrestStore extends Store {
  /** Plain supabase-js, for what looks at tables as PostgREST shows them. */
  readonly client: SupabaseClient
}

export interface PostgrestStoreOptions {
  url: string
  key: string
  /** Milliseconds until a request counts as lost (its outcome unknown). */
  timeoutMs?: number
  fetch?: typeof fetch
}

export function createPostgrestStore({
  url,
  key,
  timeoutMs = 30_000,
  fetch: doFetch = fetch,
}: PostgrestStoreOptions): PostgrestStore {
  const client = createClient(url, key, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    global: {
      fetch: (input, init) => answered(doFetch, input, init, timeoutMs),
    },
  })
  return {
    client,
    async rpc<T>(fn: string, args: Record<string, unknown>): Promise<T> {
      const { data, error, status } = await client.rpc(fn, args)
      if (!error) return data as T
      throw storeError(error, status, `${fn}() at ${url}`, url)
    },
  }
}

/**
 * The whole answer, its body too, or an error after `timeoutMs`. With a timer of its own: one that only an AbortSignal made of others refers to may be
 * collected before it fires, and then the request has no end.
 */
async function answered(
  doFetch: typeof fetch,
  input: Parameters<typeof fetch>[0],
  init: RequestInit | undefined,
  timeoutMs: number,
) {
  const ending = new AbortController()
  const given = init?.signal
  const giveUp = () => ending.abort(given?.reason)
  if (given?.aborted) giveUp()
  given?.addEventListener('abort', giveUp, { once: true })
  const asked = (async () => {
    const response = await doFetch(input, { ...init, signal: ending.signal })
    const body = NO_BODY.includes(response.status) ? null : await response.arrayBuffer()
    return new Response(body, { status: response.status, statusText: response.statusText, headers: response.headers })
  })()
  try {
    return await within(asked, timeoutMs)
  } catch (error) {
    ending.abort(error)
    throw error
  } finally {
    given?.removeEventListener('abort', giveUp)
  }
}

/** Our own endpoint has one code for all that its library does not know; what PostgreSQL says then stands in the text alone, as PostgreSQL's own. */
function stateOf(code: string | undefined, text: string): string | undefined {
  if (code !== 'SUP') return code
  if (text.startsWith('error: canceling statement due to ')) return '57014'
  if (text.startsWith('error: deadlock detected')) return '40P01'
  if (text.startsWith('error: could not serialize access due to ')) return '40001'
  return code
}

/** Maps a supabase-js error to ours. Status 0 (no answer) and 5xx from a gateway leave the outcome open. */
export function storeError(
  error: { message: string; code?: string; details?: string },
  status: number,
  what: string,
  url: string,
): StrandlineError {
  const text = error.message || error.details || `HTTP ${status}`
  const broken = brokenOff(stateOf(error.code, text), what, text, error)
  if (broken) return broken
  if (status === 401 || status === 403)
    return new StrandlineError('STORE_REJECTED', `The database at ${url} refused our key (${text}).`, {
      todo: 'Set SUPABASE_SERVICE_ROLE_KEY to the service role key of that project.',
      cause: error,
    })
  if (status === 404 || error.code === 'PGRST202' || error.code === '42883')
    return new StrandlineError('STORE_SCHEMA', `The database at ${url} does not know ${what.split(' at ')[0]}.`, {
      todo: 'Apply the migrations: ./strandline migrate (or supabase db push).',
      cause: error,
    })
  // The text of a 4xx quotes what was sent, which may say anything; nothing of it happened.
  const refused = status >= 400 && status < 500 && status !== 408 && status !== 429
  const unknown =
    !refused &&
    (status === 0 ||
      status === 408 ||
      status === 429 ||
      status >= 502 ||
      /ECONN|fetch failed|timeout|terminat|CONNECTION_|shutting down|starting up/i.test(text))
  return unknown
    ? new StrandlineError('STORE_UNREACHABLE', `No answer from the database for ${what}: ${text}.`, {
        todo: `Check that ${url} is up; a service goes on by itself once it answers.`,
        cause: error,
      })
    : new StrandlineError('STORE_REJECTED', `The database refused ${what}: ${text}.`, { cause: error })
}

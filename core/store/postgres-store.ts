/**
 * The database without PostgREST in between: each call is one round trip and one transaction, as the role that PostgREST would act as. It keeps nothing in a
 * session (no prepared statement, no setting beyond its transaction), so a pooler in transaction mode may stand in front of PostgreSQL.
 */
import pg from 'pg'
import { StrandlineError } from '../errors.ts'
import { within } from '../within.ts'
import { asPgUrl, tlsAdvice } from './postgres-url.ts'
import { isAway, stateOf } from './sql-state.ts'
import { brokenOff, type DirectStore, RolledBack } from './store.ts'

export interface PostgresStoreOptions {
  /** postgres:// URL; `sslmode` and the like as libpq has them. */
  url: string
  /** Connections; calls beyond wait. */
  max?: number
  /** Milliseconds until a call counts as lost (its outcome unknown). */
  timeoutMs?: number
}

export interface PostgresStore extends DirectStore {
  close(): Promise<void>
}

/**
 * What PostgREST sets for a request with the service role's key: triggers, defaults and policies of others may look at it. And the time that a statement has
 * on hosted Supabase, so that both ways break off, and ask for less, alike. One column: describing and parsing six costs more than setting them.
 */
const AS_SERVICE_ROLE = `select concat(set_config('role', 'service_role', true), set_config('search_path', 'public, extensions', true),
  set_config('request.jwt.claims', '{"role": "service_role"}', true), set_config('request.jwt.claim.role', 'service_role', true),
  set_config('statement_timeout', '8s', true), set_config('lock_timeout', '8s', true))`

const CLOSE_MS = 2_000
const INT8 = 20
const VOID = 2278

export function createPostgresStore({ url, max = 10, timeoutMs = 30_000 }: PostgresStoreOptions): PostgresStore {
  const at = placeOf(url)
  const pool = new pg.Pool({
    connectionString: asPgUrl(url),
    max,
    application_name: 'strandline',
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    allowExitOnIdle: true,
    types: { getTypeParser: parserOf } as pg.CustomTypesConfig,
  })
  // A connection that dies while nobody uses it, or between two answers, must not end the process.
  pool.on('error', () => {})
  pool.on('connect', (client) => void client.on('error', () => {}))

  return {
    async rpc<T>(fn: string, args: Record<string, unknown>): Promise<T> {
      const statement = callOf(fn, args, at)
      let client: pg.PoolClient
      try {
        client = await pool.connect()
      } catch (error) {
        throw postgresError(error, fn, at)
      }
      let doubtful = true
      try {
        // several statements of one text are one transaction
        const results = (await client.query(`${AS_SERVICE_ROLE}; ${statement}`)) as unknown as pg.QueryResult[]
        doubtful = false
        return results.at(-1)!.rows[0].answer as T
      } catch (error) {
        doubtful = !isAnswer(error)
        throw postgresError(error, fn, at)
      } finally {
        client.release(doubtful) // whatever is on the way belongs to nobody
      }
    },
    async transaction<T>(what: string, work: (client: pg.ClientBase) => Promise<T>): Promise<T> {
      let client: pg.PoolClient
      try {
        client = await pool.connect()
      } catch (error) {
        throw postgresError(error, what, at)
      }
      let doubtful = true
      try {
        await client.query(`begin; ${AS_SERVICE_ROLE}`)
        const result = await within(work(client), timeoutMs)
        await client.query('commit')
        doubtful = false
        return result
      } catch (error) {
        const ours = error instanceof RolledBack || isAnswer(error)
        if (ours)
          doubtful = !(await client.query('rollback').then(
            () => true,
            () => false,
          ))
        throw error instanceof RolledBack ? error : postgresError(error, what, at)
      } finally {
        client.release(doubtful)
      }
    },
    /** A call that hangs does not hold up whoever ends. */
    close: () => within(pool.end(), CLOSE_MS).catch(() => {}),
  }
}

function parserOf(oid: number, format?: 'text' | 'binary') {
  if (oid === INT8) return Number
  if (oid === VOID) return () => null
  return pg.types.getTypeParser(oid, format as 'text')
}

/** Arguments as literals of no type: each becomes what the function declares. A text that is given for JSON is JSON already. */
function callOf(fn: string, args: Record<string, unknown>, at: string): string {
  const list = Object.entries(args).map(([name, value]) => `${name} => ${literalOf(value, fn, at)}`)
  return `select public.${fn}(${list.join(', ')}) as answer`
}

function literalOf(value: unknown, fn: string, at: string): string {
  if (value === null || value === undefined) return 'null'
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  // U+0000 would end the statement; half a character would become another one, without a word.
  if (text.includes('\0') || !text.isWellFormed())
    throw new StrandlineError('STORE_REJECTED', `${fn}() at ${at} was given a text that no database keeps.`, {
      cause: { code: '22021' },
    })
  // as pg.escapeLiteral, which takes the text letter by letter
  const quoted = text.replaceAll("'", "''")
  return text.includes('\\') ? `E'${quoted.replaceAll('\\', '\\\\')}'` : `'${quoted}'`
}

/** PostgreSQL's own answer, after which its connection is as before. */
const isAnswer = (error: unknown) => stateOf(error) !== undefined && !isAway(error)

/** A failure as our own. Without a state of PostgreSQL's, the outcome is unknown. */
export function postgresError(error: unknown, fn: string, at: string): StrandlineError {
  if (error instanceof StrandlineError) return error
  const { message, code } = error as { message: string; code?: string }
  const state = stateOf(error)
  if (isAway(error))
    return new StrandlineError(
      'STORE_UNREACHABLE',
      `No answer from the database at ${at} for ${fn}(): ${message || code}.`,
      {
        todo:
          tlsAdvice(message) ??
          'Check DATABASE_URL, and that the database is up; a service goes on by itself once it answers.',
        cause: error,
      },
    )
  const broken = brokenOff(state, `${fn}() at ${at}`, message, error)
  if (broken) return broken
  if (state === '42883' || state === '3F000' || (state === '42501' && message.includes('function')))
    return new StrandlineError('STORE_SCHEMA', `The database at ${at} does not know ${fn}().`, {
      todo: 'Apply the migrations: ./strandline migrate (or supabase db push).',
      cause: error,
    })
  if (state!.startsWith('28') || state === '42501' || (state === '22023' && message.includes('role')))
    return new StrandlineError('STORE_REJECTED', `The database at ${at} refused our user (${message}).`, {
      todo: tlsAdvice(message) ?? 'Name one in DATABASE_URL that may become service_role (Supabase: postgres).',
      cause: error,
    })
  return new StrandlineError('STORE_REJECTED', `The database refused ${fn}() at ${at}: ${message}.`, { cause: error })
}

/** Host and database: no user, no password. */
function placeOf(url: string): string {
  if (!URL.canParse(url)) return 'DATABASE_URL'
  const { host, pathname } = new URL(url)
  return `${host}${pathname}`
}

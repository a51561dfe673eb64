/**
 * node-postgres' pool as kysely takes it. A database that goes away may cost the statements that are on their way and nothing else: the process lives,
 * every request is answered, and a connection of which anything is doubtful never goes back into the pool.
 */
import { createHash } from 'node:crypto'
import type { PostgresPool, PostgresPoolClient } from 'kysely'
import { LRUCache } from 'lru-cache'
import pg from 'pg'
import { asPgUrl } from '../../../core/store/postgres-url.ts'
import { stateOf } from '../../../core/store/sql-state.ts'
import { createParameterTypes, writeParameter } from './parameters.ts'
import { type ArrayTypes, READ_ARRAY_TYPES, resultTypes } from './results.ts'

export interface PoolOptions {
  url: string
  /** Connections; requests beyond wait. */
  max: number
  /** Shown in pg_stat_activity. */
  name: string
  /** Which statements are prepared, once per connection: those of which there are few. Their text arguments for jsonb may be JSON already. */
  prepared(text: string): boolean
  /** Milliseconds that a connection or an answer is waited for. */
  timeoutMs?: number
}

export interface Pool extends PostgresPool {
  /** Reads anew what the schema decides: types of arrays, of parameters. */
  schemaChanged(): Promise<void>
}

/** Longer than any statement may take (8 s, see the login role), shorter than our clients wait (30 s): nobody waits for a host that went silent. */
const TIMEOUT_MS = 15_000
const CLOSE_PATIENCE_MS = 2_000

export function createPool({ url, max, name, prepared, timeoutMs = TIMEOUT_MS }: PoolOptions): Pool {
  const arrays: ArrayTypes = new Map()
  const types = createParameterTypes()
  const names = new LRUCache<string, string>({ max: 1_000 })
  const pool = new pg.Pool({
    connectionString: asPgUrl(url),
    max,
    application_name: name,
    types: resultTypes(arrays),
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    onConnect: async (client) => {
      await client.query(`set time zone 'UTC'`)
      if (arrays.size === 0) await readArrays(client)
    },
  })
  const alive = new Set<pg.PoolClient>()
  // The pool listens to a connection only while it has it: one that dies between two statements of a transaction would end the process.
  pool.on('error', () => {})
  pool.on('connect', (client) => {
    alive.add(client)
    client.on('error', () => {})
    client.once('end', () => alive.delete(client))
  })

  async function readArrays(client: pg.ClientBase): Promise<void> {
    const { rows } = await client.query<{ oid: number; element: number }>(READ_ARRAY_TYPES)
    for (const { oid, element } of rows) arrays.set(oid, element)
  }

  function nameOf(text: string): string {
    const known = names.get(text) ?? createHash('sha256').update(text).digest('hex').slice(0, 40)
    names.set(text, known)
    return known
  }

  async function run(client: pg.PoolClient, text: string, values: readonly unknown[]): Promise<pg.QueryResult> {
    if (values.length === 0) return client.query(text)
    const few = prepared(text)
    // Numbers and truth values are written alike for every type.
    const asked = values.some((v) => typeof v === 'string' || typeof v === 'object')
    const wanted = asked ? await types.of(client, text) : []
    return client.query({
      text,
      values: values.map((value, i) => writeParameter(value, wanted[i], few)),
      ...(few ? { name: nameOf(text) } : {}),
    })
  }

  async function connect(): Promise<PostgresPoolClient> {
    const client = await pool.connect().catch((error) => {
      throw asPostgresError(error)
    })
    let doubtful = false
    /** What was first wrong with the connection: also why it takes nothing any more, a rollback for example, whose error is the one that is told. */
    let broken: unknown
    const query = async (text: string, values: readonly unknown[]) => {
      if (broken) throw broken
      try {
        return await run(client, text, values)
      } catch (error) {
        // Without a state of its own the error is not PostgreSQL's answer: whatever is on the way belongs to nobody. And a prepared
        // statement whose result has another shape by now stays as it is for as long as its connection lives.
        doubtful ||= !stateOf(error) || (error as pg.DatabaseError).routine === 'RevalidateCachedQuery'
        if (stateOf(error)) throw asPostgresError(error)
        void client.end().catch(() => {})
        broken = asPostgresError(error)
        throw broken
      }
    }
    return {
      query: query as unknown as PostgresPoolClient['query'], // it asks for no cursors
      release: () => client.release(doubtful || client.getTransactionStatus() !== 'I'),
    }
  }

  return {
    connect,
    async schemaChanged() {
      types.forget()
      const client = await pool.connect().catch((error) => {
        throw asPostgresError(error)
      })
      const failed = await readArrays(client).catch(asPostgresError)
      client.release(Boolean(failed))
      if (failed) throw failed
    },
    async end() {
      const late = setTimeout(() => {
        for (const client of alive) void client.end().catch(() => {})
      }, CLOSE_PATIENCE_MS)
      await pool.end()
      clearTimeout(late)
    },
  }
}

/** What is the connection's and not the statement's says so: whoever sent the statement does not know whether it happened. */
function asPostgresError(error: unknown): unknown {
  const state = stateOf(error)
  // 08: connection exceptions; 57P: shut down, crashed, starting up; 53300: too many connections.
  if (state && !/^(08|57P|53300)/.test(state)) return error
  return new Error(`CONNECTION_CLOSED: ${(error as Error).message || (error as { code?: string }).code}`, {
    cause: error,
  })
}

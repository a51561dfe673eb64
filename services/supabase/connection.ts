/**
 * lite's connection on node-postgres, with fewer round trips. As it is, each request sends eleven `set_config` one after the other, parsed and planned
 * anew: 14 round trips before and after the one that matters. Here it is one for all of them, and what an rpc needs is prepared once per connection.
 */
import { createPostgresConnection, type PostgresConnection } from '@supabase/lite/postgres'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { StrandlineError } from '../../core/errors.ts'
import { createPool } from './pg/pool.ts'

interface RequestContext {
  auth?: { role?: string; uid?: unknown; jwt?: unknown }
  storage?: { operation?: unknown }
}

interface RpcContext {
  method: string
  path: string
  requestHeaders?: Record<string, string>
}

/** Statements whose text varies only with the function that is called and its arguments' names; others would pile up as prepared statements. */
const STABLE = /^(select set_config\(|select \* from public\.\w+\()/i

export function createConnection(
  databaseUrl: string,
  poolSize: number,
  timeoutMs?: number,
): PostgresConnection & { schemaChanged(): void } {
  const pool = createPool({
    url: databaseUrl,
    max: poolSize,
    timeoutMs,
    name: 'strandline-supabase',
    prepared: (text) => STABLE.test(text),
  })
  const kysely = new Kysely({ dialect: new PostgresDialect({ pool }) })
  // Its own driver (postgres.js) connects at its first statement, and it never gets one: when its connection dies at the wrong moment it takes the
  // process with it, or keeps dead connections.
  const connection = createPostgresConnection({ url: 'postgres://127.0.0.1/unused', postgresOptions: { max: 1 } })
  const introspect = connection.introspect.bind(connection)
  type Schema = Awaited<ReturnType<typeof introspect>>
  let known: Schema | undefined
  let outdated = true
  let reading: Promise<Schema> | undefined

  async function read(): Promise<Schema> {
    outdated = false // whoever changes it from here on says so again
    try {
      const found = await introspect({ useCache: false })
      // When this fails lite goes on with a schema of nothing, and says of every table and function that there is none. It is the database that is not there.
      if (!found.functions)
        throw new StrandlineError('STORE_UNREACHABLE', 'The database went away while its schema was read.', {
          todo: 'Check that it is up.',
        })
      await pool.schemaChanged()
      // In the text of every view it would look for casts to types of its own, for each column and with each request: a fifth of its time.
      for (const view of found.views) view.sql = ''
      known = found
      return found
    } catch (error) {
      outdated = true
      // While the database is away the request itself finds out, and says so in its own way.
      if (known) return known
      throw error
    } finally {
      reading = undefined
    }
  }

  return Object.assign(connection, {
    kysely,
    close: () => pool.end(),
    /** Before the next request the schema is read anew. */
    schemaChanged() {
      outdated = true
    },
    /** One reading for all who wait for it. lite asks before each request, where whatever is thrown becomes an answer without a word. */
    async introspect() {
      if (known && !outdated && !reading) return known
      reading ??= read()
      return reading
    },
    // At its first request lite grants anon everything in every schema that has a table with row security; our grants are the migrations' business.
    rlsState: 'active',
    async applyJwtSessionContext(db: Kysely<unknown>, { auth, storage }: RequestContext) {
      const role = auth?.role || 'anon'
      await setLocal(db, {
        role,
        'request.jwt.claim.sub': String(auth?.uid ?? ''),
        'request.jwt.claim.role': role,
        'request.jwt.claims': auth?.jwt && typeof auth.jwt === 'object' ? JSON.stringify(auth.jwt) : '',
        'storage.operation': String(storage?.operation ?? ''),
      })
    },
    async applyRpcRequestGucs(db: Kysely<unknown>, rpc: RpcContext) {
      await setLocal(db, {
        'response.status': '',
        'response.headers': '',
        'request.method': rpc.method,
        'request.path': rpc.path,
        'request.headers': JSON.stringify(rpc.requestHeaders ?? {}),
      })
    },
  })
}

/** Sets session variables until the end of the transaction; `role` among them changes who the transaction acts as. */
async function setLocal(db: Kysely<unknown>, settings: Record<string, string>): Promise<void> {
  const calls = Object.entries(settings).map(([name, value]) => sql`set_config(${sql.lit(name)}, ${value}, true)`)
  await sql`select ${sql.join(calls)}`.execute(db)
}

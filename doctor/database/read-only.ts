/** A transaction that can change nothing, in which a question that fails spoils no other. */
import pg from 'pg'
import { StrandlineError } from '../../core/errors.ts'

/** Milliseconds. A question may take as long as a hosted project lets one; no lock is waited for. */
const CONNECT_MS = 10_000
const STATEMENT_MS = 8_000
const LOCK_MS = 1_000

export type Ask = <Row>(text: string, values?: unknown[]) => Promise<Row[]>

/** Errors: STORE_UNREACHABLE when there is no connection, and what `work` throws. */
export async function readOnly<T>(url: string, work: (ask: Ask) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_MS,
    // the statement's own end comes first, where the server is there to see to it
    query_timeout: STATEMENT_MS + 2_000,
    application_name: 'strandline doctor',
  })
  client.on('error', () => {}) // the query under way reports it
  try {
    await client.connect()
  } catch (cause) {
    const { host, pathname } = new URL(url)
    throw new StrandlineError(
      'STORE_UNREACHABLE',
      `No connection to the database at ${host}${pathname}: ${(cause as Error).message}.`,
      { todo: 'Check DATABASE_URL, and that the database is up.', cause },
    )
  }
  const ask: Ask = async <Row>(text: string, values: unknown[] = []) => {
    await client.query('savepoint question')
    try {
      const { rows } = await client.query(text, values)
      await client.query('release savepoint question')
      return rows as Row[]
    } catch (error) {
      await client.query('rollback to savepoint question')
      throw error
    }
  }
  try {
    // One transaction from the first word to the last: behind a pooler, too, it is one connection.
    await client.query('begin transaction read only')
    await client.query(`set local statement_timeout = ${STATEMENT_MS}; set local lock_timeout = ${LOCK_MS}`)
    await client.query(`set local search_path = pg_catalog`)
    const found = await work(ask)
    await client.query('rollback')
    return found
  } finally {
    await client.end().catch(() => {})
  }
}

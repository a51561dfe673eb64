/** A transaction that can change nothing, in which a question that fails spoils no other. */
import { withClient } from '../../core/store/client.ts'

/** Milliseconds. A question may take as long as a hosted project lets one; no lock is waited for. */
const STATEMENT_MS = 8_000
const LOCK_MS = 1_000

export type Ask = <Row>(text: string, values?: unknown[]) => Promise<Row[]>

/** Errors: STORE_UNREACHABLE when there is no connection, and what `work` throws. */
export function readOnly<T>(url: string, work: (ask: Ask) => Promise<T>): Promise<T> {
  return withClient(
    url,
    async (client) => {
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
      // One transaction from the first word to the last: behind a pooler, too, it is one connection.
      await client.query('begin transaction read only')
      await client.query(`set local statement_timeout = ${STATEMENT_MS}; set local lock_timeout = ${LOCK_MS}`)
      await client.query(`set local search_path = pg_catalog`)
      const found = await work(ask)
      await client.query('rollback')
      return found
    },
    // the statement's own end comes first, where the server is there to see to it
    { query_timeout: STATEMENT_MS + 2_000, application_name: 'strandline doctor' },
  )
}

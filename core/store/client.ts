/** One connection to a PostgreSQL. */
import pg from 'pg'
import { StrandlineError } from '../errors.ts'
import { asPgUrl, tlsAdvice } from './postgres-url.ts'

/** Runs `work` on a connection of its own; `config` goes before what it would be made with. Errors: STORE_UNREACHABLE when there is no connection, and what `work` throws. */
export async function withClient<T>(
  url: string,
  work: (client: pg.Client) => Promise<T>,
  config: pg.ClientConfig = {},
): Promise<T> {
  const client = new pg.Client({ connectionString: asPgUrl(url), connectionTimeoutMillis: 10_000, ...config })
  client.on('error', () => {}) // the query under way reports it
  try {
    await client.connect()
  } catch (cause) {
    const { host, pathname } = new URL(url)
    const { message } = cause as Error
    throw new StrandlineError('STORE_UNREACHABLE', `No connection to the database at ${host}${pathname}: ${message}.`, {
      todo: tlsAdvice(message) ?? 'Check DATABASE_URL, and that the database is up.',
      cause,
    })
  }
  try {
    return await work(client)
  } finally {
    await client.end().catch(() => {})
  }
}

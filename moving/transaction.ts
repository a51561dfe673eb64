/** One transaction by the role that owns the old tables, and what PostgreSQL says in sentences for a person. */
import type pg from 'pg'
import { StrandlineError } from '../core/errors.ts'
import { withClient } from '../core/store/client.ts'
import { LOCK_TIMEOUT, transactionWhenFree } from '../core/store/lock-order.ts'
import { stateOf } from '../core/store/sql-state.ts'

/** What is large may take its time; names mean what they say. */
export const LIMITS = [LOCK_TIMEOUT, 'set local statement_timeout = 0', `set local search_path = ''`]
/** As an activation does, before it takes a table. */
export const ACTIVATION_TURN = `select pg_advisory_xact_lock(hashtext('strandline.activate'))`

/**
 * Runs `work` in a transaction, whole or not at all; where a table is in use, from the beginning again for a while.
 * Errors: STORE_REJECTED (what is in the way, and what to do), STORE_SCHEMA where Strandline is not in the database, STORE_UNREACHABLE.
 */
export async function inTransaction<T>(databaseUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  return withClient(databaseUrl, (client) =>
    transactionWhenFree(client, async () => {
      for (const statement of LIMITS) await client.query(statement)
      return work(client)
    }).catch((error: unknown) => {
      throw refusal(error)
    }),
  )
}

/** Reads all of one moment. Errors: as inTransaction(). */
export function inSnapshot<T>(databaseUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  return inTransaction(databaseUrl, async (client) => {
    await client.query('set transaction isolation level repeatable read, read only')
    return work(client)
  })
}

/** A PostgreSQL error as one of ours; anything else as it is. */
export function refusal(error: unknown): unknown {
  const code = stateOf(error)
  if (code === undefined) return error
  const { message, hint } = error as pg.DatabaseError
  const rejected = (sentence: string, todo: string) =>
    new StrandlineError('STORE_REJECTED', sentence, { todo, cause: error })
  switch (code) {
    case 'ST002': // said by our own SQL
      return new StrandlineError('STORE_REJECTED', `${message} Nothing was changed.`, {
        ...(hint ? { todo: hint } : {}),
        cause: error,
      })
    case 'ST003':
    case '3F000':
    case '42883':
    case '42P01':
      return new StrandlineError(
        'STORE_SCHEMA',
        code === 'ST003' ? message : `This database has no Strandline of this version: ${message}.`,
        { todo: './strandline migrate puts it there.', cause: error },
      )
    case '42501':
      return rejected(
        `The role of the database URL may not do this: ${message}. Nothing was changed.`,
        'Connect as the role that owns the tables (of a Supabase project: postgres).',
      )
    default:
      return rejected(`The database refused: ${message} (${code}). Nothing was changed.`, 'See docs/switching.md.')
  }
}

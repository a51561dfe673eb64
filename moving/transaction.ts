/** One transaction by the role that owns the old tables, and what PostgreSQL says in sentences for a person. */
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { StrandlineError } from '../core/errors.ts'
import { withClient } from '../core/store/client.ts'

/**
 * Whoever wants a table that we wait for waits behind us: shorter than PostgreSQL takes to look for deadlocks (a second), so that it is always we who give
 * way and never somebody else's transaction. What is large may take its time; names mean what they say.
 */
export const LIMITS = [
  `set local lock_timeout = '800ms'`,
  'set local statement_timeout = 0',
  `set local search_path = ''`,
]
const PATIENCE_MS = 20_000
const PAUSE_MS = 300
/** lock_not_available, deadlock_detected */
const TRY_AGAIN = ['55P03', '40P01']

/**
 * Runs `work` in a transaction, whole or not at all; where a table is in use, from the beginning again for a while.
 * Errors: STORE_REJECTED (what is in the way, and what to do), STORE_SCHEMA where Strandline is not in the database, STORE_UNREACHABLE.
 */
export async function inTransaction<T>(
  databaseUrl: string,
  work: (client: pg.Client, attempt: number) => Promise<T>,
): Promise<T> {
  const until = Date.now() + PATIENCE_MS
  return withClient(databaseUrl, async (client) => {
    for (let attempt = 1; ; attempt++) {
      try {
        await client.query('begin')
        for (const statement of LIMITS) await client.query(statement)
        const result = await work(client, attempt)
        await client.query('commit')
        return result
      } catch (error) {
        await client.query('rollback').catch(() => {})
        if (!TRY_AGAIN.includes((error as pg.DatabaseError).code ?? '') || Date.now() > until) throw refusal(error)
        await sleep(PAUSE_MS)
      }
    }
  })
}

/** A PostgreSQL error as one of ours; anything else as it is. */
export function refusal(error: unknown): unknown {
  const { code, message, hint } = error as pg.DatabaseError
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
    case '55P03':
      return rejected(
        `A table was in use each time that it was tried, for twenty seconds: ${message}. Nothing was changed.`,
        'Try again; a long transaction (a backup, an open editor) may have to end first.',
      )
    case '40P01':
      return rejected(`Somebody else changed the same tables: ${message}. Nothing was changed.`, 'Try again.')
    case '42501':
      return rejected(
        `The role of the database URL may not do this: ${message}. Nothing was changed.`,
        'Connect as the role that owns the tables (of a Supabase project: postgres).',
      )
    default:
      if (code?.length !== 5) return error
      return rejected(`The database refused: ${message} (${code}). Nothing was changed.`, 'See docs/switching.md.')
  }
}

/** Tables that others write, locked whole while their writers are at work. */
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { StrandlineError } from '../errors.ts'
import { isConnectionLoss } from './sql-state.ts'

/** Whoever wants a table that we wait for waits behind us: not for long. */
export const LOCK_TIMEOUT = `set local lock_timeout = '800ms'`
/**
 * The same while we hold a table that somebody may wait for who holds the next one: together well below the second after which PostgreSQL looks for deadlocks, so
 * that it is always we who give way and never somebody else's transaction.
 */
const HOLDING_TIMEOUT = `set local lock_timeout = '100ms'`
/** lock_not_available, deadlock_detected: the transaction can be tried again from its beginning. */
export const isLockFailure = (error: unknown): boolean =>
  ['55P03', '40P01'].includes((error as { code?: string } | null)?.code ?? '')
const RETRY_FOR_MS = 20_000
const PAUSE_MS = 300

/**
 * Runs `work` in a transaction, whole or not at all; where a table is in use, from the beginning again for a while.
 * Errors: STORE_REJECTED when a table was in use all the time; STORE_UNREACHABLE when the connection broke, which says whether something may have been
 * changed; what `work` throws.
 */
export async function transactionWhenFree<T>(client: pg.ClientBase, work: () => Promise<T>): Promise<T> {
  const until = Date.now() + RETRY_FOR_MS
  for (;;) {
    let commits = false
    try {
      await client.query('begin')
      const result = await work()
      commits = true
      await client.query('commit')
      return result
    } catch (error) {
      await client.query('rollback').catch(() => {})
      if (isConnectionLoss(error)) throw brokenConnection(error, commits)
      if (!isLockFailure(error)) throw error
      if (Date.now() > until)
        throw new StrandlineError(
          'STORE_REJECTED',
          `A table was in use each time that it was tried, for twenty seconds: ${(error as Error).message}. Nothing was changed.`,
          {
            todo: 'Try again; a long transaction (a backup, an open editor; pg_stat_activity shows them) may have to end first.',
            cause: error,
          },
        )
      await sleep(PAUSE_MS)
    }
  }
}

function brokenConnection(cause: unknown, commits: boolean): StrandlineError {
  const outcome = commits
    ? 'It had been asked to commit: whether it did is not known.'
    : 'It had not been asked to commit: nothing was changed.'
  return new StrandlineError(
    'STORE_UNREACHABLE',
    `The connection to the database broke (${(cause as Error).message}). ${outcome}`,
    { todo: 'Once it answers, give the command again: it looks at what is there.', cause },
  )
}

export type LockMode = 'share row exclusive' | 'access exclusive'

/** The tables that both the old system and we use. Strands come before what a trigger on them writes. */
export const SHARED_TABLES = [
  'public.lowcap_positions',
  'public.ad_strands',
  'public.learning_queue',
  'public.lowcap_price_data_ohlc',
  'public.learning_configs',
  'public.learning_coefficients',
]

/** Locks one that is there, of a kind that can be locked; a view with the tables below it. */
const lockStatement = (table: string, mode: LockMode) => `do $lock$ begin
  if exists (select from pg_catalog.pg_class c where c.oid = to_regclass('${table}') and c.relkind in ('r', 'p', 'v')) then
    lock table ${table} in ${mode} mode;
  end if;
end $lock$`

/**
 * A writer that is always at work takes two tables one after the other. Who takes them the other way round waits for it as it waits for us, each time
 * anew; so the order is learned: a table that could not be had comes first in the next transaction.
 */
export class LockOrder {
  #tables: readonly string[]
  readonly #mode: LockMode

  constructor(tables: readonly string[], mode: LockMode) {
    this.#tables = tables
    this.#mode = mode
  }

  /**
   * Locks them all, to the end of the transaction, in one request: over a slow link, too, the first is not held for long without the last.
   * Errors: of PostgreSQL (isLockFailure()); the next transaction then tries another order.
   */
  async lock(client: pg.ClientBase): Promise<void> {
    try {
      await client.query(this.statements().join(';\n'))
    } catch (error) {
      const taken = this.#tables.find((table) =>
        String((error as { where?: string }).where).includes(`lock table ${table} in`),
      )
      if (taken) this.#tables = [taken, ...this.#tables.filter((t) => t !== taken)]
      throw error
    }
  }

  /** The same as text, in today's order. */
  statements(): string[] {
    const [first, ...others] = this.#tables.map((table) => lockStatement(table, this.#mode))
    return [LOCK_TIMEOUT, first as string, HOLDING_TIMEOUT, ...others, LOCK_TIMEOUT]
  }
}

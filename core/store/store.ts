/**
 * The database as the services see it: functions that are called, one transaction each. Two ways lead there: PostgREST with a key (postgrest-store.ts), and
 * PostgreSQL itself (postgres-store.ts); both give the same answers and errors.
 * STORE_UNREACHABLE means that the outcome of the call is unknown: it may have happened (not where it was broken off, see below), and repeating it is right.
 * STORE_REJECTED means that it did not; STORE_SCHEMA that there is no such function.
 */
import type pg from 'pg'
import { findStrandlineError, StrandlineError } from '../errors.ts'

export interface Store {
  /** Calls the function of this name in `public`, its arguments by name. Texts are well-formed Unicode without U+0000. */
  rpc<T>(fn: string, args: Record<string, unknown>): Promise<T>
}

/** PostgreSQL itself: what PostgREST cannot do, several statements in one transaction. For adapters alone. */
export interface DirectStore extends Store {
  /**
   * Runs `work` on one connection, in one transaction, as the role that rpc() acts as. Errors: as of rpc(), `what` in the place of the function's name;
   * a `RolledBack` as it is.
   */
  transaction<T>(what: string, work: (client: pg.ClientBase) => Promise<T>): Promise<T>
}

export const isDirect = (store: Store): store is DirectStore => 'transaction' in store

/** Thrown by the work of a transaction that is to have no effect. */
export class RolledBack<T> extends Error {
  readonly answer: T
  constructor(answer: T) {
    super('rolled back')
    this.answer = answer
  }
}

/** PostgreSQL broke a statement off: its time was over, or somebody cancelled it; a lock was not to be had. */
const BROKEN_OFF = ['57014', '55P03']
const brokenOffs = new WeakSet<StrandlineError>()

/** Such an answer as our error; null: it is another one. Nothing happened, and it may go well the next time: it is no refusal. */
export function brokenOff(
  state: string | undefined,
  what: string,
  text: string,
  cause: unknown,
): StrandlineError | null {
  if (!BROKEN_OFF.includes(state ?? '')) return null
  const error = new StrandlineError('STORE_UNREACHABLE', `The database did not finish ${what} in its time: ${text}.`, {
    todo: 'It is busy, or somebody holds a lock; a service tries again by itself.',
    cause,
  })
  brokenOffs.add(error)
  return error
}

/** One call took too long; the database is there for others. */
export function isBrokenOff(error: unknown): boolean {
  const known = findStrandlineError(error)
  return known !== undefined && brokenOffs.has(known)
}

/** The database refused a value of the request (SQLSTATE class 22, data exception): whoever sent it must send another. */
export function isRequestsFault(error: unknown): boolean {
  const known = findStrandlineError(error)
  return known?.code === 'STORE_REJECTED' && /^22/.test((known.cause as { code?: string } | undefined)?.code ?? '')
}

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

/** What PostgreSQL breaks off and another time may finish: its time was over, or somebody cancelled it; a lock was not to be had; a deadlock; a conflict. */
const BROKEN_OFF = ['57014', '55P03', '40P01', '40001']

/** Such an answer: nothing happened, and it may go well the next time. It is no refusal. */
class BrokenOff extends StrandlineError {}

/** An answer of PostgreSQL's that is one, as our error; null: it is another one. */
export function brokenOff(
  state: string | undefined,
  what: string,
  text: string,
  cause: unknown,
): StrandlineError | null {
  if (!BROKEN_OFF.includes(state ?? '')) return null
  return new BrokenOff('STORE_UNREACHABLE', `The database broke ${what} off: ${text}.`, {
    todo: 'It is busy, or somebody holds a lock; a service tries again by itself.',
    cause,
  })
}

/** One call did not go well; the database is there for others. */
export const isBrokenOff = (error: unknown): boolean => findStrandlineError(error) instanceof BrokenOff

/** The database refused a value of the request (SQLSTATE class 22, data exception): whoever sent it must send another. */
export function isRequestsFault(error: unknown): boolean {
  const known = findStrandlineError(error)
  return known?.code === 'STORE_REJECTED' && /^22/.test((known.cause as { code?: string } | undefined)?.code ?? '')
}

/** What PostgreSQL says of an error. */
import pg from 'pg'

/** The state (SQLSTATE) of PostgreSQL's own answer. A failure of the connection has a code as well, which may look like one: EPIPE. */
export const stateOf = (error: unknown): string | undefined =>
  error instanceof pg.DatabaseError ? error.code : undefined

/** No answer, or one of a server that goes (57P: shut down, crashed, starting up; 08: the connection; 53300: too many of them). What was asked may have happened or not. */
export const isAway = (error: unknown): boolean => /^(08|57P|53300)/.test(stateOf(error) ?? '08000')

/** Of a client that is used alone: the server goes, or there is none any more (pg, and the system, say that with an Error of no kind of its own). */
export const isConnectionLoss = (error: unknown): boolean =>
  error instanceof pg.DatabaseError ? isAway(error) : error instanceof Error && error.constructor === Error

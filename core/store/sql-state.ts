/** What PostgreSQL says of an error. */
import pg from 'pg'

/** The state (SQLSTATE) of PostgreSQL's own answer. A failure of the connection has a code as well, which may look like one: EPIPE. */
export const stateOf = (error: unknown): string | undefined =>
  error instanceof pg.DatabaseError ? error.code : undefined

/** Calls to our functions over a PostgreSQL connection, where a command has that and no API. */
import type pg from 'pg'
import type { Store } from '../core/store/store.ts'

/** Errors: PostgreSQL's own. */
export function databaseStore(client: pg.ClientBase): Pick<Store, 'rpc'> {
  return {
    async rpc<T>(fn: string, args: Record<string, unknown>): Promise<T> {
      const names = Object.keys(args)
      const { rows } = await client.query(
        `select public.${fn}(${names.map((name, i) => `${name} => $${i + 1}`).join(', ')}) as answer`,
        Object.values(args),
      )
      return rows[0].answer as T
    },
  }
}

/** The store's calls through one connection to the database, so that a test says when its transaction begins and ends: what two services do at the same moment. */
import pg from 'pg'
import type { Store } from '../../core/store/store.ts'
import type { TestDatabase } from './database.ts'

export interface Session {
  store: Store
  begin(): Promise<unknown>
  commit(): Promise<unknown>
  /** Whether it waits for a lock that another session holds. */
  waits(): Promise<boolean>
  end(): Promise<void>
}

export async function openSession(db: TestDatabase): Promise<Session> {
  const client = new pg.Client({ connectionString: db.databaseUrl })
  await client.connect()
  const [me] = (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows
  return {
    store: {
      async rpc<T>(fn: string, args: Record<string, unknown>): Promise<T> {
        const names = Object.keys(args)
        const { rows } = await client.query<{ answer: T }>(
          `select public.${fn}(${names.map((name, i) => `${name} => $${i + 1}`).join(', ')}) as answer`,
          names.map((name) => args[name]),
        )
        return rows[0]?.answer as T
      },
    },
    begin: () => client.query('begin'),
    commit: () => client.query('commit'),
    async waits() {
      const [row] = await db.sql<{ n: string }>('select count(*) as n from pg_locks where pid = $1 and not granted', [
        me?.pid,
      ])
      return Number(row?.n) > 0
    },
    end: () => client.end(),
  }
}

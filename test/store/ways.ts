/** The three adapters of every port, each with a database of its own, and what a test does with them beside the port. */
import { afterAll, beforeAll } from 'vitest'
import { createMemoryDatabase, type MemoryDatabase } from '../../core/store/memory/database.ts'
import { createPostgresStore } from '../../core/store/postgres-store.ts'
import { createPostgrestStore } from '../../core/store/postgrest-store.ts'
import type { Store } from '../../core/store/store.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

export const WAYS = ['memory', 'direct', 'postgrest'] as const
export type WayName = (typeof WAYS)[number]

/** Either `memory`, or `store` and `db`. */
export type Way = { name: WayName } & (
  | { memory: MemoryDatabase; store?: undefined; db?: undefined }
  | { memory?: undefined; store: Store; db: TestDatabase }
)

/** One port by its three adapters. */
export const adapters =
  <Port>(inMemory: (db: MemoryDatabase) => Port, overFunctions: (store: Store) => Port) =>
  (way: Way): Port =>
    way.memory ? inMemory(way.memory) : overFunctions(way.store)

/** Opens the ways for the tests of the file or of the block; they are there once the tests run. */
export function useWays(...names: WayName[]): Record<WayName, Way> {
  const ways = {} as Record<WayName, Way>
  const closers: (() => Promise<void>)[] = []
  beforeAll(async () => {
    for (const name of names) ways[name] = await open(name, closers)
  })
  afterAll(async () => {
    for (const close of closers.reverse()) await close()
  })
  return ways
}

async function open(name: WayName, closers: (() => Promise<void>)[]): Promise<Way> {
  if (name === 'memory') return { name, memory: createMemoryDatabase() }
  const db = await createTestDatabase()
  closers.push(db.drop)
  if (name === 'postgrest') return { name, db, store: createPostgrestStore({ url: db.supabaseUrl, key: db.key }) }
  const store = createPostgresStore({ url: db.databaseUrl })
  closers.push(() => store.close())
  return { name, db, store }
}

/** The answer, or the code of the error. */
export const outcome = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    (answer) => answer,
    (error) => ({ error: (error as { code?: string }).code ?? String(error) }),
  )

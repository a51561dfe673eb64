/** The store that the configuration names: PostgreSQL itself where its URL is known, else PostgREST. */
import type { Config } from '../config.ts'
import { findStrandlineError, StrandlineError } from '../errors.ts'
import { createPostgresStore } from './postgres-store.ts'
import { createPostgrestStore } from './postgrest-store.ts'
import type { Store } from './store.ts'

export interface OpenStore extends Store {
  close(): Promise<void>
}

type Named = Pick<Config, 'store' | 'databaseUrl' | 'supabase'>

export function openStore({ store, databaseUrl, supabase }: Named): OpenStore {
  if (store === 'direct') return createPostgresStore({ url: databaseUrl as string })
  return { ...createPostgrestStore(supabase as NonNullable<typeof supabase>), close: async () => {} }
}

/** Asked once, at the start: whoever has not answered by then cannot be compared. Milliseconds. */
const COMPARE_MS = 5_000

/**
 * Where both ways are configured they must lead to one database: otherwise trades would go where nobody looks for them.
 * Resolves to a sentence where that could not be seen, else to null. Error: CONFIG_INVALID.
 */
export async function compareWays({ store, databaseUrl, supabase }: Named): Promise<string | null> {
  if (store !== 'direct' || databaseUrl === undefined || !supabase) return null
  const direct = createPostgresStore({ url: databaseUrl, max: 1, timeoutMs: COMPARE_MS })
  const rest = createPostgrestStore({ ...supabase, timeoutMs: COMPARE_MS })
  try {
    const [here, there] = await Promise.all(
      [direct, rest].map((way) => way.rpc<string>('strandline_database_identity', {})),
    )
    if (here === there) return null
  } catch (error) {
    const known = findStrandlineError(error)
    if (!known?.code.startsWith('STORE_')) throw error
    return `Whether DATABASE_URL and SUPABASE_URL name one database could not be seen: ${known.message}`
  } finally {
    await direct.close()
  }
  throw new StrandlineError('CONFIG_INVALID', 'DATABASE_URL and SUPABASE_URL name two different databases.', {
    todo: 'Correct one of them, or unset DATABASE_URL (or set STRANDLINE_STORE=postgrest) to use SUPABASE_URL alone.',
  })
}

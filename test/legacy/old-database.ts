/** A database of the run's cluster with an old system in it, and a Supabase endpoint in front of it. */
import { randomBytes } from 'node:crypto'
import { withClient } from '../../core/store/client.ts'
import { createPostgrestStore, type PostgrestStore } from '../../core/store/postgrest-store.ts'
import { apiUrl } from '../../embedded/database.ts'
import { startSupabase } from '../../services/supabase/index.ts'
import { askEngine } from '../support/ask-engine.ts'
import { PASSWORD } from '../support/engine-desk.ts'
import { STATEMENT_MS } from '../support/patience.ts'
import { makeOldSystem, type OldSystem, type VariantName } from './old-system.ts'

export interface OldDatabase extends OldSystem {
  /** As the owner of the old tables. */
  databaseUrl: string
  /** Runs a statement as the owner and returns its rows. */
  sql<Row = Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>
  /** A Supabase endpoint in front of it, from the first call on. */
  store(): Promise<PostgrestStore>
  drop(): Promise<void>
}

export interface OldDatabaseOptions {
  /** Superuser's URL of another cluster than the run's. */
  server?: string
  /** Its owner is no superuser, as on a hosted project. */
  plainOwner?: boolean
  /** Done by the owner once the old system is there. */
  change?: string
}

export async function createOldDatabase(
  variant: VariantName,
  { server, plainOwner = false, change }: OldDatabaseOptions = {},
): Promise<OldDatabase> {
  const url = server ?? (await askEngine<{ url: string }>('postgres')).url
  const name = `old_${variant}_${randomBytes(5).toString('hex')}`
  const owner = plainOwner ? `owner_of_${name}` : undefined
  if (owner)
    await withClient(url, (client) =>
      client.query(
        `create role ${owner} login password '${PASSWORD}'; grant anon, authenticated, service_role to ${owner}`,
      ),
    )
  await withClient(url, (client) =>
    client.query(`create database ${name} template template0${owner ? ` owner ${owner}` : ''}`),
  )
  const databaseUrl = Object.assign(new URL(url), {
    pathname: `/${name}`,
    ...(owner ? { username: owner, password: PASSWORD } : {}),
  }).href
  const old = await makeOldSystem(databaseUrl, variant)
  if (change) await withClient(databaseUrl, (client) => client.query(change))
  const key = `sb_secret_${randomBytes(16).toString('hex')}`
  let endpoint: Awaited<ReturnType<typeof startSupabase>> | undefined
  return {
    ...old,
    databaseUrl,
    sql: <Row>(text: string, values: unknown[] = []) =>
      withClient(databaseUrl, async (client) => (await client.query(text, values)).rows as Row[]),
    async store() {
      endpoint ??= await startSupabase({
        databaseUrl: apiUrl(databaseUrl, PASSWORD),
        port: 0,
        serviceRoleKey: key,
        poolSize: 8,
        timeoutMs: STATEMENT_MS,
      })
      return createPostgrestStore({ url: endpoint.url, key })
    },
    async drop() {
      await endpoint?.stop()
      await withClient(url, async (client) => {
        await client.query(`drop database if exists ${name} with (force)`)
        if (owner) await client.query(`drop role ${owner}`)
      })
    },
  }
}

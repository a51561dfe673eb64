/** PostgreSQL and Supabase of one data folder, together. */
import { join } from 'node:path'
import type { Logger } from '../core/logger.ts'
import { withClient } from '../core/store/client.ts'
import { migrate } from '../core/store/migrate.ts'
import { API_ROLE, prepareOwnCluster } from '../services/supabase/api-role.ts'
import { startSupabase } from '../services/supabase/index.ts'
import { folderError } from './data-dir.ts'
import { type Postgres, startPostgres } from './postgres.ts'
import { loadSecrets } from './secrets.ts'
import { supervise } from './supervise.ts'

export interface DatabaseOptions {
  /** The stack's data folder; the cluster is in its subfolder `postgres`. */
  dataDir: string
  postgresPort: number
  supabasePort: number
  settings?: Record<string, string>
  portFlag?: string
  logger: Logger
  /** Hears when PostgreSQL ended by itself and came back. */
  say?(sentence: string): void
  restarted?(postgres: Postgres): void
  /** Gives the start up. */
  signal?: AbortSignal
}

export interface Database {
  postgres: Postgres
  databaseUrl: string
  supabaseUrl: string
  serviceRoleKey: string
  /** The versions of the migrations applied at this start. */
  migrated: string[]
  /** false while PostgreSQL is being started again. */
  up(): boolean
  stop(): Promise<void>
}

export async function startDatabase(options: DatabaseOptions): Promise<Database> {
  const { dataDir, postgresPort, supabasePort, settings, portFlag, logger, say = () => {}, restarted, signal } = options
  const secrets = await loadSecrets(dataDir)
  const server = await supervise<Postgres>({
    name: 'PostgreSQL',
    say,
    restarted,
    signal,
    start: (stopping) =>
      startPostgres({
        signal: stopping,
        say,
        dataDir: join(dataDir, 'postgres'),
        port: postgresPort,
        password: secrets.postgresPassword,
        logFile: join(dataDir, 'logs', 'postgres.log'),
        settings,
        portFlag,
        logger,
      }).catch((error) => {
        throw folderError(error, dataDir)
      }),
  })
  const postgres = server.current()
  try {
    await withClient(postgres.url(), (client) => prepareOwnCluster(client, secrets.apiPassword))
    const migrated = await migrate(postgres.url())
    const supabase = await startSupabase({
      databaseUrl: apiUrl(postgres.url(), secrets.apiPassword),
      port: supabasePort,
      serviceRoleKey: secrets.serviceRoleKey,
      portFlag,
    })
    return {
      postgres,
      databaseUrl: postgres.url(),
      supabaseUrl: supabase.url,
      serviceRoleKey: secrets.serviceRoleKey,
      migrated,
      up: server.up,
      async stop() {
        await supabase.stop()
        await server.stop()
      },
    }
  } catch (error) {
    await server.stop()
    throw error
  }
}

/** The same database of an embedded cluster, as the endpoint's login role. */
export function apiUrl(databaseUrl: string, password: string): string {
  const url = new URL(databaseUrl)
  url.username = API_ROLE
  url.password = password
  return url.href
}

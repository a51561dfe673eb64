/** `strandline supabase`: @supabase/lite in front of a PostgreSQL that is there already. */
import type { Command } from 'commander'
import { required, requirePostgresUrl } from '../core/config.ts'
import { StrandlineError } from '../core/errors.ts'
import { stopOnSignals } from '../core/host.ts'
import { createLogger } from '../core/logger.ts'
import { DEFAULT_BASE_PORT, stackPorts } from '../core/stack/layout.ts'
import { port } from './shared.ts'
import { withoutSecrets } from './stack-choice.ts'

export function register(program: Command): void {
  const fallback = stackPorts(DEFAULT_BASE_PORT).supabase
  program
    .command('supabase')
    .description(
      'Run the Supabase endpoint alone, in front of a PostgreSQL that is there already; the migrations are applied first.',
    )
    .option('--database-url <url>', 'postgres:// URL of the database (default: DATABASE_URL)')
    .option('--port <port>', `HTTP port (default: STRANDLINE_HTTP_PORT, else ${fallback})`, port)
    .addHelpText(
      'after',
      '\nExample:\n  DATABASE_URL=postgres://postgres:…@127.0.0.1:5432/strandline SUPABASE_SERVICE_ROLE_KEY=sb_secret_… ./strandline supabase\n',
    )
    .action(async (options: { databaseUrl?: string; port?: number }) => {
      const given = options.databaseUrl === undefined ? 'DATABASE_URL' : '--database-url'
      const databaseUrl = requirePostgresUrl(
        options.databaseUrl ?? required(process.env, 'DATABASE_URL', 'postgres://postgres:…@127.0.0.1:5432/strandline'),
        given,
      )
      const serviceRoleKey = required(process.env, 'SUPABASE_SERVICE_ROLE_KEY', 'sb_secret_…')
      if (!/^sb_secret_[\x21-\x7e]{10,}$/.test(serviceRoleKey))
        throw new StrandlineError(
          'CONFIG_INVALID',
          'SUPABASE_SERVICE_ROLE_KEY is not sb_secret_ and ten letters, digits or signs, or more.',
          { todo: 'Choose one that is, e.g. sb_secret_ and 30 random letters.' },
        )
      const logger = createLogger({ name: 'supabase' })
      logger.info(`Stack: the database ${withoutSecrets(databaseUrl)}`)
      const { prepareGivenDatabase } = await import('../services/supabase/api-role.ts')
      const { migrate } = await import('../core/store/migrate.ts')
      const { startSupabase } = await import('../services/supabase/index.ts')
      const apiUrl = await prepareGivenDatabase(databaseUrl, serviceRoleKey)
      const applied = await migrate(databaseUrl)
      if (applied.length > 0) logger.info({ applied }, `applied ${applied.length} migrations`)
      const supabase = await startSupabase({
        databaseUrl: apiUrl,
        port: options.port ?? (Number(process.env.STRANDLINE_HTTP_PORT?.trim()) || fallback),
        host: process.env.STRANDLINE_HTTP_HOST?.trim() || '127.0.0.1',
        serviceRoleKey,
        portFlag: '--port',
      })
      stopOnSignals(() => supabase.stop(), logger)
      logger.info({ url: supabase.url }, `Supabase listens on ${supabase.url}`)
    })
}

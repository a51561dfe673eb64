/** `strandline migrate`: brings a database's schema up to date. */
import type { Command } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import { DEFAULT_DATA_DIR, dataDirPath } from '../embedded/layout.ts'
import { findStack } from '../embedded/stack-file.ts'
import { say } from './output.ts'

interface Options {
  databaseUrl?: string
  dataDir: string
  json?: boolean
}

export function register(program: Command): void {
  program
    .command('migrate')
    .description(
      'Apply the migrations that a database lacks. `up` does this by itself; `supabase db push` does the same.',
    )
    .option('--database-url <url>', 'postgres:// URL of the database (default: DATABASE_URL, else the running stack)')
    .option('--data-dir <dir>', 'the running stack', DEFAULT_DATA_DIR)
    .option('--json', 'print one JSON object: {"applied": [versions]}')
    .addHelpText(
      'after',
      `\nExample:\n  ./strandline migrate --database-url postgres://postgres:…@127.0.0.1:54322/postgres\n`,
    )
    .action(async ({ databaseUrl, dataDir, json }: Options) => {
      const url = databaseUrl ?? (process.env.DATABASE_URL?.trim() || findStack(dataDirPath(dataDir))?.env.DATABASE_URL)
      if (!url)
        throw new StrandlineError('CONFIG_INVALID', 'It is not known which database to migrate.', {
          todo: 'Give --database-url, set DATABASE_URL, or start the stack, which migrates by itself.',
        })
      if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url))
        throw new StrandlineError('CONFIG_INVALID', 'The database URL is not one.', {
          todo: 'Write it like postgres://user:password@host:5432/database.',
        })
      const { migrate } = await import('../embedded/migrate.ts')
      const applied = await migrate(url)
      if (json) console.log(JSON.stringify({ applied }))
      else say(applied.length > 0 ? `Applied ${applied.join(', ')}.` : 'The schema is up to date.')
    })
}

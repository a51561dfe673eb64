/** `strandline migrate`: brings a database's schema up to date. */
import type { Command } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import { chooseDatabase } from './database-choice.ts'
import { say } from './output.ts'

interface Options {
  databaseUrl?: string
  dataDir?: string
  dryRun?: boolean
  json?: boolean
}

export function register(program: Command): void {
  program
    .command('migrate')
    .description(
      'Apply the migrations that a database lacks, all or none. `up` does this by itself; `supabase db push` does the same.',
    )
    .option('--database-url <url>', 'postgres:// URL of the database (default: DATABASE_URL, else the running stack)')
    .option('--data-dir <dir>', 'the running stack (default: .strandline)')
    .option(
      '--dry-run',
      'print the SQL that would be applied (all of it where no database is known) and change nothing',
    )
    .option('--json', 'print one JSON object: {"applied": [versions]}, or {"missing", "sql"}')
    .addHelpText(
      'after',
      `\nExample:\n  ./strandline migrate --database-url postgres://postgres:…@127.0.0.1:54322/postgres\n`,
    )
    .action(async ({ databaseUrl, dataDir, dryRun, json }: Options) => {
      const { migrate, missingMigrations, pasteable, readMigrations } = await import('../core/store/migrate.ts')
      const chosen = chooseDatabase(databaseUrl, dataDir)
      if (dryRun) {
        if (chosen) say(chosen.name)
        const missing = chosen ? await missingMigrations(chosen.url) : await readMigrations()
        if (json) console.log(JSON.stringify({ missing: missing.map((m) => m.version), sql: pasteable(missing) }))
        else if (missing.length > 0) process.stdout.write(pasteable(missing))
        else say('The schema is up to date.')
        return
      }
      if (!chosen)
        throw new StrandlineError('CONFIG_INVALID', 'It is not known which database to migrate.', {
          todo: 'Give --database-url, set DATABASE_URL, or start the stack, which migrates by itself.',
        })
      const { url, name } = chosen
      say(name)
      const applied = await migrate(url)
      if (json) console.log(JSON.stringify({ applied }))
      else say(applied.length > 0 ? `Applied ${applied.join(', ')}.` : 'The schema is up to date.')
    })
}

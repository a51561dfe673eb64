/** `strandline doctor`: what is there, what is wrong, and what to do first. Changes nothing. */
import type { Command } from 'commander'
import { systemClock } from '../core/clock.ts'
import { logLevel } from '../core/config.ts'
import { createLogger } from '../core/logger.ts'
import { dataDirPath } from '../core/stack/layout.ts'
import { findStack } from '../core/stack/stack-file.ts'
import { doctorText } from './doctor-text.ts'
import { say } from './output.ts'

interface Options {
  databaseUrl?: string
  dataDir?: string
  json?: boolean
}

/** What a look that was cut short left open must not keep the process. */
const LEFT_OPEN_MS = 1_000

export function register(program: Command): void {
  program
    .command('doctor')
    .description(
      'Look at database, API, broker, registry, topics and services, change nothing, and say what is there and what is wrong, in the order of what to do.',
    )
    .option('--database-url <url>', 'postgres:// URL of the database (default: DATABASE_URL, else the running stack)')
    .option('--data-dir <dir>', 'the running stack (default: .strandline)')
    .option('--json', 'print one JSON object: {"ok", "findings": [{"area", "severity", "what", "todo"}]}')
    .addHelpText(
      'after',
      `
It looks at what is named (DATABASE_URL, SUPABASE_URL with SUPABASE_SERVICE_ROLE_KEY, KAFKA_BROKERS, SCHEMA_REGISTRY_URL), or at the running stack; also at a database
that Strandline has never been in, and as a role that may only read.
Exit code 0: no error (there may be warnings). 1: something is wrong.

Examples:
  ./strandline doctor
  ./strandline doctor --database-url postgres://postgres:…@db.example.org:5432/postgres
  ./strandline doctor --json | jq -r '.findings[] | select(.severity == "error") | .what'
`,
    )
    .action(async ({ databaseUrl, dataDir, json }: Options) => {
      const [{ chooseTargets }, { examine }] = await Promise.all([
        import('./doctor-targets.ts'),
        import('../doctor/doctor.ts'),
      ])
      const folder = dataDirPath(dataDir)
      const targets = chooseTargets({
        dataDir: folder,
        explicit: dataDir !== undefined,
        databaseUrl,
        env: process.env,
        running: findStack(folder),
      })
      say(targets.name)
      // what it says is said in the findings
      const logger = createLogger({ level: logLevel('silent') })
      const report = await examine(targets, { clock: systemClock, logger })
      console.log(json ? JSON.stringify(report) : doctorText(report))
      if (!report.ok) process.exitCode = 1
      setTimeout(() => process.exit(), LEFT_OPEN_MS).unref()
    })
}

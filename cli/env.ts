/** `strandline env`: what points a program at a running stack, secrets among it. */
import type { Command } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import { dataDirPath } from '../core/stack/layout.ts'
import { findStack } from '../core/stack/stack-file.ts'
import { say } from './output.ts'

export function register(program: Command): void {
  program
    .command('env')
    .description(
      'Print what points a program at the running stack, as exports for a shell. Keys and passwords are among it.',
    )
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .option('--json', 'print one JSON object: {"KAFKA_BROKERS", "SCHEMA_REGISTRY_URL", "SUPABASE_URL", …}')
    .addHelpText('after', '\nExample:\n  eval "$(./strandline env)" && psql "$DATABASE_URL"\n')
    .action(({ dataDir, json }: { dataDir?: string; json?: boolean }) => {
      const folder = dataDirPath(dataDir)
      const running = findStack(folder)
      if (!running)
        throw new StrandlineError('STACK_NOT_RUNNING', `No stack runs in ${folder}.`, {
          todo: 'Start it (./strandline up), or name its folder with --data-dir.',
        })
      say(`Stack: ${folder} (running, process ${running.pid})`)
      console.log(json ? JSON.stringify(running.env) : exportsText(running.env))
    })
}

/** For any POSIX shell, whatever the values hold. */
export const exportsText = (env: Record<string, string>): string =>
  Object.entries(env)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'`)
    .join('\n')

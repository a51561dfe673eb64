/** `strandline rollback`: back to the model version that readers saw before. */
import type { Command } from 'commander'
import { rollback } from '../services/learner/promote.ts'
import { promotedText } from './promote-text.ts'
import { openStack } from './shared.ts'

export function register(program: Command): void {
  program
    .command('rollback')
    .description(
      'Switch readers back to the model version that they saw before the last promote, in one transaction. Learners have kept it up to date meanwhile; said again, it goes one further back.',
    )
    .option('--force', 'also to one that is empty or lags: readers then lack what it has not applied')
    .option(
      '--json',
      'print one JSON object: {"name", "hash", "build", "topic", "n", "lag_records", "previous"}; previous: the version that was left',
    )
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText('after', '\nExample:\n  ./strandline rollback\n')
    .action(async ({ force, json, dataDir }: { force?: boolean; json?: boolean; dataDir?: string }) => {
      const stack = await openStack({ dataDir, needs: ['database', 'kafka'] })
      try {
        const done = await rollback(stack, { force })
        console.log(json ? JSON.stringify(done) : promotedText(done))
      } finally {
        await stack.close()
      }
    })
}

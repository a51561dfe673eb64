/** `strandline audit`: is every closed trade in the log, the ledger and ad_strands, and counted once? */
import type { Command } from 'commander'
import { audit } from '../audit/audit.ts'
import { DEFAULT_DATA_DIR } from '../embedded/layout.ts'
import { auditCloses, auditText } from './demo-text.ts'
import { openStack } from './shared.ts'

export function register(program: Command): void {
  program
    .command('audit')
    .description(
      'Count every store itself, and compute all coefficients again from the log. Exit code 1 when something is lost, double or different.',
    )
    .option('--data-dir <dir>', 'folder of the stack', DEFAULT_DATA_DIR)
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExample:\n  ./strandline audit --json\n')
    .action(async (options: { dataDir: string; json?: boolean }) => {
      const stack = await openStack({ dataDir: options.dataDir, needs: ['database', 'kafka', 'registry'] })
      try {
        const report = await audit(stack)
        console.log(options.json ? JSON.stringify(report) : auditText(report))
        if (!auditCloses(report)) process.exitCode = 1
      } finally {
        await stack.close()
      }
    })
}

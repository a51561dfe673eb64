/** `strandline audit`: where is every closed trade, and does it count exactly once? */
import type { Command } from 'commander'
import { audit, isWaiting } from '../services/audit/audit.ts'
import { isAway, unseen, untilNothingWaits } from '../services/audit/wait.ts'
import { auditText } from './audit-text.ts'
import { wholeNumber } from './numbers.ts'
import { say } from './output.ts'
import { openStack } from './shared.ts'

interface Options {
  /** true: without a number. */
  wait?: number | true
  json?: boolean
  dataDir?: string
}

const WAIT_SECONDS = 300

export function register(program: Command): void {
  program
    .command('audit')
    .description(
      'Say where every closed trade is: count every store itself, and compute all coefficients again from the log.',
    )
    .option(
      '--wait [seconds]',
      `first wait until the outbox is empty and the log is applied, so many seconds at most (${WAIT_SECONDS})`,
      wholeNumber,
    )
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .option(
      '--json',
      'print one JSON object: {"closed", "waiting_outbox", "in_log", "behind", "refused": {reason: n}, "discarded": {reason: n}, "not_for_model", "in_ledger", "in_ad_strands", "lost", "double", "wrong", "reconciles", …}',
    )
    .addHelpText(
      'after',
      `
Exit code 0: all is accounted for. 1: something is lost, double or wrong, or the audit failed. 3: nothing is, but something still waits.

Examples:
  ./strandline audit --json
  ./strandline audit --wait 60
`,
    )
    .action(async ({ wait, json, dataDir }: Options) => {
      const stack = await openStack({ dataDir, needs: ['database', 'kafka', 'registry'] })
      try {
        if (wait !== undefined) {
          const waiting = await untilNothingWaits(stack, wait === true ? WAIT_SECONDS : wait, say)
          if (waiting) say(waiting)
        }
        const report = await audit(stack).catch((cause) => {
          throw wait !== undefined && isAway(cause) ? unseen(cause) : cause
        })
        console.log(json ? JSON.stringify(report) : auditText(report))
        if (!report.reconciles) process.exitCode = 1
        else if (isWaiting(report)) process.exitCode = 3
      } finally {
        await stack.close()
      }
    })
}

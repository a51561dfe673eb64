/** `strandline promote`: which model version readers see. */
import type { Command } from 'commander'
import { planPromotion } from '../services/learner/plan-promotion.ts'
import { promote } from '../services/learner/promote.ts'
import { createProgress } from './progress.ts'
import { planText, promotedText } from './promote-text.ts'
import { openStack } from './shared.ts'

interface Options {
  topic?: string
  dryRun?: boolean
  force?: boolean
  json?: boolean
  dataDir?: string
}

/** Coefficients after which it takes longer than a person looks at a still screen. */
const MANY = 50_000

export function register(program: Command): void {
  program
    .command('promote')
    .description(
      'Switch readers (allocations, coefficients, the baseline) to a model version, in one transaction: nothing else does. Refused while it is empty, or has not applied all of its log.',
    )
    .argument('[version]', 'a model, or a hash (./strandline models); default: what is newer than what readers see')
    .option('--dry-run', 'say what would change for readers, and change nothing')
    .option('--force', 'also one that is empty or lags: readers then lack what it has not applied')
    .option('--topic <topic>', 'which of its versions, where a model learns from several topics')
    .option(
      '--json',
      'print one JSON object: {"name", "hash", "build", "topic", "n", "lag_records", "previous"}; previous: the version before, or null. With --dry-run: {"from", "to", "n", "lag_records", "before", "after", "appear", "vanish", "move", "both", "largest", "global_rr"}',
    )
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText(
      'after',
      '\nLearners and decision services that run follow at once. Back: ./strandline rollback.\n\nExamples:\n  ./strandline promote --dry-run\n  ./strandline promote\n  ./strandline promote freqtrade\n',
    )
    .action(async (name: string | undefined, { topic, dryRun, force, json, dataDir }: Options) => {
      const stack = await openStack({ dataDir, needs: ['database', 'kafka'] })
      try {
        if (dryRun) {
          const progress = createProgress()
          const plan = await planPromotion(
            stack,
            { name, topic },
            (n) => n >= MANY && progress('comparing', n, undefined, `${n} coefficients`),
          )
          progress.end()
          return console.log(json ? JSON.stringify(plan) : planText(plan))
        }
        const done = await promote(stack, { name, topic, force })
        const folder = dataDir === undefined ? '' : ` --data-dir ${dataDir}`
        console.log(json ? JSON.stringify(done) : promotedText(done, `./strandline rollback${folder}`))
      } finally {
        await stack.close()
      }
    })
}

/** `strandline drop`: a model version taken away. */
import type { Command } from 'commander'
import { drop } from '../services/learner/drop.ts'
import { createProgress } from './progress.ts'
import { label } from './promote-text.ts'
import { openStack } from './shared.ts'

export function register(program: Command): void {
  program
    .command('drop')
    .description(
      'Take a model version away: its ledger, sums, dead letters and checkpoints, and its consumer group in Kafka. Never what readers see, nor what another version reads; the log keeps every trade. Broken off, it goes on when it is said again.',
    )
    .argument('<version>', 'a model, or a hash (./strandline models)')
    .option('--topic <topic>', 'which of its versions, where a model learns from several topics')
    .option('--json', 'print one JSON object: {"name", "hash", "build", "topic", "rows"}')
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText(
      'after',
      '\nLearners that run let go of it. A learner that is started learns its own model (STRANDLINE_MODEL, --model) anew.\n\nExample:\n  ./strandline drop 3f9c1a2b4c5d.r2\n',
    )
    .action(async (name: string, { topic, json, dataDir }: { topic?: string; json?: boolean; dataDir?: string }) => {
      const stack = await openStack({ dataDir, needs: ['database', 'kafka'] })
      const progress = createProgress()
      try {
        const done = await drop(stack, {
          name,
          topic,
          progress: (rows) => rows > 0 && progress('dropping', rows, undefined, `${rows} rows are gone`),
        })
        progress.end()
        console.log(json ? JSON.stringify(done) : `${label(done)} is dropped: ${done.rows} rows.`)
      } finally {
        await stack.close()
      }
    })
}

/** `strandline activate`: which model's coefficients readers see. */
import type { Command } from 'commander'
import { activate } from '../services/learner/activate.ts'
import { openStack } from './shared.ts'

interface Options {
  topic?: string
  force?: boolean
  json?: boolean
  dataDir?: string
}

export function register(program: Command): void {
  program
    .command('activate')
    .description(
      'Switch readers (allocations, coefficients, the baseline) to what was learned under a model. Starting a learner never does: it only becomes active where nothing is.',
    )
    .argument('<model>', 'name of a model under which a learner has run, e.g. freqtrade')
    .option('--topic <topic>', 'which of its versions, where it learns from several topics')
    .option('--force', 'also one that is empty, or has not applied all of its log')
    .option(
      '--json',
      'print one JSON object: {"model", "topic", "hash", "n", "lag_records", "previous"}; previous: the model that was active before, or null',
    )
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText('after', '\nExample:\n  ./strandline activate freqtrade\n')
    .action(async (model: string, { topic, force, json, dataDir }: Options) => {
      const stack = await openStack({ dataDir, needs: ['database', 'kafka'] })
      try {
        const done = await activate(stack, { model, topic, force })
        if (json) return console.log(JSON.stringify(done))
        const before = done.previous === model ? ' It was before.' : done.previous ? ` Before: ${done.previous}.` : ''
        console.log(`Readers see ${model} now: ${done.n} scored trades of ${done.topic}.${before}`)
      } finally {
        await stack.close()
      }
    })
}

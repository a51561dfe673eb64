/** `strandline coefficients`: what is learned, hot and cold marked. */
import { type Command, Option } from 'commander'
import { createCoefficientStore } from '../core/store/coefficient-store.ts'
import { type LearnedModel, readLearned } from '../core/store/learned.ts'
import { type AnsweringVersion, coefficientsText } from './coefficients-text.ts'
import { wholeNumber } from './numbers.ts'
import { openStack } from './shared.ts'

interface Options {
  json?: boolean
  scope?: 'lever' | 'interaction'
  name?: string
  minN?: number
  model?: string
  limit?: number
  dataDir?: string
}

/** Rows that a person reads at once. */
const SCREEN = 200

export function register(program: Command): void {
  program
    .command('coefficients')
    .description(
      'Print what is learned: the baseline, then every coefficient with its weight, R/R and number of trades; hot and cold ones marked.',
    )
    .addOption(new Option('--scope <scope>', 'only these').choices(['lever', 'interaction']))
    .option('--name <name>', 'only coefficients of this name, e.g. curator')
    .option('--min-n <n>', 'only coefficients with at least so many trades', wholeNumber)
    .option(
      '--model <name>',
      'of this model or version (./strandline models), also where readers see another one (default: the active one)',
    )
    .option('--limit <n>', `print at most so many; 0: all (default: ${SCREEN}, with --json all)`, wholeNumber)
    .option(
      '--json',
      'print one JSON object: {"model": {"name", "hash", "build", "active"}, "active", "global_rr", "coefficients"}',
    )
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText(
      'after',
      '\nExample:\n  ./strandline coefficients --scope lever --name curator --min-n 5\n  ./strandline coefficients --model freqtrade\n',
    )
    .action(async ({ json, limit = json ? 0 : SCREEN, scope, name, minN, model, dataDir }: Options) => {
      const stack = await openStack({ dataDir })
      try {
        const {
          version,
          global_rr,
          rows: all,
        } = await readLearned(createCoefficientStore(stack.store), { scope, name, minN, model })
        const from = versionOf(version)
        const shown = limit === 0 ? all : all.slice(0, limit)
        console.log(
          json
            ? JSON.stringify({ model: from, active: from?.active ?? false, global_rr, coefficients: shown })
            : coefficientsText(global_rr, shown, all.length - shown.length, from),
        )
      } finally {
        await stack.close()
      }
    })
}

const versionOf = (version: LearnedModel | null): AnsweringVersion | null =>
  version && {
    name: version.model.definition.name,
    hash: version.model.hash,
    build: version.build,
    active: version.active,
  }

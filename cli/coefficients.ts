/** `strandline coefficients`: what is learned, hot and cold marked. */
import { type Command, Option } from 'commander'
import { type CoefficientStore, createCoefficientStore } from '../core/store/coefficient-store.ts'
import { readLearned } from '../core/store/learned.ts'
import { answeringVersion, coefficientsHead } from '../replay/answers.ts'
import { createHistoryStore } from '../replay/history-store.ts'
import { coefficientsText } from './coefficients-text.ts'
import { cutOf, type Moment, type MomentOptions, momentJson, momentOptions, momentText, namesMoment } from './moment.ts'
import { wholeNumber } from './numbers.ts'
import { withHistory } from './open-log.ts'
import { openStack } from './shared.ts'

interface Options extends MomentOptions {
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
  const command = program
    .command('coefficients')
    .description(
      'Print what is learned: the baseline, then every coefficient with its weight, what its trades came to and their number; by a model with the rule shrunk also how far it is believed. Hot and cold ones are marked.',
    )
    .addOption(new Option('--scope <scope>', 'only these').choices(['lever', 'interaction']))
    .option('--name <name>', 'only coefficients of this name, e.g. curator')
    .option('--min-n <n>', 'only coefficients with at least so many trades', wholeNumber)
    .option(
      '--model <name>',
      'of this model or version (./strandline models), also where readers see another one (default: the active one)',
    )
    .option('--limit <n>', `print at most so many; 0: all (default: ${SCREEN}, with --json all)`, wholeNumber)
  momentOptions(command)
    .option(
      '--json',
      'print one JSON object: {"model": {"name", "hash", "build", "active", "outcome"}, "active", "as_of", "global_rr", "spread", "least_difference", "coefficients"}; rr_short and rr_long are means of the outcome, whatever it is; hot, cold: they differ by a quarter of rr_long, and by least_difference at least',
    )
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText(
      'after',
      `
Without a moment they are read from the database; with one they are folded from the log.

Examples:
  ./strandline coefficients --scope lever --name curator --min-n 5
  ./strandline coefficients --model freqtrade
  ./strandline coefficients --as-of 2026-05-01T00:00Z
`,
    )
    .action(async (options: Options) => {
      if (namesMoment(options))
        return withHistory(options, (opened) => {
          const cut = cutOf(options, opened.ends)
          return print(createHistoryStore(opened, cut), options, momentJson(options, cut))
        })
      const stack = await openStack({ dataDir: options.dataDir })
      try {
        await print(createCoefficientStore(stack.store), options, momentJson(options, {}))
      } finally {
        await stack.close()
      }
    })
}

async function print(store: CoefficientStore, options: Options, moment: Moment): Promise<void> {
  const { json, limit = json ? 0 : SCREEN, scope, name, minN, model } = options
  const { version, global_rr, rows: all, spread } = await readLearned(store, { scope, name, minN, model })
  const from = answeringVersion(version)
  const shown = limit === 0 ? all : all.slice(0, limit)
  const text = () =>
    coefficientsText(
      version?.model.definition ?? null,
      { global_rr, rows: shown, spread },
      all.length - shown.length,
      from && { ...from, moment: momentText(options) },
    )
  console.log(
    json
      ? JSON.stringify({ ...coefficientsHead({ version, global_rr, spread }, moment), coefficients: shown })
      : text(),
  )
}

/** `strandline dead-letters redrive`: the records of dead letters, published again. */
import type { Command } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import { requireChoice } from '../services/learner/choose-letters.ts'
import { createDeadLetterStore, type Place } from '../services/learner/dead-letter-store.ts'
import { type LeftLetter, MAX_REDRIVES } from '../services/learner/redrive.ts'
import { previewChosen, previewJson, redriveChosen } from '../services/learner/redrive-chosen.ts'
import { type FilterOptions, filterOf, filterOptions, places, topicOf } from './dead-letter-choice.ts'
import { previewText, redrivenText } from './dead-letters-text.ts'
import { safeJson } from './escaped.ts'
import { wholeNumber } from './numbers.ts'
import { createProgress } from './progress.ts'
import { openStack } from './shared.ts'

interface Options extends FilterOptions {
  all?: boolean
  again?: boolean
  force?: boolean
  max?: number
  dryRun?: boolean
  json?: boolean
  dataDir?: string
}

/** Lines that a person reads at once. */
const SCREEN = 200
const WHICH =
  'Name their places (dead-letters redrive 0:17 3:4), choose by --reason, --since, --until or --partition, or add --all for every open one.'
/** Left in bulk on purpose: no failure. */
const EXPECTED: LeftLetter['code'][] = ['failed_again', 'too_often']

export function registerRedrive(parent: Command): void {
  const command = parent
    .command('redrive')
    .description(
      'Publish records to the topic again, as they are, each into its own partition. What is good now counts once, however often it is published; what is refused again is a letter again, at its new place.',
    )
    .argument('[partition:offset...]', 'the records at these places', places)
    .option('--all', 'every open one whose record was not redriven before')
  filterOptions(command)
    .option('--again', 'with --all or what they are chosen by: also those that were redriven before and refused again')
    .option('--force', `those that are named, also where they were redriven ${MAX_REDRIVES} times`)
    .option('--max <n>', 'at most so many', wholeNumber)
    .option('--dry-run', 'only say what would be published where')
    .option(
      '--json',
      'print one JSON object: {"topic", "redriven", "skipped"}, or {"topic", "would_redrive", "skipped"}',
    )
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText(
      'after',
      `
Put right what was wrong first. What was redriven before and refused again is only redriven by name, or with --again: so redrive --all may run
every hour. Interrupted, say it again: what was published already is found. Exit code 1: one that was named, or is gone, could not be redriven.

Examples:
  ./strandline dead-letters redrive --reason unknown_schema --dry-run
  ./strandline dead-letters redrive 0:17 3:4
  ./strandline dead-letters redrive --all
`,
    )
    .action(async (named: Place[] | undefined, options: Options) => redriveThem(named ?? [], options))
}

async function redriveThem(named: Place[], options: Options): Promise<void> {
  const { all, again, force, max, dryRun, json, dataDir } = options
  const filter = filterOf(options)
  if (force && named.length === 0)
    throw new StrandlineError('USAGE', '--force takes letters that are named.', {
      todo: 'Name their places (dead-letters redrive 0:17 --force).',
    })
  const bulk = all || filter ? { filter } : undefined
  const choice = { named, bulk, again, force, max }
  requireChoice(choice, WHICH)
  const stack = await openStack({ dataDir, needs: ['database', 'kafka'] })
  try {
    const topic = topicOf(stack)
    const deps = { store: createDeadLetterStore(stack.store), log: stack.log }
    const bar = createProgress()
    const progress = (done: number, total: number) => {
      if (total > 1) bar(dryRun ? 'Looking' : 'Redriving', done, total)
    }
    const answered = (skipped: LeftLetter[]) => {
      bar.end()
      if (skipped.some((l) => named.length > 0 || !EXPECTED.includes(l.code))) process.exitCode = 1
    }
    if (dryRun) {
      const preview = await previewChosen(deps, topic, { ...choice, progress })
      answered(preview.skipped)
      console.log(json ? safeJson(previewJson(preview)) : previewText(topic, preview.would, preview.skipped, SCREEN))
    } else {
      const done = await redriveChosen(deps, topic, { ...choice, progress })
      answered(done.skipped)
      console.log(json ? safeJson(done) : redrivenText(done.redriven, done.skipped, SCREEN))
    }
  } finally {
    await stack.close()
  }
}

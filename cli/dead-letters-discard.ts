/** `strandline dead-letters discard` and `reopen`: letters that are settled without being applied, and open again. */
import type { Command } from 'commander'
import { requireChoice } from '../services/learner/choose-letters.ts'
import { createDeadLetterStore, type DeadLetterStore, type Place } from '../services/learner/dead-letter-store.ts'
import { discardChosen, reopenChosen, requireWhy, type Settled } from '../services/learner/settle-chosen.ts'
import { person } from './author.ts'
import { type FilterOptions, filterOf, filterOptions, places, topicOf } from './dead-letter-choice.ts'
import { settledText } from './dead-letters-text.ts'
import { safeJson } from './escaped.ts'
import { wholeNumber } from './numbers.ts'
import { openStack } from './shared.ts'

interface DiscardOptions extends Omit<FilterOptions, 'reason'> {
  /** Why they are discarded. */
  reason: string
  refusedFor?: string[]
  max?: number
  dryRun?: boolean
  json?: boolean
  dataDir?: string
}

/** Lines that a person reads at once. */
const SCREEN = 200

export function registerDiscard(parent: Command): void {
  const command = parent
    .command('discard')
    .description(
      'Settle letters without applying them: they are open no more, and no redrive of many takes them. Who, when and why is kept; the records stay in both topics.',
    )
    .argument('[partition:offset...]', 'the letters of the records at these places', places)
    .requiredOption('--reason <text>', 'why, for whoever looks at it later')
  filterOptions(command, '--refused-for')
    .option('--max <n>', 'at most so many', wholeNumber)
    .option('--dry-run', 'only say which')
    .option(
      '--json',
      'print one JSON object: {"topic", "discarded", "skipped"}, or {"topic", "would_discard", "skipped"}',
    )
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText(
      'after',
      `
The audit names them: refused, and discarded. reopen takes it back.

Examples:
  ./strandline dead-letters discard 0:17 --reason "a test of the exporter"
  ./strandline dead-letters discard --refused-for bad_magic --until 2026-05-01T00:00Z --reason "JSON of the first exporter" --dry-run
`,
    )
    .action(async (named: Place[] | undefined, options: DiscardOptions) => discardThem(named ?? [], options))
}

export function registerReopen(parent: Command): void {
  parent
    .command('reopen')
    .description('Take a discard back: the letters are open again.')
    .argument('<partition:offset...>', 'the letters of the records at these places', places)
    .option('--json', 'print one JSON object: {"topic", "reopened", "skipped"}')
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText('after', '\nExample:\n  ./strandline dead-letters reopen 0:17\n')
    .action(async (named: Place[], { json, dataDir }: { json?: boolean; dataDir?: string }) =>
      settle({ dataDir, json }, 'open again', 'reopened', ({ store, topic }) => reopenChosen(store, topic, named)),
    )
}

async function discardThem(named: Place[], options: DiscardOptions): Promise<void> {
  const { refusedFor, max, dryRun } = options
  const why = requireWhy(options.reason, '--reason', '--refused-for')
  const { reason: _, ...others } = options
  const filter = filterOf({ ...others, reason: refusedFor })
  const choice = { named, bulk: filter && { filter }, max, dryRun, by: person(), why }
  requireChoice(choice, WHICH)
  await settle(options, dryRun ? 'would be discarded' : 'discarded', dryRun ? 'would_discard' : 'discarded', (of) =>
    discardChosen(of.store, of.topic, choice),
  )
}

const WHICH =
  'Name their places (dead-letters discard 0:17 3:4 …), or choose by --refused-for, --since, --until or --partition.'

/** @param word what they are then, for a person @param name the same in JSON */
async function settle(
  { dataDir, json }: { dataDir?: string; json?: boolean },
  word: string,
  name: string,
  change: (of: { store: DeadLetterStore; topic: string }) => Promise<Settled>,
): Promise<void> {
  const stack = await openStack({ dataDir })
  try {
    const topic = topicOf(stack)
    const { settled, skipped } = await change({ store: createDeadLetterStore(stack.store), topic })
    console.log(json ? safeJson({ topic, [name]: settled, skipped }) : settledText(settled, skipped, word, SCREEN))
    if (skipped.length > 0) process.exitCode = 1
  } finally {
    await stack.close()
  }
}

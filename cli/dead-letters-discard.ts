/** `strandline dead-letters discard` and `reopen`: letters that are settled without being applied, and open again. */
import type { Command } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import { REJECT_REASONS } from '../domain/validation.ts'
import type { DeadLetter, DeadLetterState } from '../services/learner/dead-letter-list.ts'
import { createDeadLetterStore, type DeadLetterStore, type Place } from '../services/learner/dead-letter-store.ts'
import { discardLetters, reopenLetters } from '../services/learner/discard.ts'
import type { LeftLetter } from '../services/learner/redrive.ts'
import { person } from './author.ts'
import {
  type Bulk,
  choose,
  type FilterOptions,
  filterOf,
  filterOptions,
  places,
  requireChoice,
  topicOf,
} from './dead-letter-choice.ts'
import { placeText, settledText } from './dead-letters-text.ts'
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
      settle({ dataDir, json }, named, undefined, {
        from: 'discarded',
        word: 'open again',
        name: 'reopened',
        change: reopenLetters,
      }),
    )
}

async function discardThem(named: Place[], options: DiscardOptions): Promise<void> {
  const { refusedFor, max, dryRun } = options
  const why = options.reason.trim()
  if (why === '' || (REJECT_REASONS as string[]).includes(why))
    throw new StrandlineError('USAGE', '--reason says why the letters are discarded.', {
      todo: 'Write a few words. To choose letters by what they were refused for: --refused-for.',
    })
  const { reason: _, ...others } = options
  const filter = filterOf({ ...others, reason: refusedFor })
  const bulk = filter && { filter }
  requireChoice(named, bulk, WHICH)
  await settle(options, named, bulk, {
    from: 'open',
    word: dryRun ? 'would be discarded' : 'discarded',
    name: dryRun ? 'would_discard' : 'discarded',
    max,
    change: async (store, topic, letters) => (dryRun ? letters : discardLetters(store, topic, letters, person(), why)),
  })
}

const WHICH =
  'Name their places (dead-letters discard 0:17 3:4 …), or choose by --refused-for, --since, --until or --partition.'

interface Settling {
  /** The state in which letters can be settled. */
  from: DeadLetterState
  /** What they are then, for a person and in JSON. */
  word: string
  name: string
  max?: number
  change(store: DeadLetterStore, topic: string, letters: DeadLetter[]): Promise<Place[]>
}

async function settle(
  { dataDir, json }: { dataDir?: string; json?: boolean },
  named: Place[],
  bulk: Bulk,
  { from, word, name, max, change }: Settling,
): Promise<void> {
  const stack = await openStack({ dataDir })
  try {
    const topic = topicOf(stack)
    const store = createDeadLetterStore(stack.store)
    const { letters, unknown } = await choose(store, topic, named, bulk)
    const taken = letters.filter((l) => l.state === from).slice(0, max)
    const settled = (await change(store, topic, taken)).map(({ partition, offset }) => ({ partition, offset }))
    const done = new Set(settled.map(placeText))
    const candidates = named.length > 0 ? letters : taken
    const left: LeftLetter[] = candidates
      .filter((l) => !done.has(placeText(l)))
      .map((l) => ({ partition: l.partition, offset: l.offset, ...whyNot(l, from) }))
    const skipped = [...unknown, ...left]
    console.log(json ? safeJson({ topic, [name]: settled, skipped }) : settledText(settled, skipped, word, SCREEN))
    if (skipped.length > 0) process.exitCode = 1
  } finally {
    await stack.close()
  }
}

function whyNot(letter: DeadLetter, from: DeadLetterState): Pick<LeftLetter, 'code' | 'why'> {
  const { state, redriven_to } = letter
  if (state === from) return { code: 'unknown', why: 'somebody else has dealt with it' }
  if (state === 'redriven')
    return { code: state, why: `it was redriven${redriven_to ? `, to ${placeText(redriven_to)}` : ''}` }
  if (state === 'applied') return { code: state, why: 'it was applied since, by a replay' }
  return state === 'discarded' ? { code: state, why: 'it is discarded already' } : { code: 'open', why: 'it is open' }
}

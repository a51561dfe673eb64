/** `strandline dead-letters`: records that could not be applied: why, everything about one, publishing them again, and settling them. */
import type { Command } from 'commander'
import { createRegistryClient } from '../core/codec/registry.ts'
import { readRegistryConfig } from '../core/config.ts'
import { StrandlineError } from '../core/errors.ts'
import { createLagStore } from '../core/lag/lag-store.ts'
import { deadLetterJson } from '../services/learner/dead-letter-json.ts'
import { letterList } from '../services/learner/dead-letter-list.ts'
import { createDeadLetterStore, type Place } from '../services/learner/dead-letter-store.ts'
import { describeDeadLetter } from '../services/learner/describe-dead-letter.ts'
import { placeText } from '../services/learner/place.ts'
import { type FilterOptions, filterOf, filterOptions, place, topicOf } from './dead-letter-choice.ts'
import { deadLetterText } from './dead-letter-text.ts'
import { registerDiscard, registerReopen } from './dead-letters-discard.ts'
import { registerRedrive } from './dead-letters-redrive.ts'
import { deadLettersText } from './dead-letters-text.ts'
import { safeJson } from './escaped.ts'
import { wholeNumber } from './numbers.ts'
import { openStack } from './shared.ts'

/** Rows that a person reads at once. */
const SCREEN = 200

export function register(program: Command): void {
  const command = program
    .command('dead-letters')
    .description(
      'The records that the learner could not apply: where each one is, why, and since when; everything about one; publishing them again, or settling them.',
    )
    .addHelpText(
      'after',
      `
Put right what was wrong first: a schema that the registry did not know, a limit that a newer version lifts.

Examples:
  ./strandline dead-letters
  ./strandline dead-letters show 3:17
  ./strandline dead-letters redrive --reason unknown_schema --dry-run
  ./strandline dead-letters discard 0:17 --reason "a test of the exporter"
`,
    )
  registerList(command)
  registerShow(command)
  registerRedrive(command)
  registerDiscard(command)
  registerReopen(command)
}

interface ListOptions extends FilterOptions {
  all?: boolean
  max?: number
  json?: boolean
  dataDir?: string
}

function registerList(parent: Command): void {
  const command = parent
    .command('list', { isDefault: true })
    .description(
      'Print them, with how many there are of each reason, and what one can do about it. What dead-letters does by itself.',
    )
    .option('--all', 'also those that were redriven, discarded, or applied since')
  filterOptions(command)
    .option('--max <n>', `print at most so many (default: ${SCREEN}, with --json all)`, wholeNumber)
    .option(
      '--json',
      'print one JSON object: {"topic", "dead_letters": [{"partition", "offset", "reason", "state", …}], "by_reason": {reason: n}}',
    )
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText(
      'after',
      '\nExamples:\n  ./strandline dead-letters\n  ./strandline dead-letters list --reason bad_magic truncated --since 2026-05-01T00:00Z --json\n',
    )
    .action(async (options: ListOptions) => {
      const { all = false, json, max: limit = json ? undefined : SCREEN, dataDir } = options
      const stack = await openStack({ dataDir })
      try {
        const topic = topicOf(stack)
        const store = createDeadLetterStore(stack.store)
        const list = await letterList(store, topic, { all, filter: filterOf(options), limit })
        console.log(json ? safeJson(list) : deadLettersText(list.dead_letters, Object.entries(list.by_reason), all))
      } finally {
        await stack.close()
      }
    })
}

function registerShow(parent: Command): void {
  parent
    .command('show')
    .description(
      'Print everything about one: why, its history, key, headers, and its value, decoded as far as it goes. Of a record that the topic does not have any more: of its copy in the dead-letter topic.',
    )
    .argument('<partition:offset>', 'where the record is, as dead-letters prints it', place)
    .option(
      '--json',
      'print one JSON object, with all bytes: {"topic", "partition", "offset", "reason", "what", "todo", "state", "history", "record", …}',
    )
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText('after', '\nExample:\n  ./strandline dead-letters show 3:17\n')
    .action(async (at: Place, { json, dataDir }: { json?: boolean; dataDir?: string }) => {
      // Without a registry it says what it could not decode; in a folder, where nothing runs, ours is started.
      const alone = Boolean(process.env.KAFKA_BROKERS?.trim()) && !process.env.SCHEMA_REGISTRY_URL?.trim()
      const stack = await openStack({
        dataDir,
        needs: alone ? ['database', 'kafka'] : ['database', 'kafka', 'registry'],
      })
      try {
        const topic = topicOf(stack)
        const named = stack.env.SCHEMA_REGISTRY_URL?.trim()
        const deps = {
          store: createDeadLetterStore(stack.store),
          lag: createLagStore(stack.store),
          log: stack.log,
          registry: named ? createRegistryClient(readRegistryConfig(stack.env)) : null,
        }
        const described = await describeDeadLetter(deps, topic, at)
        if (!described)
          throw new StrandlineError('LETTER_UNKNOWN', `There is no dead letter ${placeText(at)} of ${topic}.`, {
            todo: './strandline dead-letters list --all prints them.',
          })
        console.log(json ? safeJson(deadLetterJson(topic, described)) : deadLetterText(topic, described))
      } finally {
        await stack.close()
      }
    })
}

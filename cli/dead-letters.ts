/** `strandline dead-letters`: records that could not be applied, why, and publishing them again. */

import { type Command, InvalidArgumentError } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import { POSITION_CLOSED } from '../domain/event-type.ts'
import { createDeadLetterStore } from '../services/learner/dead-letter-store.ts'
import { listDeadLetters, type Place, type RecordedDeadLetter, redrive } from '../services/learner/redrive.ts'
import { deadLettersText, placeText, redrivenText } from './dead-letters-text.ts'
import { type OpenStack, openStack } from './shared.ts'

interface Options {
  /** true: `--redrive` without places. */
  redrive?: Place[] | true
  all?: boolean
  json?: boolean
  dataDir?: string
}

/** Rows that a person reads at once. */
const SCREEN = 200

export function register(program: Command): void {
  program
    .command('dead-letters')
    .description(
      'Print the records that the learner could not apply: where each one is, why, and since when. With --redrive, publish them to the topic again.',
    )
    .option(
      '--redrive [partition:offset...]',
      'publish the records at these places again, as they are; with --all every open one',
      places,
    )
    .option('--all', 'also those that were redriven or applied since; with --redrive: every open one')
    .option('--json', 'print one JSON object: {"topic", "dead_letters"}, or {"topic", "redriven", "skipped"}')
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText(
      'after',
      `
Put right what was wrong first: a schema that the registry did not know, a limit that a newer version lifts. A redriven record is applied once,
however often it is published; where it cannot be applied it becomes a dead letter again, at its new place.

Examples:
  ./strandline dead-letters
  ./strandline dead-letters --redrive 0:17 3:4
  ./strandline dead-letters --redrive --all
`,
    )
    .action(async ({ redrive: wanted, all, json, dataDir }: Options) => {
      const stack = await openStack({ dataDir, needs: wanted ? ['database', 'kafka'] : ['database'] })
      try {
        // Neither brokers nor registry are needed to know it.
        const topic = stack.env.STRANDLINE_TOPIC?.trim() || POSITION_CLOSED.topic
        if (wanted) await redriveThem(stack, topic, wanted === true ? (all ? 'open' : []) : wanted, json === true)
        else await print(stack, topic, all === true, json === true)
      } finally {
        await stack.close()
      }
    })
}

async function print(stack: OpenStack, topic: string, all: boolean, json: boolean): Promise<void> {
  const letters = await listDeadLetters(createDeadLetterStore(stack.store), topic, {
    all,
    ...(json ? {} : { limit: SCREEN + 1 }),
  })
  console.log(json ? JSON.stringify({ topic, dead_letters: letters }) : deadLettersText(letters, SCREEN, all))
}

async function redriveThem(stack: OpenStack, topic: string, wanted: Place[] | 'open', json: boolean): Promise<void> {
  if (wanted.length === 0)
    throw new StrandlineError('USAGE', 'Which dead letters?', {
      todo: 'Name their places (--redrive 0:17 3:4), or add --all for every open one.',
    })
  const letters = await listDeadLetters(createDeadLetterStore(stack.store), topic, { all: wanted !== 'open' })
  const known = new Map(letters.map((l) => [placeText(l), l]))
  const asked: Place[] = wanted === 'open' ? letters : wanted
  const open = asked.filter((p) => known.get(placeText(p))?.state === 'open')
  const redriven = await redrive({ store: createDeadLetterStore(stack.store), log: stack.log }, topic, open)
  const done = new Set(redriven.map(placeText))
  const skipped = asked
    .filter((p) => !done.has(placeText(p)))
    .map((p) => ({ partition: p.partition, offset: p.offset, why: whySkipped(known.get(placeText(p)), topic) }))
  console.log(json ? JSON.stringify({ topic, redriven, skipped }) : redrivenText(redriven, skipped))
  if (skipped.length > 0) process.exitCode = 1
}

function whySkipped(letter: RecordedDeadLetter | undefined, topic: string): string {
  if (!letter) return 'there is no dead letter of this place'
  if (letter.redriven_to) return `it was redriven before, to ${placeText(letter.redriven_to)}`
  if (letter.state === 'applied') return 'it was applied since, by a replay'
  return `${topic} does not have this record any more`
}

/** For commander, which calls it for each place: `3:17`. */
function places(value: string, before: Place[] | undefined): Place[] {
  const match = /^(\d{1,9}):(\d{1,15})$/.exec(value)
  if (!match) throw new InvalidArgumentError('Write partition:offset, e.g. 3:17.')
  return [...(Array.isArray(before) ? before : []), { partition: Number(match[1]), offset: Number(match[2]) }]
}

/** `strandline allocate`: the size of the next position, and every factor that led to it. */
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import { unreadable } from '../core/unreadable.ts'
import { TIMEFRAMES } from '../domain/timeframe.ts'
import { allocate } from '../services/decision/decide.ts'
import { allocationText } from './allocation-text.ts'
import { amount } from './numbers.ts'
import { say } from './output.ts'
import { openStack } from './shared.ts'

interface Options {
  context?: string
  contextFile?: string
  timeframe?: string
  base: number
  min: number
  max: number
  model?: string
  json?: boolean
  dataDir?: string
}

export function register(program: Command): void {
  program
    .command('allocate')
    .description(
      'Size the next position with what is learned, and show every factor. base, min and max are in one unit: percent of the portfolio, or USD.',
    )
    .option('--context <json>', 'the entry context: one flat JSON object, texts are levers and numbers measures')
    .option('--context-file <file>', "a file that holds it; '-' reads standard input")
    .option(
      '--timeframe <timeframe>',
      `the timeframe on which the position would run: ${TIMEFRAMES.join(', ')} (without: the split over all)`,
    )
    .option('--base <number>', 'allocation while nothing speaks for or against it', amount, 5)
    .option('--min <number>', 'least allocation', amount, 1)
    .option('--max <number>', 'greatest allocation', amount, 10)
    .option('--model <name>', 'size it as this model or version would (./strandline models; default: the active one)')
    .option('--json', 'print one JSON object')
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText(
      'after',
      `\nExample:\n  ./strandline allocate --context '{"curator": "0xdetweiler", "chain": "base", "mcap_at_entry": 1500000}' --timeframe 1h\n`,
    )
    .action(async (options: Options) => {
      const { timeframe, model, base, min, max, json, dataDir } = options
      const entry_context = contextOf(options)
      const stack = await openStack({ dataDir })
      try {
        const decision = await allocate(stack.store, { entry_context, timeframe, model, base, min, max })
        for (const warning of decision.warnings) say(warning)
        console.log(json ? JSON.stringify(decision) : allocationText(decision))
      } finally {
        await stack.close()
      }
    })
}

/** Errors: USAGE, FILE_UNREADABLE, FILE_INVALID. That it is a flat object is checked where it is used. */
function contextOf({ context, contextFile }: Pick<Options, 'context' | 'contextFile'>): Record<string, unknown> {
  if ((context === undefined) === (contextFile === undefined))
    throw new StrandlineError('USAGE', 'The entry context is missing, or given twice.', {
      todo: 'Give either --context or --context-file.',
    })
  const [text, where] =
    context !== undefined ? [context, '--context'] : [read(contextFile as string), contextFile as string]
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch (cause) {
    throw new StrandlineError(
      context !== undefined ? 'USAGE' : 'FILE_INVALID',
      `${where} is not JSON: ${(cause as Error).message}.`,
      {
        todo: `Give one flat object, e.g. {"curator": "0xdetweiler", "chain": "base"}.`,
        cause,
      },
    )
  }
}

function read(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (cause) {
    throw unreadable(file, cause, 'Give the path of a file with the entry context as JSON.')
  }
}

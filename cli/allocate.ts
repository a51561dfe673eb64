/** `strandline allocate`: the size of the next position, and every factor that led to it. */
import type { Command } from 'commander'
import { TIMEFRAMES } from '../domain/timeframe.ts'
import { createHistoryStore } from '../replay/history-store.ts'
import { allocate, createDecisionMaker, type Decision } from '../services/decision/decide.ts'
import { allocationText } from './allocation-text.ts'
import { contextOf } from './entry-context.ts'
import { cutOf, type MomentOptions, momentOptions, momentText, namesMoment } from './moment.ts'
import { amount } from './numbers.ts'
import { withHistory } from './open-log.ts'
import { say } from './output.ts'
import { openStack } from './shared.ts'

interface Options extends MomentOptions {
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
  const command = program
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
  momentOptions(command)
    .option('--json', 'print one JSON object')
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText(
      'after',
      `\nExample:\n  ./strandline allocate --context '{"curator": "0xdetweiler", "chain": "base", "mcap_at_entry": 1500000}' --timeframe 1h\n`,
    )
    .action(async (options: Options) => {
      const { timeframe, model, base, min, max, dataDir } = options
      const request = { entry_context: contextOf(options), timeframe, model, base, min, max }
      if (namesMoment(options))
        return withHistory(options, async (opened) => {
          const store = createHistoryStore(opened, cutOf(options, opened.ends))
          print(await createDecisionMaker(store).allocate(request), options)
        })
      const stack = await openStack({ dataDir })
      try {
        print(await allocate(stack.store, request), options)
      } finally {
        await stack.close()
      }
    })
}

function print(decision: Decision, options: Options): void {
  for (const warning of decision.warnings) say(warning)
  console.log(options.json ? JSON.stringify(decision) : allocationText(decision, momentText(options)))
}

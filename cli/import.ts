/** `strandline import`: trades that others closed, through the same outbox and log as our own. */
import { statSync } from 'node:fs'
import type { Command } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import { modelNames } from '../core/load-model.ts'
import { checkEvent } from '../domain/validation.ts'
import { readFreqtrade } from '../services/pm/sources/freqtrade.ts'
import { readBotFile } from '../services/pm/sources/freqtrade-bot.ts'
import { readJsonl } from '../services/pm/sources/jsonl.ts'
import { requireCandles } from './import-candles.ts'
import { runImport } from './run-import.ts'

/** The model that learns of a backtest what its trades came to after fees. */
const FREQTRADE_MODEL = 'freqtrade-return'

interface FreqtradeOptions {
  yes?: boolean
  candles?: string
  bot?: string
  model: string
  timeframe?: string
  strategy?: string
  unscored?: boolean
  dryRun?: boolean
  json?: boolean
  dataDir?: string
}

interface JsonlOptions {
  model: string
  dryRun?: boolean
  json?: boolean
  dataDir?: string
}

export function register(program: Command): void {
  const command = program
    .command('import')
    .description('Import closed trades. Importing the same ones again changes nothing.')
    .addHelpText(
      'after',
      '\nExample:\n  ./strandline import freqtrade backtest-result.json --candles user_data/data/binance --dry-run\n',
    )

  command
    .command('freqtrade')
    .description(
      'Import a backtest of Freqtrade, or the trades of a bot: each is scored, a backtest’s on its candles, and learned, by default for what it came to after fees.',
    )
    .argument(
      '<file>',
      'what `freqtrade backtesting --export trades` wrote (.json, or the .zip of newer versions); or, of a bot, its tradesv3.sqlite, or `freqtrade show-trades --print-json`',
    )
    .option(
      '--candles <dir>',
      'of a backtest: folder with <PAIR>-<timeframe>.csv, or Freqtrade’s own .feather or .json, e.g. ETH_BTC-5m.feather',
    )
    .option('--bot <name>', 'of a bot’s trades: its bot_name, as ./strandline connect freqtrade calls it')
    .option('--timeframe <timeframe>', 'timeframe of the candles, for exports that do not name it (old formats)')
    .option('--strategy <name>', 'name of the strategy, for exports that do not name it')
    .option(
      '--model <name>',
      `learning model that has learned them when the command ends: ${modelNames().join(', ')}, or the path of a model file`,
      FREQTRADE_MODEL,
    )
    .option(
      '--unscored',
      'import trades without candles too: they get no R/R, and count only for models that learn something else of a trade',
    )
    .option(
      '--dry-run',
      'read and score only: needs no broker and no database; where a stack runs, say what a backtest would replace of an earlier run',
    )
    .option('--yes', 'do not ask before trades of an earlier run are replaced')
    .option('--json', 'print one JSON object: {"trades", "summary"}')
    .option('--data-dir <dir>', 'the stack that learns them')
    .addHelpText(
      'after',
      `
Examples:
  ./strandline import freqtrade backtest-result.zip --candles user_data/data/binance --json
  ./strandline import freqtrade tradesv3.sqlite --bot freqtrade
`,
    )
    .action(async (file: string, options: FreqtradeOptions) => {
      const ofBot = readBotFile({ ...options, file })
      if (ofBot) return runImport({ file, ...ofBot, rescore: true, ...options })
      const { candles } = options
      if (candles === undefined)
        throw new StrandlineError('USAGE', 'It is not said where the candles of this backtest are.', {
          todo: 'Give their folder with --candles, e.g. --candles user_data/data/binance.',
        })
      if (!statSync(candles, { throwIfNoEntry: false })?.isDirectory())
        throw new StrandlineError('FILE_UNREADABLE', `There is no folder ${candles}.`, {
          todo: 'Give the folder of the candles with --candles.',
        })
      const { events, open, runs } = readFreqtrade({ ...options, candles, file })
      for (const [index, event] of events.entries()) {
        const rejection = checkEvent(event, Buffer.from(event.position_id), Date.now())
        if (rejection)
          throw new StrandlineError(
            'FILE_INVALID',
            `${file}: trade ${index + 1} (${event.symbol}) cannot be learned: ${rejection.detail}.`,
            {
              todo: 'Nothing was imported.',
            },
          )
      }
      await requireCandles(events, { ...options, candles })
      await runImport({ file, events, open, runs, rescore: true, ...options })
    })

  command
    .command('jsonl')
    .description(
      'Import events of our own shape, one JSON object a line (what `fold` reads). One that is wrong, and none is sent; broken off later, run it again: what is there is known.',
    )
    .argument(
      '<events.jsonl>',
      'lines with event_id, revision, voided, exit_ts, timeframe, rr, entry_context; further fields of the event (return, net_return, fees, stake, risk_at_entry, …) are optional',
    )
    .option(
      '--model <name>',
      `learning model that has learned them when the command ends: ${modelNames().join(', ')}, or the path of a model file`,
      'lowcap-v4',
    )
    .option('--dry-run', 'read and check only: needs no broker and no database')
    .option('--json', 'print one JSON object: {"summary"}')
    .option('--data-dir <dir>', 'the stack that learns them')
    .addHelpText('after', '\nExample:\n  ./strandline import jsonl events.jsonl --json\n')
    .action(async (file: string, options: JsonlOptions) => {
      await runImport({ file, events: await readJsonl(file, Date.now()), open: 0, rescore: false, ...options })
    })
}

/** `strandline import`: trades that others closed, through the same outbox and log as our own. */
import { statSync } from 'node:fs'
import type { Command } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import { loadModel, modelNames } from '../core/load-model.ts'
import { createCoefficientStore } from '../core/store/coefficient-store.ts'
import { activeModel, readLearned } from '../core/store/learned.ts'
import type { PositionClosed } from '../domain/event.ts'
import { checkEvent } from '../domain/validation.ts'
import { learnUntilCaughtUp } from '../services/learner/catch-up.ts'
import { type LearnedTrades, learnedTrades } from '../services/learner/learned-trades.ts'
import { createLedgerStore } from '../services/learner/ledger-store.ts'
import { readFreqtrade } from '../services/pm/sources/freqtrade.ts'
import { readBotFile } from '../services/pm/sources/freqtrade-bot.ts'
import { type Imported, importEvents } from '../services/pm/sources/import-events.ts'
import { readJsonl } from '../services/pm/sources/jsonl.ts'
import { requireCandles } from './import-candles.ts'
import { type ImportSummary, importText, type Knowledge, tradeRow } from './import-text.ts'
import { say } from './output.ts'
import { openStack } from './shared.ts'

/** The model that learns of a backtest what its trades came to after fees. */
const FREQTRADE_MODEL = 'freqtrade-return'

interface FreqtradeOptions {
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
      'of a backtest: folder with <PAIR>-<timeframe>.csv or Freqtrade’s own .json, e.g. ETH_BTC-5m.csv',
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
    .option('--dry-run', 'read and score only: needs no broker and no database')
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
      if (ofBot) return run({ file, ...ofBot, rescore: true, ...options })
      const { candles } = options
      if (candles === undefined)
        throw new StrandlineError('USAGE', 'It is not said where the candles of this backtest are.', {
          todo: 'Give their folder with --candles, e.g. --candles user_data/data/binance.',
        })
      if (!statSync(candles, { throwIfNoEntry: false })?.isDirectory())
        throw new StrandlineError('FILE_UNREADABLE', `There is no folder ${candles}.`, {
          todo: 'Give the folder of the candles with --candles.',
        })
      const { events, open } = readFreqtrade({ ...options, candles, file })
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
      await run({ file, events, open, rescore: true, ...options })
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
      await run({ file, events: await readJsonl(file, Date.now()), open: 0, rescore: false, ...options })
    })
}

interface Run {
  file: string
  events: PositionClosed[]
  open: number
  model: string
  rescore: boolean
  dryRun?: boolean
  json?: boolean
  dataDir?: string
}

async function run({ file, events, open, model, rescore, dryRun = false, json = false, dataDir }: Run): Promise<void> {
  const learning = loadModel(model) // a wrong name is said before anything is written
  const sent = dryRun ? null : await send(events, { model, rescore, dataDir })
  const scored = events.filter((e) => e.rr !== null).length
  const summary: ImportSummary = {
    file,
    dry_run: dryRun,
    read: events.length,
    open,
    scored,
    unscored: events.length - scored,
    new: sent?.new ?? null,
    already_known: sent?.already_known ?? null,
    rescored: sent?.rescored ?? null,
    model: sent?.model ?? null,
    learned: sent?.learned ?? null,
    active_model: sent?.active_model ?? null,
  }
  const freqtrade = rescore ? { trades: events.map(tradeRow) } : {}
  console.log(
    json
      ? JSON.stringify({ ...freqtrade, summary })
      : importText(events, learning, summary, { dataDir, knows: sent?.knows }),
  )
}

interface Sent extends Imported {
  /** Name of the model that has learned them, what it took, and the model whose coefficients readers see. */
  model: string
  learned: LearnedTrades
  knows: Knowledge
  active_model: string | null
}

/** Into the outbox, from there into the log, and learned. */
async function send(
  events: PositionClosed[],
  { model, rescore, dataDir }: Pick<Run, 'model' | 'rescore' | 'dataDir'>,
): Promise<Sent> {
  const stack = await openStack({
    dataDir,
    needs: ['database', 'kafka', 'registry'],
    create: true,
    purpose: './strandline import',
  })
  try {
    const imported = await importEvents(stack, events, {
      rescore,
      progress: (done, of) => of > 1_000 && say(`${done} of ${of} events are in the log.`),
    })
    say(`The events are in the log; ${model} learns them.`)
    const caughtUp = await learnUntilCaughtUp(stack, model, say)
    const learned = await learnedTrades(createLedgerStore(stack.store), caughtUp.model, caughtUp.modelVersion, events)
    const coefficients = createCoefficientStore(stack.store)
    const active = await activeModel(coefficients)
    const name = caughtUp.model.definition.name
    const { global_rr, rows } = await readLearned(coefficients, { scope: 'lever', model: name })
    const knows = { global_rr, levers: rows }
    return { ...imported, model: name, learned, knows, active_model: active?.definition.name ?? null }
  } finally {
    await stack.close()
  }
}

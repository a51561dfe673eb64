/** `strandline trades`: what was learned from. */
import { type Command, InvalidArgumentError } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import { tradesAnswer } from '../replay/answers.ts'
import type { TradeRow } from '../replay/trade-row.ts'
import { answeringLines } from './explain-text.ts'
import { type MomentOptions, momentOptions, momentText, namesMoment, time } from './moment.ts'
import { wholeNumber } from './numbers.ts'
import { withHistory } from './open-log.ts'
import { type OutcomeText, outcomeText } from './outcome-text.ts'
import { table } from './table.ts'

type Named = [name: string, value: string]

interface Options extends MomentOptions {
  lever?: Named[]
  since?: number
  voided?: boolean
  unscored?: boolean
  model?: string
  limit?: number
  json?: boolean
  dataDir?: string
}

/** Rows that a person reads at once. */
const SCREEN = 50

export function register(program: Command): void {
  const command = program
    .command('trades')
    .description('List the trades that a model learned from, the newest exit first, and where each lies in the log.')
    .option('--lever <name=value>', 'only trades with this value; may be given several times', lever)
    .option('--since <time>', 'only exits from then on', time)
    .option('--voided', 'those that were retracted')
    .option('--unscored', 'those without what the model learns: an R/R, a return after fees, …')
    .option('--model <name>', 'of this model (default: the active one)')
    .option('--limit <n>', `print at most so many; 0: all (default: ${SCREEN}, with --json all)`, wholeNumber)
  momentOptions(command)
    .option(
      '--json',
      'print one JSON object: {"trades": [{"event_id", "position_id", "symbol", "revision", …}], "total"}',
    )
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText(
      'after',
      '\nExamples:\n  ./strandline trades --lever curator=0xdetweiler --since 2026-05-01\n  ./strandline trades --unscored\n',
    )
    .action(async (options: Options) => {
      const { since, voided, unscored, json, limit = json ? 0 : SCREEN } = options
      if (voided && unscored)
        throw new StrandlineError('USAGE', 'Both --voided and --unscored were given.', { todo: 'Give one of them.' })
      namesMoment(options)
      await withHistory(options, (opened) => {
        const answer = tradesAnswer(opened, { levers: options.lever ?? [], since, voided, unscored, limit }, options)
        const { model, trades, total } = answer
        console.log(
          json
            ? JSON.stringify(answer)
            : [
                ...answeringLines(model, momentText(options)),
                ...tradesText(trades, total, outcomeText(model.outcome)),
              ].join('\n'),
        )
      })
    })
}

function lever(text: string, before: Named[] = []): Named[] {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Write it as name=value, e.g. curator=0xdetweiler.')
  return [...before, [text.slice(0, at), text.slice(at + 1)]]
}

function tradesText(trades: TradeRow[], total: number, outcome: OutcomeText): string[] {
  if (total === 0) return ['No such trade.']
  const right = 'right' as const
  const lines = table(
    [
      { title: 'exit' },
      { title: 'symbol' },
      { title: outcome.heading(), align: right },
      { title: 'rev', align: right },
      { title: 'source' },
      { title: 'in the log', align: right },
      { title: 'event' },
    ],
    trades.map((t) => [
      t.closed_at.slice(0, 16).replace('T', ' '),
      t.symbol,
      t.voided ? 'voided' : outcome.cell(t.outcome),
      String(t.revision),
      t.source,
      `${t.partition}:${t.offset}`,
      t.event_id,
    ]),
  )
  if (total > trades.length) lines.push('', `… and ${total - trades.length} more: --limit 0 prints all of them.`)
  return lines
}

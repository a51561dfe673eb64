/** `strandline close`: reports that everything a position holds was sold, and says what came of it. */
import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import { logLevel } from '../core/config.ts'
import { createLogger } from '../core/logger.ts'
import { type ExecutionResult, portfolioStores, reportExecution, serviceRelay } from '../services/pm/index.ts'
import { amount } from './numbers.ts'
import { say } from './output.ts'
import { openStack } from './shared.ts'
import { number } from './table.ts'

interface Options {
  price: number
  quantity?: number
  at?: string
  id?: string
  emergency?: boolean
  json?: boolean
  dataDir?: string
}

export function register(program: Command): void {
  program
    .command('close')
    .description('Report the full exit of a position: it closes, is scored, and its trade goes into the log.')
    .argument('<position-id>', 'lowcap_positions.id')
    .requiredOption('--price <number>', 'average price of the exit, in the quote currency', amount)
    .option('--quantity <number>', 'tokens that were sold (without: all that it holds)', amount)
    .option('--at <time>', 'when it was executed, ISO 8601 with a zone (without: now)')
    .option('--id <execution-id>', 'id of this execution: reported again, it changes nothing (without: a new one)')
    .option('--emergency', 'an emergency exit; without, a trim of everything')
    .option('--json', 'print one JSON object: {"status", "execution_id", "position_id", "trade_id", "left", "closed"}')
    .option('--data-dir <dir>', 'the stack that has the position')
    .addHelpText(
      'after',
      '\nExample:\n  ./strandline close 4c9d7e1a-position --price 0.0123 --at 2026-05-19T16:38:26Z\n',
    )
    .action(async (positionId: string, options: Options) => {
      // What the relay meets is told below, in one sentence: its warnings are lines of JSON with a stack.
      const logger = createLogger({ level: logLevel('error') })
      const stack = await openStack({ dataDir: options.dataDir, needs: ['database', 'kafka', 'registry'], logger })
      try {
        const relay = serviceRelay(stack)
        const result = await reportExecution(
          { ...portfolioStores(stack.store), clock: stack.clock, logger: stack.logger, relay },
          positionId,
          {
            id: options.id ?? randomUUID(),
            kind: options.emergency ? 'emergency_exit' : 'trim',
            size_frac: 1,
            price: options.price,
            quantity: options.quantity,
            executed_at: options.at,
          },
        ).finally(() => relay.stop())
        if (relay.failure()) say(`The event waits in the outbox until a PM publishes it. ${relay.failure()}`)
        console.log(options.json ? JSON.stringify(result) : closedText(result))
      } finally {
        await stack.close()
      }
    })
}

function closedText({ position_id, status, left, closed, execution_id }: ExecutionResult): string {
  const known =
    status === 'duplicate' ? ` Execution ${execution_id} was reported before; nothing was counted again.` : ''
  if (!closed) return `Position ${position_id} holds ${left} tokens and stays open.${known}`
  const score =
    closed.rr === null
      ? `not scored yet (${closed.unscored_reason}): a tick does it when its price bars arrive`
      : `R/R ${number(closed.rr)}${closed.provisional ? ', provisional: its last bar is not stored yet, or has not ended; a tick scores it again' : ''}`
  return [
    `Position ${position_id} (${closed.symbol || closed.token_contract || 'no symbol'}, ${closed.timeframe}) is closed.${known}`,
    `  ${new Date(closed.opened_at).toISOString()} at ${closed.entry_price} → ${new Date(closed.closed_at).toISOString()} at ${closed.exit_price}`,
    `  return ${percent(closed.return)}, deepest ${percent(closed.max_drawdown, -1)}, best ${percent(closed.max_gain)}, ${score}`,
    `  trade ${closed.trade_id}, event ${closed.event_id}`,
  ].join('\n')
}

function percent(ratio: number | null, sign = 1): string {
  if (ratio === null) return '–'
  const value = sign * ratio * 100
  return `${value > 0 ? '+' : ''}${value.toFixed(2)} %`
}

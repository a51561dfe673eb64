/** `strandline explain`: the trades behind a number. */
import type { Command } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import type { Cut } from '../domain/history/cut.ts'
import { BASELINE, type Group } from '../domain/learning/model.ts'
import { explainAnswer } from '../replay/answers.ts'
import { explain } from '../replay/explain.ts'
import { createHistoryStore } from '../replay/history-store.ts'
import type { OpenHistory } from '../replay/open-history.ts'
import { createDecisionMaker } from '../services/decision/index.ts'
import { contextOf } from './entry-context.ts'
import { explainedAllocationText, explanationText } from './explain-text.ts'
import { cutOf, type MomentOptions, momentJson, momentOptions, momentText, namesMoment } from './moment.ts'
import { wholeNumber } from './numbers.ts'
import { answering, withHistory } from './open-log.ts'

interface Options extends MomentOptions {
  context?: string
  contextFile?: string
  timeframe?: string
  model?: string
  limit?: number
  json?: boolean
  dataDir?: string
}

/** Trades that a person reads at once, of one number and of each of several. */
const SCREEN = 20
const SCREEN_OF_FACTOR = 5

export function register(program: Command): void {
  const command = program
    .command('explain')
    .description(
      'Say why a coefficient is what it is, or each factor of an allocation: the trades behind it with their share of the number, the largest first, and where each lies in the log.',
    )
    .argument('[name]', "a lever's name, an interaction's name, an interaction's key, or: baseline")
    .argument('[value]', "the lever's value, or the interaction's key")
    .option('--context <json>', 'an entry context: explain the size of that position')
    .option('--context-file <file>', "a file that holds it; '-' reads standard input")
    .option('--timeframe <timeframe>', 'the timeframe on which that position would run')
    .option('--model <name>', 'of this model (default: the active one)')
    .option('--limit <n>', `print at most so many trades; 0: all (default: ${SCREEN}, with --json all)`, wholeNumber)
  momentOptions(command)
    .option(
      '--json',
      'print one JSON object: {"target", "coefficient", "trades"}, or with --context {"allocation", "factors"}',
    )
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText(
      'after',
      `
The sum of all shares is the coefficient's R/R (or whatever else the model learns). A weight says how much of the number a trade is: it fades with a τ of 14 days (short) and 90 days (long).

Examples:
  ./strandline explain curator 0xdetweiler
  ./strandline explain 'chain=base|curator=0xdetweiler'
  ./strandline explain --context '{"curator": "0xdetweiler", "chain": "base"}' --timeframe 1h --as-of 2026-05-01
`,
    )
    .action(async (name: string | undefined, value: string | undefined, options: Options) => {
      const asked = options.context !== undefined || options.contextFile !== undefined
      if (asked === (name !== undefined))
        throw new StrandlineError('USAGE', 'What is to be explained is missing, or named twice.', {
          todo: 'Name a lever and its value, an interaction, or baseline; or give --context.',
        })
      namesMoment(options)
      const context = asked ? contextOf(options) : undefined
      await withHistory(options, async (opened) => {
        if (context) await allocation(opened, context, options, cutOf(options, opened.ends))
        else coefficient(opened, name as string, value, options)
      })
    })
}

function coefficient(opened: OpenHistory, name: string, key: string | undefined, options: Options): void {
  const { json, limit = json ? 0 : SCREEN } = options
  const answer = explainAnswer(opened, { name, key }, options, limit)
  const { model, coefficient, trades } = answer
  console.log(
    json ? JSON.stringify(answer) : explanationText(answer, coefficient.n - trades.length, model, momentText(options)),
  )
}

async function allocation(
  opened: OpenHistory,
  entry_context: Record<string, unknown>,
  options: Options,
  cut: Cut,
): Promise<void> {
  const { timeframe, json, limit = json ? 0 : SCREEN_OF_FACTOR } = options
  const sizing = { base: 1, min: 0, max: Number.MAX_VALUE } // the multiplier itself
  const decision = await createDecisionMaker(createHistoryStore(opened, cut)).allocate({
    entry_context,
    timeframe,
    ...sizing,
  })
  const factors = decision.factors.map((factor) => {
    const { scope, name, key } = factor
    const group: Group = scope === 'market' ? BASELINE : { scope, name, key }
    return { ...factor, trades: explain(opened, group, cut, limit)?.trades ?? [] }
  })
  const { multiplier, multiplier_unclamped, levers_damped, global_rr } = decision
  const target = { context: entry_context, timeframe: timeframe ?? null }
  const model = answering(opened)
  console.log(
    json
      ? JSON.stringify({
          model,
          ...momentJson(options, cut),
          target,
          allocation: { multiplier, multiplier_unclamped, levers_damped, global_rr },
          factors,
        })
      : explainedAllocationText({ multiplier, levers_damped, factors }, model, momentText(options)),
  )
}

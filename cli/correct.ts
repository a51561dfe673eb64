/** `strandline correct`, `void` and `rescore`: the next revision of a trade, by a person. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import type { Side } from '../domain/closing/rr.ts'
import { CORRECT, type Revised } from '../domain/revision.ts'
import { TIMEFRAMES } from '../domain/timeframe.ts'
import { correction, publishRevisions, type Rescoring, rescoring, retraction } from '../replay/revise.ts'
import { person } from './author.ts'
import { confirm } from './confirm.ts'
import { time } from './moment.ts'
import { amount } from './numbers.ts'
import { openLog } from './open-log.ts'
import { say } from './output.ts'
import { createProgress } from './progress.ts'
import type { OpenStack } from './shared.ts'
import { number, table } from './table.ts'

interface Options {
  reason?: string
  dryRun?: boolean
  yes?: boolean
  json?: boolean
  dataDir?: string
}

/** Rows of a preview. */
const SCREEN = 40

export function register(program: Command): void {
  registerCorrect(program)
  registerVoid(program)
  registerRescore(program)
}

function registerCorrect(program: Command): void {
  common(
    program
      .command('correct')
      .description('Publish a trade once more with another R/R or exit price: the revision that counts from then on.')
      .argument('<event-id>', 'as ./strandline trades and explain print it')
      .addOption(new Option('--rr <number>', 'its R/R, from -10 to 10').argParser(signed).conflicts('exitPrice'))
      .option('--exit-price <number>', 'average price of its exit; it is scored again on its bars', amount)
      .addOption(
        new Option('--side <side>', 'beside --exit-price, where the trade does not show it').choices(['long', 'short']),
      )
      .option('--reason <text>', 'why, for whoever looks at its revisions'),
    './strandline correct 352ce834-1dff-54f9-b1d9-069c4d88f9e4 --exit-price 0.0123 --reason "the fill was corrected"',
  ).action(async (eventId: string, options: Options & { rr?: number; exitPrice?: number; side?: Side }) => {
    const { rr, exitPrice, side } = options
    if (rr === undefined && exitPrice === undefined)
      throw new StrandlineError('USAGE', 'What is wrong with the trade?', { todo: 'Give --rr or --exit-price.' })
    if (side !== undefined && exitPrice === undefined)
      throw new StrandlineError('USAGE', '--side is for --exit-price.', { todo: 'Leave it out.' })
    const to = rr !== undefined ? { rr } : { exit_price: exitPrice as number, side }
    await reviseOne(options, (stack) => correction(stack, eventId, to, author(CORRECT, options.reason)))
  })
}

function registerVoid(program: Command): void {
  common(
    program
      .command('void')
      .description('Retract a trade: it counts in no coefficient any more. Its revisions stay in the log.')
      .argument('<event-id>', 'as ./strandline trades and explain print it')
      .requiredOption('--reason <text>', 'why, for whoever looks at its revisions'),
    './strandline void 352ce834-1dff-54f9-b1d9-069c4d88f9e4 --reason "a test trade"',
  ).action(async (eventId: string, options: Options) =>
    reviseOne(options, (stack) => retraction(stack, eventId, author('void', options.reason))),
  )
}

function registerRescore(program: Command): void {
  common(
    program
      .command('rescore')
      .description(
        'Score trades again on the bars that are in the database now, and publish those whose score differs. Trades without bars stay as they are.',
      )
      .option('--since <time>', 'only exits from then on', time)
      .addOption(new Option('--timeframe <timeframe>', 'only trades of this one').choices([...TIMEFRAMES]))
      .option('--reason <text>', 'why, for whoever looks at the revisions'),
    './strandline rescore --since 2026-05-01 --timeframe 1h --dry-run',
  ).action(async (options: Options & { since?: number; timeframe?: string }) => {
    const { since, timeframe, json, dryRun } = options
    await withStack(options, async (stack) => {
      const progress = createProgress()
      const by = author('rescore', options.reason)
      const found = await rescoring(stack, { since, timeframe }, by, (done, total) => progress('Scoring', done, total))
      progress.end()
      if (!json) console.log(rescoringText(found))
      if (!dryRun && found.changed.length > 0) {
        await confirm(`Publish ${found.changed.length} revisions?`, options)
        await publishRevisions(stack, found.changed, say)
      }
      const { changed, ...counts } = found
      if (json) console.log(JSON.stringify({ ...counts, published: !dryRun, changed: changed.map(asJson) }))
      else if (!dryRun && changed.length > 0) say(`${changed.length} revisions are in the log.`)
    })
  })
}

function common(command: Command, example: string): Command {
  return command
    .option('--dry-run', 'only say what it would be')
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON object')
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText('after', `\nExample:\n  ${example}\n`)
}

/** For commander. */
function signed(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Write a number.')
  return value
}

const author = (command: string, reason: string | undefined) =>
  `${command} by ${person()}${reason ? `: ${reason}` : ''}`

async function withStack(options: Options, use: (stack: OpenStack) => Promise<void>): Promise<void> {
  const stack = await openLog(options.dataDir)
  try {
    await use(stack)
  } finally {
    await stack.close()
  }
}

async function reviseOne(options: Options, make: (stack: OpenStack) => Promise<Revised>): Promise<void> {
  await withStack(options, async (stack) => {
    const revised = await make(stack)
    if (!options.json) console.log(revisedText(revised))
    if (!options.dryRun) {
      await confirm('Publish it?', options)
      await publishRevisions(stack, [revised], say)
      if (!options.json) say(`Revision ${revised.after.revision} is in the log; learners take it from there.`)
    }
    if (options.json) console.log(JSON.stringify({ published: !options.dryRun, ...asJson(revised) }))
  })
}

function asJson({ before, after }: Revised) {
  const of = ({ revision, voided, exit_price, rr, return: gain, max_drawdown, net_return }: Revised['before']) => ({
    revision,
    voided,
    exit_price,
    rr,
    return: gain,
    max_drawdown,
    net_return,
  })
  return { event_id: after.event_id, position_id: after.position_id, before: of(before), after: of(after) }
}

function revisedText({ before, after }: Revised): string {
  const symbol = after.symbol ? ` (${after.symbol})` : ''
  const what = after.voided
    ? 'retracted'
    : [
        before.exit_price === after.exit_price ? '' : `exit price ${before.exit_price} → ${after.exit_price}, `,
        `R/R ${number(before.rr)} → ${number(after.rr)}`,
        netText(before.net_return, after.net_return),
      ].join('')
  return `Trade ${after.event_id}${symbol}, closed ${new Date(after.closed_at).toISOString()}, revision ${before.revision} → ${after.revision}: ${what}`
}

function netText(before: number | null, after: number | null): string {
  if (before === after) return ''
  if (after !== null) return `, net return ${number(before, 4)} → ${number(after, 4)}`
  return `, net return ${number(before, 4)} → unknown (it cannot be told from the return: that takes the trade's fees and stake, and a return that shows its leverage)`
}

function rescoringText({ looked, without_bars, without_side, of_persons, changed }: Rescoring): string {
  const sideless = without_side > 0 ? `, ${without_side} that do not show whether they were long or short` : ''
  const kept = of_persons > 0 ? `, ${of_persons} with an R/R that a person gave, which stays` : ''
  const head = `${looked} trades looked at, ${without_bars} of them without bars${sideless}${kept}: ${changed.length} have another score now.`
  if (changed.length === 0) return head
  const right = 'right' as const
  const largest = [...changed].sort((a, b) => moved(b) - moved(a))
  const rows = largest
    .slice(0, SCREEN)
    .map(({ before, after }) => [
      new Date(after.closed_at).toISOString().slice(0, 16).replace('T', ' '),
      after.symbol,
      after.timeframe,
      number(before.rr),
      number(after.rr),
      after.event_id,
    ])
  const lines = table(
    [
      { title: 'exit' },
      { title: 'symbol' },
      { title: 'timeframe' },
      { title: 'R/R', align: right },
      { title: '→', align: right },
      { title: 'event' },
    ],
    rows,
  )
  const more = changed.length - rows.length
  return [head, '', ...lines, ...(more > 0 ? [`… and ${more} more`] : [])].join('\n')
}

const moved = ({ before, after }: Revised) => Math.abs((after.rr ?? 0) - (before.rr ?? 0))

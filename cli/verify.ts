/** `strandline verify`: is what was learned what the log gives? */
import type { Command } from 'commander'
import { Registry } from 'prom-client'
import { logLevel } from '../core/config.ts'
import { StrandlineError } from '../core/errors.ts'
import { type Host, startHost } from '../core/host.ts'
import { createLogger } from '../core/logger.ts'
import type { Service } from '../core/service.ts'
import { type FoundDifference, type Verification, verify } from '../replay/verify.ts'
import { watchSums } from '../replay/watch-sums.ts'
import { answeringLines } from './explain-text.ts'
import { amount } from './numbers.ts'
import { openLog } from './open-log.ts'
import { say, unread } from './output.ts'
import { createProgress } from './progress.ts'
import { port as portNumber } from './shared.ts'
import { number, table } from './table.ts'

interface Options {
  model?: string
  continuous?: boolean
  every: number
  port?: number
  json?: boolean
  dataDir?: string
}

/** Differences that a person reads at once. */
const SCREEN = 40

export function register(program: Command): void {
  program
    .command('verify')
    .description(
      'Fold the log again, with no database in the fold, and compare what is learned with it, to the last bit. May run while trades flow.',
    )
    .option('--model <name>', 'of this model (default: the active one)')
    .option('--continuous', 'go on until Ctrl-C: a sample at a time, round after round')
    .option('--every <seconds>', 'with --continuous: between two samples', amount, 10)
    .option('--port <port>', 'with --continuous: serve /metrics there', portNumber)
    .option(
      '--json',
      'print one JSON object: {"events", "coefficients", "identical", "within_tolerance", "differences", "seconds"}',
    )
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText(
      'after',
      `
With --continuous the log is folded once, and on from there; --json prints an object for each round, and for each sample in which something differs.
Exit code 0: what is learned is what the log gives, up to where its learner stands. 1: something differs.
./strandline audit asks more: whether every closed trade is in the log at all.

Examples:
  ./strandline verify
  ./strandline verify --model freqtrade --json
  ./strandline verify --continuous --every 30 --port 9200
`,
    )
    .action(async ({ model, continuous, every, port, json, dataDir }: Options) => {
      if (continuous) return watch({ model, every, port, json, dataDir })
      if (port !== undefined)
        throw new StrandlineError('USAGE', '--port was given without --continuous.', {
          todo: 'One comparison has no metrics to serve: add --continuous, or leave --port out.',
        })
      const stack = await openLog(dataDir)
      try {
        const { store, log, config, clock } = stack
        const started = clock.monotonic()
        const progress = createProgress()
        const found = await verify(
          { store, log, config, progress: (done, total) => progress('Folding the log', done, total) },
          model,
        )
        progress.end()
        const seconds = Math.round(clock.monotonic() - started) / 1_000
        console.log(json ? JSON.stringify({ ...found, seconds }) : verifyText(found, seconds))
        if (found.differences.length > 0) process.exitCode = 1
      } finally {
        await stack.close()
      }
    })
}

async function watch({ model, every, port, json, dataDir }: Options): Promise<void> {
  const stack = await openLog(dataDir)
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort())
  const metrics = new Registry()
  const { store, log, config, clock } = stack
  let host: Host | undefined
  try {
    if (port !== undefined) {
      const service: Service = { name: 'verify', ready: async () => ({ ok: true }), stop: async () => {} }
      host = await startHost({ service, port, metrics, logger: createLogger({ level: logLevel('error') }) })
      say(`Metrics: ${host.url}/metrics`)
    }
    say(`A sample every ${every} s, until Ctrl-C.`)
    await watchSums({ store, log, config }, model, {
      clock,
      metrics,
      everyMs: every * 1_000,
      signal: AbortSignal.any([ending.signal, unread]),
      failed: (sentence) => say(`No sample: ${sentence}`),
      differs(found) {
        process.exitCode = 1
        if (!json)
          console.log(
            [`${found.differences.length} differ:`, ...differencesTable(found.differences.slice(0, SCREEN))].join('\n'),
          )
        else console.log(JSON.stringify({ differences: found.differences }))
      },
      round({ events, coefficients, identical, within_tolerance, differences, model }) {
        const round = { model, events, coefficients, identical, within_tolerance, differing: differences.length }
        console.log(json ? JSON.stringify(round) : roundText(round))
      },
    })
  } finally {
    await host?.stop()
    await stack.close()
  }
}

const roundText = (r: { events: number; coefficients: number; identical: number; differing: number }) =>
  `${new Date().toISOString().slice(0, 19)}Z ${r.events} events folded: ${r.identical} of ${r.coefficients} coefficients are the same to the last bit, ${r.differing} differ.`

function verifyText(found: Verification, seconds: number): string {
  const { model, events, coefficients, identical, within_tolerance, differences } = found
  const lines = [
    ...answeringLines(model, undefined),
    `${events} events folded again in ${number(seconds, 1)} s: of ${coefficients} coefficients ${identical} are the same to the last bit`,
  ]
  if (within_tolerance > 0)
    lines.push(
      `${within_tolerance} were corrected through another partition, so that the order of the log alone does not decide: the same to 1e-12`,
    )
  if (differences.length === 0) return [...lines, 'Nothing differs.'].join('\n')
  lines.push(`${differences.length} differ:`, '', ...differencesTable(differences.slice(0, SCREEN)))
  if (differences.length > SCREEN) lines.push('', `… and ${differences.length - SCREEN} more: --json has all of them.`)
  lines.push(
    '',
    './strandline rebuild folds the log anew beside what readers see, and promote switches them. ./strandline explain <name> <key> shows what the log gives.',
  )
  return lines.join('\n')
}

function differencesTable(differences: FoundDifference[]): string[] {
  const right = 'right' as const
  return table(
    [
      { title: 'name' },
      { title: 'key' },
      { title: 'mean live', align: right },
      { title: 'expected', align: right },
      { title: 'n', align: right },
      { title: 'expected', align: right },
      { title: 'trades' },
    ],
    differences.map(({ name, key, live, expected, trades }) => [
      name,
      key,
      number(live?.rr_short ?? null, 6),
      number(expected?.rr_short ?? null, 6),
      String(live?.n ?? 0),
      String(expected?.n ?? 0),
      trades.length > 1 ? `${trades[0]} and ${trades.length - 1} more` : (trades[0] ?? ''),
    ]),
  )
}

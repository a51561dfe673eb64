/** `strandline demo`: the main job whole, on this machine, in about a minute. */
import type { Command } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import { DEMO_DATA_DIR, SERVICES, VIEWERS } from '../core/stack/layout.ts'
import { type DemoReport, runDemo, SIZING } from '../demo/demo.ts'
import { demoJson, demoText } from './demo-text.ts'
import { wholeNumber } from './numbers.ts'
import { say } from './output.ts'
import { createProgress } from './progress.ts'
import { openStack } from './shared.ts'
import { sizingLink } from './sizing-link.ts'
import { ENGINE_SETTINGS } from './stack-choice.ts'

interface Options {
  dataDir: string
  seed: number
  positions: number
  rate: number
  stay: boolean
  json?: boolean
}

export function register(program: Command): void {
  program
    .command('demo')
    .description('Trade a simulated market with known edges through the whole loop, and audit what was learned.')
    .option(
      '--data-dir <dir>',
      'where the data is kept; a second demo on the same folder adds to it, and one that holds other trades is refused',
      DEMO_DATA_DIR,
    )
    .option('--seed <n>', 'seed of the market', wholeNumber, 1)
    .option('--positions <n>', 'positions to open and close', wholeNumber, 2_000)
    .option('--rate <n>', 'closes a second, at most', wholeNumber, 100)
    .option('--no-stay', 'end at once, also on a terminal: without it the page stays up there until Enter or Ctrl-C')
    .option('--json', 'print one JSON object: audit, latency_ms, learned, allocation, seconds')
    .addHelpText('after', '\nExample:\n  ./strandline demo --seed 7 --positions 500 --data-dir /tmp/demo\n')
    .action(demo)
}

async function demo(options: Options): Promise<void> {
  if (options.positions < 1 || options.rate < 1)
    throw new StrandlineError('USAGE', '--positions and --rate must be at least 1.', { todo: 'Try --positions 500.' })
  const started = performance.now()
  const progress = createProgress()
  const ignored = ignoreRealEngines()
  const stack = await openStack({
    dataDir: options.dataDir,
    needs: ['database', 'kafka', 'registry'],
    services: [...SERVICES, ...VIEWERS],
    create: true,
    purpose: './strandline demo',
  })
  if (ignored.length > 0)
    say(`The demo invents trades, so it uses engines of its own and not those of ${ignored.join(', ')}.`)
  const page = stack.env.STRANDLINE_PAGE_URL
  if (page) say(`Look on: ${page}`)
  const staying = new AbortController()
  let stays = false
  // Ctrl-C: the trades so far are whole, and all that was started here is stopped in order.
  let interrupted = false
  const interrupt = () => {
    if (stays) return staying.abort()
    if (interrupted) process.exit(130)
    interrupted = true
    progress.end()
    say('Stopping ...')
    stack.close().finally(() => process.exit(130))
  }
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
  try {
    const pmUrl = stack.services.pm
    const databaseUrl = stack.env.DATABASE_URL
    if (!pmUrl || !databaseUrl)
      throw new StrandlineError('STACK_NOT_RUNNING', `The stack of ${options.dataDir} is not whole.`, {
        todo: 'Start it whole: ./strandline up.',
      })
    const report = await runDemo(stack, { ...options, stack: options.dataDir, pmUrl, databaseUrl, progress })
    const seconds = (performance.now() - started) / 1000
    progress.end()
    console.log(
      options.json
        ? JSON.stringify(demoJson(report, seconds))
        : `${demoText(report, seconds)}
${page ? whyText(page, report) : ''}${lookOn(options.dataDir)}`,
    )
    if (!report.audit.reconciles) process.exitCode = 1
    if (page && stack.ours && options.stay && isWatched(options)) {
      stays = true
      say('The page stays up until you press Enter or Ctrl-C.')
      await untilEnter(staying.signal)
      stays = false
      say('Stopping ...')
    }
  } catch (error) {
    if (!interrupted) throw error
  } finally {
    progress.end()
    if (!interrupted) await stack.close()
  }
  if (interrupted) await new Promise(() => undefined) // the signal's handler ends the process
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
}

/** The demo writes invented trades: never into engines that the environment happens to name. */
function ignoreRealEngines(): string[] {
  const named = ENGINE_SETTINGS.filter((name) => process.env[name])
  for (const name of named) delete process.env[name]
  return named
}

/** A person sits before it: what reads the report of a program is not kept waiting. */
const isWatched = ({ json }: Options) => !json && !process.env.CI && process.stdin.isTTY && process.stdout.isTTY

/** Resolves with a line on standard input, with its end, or when it is given up. */
async function untilEnter(signal: AbortSignal): Promise<void> {
  const { stdin } = process
  await new Promise<void>((resolve) => {
    stdin.once('data', () => resolve()).once('end', () => resolve())
    signal.addEventListener('abort', () => resolve())
    stdin.resume()
  })
  stdin.pause()
}

const whyText = (page: string, { allocation: { context } }: DemoReport) =>
  `Why that allocation, while the stack runs: ${sizingLink(page, { context, ...SIZING })}
`

const lookOn = (dataDir: string) =>
  `Look on: ./strandline coefficients --data-dir ${dataDir}; ./strandline up --data-dir ${dataDir} starts it again.`

/** `strandline torture`: a stack of its own under load, hurt in every way we can, and judged by its own reading of the log. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import { amount, wholeNumber } from './numbers.ts'
import { say } from './output.ts'
import { table } from './table.ts'

interface Options {
  minutes: number
  seed?: number
  profile: string
  faults?: string[]
  list?: boolean
  keep?: boolean
  json?: boolean
}

/** Named here as well: an image has no torture/, and this file is loaded with every command. */
const PROFILE_NAMES = ['default', 'quick', 'brokers', 'soak']
const LARGEST_SEED = 2 ** 32

export function register(program: Command): void {
  program
    .command('torture')
    .description(
      'Attack the whole loop: real engines and services of its own under load, killed, frozen, cut off and restarted by the seed, then compare every store with the log.',
    )
    .option('--minutes <n>', 'how long faults happen; starting and judging come on top', amount, 2)
    .option('--seed <n>', 'what happens when, and to whom (default: a new one each time)', wholeNumber)
    .addOption(new Option('--profile <name>', 'how hard').choices(PROFILE_NAMES).default('default'))
    .option('--faults <kinds>', 'these alone, separated by commas', kinds)
    .option('--list', 'print the faults that there are, and do nothing')
    .option('--keep', 'leave the data folder, and say where it is')
    .option(
      '--json',
      'print one JSON object: seed, events, faults, left_out, closed, in_log, applied, lost, double, wrong, strands, dead_letters, verify, recovery_ms, own_ends, soak, verdict, reasons',
    )
    .addHelpText(
      'after',
      `
Needs what ./strandline up needs, and about 3 GB of memory; 5 GB with three brokers. Exit code 1 where something was lost, counted twice or wrong,
where it did not come to rest, or where it did too little to prove anything. What it does and what it does not: docs/torture.md.

Examples:
  ./strandline torture
  ./strandline torture --minutes 10 --seed 7 --json > result.json
  ./strandline torture --faults kill_learner,freeze_learner
  ./strandline torture --minutes 60 --profile soak
`,
    )
    .action(run)
}

function kinds(text: string): string[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  if (names.length === 0) throw new InvalidArgumentError('Write kinds of --list, separated by commas.')
  return names
}

async function run({ minutes, seed, profile, faults: only, list, keep = false, json }: Options): Promise<void> {
  const [{ startTorture }, { PROFILES }, { FAULTS }, { reportText }] = await Promise.all([
    import('../torture/torture.ts'),
    import('../torture/profile.ts'),
    import('../torture/faults/index.ts'),
    import('../torture/report.ts'),
  ])
  if (list) {
    const all = FAULTS.map(({ kind, about }) => ({ kind, about }))
    const rows = all.map((f) => [f.kind, f.about])
    const lines = table([{ title: 'fault' }, { title: 'what it does' }], rows)
    console.log(json ? JSON.stringify(all) : lines.join('\n'))
    return
  }
  const unknown = only?.find((kind) => !FAULTS.some((f) => f.kind === kind))
  if (unknown !== undefined)
    throw new StrandlineError('USAGE', `There is no fault '${unknown}'.`, { todo: 'See ./strandline torture --list.' })
  if (!(minutes > 0 && minutes <= 1_440) || (seed ?? 0) >= LARGEST_SEED)
    throw new StrandlineError('USAGE', `--minutes is ${minutes} and --seed ${seed ?? 'not given'}.`, {
      todo: 'Use more than 0 minutes and at most 1440, and a seed below 4294967296.',
    })
  const chosen = seed ?? Math.floor(Math.random() * LARGEST_SEED)
  const started = performance.now()
  const tell = (line: string) => say(`${((performance.now() - started) / 1000).toFixed(1).padStart(7)} s  ${line}`)
  tell(`seed ${chosen}`)
  const torture = await startTorture({
    seed: chosen,
    minutes,
    profile: PROFILES[profile as keyof typeof PROFILES],
    only,
    keep,
    tell,
  })
  let interrupted = false
  const interrupt = () => {
    if (interrupted) process.exit(130)
    interrupted = true
    say('Stopping …')
    torture.stop().finally(() => process.exit(130))
  }
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
  try {
    const report = await torture.result
    console.log(json ? JSON.stringify(report) : reportText(report))
    if (report.verdict !== 'pass') process.exitCode = 1
  } catch (error) {
    if (!interrupted) throw error
  }
  if (interrupted) await new Promise(() => {}) // the signal's handler ends the process
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
}

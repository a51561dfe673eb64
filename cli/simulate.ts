/** `strandline simulate`: the services over engines in memory, with faults, in virtual time; what fails is made small and shown. */
import { setImmediate } from 'node:timers/promises'
import type { Command } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import { wholeNumber } from './numbers.ts'
import { say } from './output.ts'
import { createProgress } from './progress.ts'

interface Options {
  seeds: number
  from: number
  seed?: number
  json?: boolean
}

/** So many failing schedules are made small and shown; of the others the seed is named. */
const SHOWN = 3

export function register(program: Command): void {
  program
    .command('simulate')
    .description(
      'Run the PM, the learner and the projector over engines in memory, with faults in any order and virtual time, and compare what is learned with what must be.',
    )
    .option('--seeds <n>', 'schedules to run, one for each seed', wholeNumber, 1_000)
    .option('--from <n>', 'the first seed', wholeNumber, 1)
    .option(
      '--seed <n>',
      'run this one alone, and print all that happens in it; where it fails, made smaller once more',
      wholeNumber,
    )
    .option('--json', 'print one JSON object: {"schedules", "seconds", "commits", "faults", "failures", "trace_hash"}')
    .addHelpText(
      'after',
      `
One seed is always the same schedule. What is modelled, and what is not: docs/simulation.md.
Exit codes: 0 all is well, 1 a schedule failed or all of them did too little, 2 wrong usage.

Examples:
  ./strandline simulate --seeds 50000
  ./strandline simulate --seed 4711
`,
    )
    .action(async (options: Options) => {
      const { json, seed } = options
      const result = seed === undefined ? await runAll(options) : await runOne(seed, json)
      if (json) console.log(JSON.stringify(result))
      else console.log(resultText(result))
      if (result.failures.length > 0) process.exitCode = 1
    })
}

interface Result {
  schedules: number
  seconds: number
  commits: number
  faults: Record<string, number>
  failures: number[]
  trace_hash: string
}

async function load() {
  try {
    return {
      ...(await import('../simulation/run-many.ts')),
      ...(await import('../simulation/simulate.ts')),
      ...(await import('../simulation/replay.ts')),
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new StrandlineError('USAGE', 'The simulation is not part of an installation without its sources.', {
      todo: 'Run it from a checkout of the project.',
      cause,
    })
  }
}

async function runAll({ seeds, from, json }: Options): Promise<Result> {
  const { runMany, smallestFailure, tooLittleOf } = await load()
  const started = performance.now()
  const progress = createProgress()
  let done = 0
  let shown = 0
  const all = await runMany(from, seeds, async ({ seed, failures }) => {
    progress('Schedules', ++done, seeds)
    await setImmediate() // signals and output get their turn
    if (failures.length === 0) return
    progress.end()
    say(`Seed ${seed} failed: ${failures[0]}`)
    if (json || shown++ >= SHOWN) return
    say('Making it smaller…')
    say(await smallestFailure(seed))
  })
  progress.end()
  const missing = tooLittleOf(all)
  if (missing.length > 0) {
    say(`Too little happened for a test: ${missing.join(', ')} in ${all.schedules} schedules.`)
    process.exitCode = 1
  }
  const { duplicates: _, corrections: __, ...totals } = all
  return { ...totals, seconds: seconds(started) }
}

async function runOne(seed: number, json: boolean | undefined): Promise<Result> {
  const { simulate, smallestFailure } = await load()
  const started = performance.now()
  const { commits, faults, failures, trace_hash, lines } = await simulate(seed, !json)
  if (!json) console.log(lines.join('\n'))
  for (const failure of failures) say(`Failed: ${failure}`)
  if (!json && failures.length > 0) {
    say('Making it smaller…')
    console.log(await smallestFailure(seed))
  }
  return {
    schedules: 1,
    seconds: seconds(started),
    commits,
    faults,
    failures: failures.length > 0 ? [seed] : [],
    trace_hash,
  }
}

const seconds = (started: number) => Math.round(performance.now() - started) / 1000

function resultText({ schedules, seconds, commits, faults, failures, trace_hash }: Result): string {
  const all = Object.entries(faults).sort((a, b) => b[1] - a[1])
  const sum = all.reduce((n, [, count]) => n + count, 0)
  const width = Math.max(0, ...all.map(([kind]) => kind.length))
  return [
    `${schedules} schedules in ${seconds} s: ${commits} commits, ${sum} faults of ${all.length} kinds.`,
    ...all.map(([kind, count]) => `  ${kind.padEnd(width)}  ${count}`),
    `Trace: ${trace_hash}`,
    failures.length === 0
      ? 'Every trade was learned once, and everything came to rest.'
      : `${failures.length} failed: ${failures.slice(0, 20).join(', ')}${failures.length > 20 ? ', …' : ''}. Look at one: ./strandline simulate --seed ${failures[0]}`,
  ].join('\n')
}

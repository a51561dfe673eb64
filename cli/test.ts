/** `strandline test`: types, style, then every test, with what they need started; what is left out is said loudly. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { NODE_FLAGS } from '../core/node-flags.ts'
import { findProcessesIn, stopProcess } from '../core/processes.ts'
import { say } from './output.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Programs that some tests compare us with; the tests skip themselves where they are missing. */
const OPTIONAL = [
  { program: 'kcat', arguments: ['-V'], tests: 'decoding of the topic by another client' },
  { program: 'psql', arguments: ['--version'], tests: 'a look into the database with psql' },
  { program: 'Burrow', arguments: ['-help'], tests: 'our lag beside that of Burrow' },
  { program: 'chromium', arguments: ['--version'], tests: 'the page in a browser' },
  { program: 'promtool', arguments: ['--version'], tests: 'alert rules against real metrics' },
]

interface Options {
  checks: boolean
}

export function register(program: Command): void {
  program
    .command('test')
    .description(
      'Check types and style, then run all tests: on embedded engines, and in containers where a container engine answers.',
    )
    .argument('[arguments...]', 'further arguments of vitest: a part of a file name, -t <test name>, --project unit, …')
    .option('--no-checks', 'run the tests only')
    .allowUnknownOption()
    .addHelpText(
      'after',
      `
Nothing needs to run beforehand; engines are started on free ports, in a folder of their own, and stopped.
STRANDLINE_CONTAINERS says whether the container tests run: auto (default), required or off.

Examples:
  ./strandline test
  ./strandline test --project unit
  ./strandline test --no-checks test/embedded/kafka
`,
    )
    .action(async (args: string[], { checks }: Options) => {
      process.exitCode = await runTests(args, checks)
    })
}

async function runTests(args: string[], checks: boolean): Promise<number> {
  if (checks) {
    const quiet = { quiet: true }
    const codes = await Promise.all([
      step('types', ['typescript', 'bin/tsc'], ['--noEmit'], quiet),
      step('types of the page', ['typescript', 'bin/tsc'], ['--noEmit', '-p', 'web'], quiet),
      step('style', ['@biomejs/biome', 'bin/biome'], ['check', '.'], quiet),
    ])
    if (codes.some((code) => code !== 0)) return 1
  }
  const missing = OPTIONAL.filter(({ program, arguments: a }) => spawnSync(program, a, { stdio: 'ignore' }).error)
  for (const { program, tests } of missing) loudly(`LEFT OUT, because ${program} is not installed: ${tests}.`)
  const lanes = await lanesOf(args)
  const dir = mkdtempSync(join(tmpdir(), 'strandline-tests-'))
  const tmp = join(dir, 'tmp')
  mkdirSync(tmp)
  try {
    const ending = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => ending.abort())
    const results = await runLanes(lanes, tmp, (i) => join(dir, `${i}.json`), ending.signal)
    if (ending.signal.aborted) return 130
    for (const { program, tests } of missing) loudly(`LEFT OUT, because ${program} is not installed: ${tests}.`)
    const sum = (of: 'passed' | 'failed' | 'skipped') => results.reduce((total, r) => total + r[of], 0)
    const [passed, failed, skipped] = [sum('passed'), sum('failed'), sum('skipped')]
    console.log(`Tests: ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
    const idle = lanes.find((_, i) => results[i]!.passed + results[i]!.failed === 0)
    if (idle && !args.includes('--passWithNoTests')) {
      say(`No test ran (${idle.name}).`)
      return 1
    }
    return results.find((r) => r.code !== 0)?.code ?? 0
  } finally {
    await sweep(dir)
  }
}

/**
 * Ends what the tests have started and left, and takes their files away: vitest, asked to end, ends at once, and their engines would run on. All of them have
 * TMPDIR, or a folder in it, from us.
 */
async function sweep(dir: string): Promise<void> {
  await Promise.all(
    findProcessesIn(dir).map((pid) =>
      stopProcess(pid, [
        ['SIGINT', 10_000],
        ['SIGKILL', 10_000],
      ]),
    ),
  )
  try {
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
  } catch (error) {
    say(`What the tests wrote could not be taken away (${(error as Error).message}): remove ${dir}.`)
  }
}

interface Lane {
  name: string
  /** Known when it begins. */
  args: string[] | (() => Promise<string[]>)
  /** STRANDLINE_CONTAINERS. */
  containers: string
  /** By which way the tests' database is called (test/support/database.ts). */
  store?: 'direct'
  /** Its output is shown whole at its end; otherwise as it comes. */
  quiet?: boolean
}

/** What must be exactly once by either way to the database: once more, by the direct one. */
const BOTH_WAYS = [
  'test/learner',
  'test/projector',
  'test/chaos',
  'test/pm/relay',
  'test/pm/close',
  'test/pm/bridge.int',
]
/** The same by either way: they are about Kafka's or the registry's doings, or call the database by both ways, or the direct one, in the first place. */
const NOT_AGAIN = [
  '**/learner/{broker-away,compaction,registry-answers,sparse-offsets,topic-identity,two-topics}.int.test.ts',
  '**/learner/{copied-commits,lazy-commits,log-checkpoints,rebuild}.int.test.ts',
  // of no transaction of their own: which version is read, what a sum is, who claims, what an operator asks
  '**/learner/{activation,formula,late-claim,redrive,shared-sums}.int.test.ts',
]

/**
 * The container tests where stand-ins take the place of the real images: they hold the very Kafka of the embedded engines, and an older PostgreSQL. What is about
 * neither that nor containers has been told by the embedded engines. On real images all of them run.
 */
const ON_STAND_INS = [
  'test/containers/',
  'test/decision/',
  'test/projector/',
  ...['loop', 'operations'].map((name) => `test/loop/${name}.`),
  ...['corrections', 'crash', 'duplicates', 'formula', 'lost-answers', 'zombies'].map(
    (name) => `test/learner/${name}.`,
  ),
  ...'backfill bad-rows bridge close import outbox-marks polls posted-trades relay relay-kafka retention status tick'
    .split(' ')
    .map((name) => `test/pm/${name}.`),
]

/** Lanes of their own, for whichever of the two is done first. */
const APART = ['moving', 'legacy', 'hosted', 'doctor', 'replay', 'console']

/**
 * Two lanes at once, which share nothing, in this order: the tests on embedded engines, those in containers, those that run apart, and those that run once more by
 * the other way to the database. Whoever names tests gets one lane.
 */
async function lanesOf(args: string[]): Promise<Lane[]> {
  const mode = process.env.STRANDLINE_CONTAINERS ?? 'auto'
  const { engineMissing } = await import('../test/containers/images.ts')
  if (args.length > 0) return [{ name: 'tests', args, containers: mode }]
  const again: Lane = {
    name: 'tests on PostgreSQL itself',
    args: ['--project', 'integration', ...NOT_AGAIN.flatMap((glob) => ['--exclude', glob]), ...BOTH_WAYS],
    containers: 'off',
    store: 'direct',
    quiet: true,
  }
  const apart: Lane = {
    name: `tests of ${APART.join(', ')}`,
    args: ['--project', 'integration', ...APART.map((room) => `test/${room}/`)],
    containers: 'off',
    quiet: true,
  }
  const rest = ['--exclude', `**/test/{${APART.join(',')}}/**/*.int.test.ts`]
  // Where no container engine answers, vitest.config.ts says so, or fails.
  if (mode === 'off' || engineMissing()) return [{ name: 'tests', args: rest, containers: mode }, apart, again]
  const contained: Lane = {
    name: 'tests in containers',
    args: async () => ['--project', 'containers', ...(await chooseContained())],
    containers: mode,
    quiet: true,
  }
  const tests: Lane = {
    name: 'tests',
    args: ['--project', 'unit', '--project', 'simulation', '--project', 'integration', ...rest],
    containers: 'off',
  }
  return [tests, contained, apart, again]
}

/** Stand-ins that are missing are built by this, where container tests are required: minutes, beside the first lane. */
async function chooseContained(): Promise<string[]> {
  const { chooseImages } = await import('../test/containers/images.ts')
  // What is wrong with the images is told by the tests.
  const images = await chooseImages().catch(() => null)
  if (images?.broker.kind !== 'kafka') return []
  say(
    'CONTAINER TESTS: of the loop’s own, those that would tell nothing new on the same Kafka run on the embedded engines only.',
  )
  return ON_STAND_INS
}

const AT_ONCE = 2

/** In their order; what was not begun when somebody asked us to end is not begun. */
async function runLanes(
  lanes: Lane[],
  tmp: string,
  report: (i: number) => string,
  ending: AbortSignal,
): Promise<(Counts & { code: number })[]> {
  const results: (Counts & { code: number })[] = []
  const left = [...lanes.entries()]
  const run = async () => {
    for (let next = left.shift(); next && !ending.aborted; next = left.shift()) {
      const [i, lane] = next
      results[i] = await runLane(lane, tmp, report(i))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, run))
  return results
}

async function runLane(
  { name, args, containers, store, quiet }: Lane,
  tmp: string,
  report: string,
): Promise<Counts & { code: number }> {
  const which = typeof args === 'function' ? await args() : args
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const env = { TMPDIR: tmp, STRANDLINE_CONTAINERS: containers, ...(store ? { TEST_STORE: store } : {}) }
  const code = await step(name, ['vitest', 'vitest.mjs'], ['run', ...reporters, ...which], { env, quiet })
  return { code, ...counts(report) }
}

/** Runs a program of node_modules on our Node; resolves to its exit code. */
function step(
  name: string,
  [pkg, bin]: [string, string],
  args: string[],
  { env: change = {}, quiet = false }: { env?: Record<string, string>; quiet?: boolean } = {},
): Promise<number> {
  say(`${name} …`)
  const program = join(dirname(createRequire(import.meta.url).resolve(`${pkg}/package.json`)), bin)
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}` }
  const child = spawn(process.execPath, [...NODE_FLAGS, program, ...args], {
    stdio: quiet ? ['inherit', 'pipe', 'pipe'] : 'inherit',
    cwd: ROOT,
    env: { ...env, ...change },
  })
  const said: Buffer[] = []
  for (const output of [child.stdout, child.stderr]) output?.on('data', (chunk) => said.push(chunk))
  // The terminal sends Ctrl-C to the child as well; we wait for it to clean up.
  const pass = (signal: NodeJS.Signals) => child.kill(signal)
  process.on('SIGINT', () => {})
  process.on('SIGTERM', pass)
  return new Promise((resolve) => {
    child.once('error', (error) => {
      say(`${name} could not be started: ${error.message}`)
      resolve(1)
    })
    child.once('close', (code, signal) => {
      process.off('SIGTERM', pass)
      process.stdout.write(Buffer.concat(said))
      if (code !== 0) say(`${name} failed${signal ? ` (${signal})` : ''}.`)
      resolve(code ?? 1)
    })
  })
}

interface Counts {
  passed: number
  failed: number
  skipped: number
}

function counts(report: string): Counts {
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(readFileSync(report, 'utf8'))
    return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests }
  } catch {
    return { passed: 0, failed: 0, skipped: 0 }
  }
}

function loudly(sentence: string): void {
  const line = '!'.repeat(Math.min(120, sentence.length + 4))
  say(`\n${line}\n! ${sentence}\n${line}\n`)
}

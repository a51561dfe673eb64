/** `strandline test`: types, style, then every test, with what they need started; what is left out is said loudly. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { NODE_FLAGS } from '../embedded/service-process.ts'
import { say } from './output.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Programs that some tests compare us with; the tests skip themselves where they are missing. */
const OPTIONAL = [
  { program: 'kcat', arguments: ['-V'], tests: 'decoding of the topic by another client' },
  { program: 'psql', arguments: ['--version'], tests: 'a look into the database with psql' },
  { program: 'Burrow', arguments: ['-help'], tests: 'our lag beside that of Burrow' },
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
    if ((await step('types', ['typescript', 'bin/tsc'], ['--noEmit'])) !== 0) return 1
    if ((await step('style', ['@biomejs/biome', 'bin/biome'], ['check', '.'])) !== 0) return 1
  }
  const missing = OPTIONAL.filter(({ program, arguments: a }) => spawnSync(program, a, { stdio: 'ignore' }).error)
  for (const { program, tests } of missing) loudly(`LEFT OUT, because ${program} is not installed: ${tests}.`)
  const dir = mkdtempSync(join(tmpdir(), 'strandline-report-'))
  try {
    const report = join(dir, 'report.json')
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const code = await step('tests', ['vitest', 'vitest.mjs'], ['run', ...reporters, ...args])
    const { passed, failed, skipped } = counts(report)
    for (const { program, tests } of missing) loudly(`LEFT OUT, because ${program} is not installed: ${tests}.`)
    console.log(`Tests: ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
    if (code === 0 && passed + failed === 0 && !args.includes('--passWithNoTests')) {
      say('No test ran.')
      return 1
    }
    return code
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Runs a program of node_modules on our Node; resolves to its exit code. */
function step(name: string, [pkg, bin]: [string, string], args: string[]): Promise<number> {
  say(`${name} …`)
  const program = join(dirname(createRequire(import.meta.url).resolve(`${pkg}/package.json`)), bin)
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}` }
  const child = spawn(process.execPath, [...NODE_FLAGS, program, ...args], {
    stdio: 'inherit',
    cwd: ROOT,
    env: { STRANDLINE_CONTAINERS: 'auto', ...env },
  })
  // The terminal sends Ctrl-C to the child as well; we wait for it to clean up.
  const pass = (signal: NodeJS.Signals) => child.kill(signal)
  process.on('SIGINT', () => {})
  process.on('SIGTERM', pass)
  return new Promise((resolve) => {
    child.once('error', (error) => {
      say(`${name} could not be started: ${error.message}`)
      resolve(1)
    })
    child.once('exit', (code, signal) => {
      process.off('SIGTERM', pass)
      if (code !== 0) say(`${name} failed${signal ? ` (${signal})` : ''}.`)
      resolve(code ?? 1)
    })
  })
}

function counts(report: string): { passed: number; failed: number; skipped: number } {
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

/** Programs of a tree: its tests by name, and its simulation. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { NODE_FLAGS } from '../../core/node-flags.ts'
import { type Guard, type NamedTest, needsEngines } from './guard.ts'

export interface TestResult extends NamedTest {
  passed: number
  failed: number
}

export interface Schedules {
  /** How many were run. */
  of: number
  /** Seeds of those that failed. */
  failed: number[]
  /** What the first failure was. */
  how?: string
}

/** A schedule takes tens of milliseconds: so long takes one that never ends, on a machine that is busy with other things. */
const ENDLESS_MS = 120_000
const SCHEDULE_MS = 2_000

/** `code` null: it was ended. */
async function run(
  dir: string,
  args: string[],
  { timeout, more = {} }: { timeout?: number; more?: Record<string, string> } = {},
): Promise<{ output: string; code: number | null }> {
  const { CI: _, ...env } = process.env // what fails is not tried again
  const child = spawn(process.execPath, [...NODE_FLAGS, ...args], {
    cwd: dir,
    env: { ...env, ...more, PATH: `${dirname(process.execPath)}:${env.PATH ?? ''}` },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout,
    killSignal: 'SIGKILL',
  })
  const stop = () => child.kill()
  process.once('exit', stop)
  const exited = once(child, 'exit')
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = (await exited) as [number | null]
  process.off('exit', stop)
  return { output: output || errors, code }
}

/** @param enough after so many that failed no more are run */
export async function runSchedules(dir: string, seeds: number[], enough: number): Promise<Schedules> {
  const args = ['test/guards/schedules.ts', JSON.stringify({ seeds, enough })]
  const { output, code } = await run(dir, args, { timeout: ENDLESS_MS + seeds.length * SCHEDULE_MS })
  const first = seeds.slice(0, 1)
  if (code === null) return { of: 1, failed: first, how: 'a schedule never ends' }
  try {
    return JSON.parse(output) as Schedules
  } catch {
    return { of: 1, failed: first, how: output.trim().split('\n').at(-1) } // the simulation itself does not bear it
  }
}

export interface Tortured {
  /** The first of what was found; undefined: nothing. */
  found?: string
}

/** A minute of `strandline torture`. */
export async function runTorture(dir: string, { faults, seed }: NonNullable<Guard['torture']>): Promise<Tortured> {
  const args = ['cli/main.ts', 'torture', '--minutes', '1', '--profile', 'quick', '--json']
  const { output } = await run(dir, [...args, '--seed', String(seed), '--faults', faults.join(',')])
  const { reasons, error } = JSON.parse(output) as { reasons?: string[]; error?: { message: string } }
  if (!reasons) throw new Error(`torture did not come to a verdict: ${error?.message ?? output}`)
  return { found: reasons[0] }
}

interface Report {
  testResults: { name: string; message?: string; assertionResults: { fullName: string; status: string }[] }[]
}

/**
 * Runs the named tests, and no others of their files.
 * @param patienceMs how long they wait for what may never come (test/support/patience.ts); default: as ever
 */
export async function runTests(dir: string, tests: NamedTest[], patienceMs?: number): Promise<TestResult[]> {
  const results: TestResult[] = []
  for (const engines of [false, true]) {
    const wanted = tests.filter((t) => needsEngines(t) === engines)
    if (wanted.length === 0) continue
    const report = join(dir, 'guards-report.json')
    const names = [...new Set(wanted.map((t) => t.name))].map((name) => name.replace(/[^\w ]/g, '.'))
    await rm(report, { force: true })
    const args = [
      'node_modules/vitest/vitest.mjs',
      'run',
      ...['--project', engines ? 'integration' : 'unit', '--reporter=json', `--outputFile.json=${report}`],
      ...['-t', names.join('|'), ...new Set(wanted.map((t) => t.file))],
    ]
    const more = patienceMs === undefined ? undefined : { STRANDLINE_PATIENCE_MS: String(patienceMs) }
    const { output, code } = await run(dir, args, { more })
    const { testResults } = JSON.parse(
      await readFile(report, 'utf8').catch(() => {
        throw new Error(`vitest gave no report: ${output.slice(-2_000)}`)
      }),
    ) as Report
    // nobody's test, but an error that nobody handled
    const died = code !== 0 && testResults.every((r) => r.assertionResults.every((a) => a.status !== 'failed'))
    for (const test of wanted) {
      const file = testResults.find((r) => r.name.endsWith(`/${test.file}`))
      const found = (file?.assertionResults ?? []).filter((a) => a.fullName.includes(test.name))
      const count = (status: string) => found.filter((a) => a.status === status).length
      const passed = died ? 0 : count('passed')
      results.push({ ...test, passed, failed: count('failed') + count('passed') - passed })
    }
  }
  return results
}

/** Guards taken out, one after the other: who notices? */
import { type Guard, type NamedTest, needsEngines } from './guard.ts'
import { runSchedules, runTests, runTorture, type Schedules, type TestResult, type Tortured } from './run.ts'
import type { Scratch } from './scratch.ts'

export interface Checked {
  guard: Guard
  tests: TestResult[]
  /** null: not run. */
  schedules: Schedules | null
  /** null: not run. */
  tortured: Tortured | null
  /** What is not as declared; empty: the guard is real, and was seen to be. */
  problems: string[]
}

export interface CheckOptions {
  /** Default: tests and schedules. `quick`: without tests that start engines. `tests`: without schedules. `torture`: that alone. */
  only?: 'quick' | 'tests' | 'torture'
  /** After so many schedules that failed no more are run. */
  enough: number
}

/** Without the guard, what a test waits for does not come. */
const PATIENCE_MS = 120_000

const titleOf = ({ file, name }: NamedTest) => `${file}: ${name}`

/** Who notices that the guard is missing. Errors: USAGE, where its text is not found any more. */
export async function checkGuard(scratch: Scratch, guard: Guard, { only, enough }: CheckOptions): Promise<Checked> {
  const { torture } = guard
  if (only === 'torture' && torture) {
    const tortured = await scratch.without(guard, () => runTorture(scratch.dir, torture))
    const problems = tortured.found ? [] : ['A minute of torture finds nothing without it.']
    return { guard, tests: [], schedules: null, tortured, problems }
  }
  const named = guard.tests.filter((t) => !(only === 'quick' && needsEngines(t)))
  const seeds = only === 'tests' ? [] : Array.from({ length: guard.schedules }, (_, i) => i + 1)
  const { tests, schedules } = await scratch.without(guard, async () => ({
    tests: await runTests(scratch.dir, named, PATIENCE_MS),
    schedules: seeds.length > 0 ? await runSchedules(scratch.dir, seeds, enough) : null,
  }))
  const problems = tests.flatMap((test) => {
    if (test.passed + test.failed === 0) return [`There is no such test: ${titleOf(test)}.`]
    return test.passed > 0 ? [`It passes without the guard, too: ${titleOf(test)}.`] : []
  })
  if (schedules?.failed.length === 0) problems.push(`None of ${schedules.of} schedules fails without it.`)
  if (guard.tests.length === 0 && guard.schedules === 0) problems.push('Neither a test nor a schedule is named.')
  return { guard, tests, schedules, tortured: null, problems }
}

/** What failed without its guard must pass with all of them in place. Adds to the problems. */
export async function checkInPlace(scratch: Scratch, checked: readonly Checked[]): Promise<void> {
  const named = new Map(checked.flatMap((c) => c.tests).map((test) => [titleOf(test), test]))
  const failing = new Set((await runTests(scratch.dir, [...named.values()])).filter((t) => t.failed > 0).map(titleOf))
  const seeds = [...new Set(checked.flatMap((c) => c.schedules?.failed ?? []))]
  const failed = new Set(seeds.length === 0 ? [] : (await runSchedules(scratch.dir, seeds, seeds.length)).failed)
  for (const { tests, schedules, problems } of checked) {
    for (const test of tests)
      if (failing.has(titleOf(test))) problems.push(`It fails with the guard in place, too: ${titleOf(test)}.`)
    for (const seed of schedules?.failed ?? [])
      if (failed.has(seed)) problems.push(`The schedule of seed ${seed} fails with the guard in place, too.`)
  }
}

/** Each guard is where it is declared and has its row in the docs; and a few of them, other ones each day, are taken out: something must fail. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkGuard, checkInPlace } from './check.ts'
import { GUARDS } from './declared/index.ts'
import { type Guard, needsEngines } from './guard.ts'
import { guardsOfToday } from './of-today.ts'
import { createScratch, replaced, type Scratch } from './scratch.ts'
import { namesInTable, rowOf } from './table.ts'

/** All of them come by within ten days; a minute of a core. */
const A_DAY = 4

test.each(GUARDS)('the text that is taken out of $name is there, once', async ({ name, out }) => {
  expect(out).not.toEqual([])
  for (const replacement of out) {
    const path = fileURLToPath(new URL(`../../${replacement.file}`, import.meta.url))
    const text = await readFile(path, 'utf8')
    expect(replaced(text, replacement, name)).not.toBe(text)
  }
})

test('a text that is not there any more is named', () => {
  const replacement = { file: 'core/x.ts', find: 'if (mine)', by: 'if (true)' }
  expect(() => replaced('if (yours)', replacement, 'ownership')).toThrow(
    "The guard 'ownership' cannot be taken out of core/x.ts: the text that it is declared by is there 0 times.",
  )
})

test('a row keeps what was seen before and was not tried now', () => {
  const guard = GUARDS.find((g) => g.tests.some(needsEngines) && g.schedules > 0) as Guard
  const tests = guard.tests.filter(needsEngines).map((t) => ({ ...t, passed: 0, failed: 3 }))
  const first = rowOf({ guard, tests, schedules: null, tortured: null, problems: [] })
  const schedules = { of: 1_200, failed: [7, 1_200] }
  const then = rowOf({ guard, tests: [], schedules, tortured: null, problems: [] }, first)
  expect(first).toContain('not run yet')
  expect(then).toContain(tests[0]?.file)
  expect(then).toContain('2 of 1,200')
  // and what was tried now, and did not fail, is not said any more
  const passed = tests.map((t) => ({ ...t, passed: 3, failed: 0 }))
  expect(rowOf({ guard, tests: passed, schedules: null, tortured: null, problems: [] }, then)).not.toContain(
    tests[0]?.file,
  )
})

test('every guard has its row in docs/exactly-once.md', async () => {
  expect(await namesInTable()).toEqual(GUARDS.map((g) => g.name))
})

describe('today', () => {
  let scratch: Scratch
  beforeAll(async () => {
    scratch = await createScratch()
  })
  afterAll(() => scratch.remove())

  const quick = GUARDS.filter((g) => g.schedules > 0 || g.tests.some((t) => !t.file.endsWith('.int.test.ts')))
  test.each(guardsOfToday(quick, A_DAY))(
    'something fails without the guard: $name',
    { timeout: 900_000 },
    async (guard) => {
      const checked = await checkGuard(scratch, guard, { only: 'quick', enough: 1 })
      await checkInPlace(scratch, [checked])
      expect(checked.problems).toEqual([])
    },
  )
})

/** One guard, another one each day, is taken out of the database's functions as well: the tests on engines that name it must fail. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkGuard, checkInPlace } from './check.ts'
import { GUARDS } from './declared/index.ts'
import { needsEngines } from './guard.ts'
import { guardsOfToday } from './of-today.ts'
import { createScratch, type Scratch } from './scratch.ts'

let scratch: Scratch
beforeAll(async () => {
  scratch = await createScratch()
})
afterAll(() => scratch.remove())

const onEngines = GUARDS.map((g) => ({ ...g, tests: g.tests.filter(needsEngines) })).filter((g) => g.tests.length > 0)
test.each(guardsOfToday(onEngines, 1))(
  'its tests on engines fail without the guard: $name',
  { timeout: 900_000 },
  async (guard) => {
    const checked = await checkGuard(scratch, guard, { only: 'tests', enough: 1 })
    await checkInPlace(scratch, [checked])
    expect(checked.problems).toEqual([])
  },
)

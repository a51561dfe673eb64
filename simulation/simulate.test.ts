import { describe, expect, test } from 'vitest'
import { planOf } from './plan.ts'
import { runMany } from './run-many.ts'
import { shrink } from './shrink.ts'
import { simulate } from './simulate.ts'

/** More run by night: ./strandline simulate --seeds 50000. */
const SCHEDULES = Number(process.env.STRANDLINE_SCHEDULES ?? 2_000)

describe('a schedule', () => {
  test('is the same to the last step when it is run again, and another one with another seed', async () => {
    const first = await simulate(7, true)
    const again = await simulate(7, true)
    expect(again.lines).toEqual(first.lines)
    expect(again).toEqual(first)
    expect((await simulate(8)).trace_hash).not.toBe(first.trace_hash)
  })
})

test('every trade is learned once and everything comes to rest, whatever faults came in whatever order', async () => {
  const found: string[] = []
  const totals = await runMany(1, SCHEDULES, ({ seed, failures }) =>
    found.push(...failures.map((f) => `seed ${seed}: ${f}`)),
  )
  expect(found).toEqual([])
  // a suite in which less happened tested nothing
  expect(totals.commits / SCHEDULES).toBeGreaterThan(20)
  expect(totals.duplicates / SCHEDULES).toBeGreaterThan(3)
  expect(totals.corrections / SCHEDULES).toBeGreaterThan(2)
  expect(Object.keys(totals.faults).length).toBeGreaterThanOrEqual(20)
})

test('a plan that fails is made as small as it goes', async () => {
  const plan = planOf(3, 0)
  const kept = plan.trades.length - 1
  const small = await shrink(plan, async ({ trades }) => trades.some((t) => t.position_id === `p-${kept}`))
  expect([small.faults, small.edits, small.trades.map((t) => t.position_id)]).toEqual([[], [], [`p-${kept}`]])
})

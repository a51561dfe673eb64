import { describe, expect, test } from 'vitest'
import { planOf } from './plan.ts'
import { runMany, tooLittleOf } from './run-many.ts'
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
  expect(tooLittleOf(totals)).toEqual([])
})

test('many schedules in which too little happened tested nothing', () => {
  const totals = { schedules: 100, commits: 2_001, duplicates: 300, corrections: 201, faults: { crash: 5_000 } }
  expect(tooLittleOf(totals)).toEqual(['300 duplicates', 'faults of 1 kinds'])
  expect(tooLittleOf({ ...totals, schedules: 99 })).toEqual([])
})

test('a plan that fails is made as small as it goes', async () => {
  const plan = planOf(3, 0)
  const kept = plan.trades.length - 1
  const small = await shrink(plan, async ({ trades }) => trades.some((t) => t.position_id === `p-${kept}`))
  expect([small.faults, small.edits, small.trades.map((t) => t.position_id)]).toEqual([[], [], [`p-${kept}`]])
})

/** One schedule, from its plan to its verdict. */
import { heal, startFaults } from './faults.ts'
import { type Actors, contentsOf, notReady, unrest, wrongs } from './judge.ts'
import { startOthers } from './others.ts'
import { FAULTY_MS, type Plan, planOf } from './plan.ts'
import { startTrader } from './trader.ts'
import { BEGIN, createWorld } from './world.ts'

/** Everything must have come to rest so long after the faults, in virtual ms. */
const REST_WITHIN_MS = 20 * 60_000
const LOOK_MS = 500
/** A run in which less happened tested nothing. */
const FLOORS = { trades: 5, commits: 8, duplicates: 1, corrections: 1, faults: 1 }

export interface Verdict {
  seed: number
  /** What is wrong, and what was expected; empty: all is well. */
  failures: string[]
  commits: number
  duplicates: number
  corrections: number
  faults: Record<string, number>
  /** Of all that happened, in order. */
  trace_hash: string
  /** Virtual ms from the end of the faults to rest. */
  rest_ms: number
  lines: string[]
}

export const simulate = (seed: number, keepLines = false): Promise<Verdict> =>
  simulatePlan(planOf(seed, BEGIN), keepLines)

/** @param whole false: a plan that was made smaller may do as little as it likes */
export async function simulatePlan(plan: Plan, keepLines = false, whole = true): Promise<Verdict> {
  const world = createWorld(plan, keepLines)
  const { scheduler, machines, counts, trace } = world
  for (const machine of machines) world.start(machine)
  const trader = startTrader(world)
  const actors: Actors = { trader, others: startOthers(world) }
  startFaults(world, trader)
  await scheduler.run(() => false, BEGIN + FAULTY_MS)
  heal(world)
  const healed = scheduler.now()
  let look = healed
  const rested = await scheduler.run(() => {
    if (scheduler.now() < look) return false
    look = scheduler.now() + LOOK_MS
    return unrest(world, actors).length === 0
  }, healed + REST_WITHIN_MS)
  const rest_ms = scheduler.now() - healed
  const failures = rested ? [] : unrest(world, actors).map((what) => `does not come to rest: ${what}`)
  if (rested) {
    // what comes late, or comes again, must change nothing
    await scheduler.run(() => false, scheduler.now() + 6_000)
    failures.push(...wrongs(world, actors), ...(await notReady(world)))
  }
  const { duplicates, corrections } = contentsOf(world)
  const faults = Object.values(counts.faults).reduce((sum, n) => sum + n, 0)
  const did = { trades: plan.trades.length, commits: counts.commits, duplicates, corrections, faults }
  if (whole)
    for (const [name, floor] of Object.entries(FLOORS))
      if (did[name as keyof typeof FLOORS] < floor)
        failures.push(`did too little: ${name} ${did[name as keyof typeof FLOORS]}, at least ${floor} are expected`)
  for (const machine of machines) machine.process?.kill()
  return {
    seed: plan.seed,
    failures,
    commits: counts.commits,
    duplicates,
    corrections,
    faults: counts.faults,
    trace_hash: trace.digest(),
    rest_ms,
    lines: trace.lines,
  }
}

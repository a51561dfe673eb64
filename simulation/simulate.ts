/** One schedule, from its plan to its verdict. */
import { createAsking } from './asking.ts'
import { startBot } from './bot.ts'
import { heal, startFaults } from './faults.ts'
import { type Actors, contentsOf, notReady, unrest, wrongs } from './judge.ts'
import { startOthers } from './others.ts'
import { FAULTY_MS, planOf } from './plan.ts'
import type { Plan } from './planned.ts'
import { startBars, startTrader } from './trader.ts'
import { BEGIN, createWorld, type World } from './world.ts'

/** Everything must have come to rest so long after the faults, in virtual ms. */
const REST_WITHIN_MS = 8 * 60_000
const LOOK_MS = 500
const LATE_MS = 6_000
/** A schedule in which less happened tested nothing. Records that come twice are counted over many: by chance one in ten thousand has none. */
const FLOORS = { trades: 5, commits: 3, corrections: 1, faults: 1 }

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
  lines: string[]
}

export const simulate = (seed: number, keepLines = false): Promise<Verdict> =>
  simulatePlan(planOf(seed, BEGIN), keepLines)

/** @param whole false: a plan that was made smaller may do as little as it likes */
export async function simulatePlan(plan: Plan, keepLines = false, whole = true): Promise<Verdict> {
  const world = createWorld(plan, keepLines)
  const { scheduler, machines, counts, trace } = world
  for (const machine of machines) world.start(machine)
  const asking = createAsking(world)
  startBars(world, asking)
  const actors: Actors = {
    asking,
    trader: startTrader(world, asking),
    bot: startBot(world, asking),
    others: startOthers(world, asking),
  }
  startFaults(world, asking)
  await scheduler.run(() => false, BEGIN + FAULTY_MS)
  heal(world)
  const failures = await judge(world, actors)
  const { duplicates, corrections } = contentsOf(world)
  const { commits, faults } = counts
  if (whole) {
    const all = Object.values(faults).reduce((sum, n) => sum + n, 0)
    failures.push(...tooLittle({ trades: plan.trades.length, commits, corrections, faults: all }))
  }
  for (const machine of machines) machine.process?.kill()
  return {
    seed: plan.seed,
    failures,
    commits,
    duplicates,
    corrections,
    faults,
    trace_hash: trace.digest(),
    lines: trace.lines,
  }
}

/** Waits for rest, and a little longer: what comes late, or comes again, must change nothing. */
async function judge(world: World, actors: Actors): Promise<string[]> {
  const { scheduler } = world
  const healed = scheduler.now()
  let look = healed
  const atRest = () => {
    if (scheduler.now() < look) return false
    look = scheduler.now() + LOOK_MS
    return unrest(world, actors).length === 0
  }
  if (!(await scheduler.run(atRest, healed + REST_WITHIN_MS)))
    return unrest(world, actors).map((what) => `does not come to rest: ${what}`)
  await scheduler.run(() => false, scheduler.now() + LATE_MS)
  return [...wrongs(world, actors), ...(await notReady(world))]
}

function tooLittle(did: typeof FLOORS): string[] {
  const names = Object.keys(FLOORS) as (keyof typeof FLOORS)[]
  return names
    .filter((name) => did[name] < FLOORS[name])
    .map((name) => `did too little: ${name} ${did[name]}, at least ${FLOORS[name]} are expected`)
}

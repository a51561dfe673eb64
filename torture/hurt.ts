/** Carries the plan out: each fault begins at its time, or once what it hits is free, lasts, and lets go. */
import { setTimeout as sleep } from 'node:timers/promises'
import { StrandlineError } from '../core/errors.ts'
import type { PlannedFault } from './plan.ts'
import type { Stage } from './stage.ts'

export interface FaultDone {
  kind: string
  target: string
  /** ms since the epoch. */
  began: number
  ended: number
  /** From its end until something that closed after it was applied; nothing where that never came. */
  recovery_ms?: number
}

export interface HurtOptions {
  signal: AbortSignal
  /** One sentence when it begins, and one when it has let go. */
  told(text: string): void
  ended(fault: FaultDone): void
}

/** More at a time would leave nothing to be hurt. */
const AT_ONCE = 3

/** Resolves once the last one has let go. Errors: what a fault throws that cannot be done; the others still let go. */
export async function hurt(
  stage: Stage,
  plan: PlannedFault[],
  { signal, told, ended }: HurtOptions,
): Promise<FaultDone[]> {
  const started = Date.now()
  const held = new Set<string>()
  const open = new Set<Promise<void>>()
  const done: FaultDone[] = []
  let failure: unknown

  async function one({ fault, lasts, dice }: PlannedFault, target: string, holds: string[]): Promise<void> {
    const name = `${fault.kind} (${target})`
    const began = Date.now()
    try {
      told(`${name} begins`)
      await fault.begin(stage, target, dice)
      await sleep(lasts, undefined, { signal })
    } finally {
      if (!signal.aborted) {
        await fault.end(stage, target)
        const now: FaultDone = { kind: fault.kind, target, began, ended: Date.now() }
        done.push(now)
        ended(now)
        told(`${name} is over after ${((now.ended - began) / 1000).toFixed(1)} s`)
      }
      for (const what of holds) held.delete(what)
    }
  }

  for (const planned of plan) {
    await sleep(Math.max(0, started + planned.at - Date.now()), undefined, { signal })
    const target = planned.dice.pick(planned.fault.targets(stage))
    const holds = planned.fault.holds?.(stage) ?? [target]
    while (failure === undefined && (open.size >= AT_ONCE || holds.some((what) => held.has(what))))
      await Promise.race(open)
    if (failure !== undefined) break
    for (const what of holds) held.add(what)
    const running = one(planned, target, holds)
      .catch((cause) => {
        const why = `The fault ${planned.fault.kind} (${target}) could not be done: ${(cause as Error).message}`
        failure ??= signal.aborted ? cause : new StrandlineError('ENGINE_FAILED', why, { cause })
      })
      .finally(() => open.delete(running))
    open.add(running)
  }
  await Promise.all(open)
  if (failure !== undefined) throw failure
  return done
}

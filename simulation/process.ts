/**
 * A process that can be killed or frozen at any await. What it waits for arrives through `deliver`: a dead process gets nothing any more, so none of its
 * code goes on; a frozen one gets it when it wakes. Its clock may be wrong and may jump; how long it sleeps does not depend on that.
 */
import type { Clock } from '../core/clock.ts'
import type { Ids } from '../core/ids.ts'
import type { Scheduler } from './scheduler.ts'
import { type Stream, uuidOf } from './streams.ts'

export interface Process {
  readonly name: string
  readonly clock: Clock
  readonly ids: Ids
  isAlive(): boolean
  deliver(work: () => void): void
  kill(): void
  freeze(): void
  wake(): void
}

/** @param skew ms by which its clock is ahead, now */
export function createProcess(name: string, scheduler: Scheduler, chance: Stream, skew: () => number): Process {
  let state: 'running' | 'frozen' | 'dead' = 'running'
  let waiting: (() => void)[] = []

  function deliver(work: () => void): void {
    if (state === 'running') work()
    else if (state === 'frozen') waiting.push(work)
  }

  return {
    name,
    clock: {
      now: () => scheduler.now() + skew(),
      monotonic: () => scheduler.now(),
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted) return resolve()
          signal?.addEventListener('abort', () => resolve(), { once: true })
          scheduler.after(ms, () => deliver(resolve))
        }),
    },
    ids: { process: name, uuid: () => uuidOf(chance) },
    isAlive: () => state !== 'dead',
    deliver,
    kill() {
      state = 'dead'
      waiting = []
    },
    freeze() {
      if (state === 'running') state = 'frozen'
    },
    wake() {
      if (state !== 'frozen') return
      state = 'running'
      const work = waiting
      waiting = []
      for (const one of work) deliver(one)
    },
  }
}

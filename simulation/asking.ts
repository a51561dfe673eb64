/** Whoever is outside of what is tested, and never dies: asks whichever PM answers, again and again until it is answered. */
import { StrandlineError } from '../core/errors.ts'
import type { Portfolio } from '../services/pm/index.ts'
import { createProcess } from './process.ts'
import { createStream } from './streams.ts'
import type { World } from './world.ts'

export interface Asking {
  /** While it is above 0, nothing new is sent. */
  holds: number
  /** Requests without an answer. */
  open: number
  sleep(ms: number): Promise<void>
  /** Nothing may be written now. */
  holding(): boolean
  insist<T>(what: string, request: (pm: Portfolio) => Promise<T>): Promise<T>
}

const PATIENCE_MS = 8_000
export const AGAIN_MS = 700

export function createAsking({ plan, scheduler, network, machines, clocks }: World): Asking {
  const chance = createStream(plan.seed, 'trader')
  const process = createProcess('trader', scheduler, createStream(plan.seed, 'trader-ids'), () => clocks.trader ?? 0)
  const call = network.callsOf(process)
  const { sleep } = process.clock
  const asking: Asking = {
    holds: 0,
    open: 0,
    sleep,
    holding: () => asking.holds > 0,
    async insist(what, request) {
      for (;;) {
        while (asking.holds > 0) await sleep(AGAIN_MS)
        const machine = chance.pick(machines.filter((m) => m.name.startsWith('pm')))
        const asked = call('pm', what, () => {
          if (!machine.portfolio) throw new StrandlineError('STORE_UNREACHABLE', 'Connection refused.')
          return request(machine.portfolio)
        })
        asking.open++
        const answer = await Promise.race([
          asked.then(
            (value) => ({ value }),
            () => null,
          ),
          sleep(PATIENCE_MS).then(() => null),
        ])
        asking.open--
        if (answer) return answer.value
        await sleep(AGAIN_MS)
      }
    },
  }
  return asking
}

/** Whoever is outside of what is tested, and never dies: asks whichever PM answers, again and again until it is answered. */
import { StrandlineError } from '../core/errors.ts'
import type { Portfolio } from '../services/pm/index.ts'
import { createProcess, type Process } from './process.ts'
import { createStream } from './streams.ts'
import type { Machine, World } from './world.ts'

export interface Asking {
  /** While it is above 0, nothing new is sent. */
  holds: number
  /** A PM that lives, frozen or not, has a request in hand, also one that whoever asked has given up. */
  busy(): boolean
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
  const inHand = new Set<{ machine: Machine; process: Process | null }>()

  function inHandOf<T>(machine: Machine, work: Promise<T>): Promise<T> {
    const one = { machine, process: machine.process }
    inHand.add(one)
    return work.finally(() => inHand.delete(one))
  }

  const asking: Asking = {
    holds: 0,
    busy: () => [...inHand].some(({ machine, process }) => machine.process === process),
    sleep,
    holding: () => asking.holds > 0,
    async insist(what, request) {
      for (;;) {
        while (asking.holds > 0) await sleep(AGAIN_MS)
        const machine = chance.pick(machines.filter((m) => m.name.startsWith('pm')))
        const asked = call('pm', what, () => {
          // it may arrive late
          if (!machine.portfolio || asking.holds > 0)
            throw new StrandlineError('STORE_UNREACHABLE', 'Connection refused.')
          return inHandOf(machine, request(machine.portfolio))
        })
        const answer = await Promise.race([
          asked.then(
            (value) => ({ value }),
            () => null,
          ),
          sleep(PATIENCE_MS).then(() => null),
        ])
        if (answer) return answer.value
        await sleep(AGAIN_MS)
      }
    },
  }
  return asking
}

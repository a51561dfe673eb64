/** A service says in the database that it runs, so that nobody takes away what it works with (`strandline undo`). */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Clock } from './clock.ts'
import type { Store } from './store/store.ts'
import { within } from './within.ts'

/** strandline.running_services forgets who was silent for three times as long. Milliseconds. */
const EVERY_MS = 10_000
const STOP_MS = 2_000

/** From now until `stop`. What fails is tried again: what is wrong with the database, the service itself says. */
export function startPresence(service: string, { store, clock }: { store: Pick<Store, 'rpc'>; clock: Clock }) {
  const stopping = new AbortController()
  const p_instance = randomUUID()
  const p_place = `${hostname()}, process ${process.pid}`
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      await store.rpc('strandline_present', { p_instance, p_service: service, p_place }).catch(() => {})
      await clock.sleep(EVERY_MS, stopping.signal)
    }
  })()
  return {
    async stop(): Promise<void> {
      stopping.abort()
      // a database that is silent must not hold up whoever ends: it forgets us by itself
      await within(
        loop.then(() => store.rpc('strandline_absent', { p_instance })),
        STOP_MS,
      ).catch(() => {})
    },
  }
}

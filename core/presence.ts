/** A service says in the database that it runs, so that nobody takes away what it works with (`strandline undo`). */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Clock } from './clock.ts'
import type { PresenceStore } from './store/presence-store.ts'
import { within } from './within.ts'

/** Whoever was silent for three times as long is forgotten. Milliseconds. */
const EVERY_MS = 10_000
const STOP_MS = 2_000

/** From now until `stop`. What fails is tried again: what is wrong with the database, the service itself says. */
export function startPresence(service: string, { presence, clock }: { presence: PresenceStore; clock: Clock }) {
  const stopping = new AbortController()
  const running = { instance: randomUUID(), service, place: `${hostname()}, process ${process.pid}` }
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      await presence.announce(running).catch(() => {})
      await clock.sleep(EVERY_MS, stopping.signal)
    }
  })()
  return {
    async stop(): Promise<void> {
      stopping.abort()
      // a database that is silent must not hold up whoever ends: it forgets us by itself
      await within(
        loop.then(() => presence.withdraw(running.instance)),
        STOP_MS,
      ).catch(() => {})
    },
  }
}

/** Which services run against the database: port, and its adapter over the database's functions. In memory: memory/presence.ts. */
import type { Store } from './store.ts'

export interface RunningService {
  /** Of one process. */
  instance: string
  service: string
  /** Where a person finds it: host and process id. */
  place: string
}

/** Errors of each: STORE_UNREACHABLE, STORE_REJECTED, STORE_SCHEMA. */
export interface PresenceStore {
  /** It runs; forgotten where that is not said again for thirty seconds. */
  announce(running: RunningService): Promise<void>
  /** It has ended. */
  withdraw(instance: string): Promise<void>
}

export const createPresenceStore = (store: Store): PresenceStore => ({
  announce: ({ instance, service, place }) =>
    store.rpc('strandline_present', { p_instance: instance, p_service: service, p_place: place }),
  withdraw: (instance) => store.rpc('strandline_absent', { p_instance: instance }),
})

/** Where every consumer of a topic stands, for displays: port, and its adapter over the database's functions. In memory: core/store/memory/lag.ts. */
import type { Store } from '../store/store.ts'
import type { StoredLag } from './lag.ts'

export interface LagStore {
  /** All of one moment. Errors: STORE_UNREACHABLE, STORE_SCHEMA. */
  read(topic: string): Promise<StoredLag>
}

export const createLagStore = (store: Pick<Store, 'rpc'>): LagStore => ({
  read: (topic) => store.rpc('strandline_lag', { p_topic: topic }),
})

/** How large all sums are: port, and its adapter over the database's functions. In memory: memory-version-sizes.ts. */
import type { Store } from '../../core/store/store.ts'

export interface TradesPage {
  /** [whose sums, trades in their ledger]. */
  trades: [sums: number, n: number][]
  /** The place to go on from; null after the last page. */
  next: string | null
}

export interface SumsPage {
  /** [whose sums, coefficients, rows]. */
  sums: [sums: number, coefficients: number, rows: number][]
  next: string | null
}

/** Errors of each: STORE_UNREACHABLE, STORE_SCHEMA. */
export interface VersionSizeStore {
  /** Counts so many rows of the ledger behind a place ('': from the first), of all sums. */
  trades(after: string, size: number): Promise<TradesPage>
  /** Counts about so many rows of sums. */
  sums(after: string, size: number): Promise<SumsPage>
  /** On disk, with their indexes, of all of them together. */
  bytes(): Promise<{ trades: number; sums: number }>
}

export const createVersionSizeStore = (store: Pick<Store, 'rpc'>): VersionSizeStore => ({
  trades: (after, size) => store.rpc('strandline_learner_count_trades', { p_after: after, p_size: size }),
  sums: (after, size) => store.rpc('strandline_learner_count_sums', { p_after: after, p_size: size }),
  bytes: () => store.rpc('strandline_learner_bytes', {}),
})

/** What `drop` does to the database: port, and its adapter over the database's functions. In memory: memory-drop.ts. */
import type { Store } from '../../core/store/store.ts'

/** What a version has of its own; one that reads the sums of another has nothing. */
export const DROPPED_STORES = ['trades', 'sums', 'letters'] as const
export type DroppedStore = (typeof DROPPED_STORES)[number]

export interface DroppedPage {
  /** Rows that were taken away. */
  dropped: number
  /** The place to go on from; null after the last page. */
  next: string | null
}

/** Errors of each: STORE_UNREACHABLE, STORE_SCHEMA. */
export interface DropStore {
  /** It is no version any more to anybody, and its learners are fenced; `dropping` false: it is one again. active: readers see it, it stays. shared: so do others that read its sums. */
  mark(modelVersion: number, dropping: boolean): Promise<'ok' | 'active' | 'shared' | 'unknown'>
  /** Looks at so many rows of all versions behind a place ('': from the first), and takes its own away. Only of one that is marked. */
  rows(modelVersion: number, store: DroppedStore, after: string, size: number): Promise<DroppedPage>
  /** The last of it. Only of one that is marked. */
  end(modelVersion: number): Promise<void>
}

export const createDropStore = (store: Pick<Store, 'rpc'>): DropStore => ({
  mark: (id, dropping) => store.rpc('strandline_learner_drop', { p_model_version: id, p_dropping: dropping }),
  rows: (id, name, after, size) =>
    store.rpc('strandline_learner_drop_rows', { p_model_version: id, p_store: name, p_after: after, p_size: size }),
  end: (id) => store.rpc('strandline_learner_dropped', { p_model_version: id }),
})

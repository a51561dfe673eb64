/** The sums that a model version reads, page by page: port, and its adapter over the database's functions. */
import type { StoredVersion } from '../core/store/coefficient-store.ts'
import type { Store } from '../core/store/store.ts'
import type { Scope } from '../domain/learning/model.ts'
import type { AmountValues } from '../domain/learning/sums-table.ts'

/** A group's key and name: the order of the pages, bytewise. */
export interface SumsPlace {
  key: string
  name: string
}

export type SumsTuple = [
  scope: Scope,
  name: string,
  key: string,
  partition: number,
  period: number,
  n: number,
  ...amounts: AmountValues,
]

/** Sums behind a place, with where their learner stands: one snapshot. */
export interface SumsPage {
  checkpoints: [partition: number, checkpoint: number][]
  rows: SumsTuple[]
  /** The last group of the page; null after the last page. */
  next: SumsPlace | null
}

export type SumsOwner = Pick<StoredVersion, 'sums' | 'consumer' | 'topic'>

export interface SumsStore {
  /** @param size rows of one page, about. Errors: STORE_UNREACHABLE, STORE_SCHEMA. */
  page(of: SumsOwner, after: SumsPlace, size: number): Promise<SumsPage>
}

export const FIRST: SumsPlace = { key: '', name: '' }

export const createSumsStore = (store: Pick<Store, 'rpc'>): SumsStore => ({
  page: ({ consumer, topic, sums }, { key, name }, size) =>
    store.rpc('strandline_audit_sums', {
      p_consumer: consumer,
      p_topic: topic,
      p_sums: sums,
      p_after_key: key,
      p_after_name: name,
      p_size: size,
    }),
})

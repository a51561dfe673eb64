/** What the old system left beside what is learned: port, and its adapter over the database's functions (…_strandline_moving.sql). */
import { findStrandlineError } from '../core/errors.ts'
import { isBrokenOff, type Store } from '../core/store/store.ts'
import type { ModelDefinition } from '../domain/learning/model.ts'
import type { Value } from './difference.ts'

export interface Named {
  module: string
  scope: string
  name: string
  key: string
}

export interface ComparisonHead {
  /** The old table, under the name that it has now; null: there was none. */
  table: string | null
  /** Those of the active version; null: none is. */
  sums: number | null
  definition: ModelDefinition | null
  hash: string | null
  baseline: unknown
  before: unknown
  names: [module: string, scope: string, name: string][]
}

/** Errors of each: STORE_UNREACHABLE, STORE_SCHEMA, STORE_REJECTED; over a connection of one's own, PostgreSQL's. */
export interface LegacyStore {
  head(): Promise<ComparisonHead>
  /** Rows of the old table, whatever columns it has. */
  oldRows(offset: number, limit: number): Promise<Record<string, unknown>[]>
  /** Coefficients that are learned: these interactions, or, with null, every lever. */
  learned(interactions: [name: string, key: string][] | null): Promise<(Value & Named)[]>
  /** How many interactions sums have; null: so many that the database gave up counting. */
  countInteractions(sums: number): Promise<number | null>
  /** Scored trades of some blocks of the ledger's table. */
  trades(
    sums: number,
    firstBlock: number,
    blocks: number,
  ): Promise<{ blocks: number; rows: [id: string, closed_at: number, rr: number, levers: string][] }>
}

export const createLegacyStore = (store: Pick<Store, 'rpc'>): LegacyStore => ({
  head: () => store.rpc('strandline_compare_head', {}),
  oldRows: (offset, limit) => store.rpc('strandline_compare_old', { p_offset: offset, p_limit: limit }),
  learned: (interactions) =>
    store.rpc('strandline_compare_learned', { p_keys: interactions && JSON.stringify(interactions) }),
  async countInteractions(sums) {
    try {
      return Number(await store.rpc('strandline_compare_interactions', { p_sums: sums }))
    } catch (error) {
      // a hosted project ends a statement after 8 s
      if (isBrokenOff(error) || findStrandlineError(error)?.code === 'STORE_REJECTED') return null
      throw error
    }
  },
  trades: (sums, firstBlock, blocks) =>
    store.rpc('strandline_compare_trades', { p_sums: sums, p_block: firstBlock, p_blocks: blocks }),
})

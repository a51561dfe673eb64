/** What the ledger has of given trades: port, and its adapters. */
import type { MemoryDatabase } from '../../core/store/memory/database.ts'
import { learnedTables, ledgerKey } from '../../core/store/memory/learned.ts'
import type { Store } from '../../core/store/store.ts'

export interface LedgerStore {
  /** Those of the events (UUIDs) that it has. Errors: STORE_UNREACHABLE. */
  trades(sums: number, ids: readonly string[]): Promise<{ id: string; rr: number | null; voided: boolean }[]>
}

export function createLedgerStore(store: Store): LedgerStore {
  return {
    async trades(sums, ids) {
      const rows = await store.rpc<[id: string, rr: number | null, voided: boolean][]>('strandline_learner_ledger', {
        p_sums: sums,
        p_ids: `{${ids.join(',')}}`,
      })
      return rows.map(([id, rr, voided]) => ({ id, rr, voided }))
    },
  }
}

export function createMemoryLedger(db: MemoryDatabase): LedgerStore {
  const { ledger } = learnedTables(db)
  return {
    trades: async (sums, ids) =>
      ids.flatMap((id) => {
        const row = ledger.get(ledgerKey(sums, id))
        return row ? [{ id, rr: row.rr, voided: row.voided }] : []
      }),
  }
}

/**
 * Applies trades to sums, one after the other, in the order of the log. Pure: `LearnerState` answers from a cache, a map or an array. Every trade changes
 * the sums on its own, so the result does not depend on how the log is cut into chunks.
 */

import { SQUARES } from './model.ts'
import { type Decay, type WeighedTrade, weigh } from './sums.ts'
import type { SumsTable } from './sums-table.ts'
import type { LedgerTrade, Trade } from './trade.ts'

/** Where the sums of one partition lie. */
export interface PartitionSums {
  readonly table: SumsTable
  /** The rows of the trade's groups in their order, about to be changed; of a group that has none yet: a new, empty one. Valid until the next call. */
  rows(trade: Trade): readonly number[]
}

export interface LearnerState {
  /** The trade as the ledger has it, this chunk's changes included. */
  known(id: string): LedgerTrade | undefined
  remember(trade: LedgerTrade): void
  sums(partition: number): PartitionSums
}

export interface FoldResult {
  applied: number
  duplicates: number
  /** Of those applied: higher revisions of what the ledger had. */
  corrections: number
}

export function foldTrades(state: LearnerState, trades: readonly Trade[], tau: Decay): FoldResult {
  const result: FoldResult = { applied: 0, duplicates: 0, corrections: 0 }
  for (const trade of trades) {
    const before = state.known(trade.id)
    if (before && before.revision >= trade.revision) {
      result.duplicates++
      continue
    }
    if (before) {
      count(state, before, tau, retract)
      result.corrections++
    }
    count(state, trade, tau, add)
    state.remember(trade)
    result.applied++
  }
  return result
}

type Change = (table: SumsTable, row: number, weighed: WeighedTrade) => void
const add: Change = (table, row, weighed) => table.addTrade(row, weighed)
const retract: Change = (table, row, weighed) => table.retractTrade(row, weighed)

const scratch: WeighedTrade = { closed_at: 0, s: 0, l: 0, srr: 0, lrr: 0 }
const squared: WeighedTrade = { closed_at: 0, s: 0, l: 0, srr: 0, lrr: 0 }

function count(state: LearnerState, trade: Trade, tau: Decay, change: Change): void {
  const { partition, closed_at, rr, groups } = trade
  if (groups.length === 0 || rr === null) return
  const weighed = weigh(closed_at, rr, tau, scratch)
  const sums = state.sums(partition)
  const rows = sums.rows(trade)
  for (let i = 0; i < rows.length; i++)
    change(sums.table, rows[i] as number, groups[i] === SQUARES ? weigh(closed_at, rr * rr, tau, squared) : weighed)
}

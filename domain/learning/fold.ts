/**
 * Applies trades to sums, one after the other, in the order of the log. Pure: `LearnerState` answers from a cache, a map or an array. Every trade changes
 * the sums on its own, so the result does not depend on how the log is cut into chunks.
 */

import type { Group } from './model.ts'
import { type Decay, periodOf, type WeighedTrade, weigh } from './sums.ts'
import type { SumsTable } from './sums-table.ts'
import type { LedgerTrade, Trade } from './trade.ts'

/** Where the sums of one partition lie. */
export interface PartitionSums {
  readonly table: SumsTable
  /** The row of a group in a period, which will be changed; of a group that has none yet: a new, empty one. */
  change(period: number, group: Group): number
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

function count(state: LearnerState, { partition, closed_at, rr, groups }: Trade, tau: Decay, change: Change): void {
  if (groups.length === 0 || rr === null) return
  const weighed = weigh(closed_at, rr, tau, scratch)
  const period = periodOf(closed_at, tau)
  const sums = state.sums(partition)
  for (const group of groups) change(sums.table, sums.change(period, group), weighed)
}

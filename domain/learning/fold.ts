/**
 * Applies trades to sums, one after the other, in the order of the log. Pure: `LearnerState` answers from a cache, a map or an array. Every trade changes
 * the sums on its own, so the result does not depend on how the log is cut into chunks.
 */

import type { Group } from './model.ts'
import { addTrade, type Decay, type DecayedSums, periodOf, retractTrade, weigh } from './sums.ts'
import type { LedgerTrade, Trade } from './trade.ts'

export interface LearnerState {
  /** The trade as the ledger has it, this chunk's changes included. */
  known(id: string): LedgerTrade | undefined
  remember(trade: LedgerTrade): void
  /** Sums to change in place; of a group that has none yet in the period: empty ones. */
  sums(partition: number, period: number, group: Group): DecayedSums
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
      count(state, before, tau, retractTrade)
      result.corrections++
    }
    count(state, trade, tau, addTrade)
    state.remember(trade)
    result.applied++
  }
  return result
}

function count(
  state: LearnerState,
  { partition, closed_at, rr, groups }: Trade,
  tau: Decay,
  change: typeof addTrade,
): void {
  if (groups.length === 0 || rr === null) return
  const weighed = weigh(closed_at, rr, tau)
  const period = periodOf(closed_at, tau)
  for (const group of groups) change(state.sums(partition, period, group), weighed)
}

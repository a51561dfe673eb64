/** Multipliers of moments that are past: each of what was known then, and of nothing that came later. Pure. */
import { contextOf, type LeverSource, type Model } from '../learning/model.ts'
import { learnedNumbersOf } from '../trade-numbers.ts'
import type { JudgedTrade } from './judged-trades.ts'
import { planWalk, type WalkedTrade } from './walk.ts'

/** What would be entered. */
export interface PastAsk extends LeverSource {
  /** When, ms: what became known at that very moment, or later, does not count. */
  as_of: number
}

/** @returns one for each ask, in their order; 1 where nothing was learned yet */
export function pastMultipliers(model: Model, trades: readonly JudgedTrade[], asks: readonly PastAsk[]): number[] {
  const outcomes: number[] = []
  const walked: WalkedTrade[] = []
  const groupsOf = (source: LeverSource) => model.combination(model.leverValues(source)).groups
  for (const trade of trades) {
    if (!model.accepts(trade.source)) continue
    const outcome = model.outcomeOf({ ...trade, ...learnedNumbersOf(trade), ...contextOf(trade) })
    if (outcome === null) continue
    outcomes.push(outcome)
    walked.push({ ...trade, groups: groupsOf(trade) })
  }
  const learned = walked.length
  const never = Number.POSITIVE_INFINITY
  for (const ask of asks)
    walked.push({ opened_at: ask.as_of, closed_at: never, known_at: never, groups: groupsOf(ask) })
  const all = new Float64Array(walked.length)
  all.set(outcomes)
  return Array.from(planWalk(model, walked)(all).subarray(learned))
}

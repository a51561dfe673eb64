/** Multipliers of moments that are past: each of what was known then, and of nothing that came later. Pure. */
import type { LeverSource, Model } from '../learning/model.ts'
import type { JudgedTrade } from './judged-trades.ts'
import { learnableTrades } from './learnable.ts'
import { planWalk, type WalkedTrade } from './walk.ts'

/** What would be entered. */
export interface PastAsk extends LeverSource {
  /** When, ms: what became known at that very moment, or later, does not count. */
  as_of: number
}

/** @returns one for each ask, in their order; 1 where nothing was learned yet */
export function pastMultipliers(model: Model, trades: readonly JudgedTrade[], asks: readonly PastAsk[]): number[] {
  const learned = learnableTrades(model, trades)
  const never = Number.POSITIVE_INFINITY
  const asked: WalkedTrade[] = asks.map((ask) => ({
    opened_at: ask.as_of,
    closed_at: never,
    known_at: never,
    groups: model.combination(model.leverValues(ask)).groups,
  }))
  const outcomes = new Float64Array(learned.length + asks.length)
  outcomes.set(learned.map((t) => t.outcome))
  return Array.from(planWalk(model, [...learned, ...asked])(outcomes).subarray(learned.length))
}

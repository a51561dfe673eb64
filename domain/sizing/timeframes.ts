/** How an allocation is split over the timeframes. Pure; formula: DESIGN.md, *Allocation*. */
import { SHARES_BEFORE_LEARNING, TIMEFRAMES } from '../timeframe.ts'
import type { LearnedFactor } from './allocation.ts'

export interface TimeframeShare {
  timeframe: string
  /** Part of the allocation, a ratio; all shares add up to 1. */
  share: number
  weight: number
  n: number
  rr_short: number | null
  rr_long: number | null
}

/**
 * The learned weights normalised to 1; a timeframe of which nothing is learned weighs 1. With no timeframe learned, the shares from before.
 * @param rows the coefficients of the lever `timeframe`; others are ignored
 */
export function timeframeShares(rows: readonly LearnedFactor[]): TimeframeShare[] {
  const learned = new Map(rows.filter((r) => r.scope === 'lever' && r.name === 'timeframe').map((r) => [r.key, r]))
  const weights = TIMEFRAMES.map((timeframe) => learned.get(timeframe)?.weight ?? 1)
  const total = weights.reduce((sum, w) => sum + w, 0)
  const anyLearned = TIMEFRAMES.some((timeframe) => learned.has(timeframe))
  return TIMEFRAMES.map((timeframe, i) => {
    const row = learned.get(timeframe)
    return {
      timeframe,
      share: anyLearned ? weights[i]! / total : SHARES_BEFORE_LEARNING[timeframe],
      weight: weights[i]!,
      n: row?.n ?? 0,
      rr_short: row?.rr_short ?? null,
      rr_long: row?.rr_long ?? null,
    }
  })
}

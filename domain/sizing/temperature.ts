/** Whether a coefficient runs hotter or colder lately than it does over the long run. Pure. */
import type { ModelDefinition } from '../learning/model.ts'
import { MAX_RR } from '../validation.ts'

export type Temperature = 'hot' | 'cold' | 'steady'

/** Part of the long-run mean by which the recent one must differ. */
const RELATIVE_DIFFERENCE = 0.25
/** Part of the spread of single outcomes below which a difference is noise, however small the long-run mean is. */
const OF_SPREAD = 1 / 20
/** Where the spread is not known, part of the width of what an outcome may be: of R/R, from -10 to 10, it is 0.1. */
const OF_WIDTH = 1 / 200

/**
 * `hot` when the 14-day mean lies above the 90-day mean by at least a quarter of it and by at least `least`, `cold` when it lies below by
 * as much. A difference rather than a quotient: means can be zero or negative.
 * @param short decayed mean of the outcomes, τ = 14 days
 * @param long decayed mean, τ = 90 days
 * @param least in the unit of the outcome (leastDifference)
 */
export function temperature(short: number, long: number, least: number): Temperature {
  const threshold = Math.max(RELATIVE_DIFFERENCE * Math.abs(long), least)
  const difference = short - long
  if (difference >= threshold) return 'hot'
  return difference <= -threshold ? 'cold' : 'steady'
}

/**
 * What of a difference of means says anything, in the unit of the model's outcome.
 * @param spread standard deviation of one outcome; null: not known
 */
export function leastDifference({ clamp }: Pick<ModelDefinition, 'clamp'>, spread: number | null): number {
  if (spread !== null) return OF_SPREAD * spread
  const { min, max } = clamp ?? { min: -MAX_RR, max: MAX_RR }
  return OF_WIDTH * (max - min)
}

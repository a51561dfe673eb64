/** Whether a coefficient runs hotter or colder lately than it does over the long run. */
export type Temperature = 'hot' | 'cold' | 'steady'

/** R/R below which a difference is noise, however small the long-run mean is. */
const LEAST_DIFFERENCE = 0.1
/** Part of the long-run mean by which the recent one must differ. */
const RELATIVE_DIFFERENCE = 0.25

/**
 * `hot` when the 14-day mean lies above the 90-day mean by at least a quarter of it and by at least 0.1 R/R, `cold` when it lies below by as
 * much. A difference rather than a quotient: R/R means can be zero or negative.
 * @param rr_short decayed mean R/R, τ = 14 days
 * @param rr_long decayed mean R/R, τ = 90 days
 */
export function temperature(rr_short: number, rr_long: number): Temperature {
  const threshold = Math.max(RELATIVE_DIFFERENCE * Math.abs(rr_long), LEAST_DIFFERENCE)
  const difference = rr_short - rr_long
  if (difference >= threshold) return 'hot'
  return difference <= -threshold ? 'cold' : 'steady'
}

/**
 * The rule `shrunk`: what a group's trades say beyond the baseline, believed in proportion to how many they are. Pure.
 *
 *   S_τ = Σ e^(−(T−t)/τ)   q_τ = min(n, 2·S_τ)   m_τ: decayed mean   m0_τ: that of the baseline   T: exit of the newest trade that counts
 *   long   = q90/(q90 + kL)·(m90 − m0_90)          short = q14/(q14 + kS)·(m14 − m0_14 − long)          edge of a lever = long + short
 *   market = Q/(Q + kM)·(m0_14 − m0_90), Q = 2·S14 of the baseline      interaction = q90/(q90 + kI)·(m90 − m0_90 − Σ long of its members)
 *   σ0² = Σw90·x²/Σw90 − m0_90²     scale = max(floor, mean·m0_90, sigma·σ0)     weight = e^(edge/scale)
 *
 * Shrinking by q/(q + k) is what a prior of variance σ0²/k comes to; the error of an edge is the deviation of its posterior, σ0/√(q + k). In SQL: the view
 * strandline.learner_coefficients. Edges, errors and scale have the unit of the outcome.
 */
import type { ModelDefinition } from './model.ts'
import type { Evidence } from './sums.ts'

export interface ShrunkParameters {
  shrink: NonNullable<ModelDefinition['shrink']>
  scale: NonNullable<ModelDefinition['scale']>
}

/** What a factor of the multiplier is made of. */
export interface Edge {
  edge: number
  /** q/(q + k): 0 for nothing, 1 for all of what the trades say. */
  trust: number
  /** Standard deviation of the edge; null: the outcomes are too few or too equal to tell. */
  error: number | null
}

export interface ShrunkBaseline {
  mean_short: number
  mean_long: number
  /** Deviation of one outcome; 0: they are equal. */
  sigma: number
  scale: number
  market: Edge
}

/** Below this part of the mean square the spread is rounding. */
const ROUNDING = 1e-13

/** @param squares mean of the squares of all outcomes, τ long */
export function shrunkBaseline(all: Evidence, squares: number, { shrink, scale }: ShrunkParameters): ShrunkBaseline {
  const variance = squares - all.rr_long * all.rr_long
  const sigma = variance > squares * ROUNDING ? Math.sqrt(variance) : 0
  const q = 2 * all.sum_short
  return {
    mean_short: all.rr_short,
    mean_long: all.rr_long,
    sigma,
    scale: Math.max(scale.floor, scale.mean * all.rr_long, scale.sigma * sigma),
    market: {
      edge: trustIn(q, shrink.market) * (all.rr_short - all.rr_long),
      trust: trustIn(q, shrink.market),
      error: errorOf(sigma, q, shrink.market),
    },
  }
}

/** What a lever value says over the long τ. */
export const longOf = (group: Evidence, base: ShrunkBaseline, { shrink }: ShrunkParameters): number =>
  trustIn(longCount(group), shrink.long) * (group.rr_long - base.mean_long)

export function leverEdge(group: Evidence, base: ShrunkBaseline, parameters: ShrunkParameters): Edge {
  const { shrink } = parameters
  const q = longCount(group)
  const recent = Math.min(group.n, 2 * group.sum_short)
  const long = longOf(group, base, parameters)
  const short = trustIn(recent, shrink.short) * (group.rr_short - base.mean_short - long)
  const errors = [errorOf(base.sigma, q, shrink.long), errorOf(base.sigma, recent, shrink.short)]
  return {
    edge: long + short,
    trust: trustIn(q, shrink.long),
    error: errors.includes(null) ? null : Math.hypot(...(errors as number[])),
  }
}

/** @param ofMembers Σ long of the lever values that it is made of: what it says beyond them */
export function interactionEdge(
  group: Evidence,
  base: ShrunkBaseline,
  ofMembers: number,
  { shrink }: ShrunkParameters,
): Edge {
  const q = longCount(group)
  return {
    edge: trustIn(q, shrink.interaction) * (group.rr_long - base.mean_long - ofMembers),
    trust: trustIn(q, shrink.interaction),
    error: errorOf(base.sigma, q, shrink.interaction),
  }
}

const longCount = ({ n, sum_long }: Evidence) => Math.min(n, 2 * sum_long)
const trustIn = (q: number, k: number) => q / (q + k)
const errorOf = (sigma: number, q: number, k: number) => (sigma > 0 ? sigma / Math.sqrt(q + k) : null)

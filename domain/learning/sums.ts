/**
 * The decayed sums of a group of trades, and what they amount to. Pure; times and τ in milliseconds.
 *
 *   rr_τ = Σ e^(−(T−t)/τ)·rr / Σ e^(−(T−t)/τ)
 *
 * Trades are summed by *period*: stretches of four short τ (56 days), each relative to its own end. So a weight lies between e^-4 and 1, never changes once
 * it is in a sum, and is the same number when the trade is taken out again. Sums are kept in two doubles each (compensated, about 106 bits): what goes in
 * comes out, whatever else came and went, at the cost of one addition. No correction ever has to read another trade.
 */
export interface DecayedSums {
  /** Effective trades. */
  n: number
  /** Newest exit time ever seen; ms. Of no effect on the coefficient. */
  newest: number
  /** Σw and Σw·rr for the short and the long τ, relative to the period's end; `…_lo` is what the first double has no room for. */
  weight_short: number
  weight_short_low: number
  weighted_rr_short: number
  weighted_rr_short_low: number
  weight_long: number
  weight_long_low: number
  weighted_rr_long: number
  weighted_rr_long_low: number
}

export interface Decay {
  short: number
  long: number
}

const DAY_MS = 86_400_000
/** Length of a period in short τ. The same in the database's learner_groups. */
export const PERIOD_TAUS = 4

export function decayOf(tau_days: { short: number; long: number }): Decay {
  return { short: tau_days.short * DAY_MS, long: tau_days.long * DAY_MS }
}

/** The period in which an exit lies, counted from 1970-01-01. */
export function periodOf(t: number, tau: Decay): number {
  return Math.floor(t / (PERIOD_TAUS * tau.short))
}

export function emptySums(): DecayedSums {
  return {
    n: 0,
    newest: 0,
    weight_short: 0,
    weight_short_low: 0,
    weighted_rr_short: 0,
    weighted_rr_short_low: 0,
    weight_long: 0,
    weight_long_low: 0,
    weighted_rr_long: 0,
    weighted_rr_long_low: 0,
  }
}

/** What one trade adds to each of its groups: computed once, the same for all of them. */
export interface WeighedTrade {
  closed_at: number
  s: number
  l: number
  srr: number
  lrr: number
}

/** @param into is filled and given back, instead of a new object */
export function weigh(
  closed_at: number,
  rr: number,
  tau: Decay,
  into: WeighedTrade = { closed_at, s: 0, l: 0, srr: 0, lrr: 0 },
): WeighedTrade {
  const age = closed_at - (periodOf(closed_at, tau) + 1) * PERIOD_TAUS * tau.short
  into.closed_at = closed_at
  into.s = Math.exp(age / tau.short)
  into.l = Math.exp(age / tau.long)
  into.srr = into.s * rr
  into.lrr = into.l * rr
  return into
}

/** Decayed means of the outcomes of a group, and how many there are. */
export interface Means {
  rr_short: number
  rr_long: number
  n: number
}

/** The same with how much of the trades is left, at a moment: Σ e^(−(T−t)/τ) for both τ. */
export interface Evidence extends Means {
  sum_short: number
  sum_long: number
}

/** Exponents end here in both languages: e^-230 = 1e-100. Beyond e^4, a period, no end of one lies behind the newest trade. */
const LEAST_EXPONENT = -230

/** Sums of one group, merged in the order given (partition, then period): each is decayed to the newest period and added. null: no trade. */
export function mergeSums(all: readonly PeriodSums[], tau: Decay): Means | null {
  const { sums } = merge(all, tau)
  return sums.n === 0 ? null : meansOf(sums)
}

/** @param at the moment, ms */
export function mergeEvidence(all: readonly PeriodSums[], tau: Decay, at: number): Evidence | null {
  const { sums, end } = merge(all, tau)
  return sums.n === 0 ? null : evidenceOfSums(sums, end, at, tau)
}

export interface PeriodSums {
  period: number
  sums: DecayedSums
}

type PlainSums = Pick<DecayedSums, 'n' | 'weight_short' | 'weighted_rr_short' | 'weight_long' | 'weighted_rr_long'>

/**
 * @param end to what the sums are relative, ms
 * @param at the moment, ms
 */
export function evidenceOfSums(sums: PlainSums, end: number, at: number, tau: Decay): Evidence {
  const decayed = (sum: number, of: number) =>
    sum * Math.exp(Math.min(Math.max((end - at) / of, LEAST_EXPONENT), PERIOD_TAUS))
  return {
    ...meansOf(sums),
    sum_short: decayed(sums.weight_short, tau.short),
    sum_long: decayed(sums.weight_long, tau.long),
  }
}

const meansOf = (sums: PlainSums): Means => ({
  rr_short: sums.weighted_rr_short / sums.weight_short,
  rr_long: sums.weighted_rr_long / sums.weight_long,
  n: sums.n,
})

/** `end`: of the newest period, ms, to which the sums are relative. */
function merge(all: readonly PeriodSums[], tau: Decay): { sums: PlainSums; end: number } {
  const newest = Math.max(...all.map((e) => e.period))
  const length = PERIOD_TAUS * tau.short
  const merged = { n: 0, weight_short: 0, weighted_rr_short: 0, weight_long: 0, weighted_rr_long: 0 }
  for (const { period, sums } of all) {
    const s = Math.exp(((period - newest) * length) / tau.short)
    const l = Math.exp(((period - newest) * length) / tau.long)
    merged.n += sums.n
    merged.weight_short += sums.weight_short * s
    merged.weighted_rr_short += sums.weighted_rr_short * s
    merged.weight_long += sums.weight_long * l
    merged.weighted_rr_long += sums.weighted_rr_long * l
  }
  return { sums: merged, end: (newest + 1) * length }
}

/** weight = clamp(rr_short / baseline, min, max), and 1 while the baseline is ≤ 0 or absent. */
export function weightOf(
  rr_short: number,
  baseline: number | null | undefined,
  bounds: { min: number; max: number },
): number {
  if (baseline === null || baseline === undefined || !(baseline > 0)) return 1
  return Math.min(bounds.max, Math.max(bounds.min, rr_short / baseline))
}

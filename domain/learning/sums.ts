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
  ws: number
  ws_lo: number
  wrs: number
  wrs_lo: number
  wl: number
  wl_lo: number
  wrl: number
  wrl_lo: number
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
  return { n: 0, newest: 0, ws: 0, ws_lo: 0, wrs: 0, wrs_lo: 0, wl: 0, wl_lo: 0, wrl: 0, wrl_lo: 0 }
}

/** What one trade adds to each of its groups: computed once, the same for all of them. */
export interface WeighedTrade {
  closed_at: number
  s: number
  l: number
  srr: number
  lrr: number
}

/** A smaller R/R is none: it comes from no prices, and PostgreSQL refuses products that underflow. */
export const MIN_RR = 1e-100

export function weigh(closed_at: number, rr: number, tau: Decay): WeighedTrade {
  const age = closed_at - (periodOf(closed_at, tau) + 1) * PERIOD_TAUS * tau.short
  const s = Math.exp(age / tau.short)
  const l = Math.exp(age / tau.long)
  return { closed_at, s, l, srr: s * rr, lrr: l * rr }
}

export function addTrade(p: DecayedSums, w: WeighedTrade): void {
  p.n++
  if (w.closed_at > p.newest) p.newest = w.closed_at
  change(p, w, 1)
}

/** Takes a trade out again. Of the last one nothing is left, to the last bit. */
export function retractTrade(p: DecayedSums, w: WeighedTrade): void {
  p.n--
  if (p.n === 0) Object.assign(p, emptySums())
  else change(p, w, -1)
}

/** Adds to each of the four sums: Knuth's two-sum for the error of the addition, then the pair made normal again. */
function change(p: DecayedSums, { s, l, srr, lrr }: WeighedTrade, sign: 1 | -1): void {
  let x = sign * s
  let sum = p.ws + x
  let part = sum - p.ws
  let low = p.ws_lo + (p.ws - (sum - part) + (x - part))
  p.ws = sum + low
  p.ws_lo = low - (p.ws - sum)
  x = sign * srr
  sum = p.wrs + x
  part = sum - p.wrs
  low = p.wrs_lo + (p.wrs - (sum - part) + (x - part))
  p.wrs = sum + low
  p.wrs_lo = low - (p.wrs - sum)
  x = sign * l
  sum = p.wl + x
  part = sum - p.wl
  low = p.wl_lo + (p.wl - (sum - part) + (x - part))
  p.wl = sum + low
  p.wl_lo = low - (p.wl - sum)
  x = sign * lrr
  sum = p.wrl + x
  part = sum - p.wrl
  low = p.wrl_lo + (p.wrl - (sum - part) + (x - part))
  p.wrl = sum + low
  p.wrl_lo = low - (p.wrl - sum)
}

export interface Coefficient {
  rr_short: number
  rr_long: number
  n: number
}

/** Sums of one group, merged in the order given (partition, then period): each is decayed to the newest period and added. null: no trade. */
export function mergeSums(all: readonly { period: number; sums: DecayedSums }[], tau: Decay): Coefficient | null {
  const newest = Math.max(...all.map((e) => e.period))
  const length = PERIOD_TAUS * tau.short
  let n = 0
  let ws = 0
  let wrs = 0
  let wl = 0
  let wrl = 0
  for (const { period, sums } of all) {
    const s = Math.exp(((period - newest) * length) / tau.short)
    const l = Math.exp(((period - newest) * length) / tau.long)
    n += sums.n
    ws += sums.ws * s
    wrs += sums.wrs * s
    wl += sums.wl * l
    wrl += sums.wrl * l
  }
  return n > 0 ? { rr_short: wrs / ws, rr_long: wrl / wl, n } : null
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

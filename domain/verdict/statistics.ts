/** Statistics of sized trades. Pure: chance comes from a seed, so that the same log gives the same verdict. */

export interface Interval {
  mean: number
  /** 95 %. */
  low: number
  high: number
}

/** Σ m·x / Σ m − mean of x: what a unit staked brought beyond equal sizes. */
export function uplift(multipliers: Float64Array, outcomes: Float64Array): number {
  let weight = 0
  let weighted = 0
  let total = 0
  for (let i = 0; i < outcomes.length; i++) {
    const m = multipliers[i] as number
    const x = outcomes[i] as number
    weight += m
    weighted += m * x
    total += x
  }
  return weighted / weight - total / outcomes.length
}

/** Effective part of the bets, 0 to 1: (Σm)² / (n·Σm²). 1: all of one size. */
export function kish(multipliers: Float64Array): number {
  let sum = 0
  let squares = 0
  for (const m of multipliers) {
    sum += m
    squares += m * m
  }
  return (sum * sum) / (multipliers.length * squares)
}

/** Standard deviation, and that as a part of the mean. */
export function deviation(values: Float64Array): number {
  let mean = 0
  for (const v of values) mean += v / values.length
  let squares = 0
  for (const v of values) squares += (v - mean) ** 2
  return Math.sqrt(squares / values.length)
}

const meanOf = (values: Float64Array) => values.reduce((sum, v) => sum + v / values.length, 0)

/** For a power of 80 % at 5 %. */
const POWER = 2.8

/** The smallest uplift that so many trades of this spread could have shown, sized as they were: 2.8·σ·CV(m)/√n. */
export function detectableUplift(multipliers: Float64Array, outcomes: Float64Array): number {
  return (POWER * deviation(outcomes) * (deviation(multipliers) / meanOf(multipliers))) / Math.sqrt(outcomes.length)
}

/** How many trades it would take to show this uplift; null: none is there, or sizes were all equal. */
export function tradesNeeded(found: number, multipliers: Float64Array, outcomes: Float64Array): number | null {
  const needed = (POWER * deviation(outcomes) * (deviation(multipliers) / meanOf(multipliers))) / found
  return found > 0 && needed > 0 ? Math.ceil(needed * needed) : null
}

/** Spearman's rank correlation, ties by their mean rank; null: one of both is constant. */
export function spearman(a: Float64Array, b: Float64Array): number | null {
  const [x, y] = [ranks(a), ranks(b)]
  const [mx, my] = [meanOf(x), meanOf(y)]
  let both = 0
  let xx = 0
  let yy = 0
  for (let i = 0; i < x.length; i++) {
    const dx = (x[i] as number) - mx
    const dy = (y[i] as number) - my
    both += dx * dy
    xx += dx * dx
    yy += dy * dy
  }
  return xx > 0 && yy > 0 ? both / Math.sqrt(xx * yy) : null
}

function ranks(values: Float64Array): Float64Array {
  const order = Array.from(values, (_, i) => i).sort((i, j) => (values[i] as number) - (values[j] as number))
  const found = new Float64Array(values.length)
  for (let from = 0; from < order.length; ) {
    let to = from + 1
    while (to < order.length && values[order[to] as number] === values[order[from] as number]) to++
    for (let i = from; i < to; i++) found[order[i] as number] = (from + to - 1) / 2
    from = to
  }
  return found
}

/** Numbers in [0, 1): mulberry32. */
export function chance(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Days are drawn, not trades: what closes on one day goes together. */
export const RESAMPLES = 2_000

/** Of each trade the number of its day, from 0 in the order in which days come first. @param days any number that is the same on one day */
export function numberDays(days: readonly number[]): { of: number[]; count: number } {
  const numbers = new Map<number, number>()
  const of = days.map((day) => {
    if (!numbers.has(day)) numbers.set(day, numbers.size)
    return numbers.get(day) as number
  })
  return { of, count: numbers.size }
}

/** Where 95 of 100 draws lie. Sorts them. */
export function middle(drawn: Float64Array): { low: number; high: number } {
  drawn.sort()
  const at = (part: number) => drawn[Math.min(drawn.length - 1, Math.floor(part * drawn.length))] as number
  return { low: at(0.025), high: at(0.975) }
}

/** @param days of each trade, any number that is the same on one day */
export function bootstrap(multipliers: Float64Array, outcomes: Float64Array, days: readonly number[]): Interval {
  const { of, count } = numberDays(days)
  const sums = [0, 1, 2, 3].map(() => new Float64Array(count)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ]
  for (const [i, day] of of.entries()) {
    const m = multipliers[i] as number
    const x = outcomes[i] as number
    for (const [k, value] of [m, m * x, x, 1].entries()) {
      const sum = sums[k] as Float64Array
      sum[day] = (sum[day] as number) + value
    }
  }
  const [weight, weighted, total, n] = sums
  const roll = chance(1)
  const found = new Float64Array(RESAMPLES)
  for (let r = 0; r < RESAMPLES; r++) {
    let w = 0
    let wx = 0
    let x = 0
    let trades = 0
    for (let d = 0; d < count; d++) {
      const day = Math.floor(roll() * count)
      w += weight[day] as number
      wx += weighted[day] as number
      x += total[day] as number
      trades += n[day] as number
    }
    found[r] = wx / w - x / trades
  }
  return { mean: uplift(multipliers, outcomes), ...middle(found) }
}

/** The mean outcome of trades, and where it lies in 95 of 100 draws of whole days. */
export function meanInterval(outcomes: Float64Array, days: readonly number[]): Interval {
  const { of, count } = numberDays(days)
  const total = new Float64Array(count)
  const n = new Float64Array(count)
  for (const [i, day] of of.entries()) {
    total[day] = (total[day] as number) + (outcomes[i] as number)
    n[day] = (n[day] as number) + 1
  }
  const roll = chance(3)
  const found = new Float64Array(RESAMPLES)
  for (let r = 0; r < RESAMPLES; r++) {
    let x = 0
    let trades = 0
    for (let d = 0; d < count; d++) {
      const day = Math.floor(roll() * count)
      x += total[day] as number
      trades += n[day] as number
    }
    found[r] = x / trades
  }
  return { mean: meanOf(outcomes), ...middle(found) }
}

/**
 * How often outcomes that were dealt to other trades give as much: (1 + those) / (1 + shuffles), so never 0.
 * @param statistic what follows from outcomes, each at the place of its trade
 */
export function permutationTest(
  outcomes: Float64Array,
  statistic: (outcomes: Float64Array) => number,
  shuffles: number,
): number {
  const found = statistic(outcomes)
  const dealt = Float64Array.from(outcomes)
  const roll = chance(2)
  let asMuch = 0
  for (let s = 0; s < shuffles; s++) {
    for (let i = dealt.length - 1; i > 0; i--) {
      const j = Math.floor(roll() * (i + 1))
      const kept = dealt[i] as number
      dealt[i] = dealt[j] as number
      dealt[j] = kept
    }
    if (statistic(dealt) >= found) asMuch++
  }
  return (1 + asMuch) / (1 + shuffles)
}

/** Holm's adjustment of p values for having asked so often, in their order. */
export function holm(ps: readonly number[]): number[] {
  const order = ps.map((_, i) => i).sort((a, b) => (ps[a] as number) - (ps[b] as number))
  const adjusted = new Array<number>(ps.length)
  let most = 0
  for (const [rank, i] of order.entries()) {
    most = Math.max(most, Math.min(1, (ps.length - rank) * (ps[i] as number)))
    adjusted[i] = most
  }
  return adjusted
}

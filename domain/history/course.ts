/** How a coefficient went: what it was after each of its trades, in the order of their exits, weighed against the baseline of that moment. Pure. */
import type { ModelDefinition } from '../learning/model.ts'
import { type Decay, decayOf, weightOf } from '../learning/sums.ts'
import { rowsOf } from './shares.ts'
import type { TradeHistory } from './trade-history.ts'

export interface CoursePoint {
  /** Exit of the trade, ms. */
  at: number
  /** The trade's row. */
  row: number
  weight: number
  rr_short: number
  rr_long: number
  /** Trades up to here. */
  n: number
}

/** @param effective of the history: 1 for each row that counts */
export function courseOf(
  history: TradeHistory,
  group: number,
  effective: Uint8Array,
  { tau_days, weight: bounds }: Pick<ModelDefinition, 'tau_days' | 'weight'>,
): CoursePoint[] {
  const { closed_at, rr } = history.columns()
  const inOrder = (rows: number[]) => rows.sort((a, b) => (closed_at[a] as number) - (closed_at[b] as number) || a - b)
  const all = inOrder(rowsOf(history, 0, effective))
  const mine = inOrder(rowsOf(history, group, effective))
  const tau = decayOf(tau_days)
  const baseline = new RunningMeans(tau)
  const coefficient = new RunningMeans(tau)
  const points: CoursePoint[] = []
  let next = 0
  for (const row of mine) {
    const at = closed_at[row] as number
    for (; next < all.length && (closed_at[all[next] as number] as number) <= at; next++)
      baseline.add(closed_at[all[next] as number] as number, rr[all[next] as number] as number)
    coefficient.add(at, rr[row] as number)
    const { rr_short, rr_long, n } = coefficient.means()
    points.push({ at, row, weight: weightOf(rr_short, baseline.means().rr_short, bounds), rr_short, rr_long, n })
  }
  return points
}

/** Decayed means, trade after trade, relative to the newest. */
class RunningMeans {
  readonly #tau: Decay
  #newest = Number.NEGATIVE_INFINITY
  #n = 0
  #short = { weight: 0, weighted: 0 }
  #long = { weight: 0, weighted: 0 }

  constructor(tau: Decay) {
    this.#tau = tau
  }

  /** @param t not before the one added last, ms */
  add(t: number, rr: number): void {
    const age = this.#n === 0 ? 0 : t - this.#newest
    for (const [sums, tau] of [
      [this.#short, this.#tau.short],
      [this.#long, this.#tau.long],
    ] as const) {
      const kept = Math.exp(-age / tau)
      sums.weight = sums.weight * kept + 1
      sums.weighted = sums.weighted * kept + rr
    }
    this.#newest = t
    this.#n++
  }

  means(): { rr_short: number; rr_long: number; n: number } {
    return {
      rr_short: this.#short.weighted / this.#short.weight,
      rr_long: this.#long.weighted / this.#long.weight,
      n: this.#n,
    }
  }
}

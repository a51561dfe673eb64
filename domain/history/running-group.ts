/** What a group's trades amount to, one after the other. Pure. */
import { SQUARES } from '../learning/model.ts'
import { type Decay, type Evidence, evidenceOfSums } from '../learning/sums.ts'
import { rowsOf } from './shares.ts'
import type { TradeHistory } from './trade-history.ts'

/** The sums of a group, trade after trade in the order of their exits, relative to the newest. */
export class RunningGroup {
  /** In the order of their exits. */
  readonly rows: number[]
  readonly #tau: Decay
  readonly #closed_at: Float64Array
  readonly #outcome: (row: number) => number
  #next = 0
  #newest = 0
  readonly #sums = { n: 0, weight_short: 0, weighted_rr_short: 0, weight_long: 0, weighted_rr_long: 0 }

  constructor(history: TradeHistory, group: number, effective: Uint8Array, tau: Decay) {
    const { closed_at, rr } = history.columns()
    this.#closed_at = closed_at
    this.#tau = tau
    this.rows = rowsOf(history, group, effective).sort(
      (a, b) => (closed_at[a] as number) - (closed_at[b] as number) || a - b,
    )
    const squares = group === history.groupNumber(SQUARES)
    this.#outcome = (row) => (squares ? (rr[row] as number) ** 2 : (rr[row] as number))
  }

  /** Adds what had closed by then. */
  addUntil(at: number): void {
    for (; this.#next < this.rows.length; this.#next++) {
      const row = this.rows[this.#next] as number
      if ((this.#closed_at[row] as number) > at) return
      this.addRow(row)
    }
  }

  addRow(row: number): void {
    const t = this.#closed_at[row] as number
    const outcome = this.#outcome(row)
    const sums = this.#sums
    const age = sums.n === 0 ? 0 : t - this.#newest
    const [short, long] = [Math.exp(-age / this.#tau.short), Math.exp(-age / this.#tau.long)]
    sums.weight_short = sums.weight_short * short + 1
    sums.weighted_rr_short = sums.weighted_rr_short * short + outcome
    sums.weight_long = sums.weight_long * long + 1
    sums.weighted_rr_long = sums.weighted_rr_long * long + outcome
    sums.n++
    this.#newest = t
  }

  /** null: no trade yet. */
  evidence(at: number): Evidence | null {
    return this.#sums.n === 0 ? null : evidenceOfSums(this.#sums, this.#newest, at, this.#tau)
  }
}

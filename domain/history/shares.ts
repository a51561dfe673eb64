/** Which trades made a coefficient, and by how much each. Pure. */
import type { ModelDefinition } from '../learning/model.ts'
import { decayOf } from '../learning/sums.ts'
import type { TradeHistory } from './trade-history.ts'

/** What one trade gives to the R/R of a group: `rr_short` is the sum of all `share_short`, and all `weight_short` together are 1; so for the long τ. */
export interface Share {
  row: number
  weight_short: number
  share_short: number
  weight_long: number
  share_long: number
}

export interface Shares {
  rr_short: number
  rr_long: number
  n: number
  /** The largest part of the short R/R first, whatever its sign. */
  trades: Share[]
}

/**
 * @param group its number
 * @param effective of the history: 1 for each row that counts
 * @returns null: no trade counts in it
 */
export function sharesOf(
  history: TradeHistory,
  group: number,
  effective: Uint8Array,
  { tau_days }: Pick<ModelDefinition, 'tau_days'>,
): Shares | null {
  const rows = rowsOf(history, group, effective)
  if (rows.length === 0) return null
  const tau = decayOf(tau_days)
  const { closed_at, rr } = history.columns()
  let newest = Number.NEGATIVE_INFINITY
  for (const row of rows) newest = Math.max(newest, closed_at[row] as number)
  const weigh = (row: number, of: number) => Math.exp(((closed_at[row] as number) - newest) / of)
  let short = 0
  let long = 0
  for (const row of rows) {
    short += weigh(row, tau.short)
    long += weigh(row, tau.long)
  }
  const trades = rows.map((row): Share => {
    const outcome = rr[row] as number
    const weight_short = weigh(row, tau.short) / short
    const weight_long = weigh(row, tau.long) / long
    return { row, weight_short, share_short: weight_short * outcome, weight_long, share_long: weight_long * outcome }
  })
  trades.sort((a, b) => Math.abs(b.share_short) - Math.abs(a.share_short) || b.weight_short - a.weight_short)
  let rr_short = 0
  let rr_long = 0
  for (const { share_short, share_long } of trades) {
    rr_short += share_short
    rr_long += share_long
  }
  return { rr_short, rr_long, n: trades.length, trades }
}

/** The rows of a group that count, in the order of the history. */
export function rowsOf(history: TradeHistory, group: number, effective: Uint8Array): number[] {
  const within = history.combinationsWith(group)
  const { combination } = history.columns()
  const rows: number[] = []
  for (let row = 0; row < effective.length; row++)
    if (effective[row] === 1 && within[combination[row] as number] === 1) rows.push(row)
  return rows
}

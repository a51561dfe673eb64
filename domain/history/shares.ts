/** Which trades made a coefficient, and by how much each. Pure. */
import type { ModelDefinition } from '../learning/model.ts'
import { decayOf } from '../learning/sums.ts'
import type { TradeHistory } from './trade-history.ts'

/** What one trade gives to the mean outcome of a group: `rr_short` is the sum of all `share_short`, and all `weight_short` together are 1; so for the long τ. */
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
  /** The largest parts of the short mean first, whatever their sign. */
  trades: Share[]
}

/**
 * @param group its number
 * @param effective of the history: 1 for each row that counts
 * @param limit so many trades; 0: all
 * @returns null: no trade counts in it
 */
export function sharesOf(
  history: TradeHistory,
  group: number,
  effective: Uint8Array,
  { tau_days }: Pick<ModelDefinition, 'tau_days'>,
  limit = 0,
): Shares | null {
  const rows = rowsOf(history, group, effective)
  if (rows.length === 0) return null
  const tau = decayOf(tau_days)
  const { closed_at, rr } = history.columns()
  let newest = Number.NEGATIVE_INFINITY
  for (const row of rows) newest = Math.max(newest, closed_at[row] as number)
  const weigh = (row: number, of: number) => Math.exp(((closed_at[row] as number) - newest) / of)
  const sums = { short: 0, weightedShort: 0, long: 0, weightedLong: 0 }
  const parts = new Float64Array(rows.length)
  for (const [i, row] of rows.entries()) {
    const outcome = rr[row] as number
    const [short, long] = [weigh(row, tau.short), weigh(row, tau.long)]
    sums.short += short
    sums.weightedShort += short * outcome
    sums.long += long
    sums.weightedLong += long * outcome
    parts[i] = Math.abs(short * outcome)
  }
  const least = limit > 0 && limit < rows.length ? (parts.toSorted()[rows.length - limit] as number) : 0
  const trades = rows
    .filter((_, i) => (parts[i] as number) >= least)
    .map((row): Share => {
      const outcome = rr[row] as number
      const weight_short = weigh(row, tau.short) / sums.short
      const weight_long = weigh(row, tau.long) / sums.long
      return { row, weight_short, share_short: weight_short * outcome, weight_long, share_long: weight_long * outcome }
    })
    .sort((a, b) => Math.abs(b.share_short) - Math.abs(a.share_short) || b.weight_short - a.weight_short)
  return {
    rr_short: sums.weightedShort / sums.short,
    rr_long: sums.weightedLong / sums.long,
    n: rows.length,
    trades: limit > 0 ? trades.slice(0, limit) : trades,
  }
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

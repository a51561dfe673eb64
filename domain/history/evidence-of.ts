/** What the trades of one group amount to at a moment: each is read when it is asked for, others are not. Pure. */
import { type Group, type ModelDefinition, SQUARES } from '../learning/model.ts'
import { decayOf, type Evidence, evidenceOfSums } from '../learning/sums.ts'
import type { EvidenceOf } from '../learning/weigher.ts'
import { rowsOf } from './shares.ts'
import type { TradeHistory } from './trade-history.ts'

/** @param effective of the history: 1 for each row that counts */
export function createEvidenceReader(
  history: TradeHistory,
  effective: Uint8Array,
  { tau_days }: Pick<ModelDefinition, 'tau_days'>,
): EvidenceOf {
  const tau = decayOf(tau_days)
  const { closed_at, rr } = history.columns()
  let newest = Number.NEGATIVE_INFINITY
  for (let row = 0; row < effective.length; row++)
    if (effective[row] === 1) newest = Math.max(newest, closed_at[row] as number)
  const known = new Map<number, Evidence | null>()

  function read(group: number): Evidence | null {
    const squares = group === history.groupNumber(SQUARES)
    const sums = { n: 0, weight_short: 0, weighted_rr_short: 0, weight_long: 0, weighted_rr_long: 0 }
    const rows = rowsOf(history, group, effective)
    // relative to its own newest: of trades that are long past something is left, too
    const end = rows.reduce((end, row) => Math.max(end, closed_at[row] as number), Number.NEGATIVE_INFINITY)
    for (const row of rows) {
      const age = end - (closed_at[row] as number)
      const outcome = squares ? (rr[row] as number) ** 2 : (rr[row] as number)
      const [short, long] = [Math.exp(-age / tau.short), Math.exp(-age / tau.long)]
      sums.n++
      sums.weight_short += short
      sums.weighted_rr_short += short * outcome
      sums.weight_long += long
      sums.weighted_rr_long += long * outcome
    }
    return sums.n === 0 ? null : evidenceOfSums(sums, end, newest, tau)
  }

  return (group: Group) => {
    const number = history.groupNumber(group)
    if (number === undefined) return null
    let found = known.get(number)
    if (found === undefined) {
      found = read(number)
      known.set(number, found)
    }
    return found
  }
}

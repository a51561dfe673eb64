/** What the trades of one group amount to at a moment: each is read when it is asked for, others are not. Pure. */
import type { Group, ModelDefinition } from '../learning/model.ts'
import { decayOf, type Evidence } from '../learning/sums.ts'
import type { EvidenceOf } from '../learning/weigher.ts'
import { RunningGroup } from './running-group.ts'
import type { TradeHistory } from './trade-history.ts'

/** @param effective of the history: 1 for each row that counts */
export function createEvidenceReader(
  history: TradeHistory,
  effective: Uint8Array,
  { tau_days }: Pick<ModelDefinition, 'tau_days'>,
): EvidenceOf {
  const tau = decayOf(tau_days)
  const { closed_at } = history.columns()
  let newest = Number.NEGATIVE_INFINITY
  for (let row = 0; row < effective.length; row++)
    if (effective[row] === 1) newest = Math.max(newest, closed_at[row] as number)
  const known = new Map<number, Evidence | null>()
  return (group: Group) => {
    const number = history.groupNumber(group)
    if (number === undefined) return null
    let found = known.get(number)
    if (found === undefined) {
      const all = new RunningGroup(history, number, effective, tau)
      all.addUntil(newest)
      found = all.evidence(newest)
      known.set(number, found)
    }
    return found
  }
}

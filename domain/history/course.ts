/** How a coefficient went: what it was after each of its trades, in the order of their exits, weighed against the baseline of that moment. Pure. */
import type { Model } from '../learning/model.ts'
import { decayOf, type Evidence } from '../learning/sums.ts'
import { createWeigher, type EvidenceOf } from '../learning/weigher.ts'
import { RunningGroup } from './running-group.ts'
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
export function courseOf(history: TradeHistory, group: number, effective: Uint8Array, model: Model): CoursePoint[] {
  const { closed_at } = history.columns()
  const tau = decayOf(model.definition.tau_days)
  const target = history.group(group)
  const running = new Map<number, RunningGroup>()
  /** What has been added of a group so far; null: it has no trade at all. */
  const follow = (number: number | undefined) => {
    if (number === undefined) return null
    let found = running.get(number)
    if (!found) {
      found = new RunningGroup(history, number, effective, tau)
      running.set(number, found)
    }
    return found
  }
  const mine = new RunningGroup(history, group, effective, tau)
  const points: CoursePoint[] = []
  for (const row of mine.rows) {
    const at = closed_at[row] as number
    mine.addRow(row)
    const evidence = mine.evidence(at) as Evidence
    const { rr_short, rr_long, n } = evidence
    const evidenceOf: EvidenceOf = (of) => {
      const followed = follow(history.groupNumber(of))
      followed?.addUntil(at)
      return followed?.evidence(at) ?? null
    }
    const weight = target.scope === 'global' ? 1 : createWeigher(model, evidenceOf).weigh(target, evidence).weight
    points.push({ at, row, weight, rr_short, rr_long, n })
  }
  return points
}

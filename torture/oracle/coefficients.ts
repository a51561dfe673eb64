/** The coefficients of the trades that count, by the definition: every trade of a group, its weight relative to the newest of them, one sum. */
import type { ClosedTrade } from '../load/event.ts'
import { groupsOf } from './levers.ts'

export interface Mean {
  rr_short: number
  rr_long: number
  n: number
}

export interface Coefficient extends Mean {
  weight: number
}

export interface Coefficients {
  baseline: Mean | null
  /** By `scope name key`. */
  groups: Map<string, Coefficient>
}

const DAY_MS = 86_400_000
const SHORT_MS = 14 * DAY_MS
const LONG_MS = 90 * DAY_MS
/** Of whose trades lowcap-v4 learns nothing. */
const NOT_LEARNED = 'import:freqtrade'

export const counts = (trade: ClosedTrade): boolean =>
  !trade.voided && trade.rr !== null && trade.source !== NOT_LEARNED

/** Of the ledger: voided and unscored trades, too. */
export const isLearned = (trade: ClosedTrade): boolean => trade.source !== NOT_LEARNED

export const groupKey = (scope: string, name: string, key: string): string => `${scope} ${name} ${key}`

export function coefficientsOf(trades: Iterable<ClosedTrade>): Coefficients {
  const members = new Map<string, ClosedTrade[]>()
  const all: ClosedTrade[] = []
  for (const trade of trades) {
    if (!counts(trade)) continue
    all.push(trade)
    for (const { scope, name, key } of groupsOf(trade)) {
      const id = groupKey(scope, name, key)
      const group = members.get(id)
      if (group) group.push(trade)
      else members.set(id, [trade])
    }
  }
  const baseline = all.length > 0 ? meanOf(all) : null
  const groups = new Map<string, Coefficient>()
  for (const [id, group] of members) {
    const mean = meanOf(group)
    const ratio = baseline && baseline.rr_short > 0 ? mean.rr_short / baseline.rr_short : 1
    groups.set(id, { ...mean, weight: Math.min(2, Math.max(0.5, ratio)) })
  }
  return { baseline, groups }
}

function meanOf(trades: ClosedTrade[]): Mean {
  const newest = trades.reduce((latest, t) => Math.max(latest, t.closed_at), 0)
  const decayed = (tau: number) => {
    let weights = 0
    let sum = 0
    for (const t of trades) {
      const weight = Math.exp(-(newest - t.closed_at) / tau)
      weights += weight
      sum += weight * (t.rr as number)
    }
    return sum / weights
  }
  return { rr_short: decayed(SHORT_MS), rr_long: decayed(LONG_MS), n: trades.length }
}

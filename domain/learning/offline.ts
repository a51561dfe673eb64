/** Folds a log in memory: `./strandline fold`, audits and tests. The same fold as the learner's, with maps in place of the database. */
import type { PositionClosed } from '../event.ts'
import { checkEvent, type Rejection } from '../validation.ts'
import { createLedgerFold, type GroupSums } from './ledger-fold.ts'
import { BASELINE, type Group, type Model } from './model.ts'
import { decayOf, mergeSums, weightOf } from './sums.ts'
import { tradeOf } from './trade.ts'

export interface CoefficientRow {
  module: string
  scope: string
  name: string
  key: string
  weight: number
  rr_short: number
  rr_long: number
  n: number
}

export interface FoldedLog {
  global_rr: { rr_short: number | null; rr_long: number | null; n: number }
  coefficients: CoefficientRow[]
}

export interface OfflineFold {
  /** Folds events in order into a partition. Answers with those that were refused. */
  add(events: readonly PositionClosed[], partition?: number): Promise<{ event: PositionClosed; rejection: Rejection }[]>
  result(): FoldedLog
}

export function createOfflineFold(model: Model): OfflineFold {
  const tau = decayOf(model.definition.tau_days)
  const fold = createLedgerFold(model)

  return {
    async add(events, partition = 0) {
      const refused: Awaited<ReturnType<OfflineFold['add']>> = []
      for (const event of events) {
        if (!model.accepts(event.source)) continue
        const rejection = checkEvent(event, undefined, undefined)
        if (rejection) refused.push({ event, rejection })
        else fold.add(tradeOf(model, event, partition, 0))
      }
      return refused
    },
    result() {
      const groups = new Map<string, GroupSums[]>()
      for (const cell of fold.sums()) {
        if (cell.sums.n === 0) continue
        const id = `${cell.group.name}\0${cell.group.key}`
        const known = groups.get(id)
        if (known) known.push(cell)
        else groups.set(id, [cell])
      }
      const base = mergeSums(groups.get(`${BASELINE.name}\0${BASELINE.key}`) ?? [], tau)
      const coefficients: CoefficientRow[] = []
      for (const all of groups.values()) {
        const { group } = all[0] as { group: Group }
        const merged = mergeSums(all, tau)
        if (!merged || group.scope === 'global') continue
        const weight = weightOf(merged.rr_short, base?.rr_short, model.definition.weight)
        coefficients.push({
          module: model.definition.module,
          scope: group.scope,
          name: group.name,
          key: group.key,
          weight,
          ...merged,
        })
      }
      return {
        global_rr: base ?? { rr_short: null, rr_long: null, n: 0 },
        coefficients: coefficients.sort(byScopeNameKey),
      }
    },
  }
}

/** Order of the rows of `fold --json` and `coefficients --json`: scope, name, key, by code unit. */
export function byScopeNameKey(a: CoefficientRow, b: CoefficientRow): number {
  return compare(a.scope, b.scope) || compare(a.name, b.name) || compare(a.key, b.key)
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

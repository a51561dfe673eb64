/** Folds a log in memory: `./strandline fold`, audits and tests. The same fold as the learner's, with maps in place of the database. */
import type { PositionClosed } from '../event.ts'
import { checkEvent, type Rejection } from '../validation.ts'
import { createLedgerFold, type GroupSums } from './ledger-fold.ts'
import { BASELINE, type Group, type Model } from './model.ts'
import { decayOf, type Evidence, mergeEvidence } from './sums.ts'
import { sourceOf } from './trade-table.ts'
import { createWeigher, type EvidenceOf, type Weighed, type Weigher } from './weigher.ts'

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

/** The same with how far it is to be believed. */
export interface WeighedRow extends CoefficientRow, Weighed {}

export interface FoldedLog {
  global_rr: { rr_short: number | null; rr_long: number | null; n: number }
  coefficients: CoefficientRow[]
}

export interface WeighedLog extends FoldedLog {
  coefficients: WeighedRow[]
  /** As the weigher's. */
  spread: number | null
}

export interface OfflineFold {
  /** Folds events in order into a partition. Answers with those that were refused. */
  add(events: readonly PositionClosed[], partition?: number): Promise<{ event: PositionClosed; rejection: Rejection }[]>
  result(): WeighedLog
  /** What each group's trades amount to now. */
  evidence(): EvidenceOf
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
        else fold.add(sourceOf(event), partition, 0)
      }
      return refused
    },
    result: () => learnedFrom(model, read().values()),
    evidence() {
      const groups = read()
      return (group) => groups.get(idOf(group))?.evidence ?? null
    },
  }

  function read(): Map<string, GroupEvidence> {
    const cells = Map.groupBy(
      fold.sums().filter((cell) => cell.sums.n > 0),
      (cell: GroupSums) => idOf(cell.group),
    )
    const newest = fold.newest() ?? 0
    const groups = new Map<string, GroupEvidence>()
    for (const [id, all] of cells) {
      const evidence = mergeEvidence(all, tau, newest)
      if (evidence) groups.set(id, { group: (all[0] as GroupSums).group, evidence })
    }
    return groups
  }
}

export interface GroupEvidence {
  group: Group
  evidence: Evidence
}

const idOf = ({ name, key }: Pick<Group, 'name' | 'key'>) => `${name}\0${key}`

/** Weighs groups, all of those that have a trade, by the model's rule. */
export function learnedFrom(model: Model, groups: Iterable<GroupEvidence>): WeighedLog {
  const all = new Map<string, GroupEvidence>()
  for (const one of groups) all.set(idOf(one.group), one)
  const weigher = createWeigher(model, (group) => all.get(idOf(group))?.evidence ?? null)
  const coefficients: WeighedRow[] = []
  for (const { group, evidence } of all.values()) {
    if (group.scope === 'global') continue
    coefficients.push(weighedRow(model, weigher, group, evidence))
  }
  const base = all.get(idOf(BASELINE))?.evidence
  return {
    global_rr: base
      ? { rr_short: base.rr_short, rr_long: base.rr_long, n: base.n }
      : { rr_short: null, rr_long: null, n: 0 },
    coefficients: coefficients.sort(byScopeNameKey),
    spread: weigher.spread,
  }
}

export function weighedRow(
  { definition }: Model,
  weigher: Weigher,
  { scope, name, key }: Group,
  evidence: Evidence,
): WeighedRow {
  const { weight, edge, trust, error } = weigher.weigh({ scope, name, key }, evidence)
  const { rr_short, rr_long, n } = evidence
  return { module: definition.module, scope, name, key, weight, rr_short, rr_long, n, edge, trust, error }
}

type Named = Pick<CoefficientRow, 'scope' | 'name' | 'key'>

/** Order of the rows of `fold --json` and `coefficients --json`: scope, name, key, by code unit. */
export function byScopeNameKey(a: Named, b: Named): number {
  return compare(a.scope, b.scope) || compare(a.name, b.name) || compare(a.key, b.key)
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

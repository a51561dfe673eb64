/**
 * The coefficients of a moment, from the trades that count then. The same definition as the fold's (../learning/sums.ts), in one pass over columns: plain sums,
 * period after period, each group's carried over to the next period in which it has a trade. Equal to the fold's to 1e-9.
 */

import { type Group, type Model, type ModelDefinition, SQUARES } from '../learning/model.ts'
import {
  type FoldedLog,
  type GroupEvidence,
  learnedFrom,
  type WeighedLog,
  type WeighedRow,
  weighedRow,
} from '../learning/offline.ts'
import { decayOf, type Evidence, evidenceOfSums, type Means, PERIOD_TAUS, periodOf } from '../learning/sums.ts'
import { createWeigher } from '../learning/weigher.ts'
import type { GroupOrder } from './group-order.ts'
import { STEP, whole } from './steps.ts'
import type { TradeHistory } from './trade-history.ts'

/** @param effective of the history: 1 for each row that counts */
export const coefficientsAt = (history: TradeHistory, effective: Uint8Array, model: Model): FoldedLog =>
  learnedFrom(model, evidenceAt(history, effective, model.definition))

/**
 * The same a little at a time: whoever has others to answer does something else at each `yield`. Rows that are added meanwhile do not count.
 * @param order of the groups of this history, as far as it goes
 */
export function* coefficientsInSteps(
  history: TradeHistory,
  effective: Uint8Array,
  model: Model,
  order: GroupOrder,
): Generator<void, WeighedLog> {
  const sums = yield* sumGroups(history, effective, model.definition.tau_days)
  const { groups, numbers } = yield* order.upTo(sums.count)
  const weigher = createWeigher(model, (group) => {
    const number = history.groupNumber(group)
    return number === undefined || number >= sums.count ? null : sums.evidence(number)
  })
  const coefficients: WeighedRow[] = []
  for (let i = 0; i < groups.length; i++) {
    if (i % STEP === 0) yield
    const number = numbers[i] as number
    const group = groups[i] as Group
    const evidence = number < sums.count && group.scope !== 'global' ? sums.evidence(number) : null
    if (evidence) coefficients.push(weighedRow(model, weigher, group, evidence))
  }
  const base = sums.evidence(0)
  return {
    global_rr: base
      ? { rr_short: base.rr_short, rr_long: base.rr_long, n: base.n }
      : { rr_short: null, rr_long: null, n: 0 },
    coefficients,
    spread: weigher.spread,
  }
}

/** What the trades of each group amount to at the exit of the newest one, of groups that have any. */
export function evidenceAt(
  history: TradeHistory,
  effective: Uint8Array,
  { tau_days }: Pick<ModelDefinition, 'tau_days'>,
): GroupEvidence[] {
  const sums = whole(sumGroups(history, effective, tau_days))
  const found: GroupEvidence[] = []
  for (let group = 0; group < sums.count; group++) {
    const evidence = sums.evidence(group)
    if (evidence) found.push({ group: history.group(group), evidence })
  }
  return found
}

/** Coefficients of a moment by the numbers of their groups, each made when it is asked for. */
export interface Moment {
  effective: Uint8Array
  baseline: Means | null
  /** null: no trade counts in it. */
  coefficient(group: number): (Means & { weight: number }) | null
}

export function momentAt(history: TradeHistory, effective: Uint8Array, model: Model): Moment {
  const sums = whole(sumGroups(history, effective, model.definition.tau_days))
  const weigher = createWeigher(model, (group) => {
    const number = history.groupNumber(group)
    return number === undefined ? null : sums.evidence(number)
  })
  return {
    effective,
    baseline: sums.evidence(0),
    coefficient(number) {
      const evidence = sums.evidence(number)
      if (!evidence) return null
      const { rr_short, rr_long, n } = evidence
      return { weight: weigher.weigh(history.group(number), evidence).weight, rr_short, rr_long, n }
    },
  }
}

interface GroupSums {
  /** Groups that there were. */
  count: number
  /** null: no trade counts in it. */
  evidence(group: number): Evidence | null
}

function* sumGroups(
  history: TradeHistory,
  effective: Uint8Array,
  tau_days: ModelDefinition['tau_days'],
): Generator<void, GroupSums> {
  const tau = decayOf(tau_days)
  const { closed_at, rr } = history.columns()
  const rows = byPeriod(closed_at, effective, (t) => periodOf(t, tau))
  const count = history.groupCount
  const n = new Int32Array(count)
  const last = new Int32Array(count)
  const weightShort = new Float64Array(count)
  const weightedShort = new Float64Array(count)
  const weightLong = new Float64Array(count)
  const weightedLong = new Float64Array(count)
  const length = PERIOD_TAUS * tau.short
  const carryLong = length / tau.long
  const squares = history.groupNumber(SQUARES)
  let newest = Number.NEGATIVE_INFINITY
  let done = 0
  for (const row of rows) {
    if (++done % STEP === 0) yield
    const t = closed_at[row] as number
    const period = periodOf(t, tau)
    const age = t - (period + 1) * length
    newest = Math.max(newest, t)
    const s = Math.exp(age / tau.short)
    const l = Math.exp(age / tau.long)
    const plain = rr[row] as number
    const groups = history.groupsOf(row)
    for (let i = 0; i < groups.length; i++) {
      const g = groups[i] as number
      const outcome = g === squares ? plain * plain : plain
      const passed = period - (last[g] as number)
      if (passed > 0) {
        if (n[g] !== 0) {
          const carriedShort = Math.exp(-PERIOD_TAUS * passed)
          const carriedLong = Math.exp(-carryLong * passed)
          weightShort[g] = (weightShort[g] as number) * carriedShort
          weightedShort[g] = (weightedShort[g] as number) * carriedShort
          weightLong[g] = (weightLong[g] as number) * carriedLong
          weightedLong[g] = (weightedLong[g] as number) * carriedLong
        }
        last[g] = period
      }
      n[g] = (n[g] as number) + 1
      weightShort[g] = (weightShort[g] as number) + s
      weightedShort[g] = (weightedShort[g] as number) + s * outcome
      weightLong[g] = (weightLong[g] as number) + l
      weightedLong[g] = (weightedLong[g] as number) + l * outcome
    }
  }
  return {
    count,
    evidence: (g) =>
      n[g] === 0
        ? null
        : evidenceOfSums(
            {
              n: n[g] as number,
              weight_short: weightShort[g] as number,
              weighted_rr_short: weightedShort[g] as number,
              weight_long: weightLong[g] as number,
              weighted_rr_long: weightedLong[g] as number,
            },
            ((last[g] as number) + 1) * length,
            newest,
            tau,
          ),
  }
}

/** Rows that are chosen, by period and within one in their order: a counting sort. */
function byPeriod(closed_at: Float64Array, chosen: Uint8Array, periodAt: (t: number) => number): Uint32Array {
  const counts = new Map<number, number>()
  const periods = new Int32Array(chosen.length)
  let total = 0
  for (let row = 0; row < chosen.length; row++) {
    if (chosen[row] === 0) continue
    const period = periodAt(closed_at[row] as number)
    periods[row] = period
    counts.set(period, (counts.get(period) ?? 0) + 1)
    total++
  }
  const next = new Map<number, number>()
  let at = 0
  for (const [period, count] of [...counts].sort(([a], [b]) => a - b)) {
    next.set(period, at)
    at += count
  }
  const rows = new Uint32Array(total)
  for (let row = 0; row < chosen.length; row++) {
    if (chosen[row] === 0) continue
    const period = periods[row] as number
    const place = next.get(period) as number
    rows[place] = row
    next.set(period, place + 1)
  }
  return rows
}

/** Why a number is what it is: the trades behind a coefficient, or behind each factor of an allocation. */
import { StrandlineError } from '../core/errors.ts'
import { type Cut, NOW } from '../domain/history/cut.ts'
import { createEvidenceReader } from '../domain/history/evidence-of.ts'
import { sharesOf } from '../domain/history/shares.ts'
import type { Group } from '../domain/learning/model.ts'
import { BASELINE } from '../domain/learning/model.ts'
import type { Evidence, Means } from '../domain/learning/sums.ts'
import { createWeigher, type Weighed } from '../domain/learning/weigher.ts'
import type { OpenHistory } from './open-history.ts'
import { type Revision, revisionsOf, type TradeRow, tradeRow } from './trade-row.ts'

export interface ExplainedTrade extends TradeRow {
  /** Its part of all weights, 0 to 1, and of the mean outcome: the sum of all shares is the coefficient's. */
  weight_short: number
  share_short: number
  weight_long: number
  share_long: number
  /** What the log has of it, where that is more than one record. */
  revisions?: Revision[]
}

export interface Explanation {
  target: Group
  coefficient: Means & Weighed
  trades: ExplainedTrade[]
}

/**
 * @param limit so many of its trades, those with the largest shares; 0: all
 * @returns null: no trade counts in it at this moment
 */
export function explain(
  { history, model, effective }: OpenHistory,
  target: Group,
  cut: Cut = NOW,
  limit = 0,
): Explanation | null {
  const chosen = effective(cut)
  const group = history.groupNumber(target)
  const shares = group === undefined ? null : sharesOf(history, group, chosen, model.definition, limit)
  if (!shares) return null
  const evidenceOf = createEvidenceReader(history, chosen, model.definition)
  const { rr_short, rr_long, n } = shares
  const weighed =
    target.scope === 'global' ? null : createWeigher(model, evidenceOf).weigh(target, evidenceOf(target) as Evidence)
  return {
    target,
    coefficient: {
      weight: weighed?.weight ?? 1,
      rr_short,
      rr_long,
      n,
      edge: weighed?.edge ?? 0,
      trust: weighed?.trust ?? 1,
      error: weighed?.error ?? null,
    },
    trades: shares.trades.map(({ row, weight_short, share_short, weight_long, share_long }) => {
      const trade = tradeRow(history, row)
      const revisions = revisionsOf(history, trade.event_id)
      return {
        ...trade,
        weight_short,
        share_short,
        weight_long,
        share_long,
        ...(revisions.length > 1 ? { revisions } : {}),
      }
    }),
  }
}

/**
 * What a person means: `curator 0xdetweiler`, the name and key of an interaction, an interaction's key alone, or `baseline`.
 * Errors: USAGE where the model has no such lever or interaction, or several have this key.
 */
export function groupNamed(
  { history, model }: Pick<OpenHistory, 'history' | 'model'>,
  name: string,
  key?: string,
): Group {
  const { levers, interactions } = model.definition
  if (key === undefined) {
    if (name === 'baseline') return BASELINE
    const found = interactions
      .map((i): Group => ({ scope: 'interaction', name: i.name, key: name }))
      .filter((group) => history.groupNumber(group) !== undefined)
    if (found.length === 1) return found[0] as Group
    throw new StrandlineError(
      'USAGE',
      found.length === 0
        ? `No interaction of ${model.definition.name} has the key ${JSON.stringify(name)}.`
        : `Several interactions have the key ${JSON.stringify(name)}: ${found.map((g) => g.name).join(', ')}.`,
      {
        todo:
          found.length === 0
            ? 'Name a lever and its value (curator 0xdetweiler), the key of an interaction as ./strandline coefficients --scope interaction prints it, or: baseline.'
            : 'Name the interaction before its key.',
      },
    )
  }
  if (levers.some((l) => l.name === name)) return { scope: 'lever', name, key }
  if (interactions.some((i) => i.name === name)) return { scope: 'interaction', name, key }
  throw new StrandlineError('USAGE', `${model.definition.name} has no lever and no interaction '${name}'.`, {
    todo: `Its levers: ${levers.map((l) => l.name).join(', ')}; its interactions: ${interactions.map((i) => i.name).join(', ') || 'none'}.`,
  })
}

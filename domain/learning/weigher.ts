/** What is learned of a group at one moment, by the model's rule. Pure. In SQL: strandline.learner_coefficients. */
import { BASELINE, type Group, type Model, SQUARES } from './model.ts'
import { type Edge, interactionEdge, leverEdge, longOf, type ShrunkParameters, shrunkBaseline } from './shrunk.ts'
import { type Evidence, weightOf } from './sums.ts'

export interface Weighed extends Edge {
  /** Factor of a size; 1: as everything else. */
  weight: number
}

export interface Weigher {
  /** Of a lever value or an interaction. */
  weigh(group: Group, evidence: Evidence): Weighed
  /** How all trades go lately, by the rule shrunk; null: nothing is learned, or the rule is v4. */
  market: Weighed | null
  /** Standard deviation of one outcome, by the rule shrunk; null: not known, or the outcomes are equal. */
  spread: number | null
}

/** What the trades of a group amount to; null: none counts. */
export type EvidenceOf = (group: Group) => Evidence | null

export function createWeigher(model: Model, evidenceOf: EvidenceOf): Weigher {
  return model.definition.rule === 'shrunk' ? shrunkWeigher(model, evidenceOf) : v4Weigher(model, evidenceOf)
}

/** It takes every number at its word. */
function v4Weigher({ definition }: Model, evidenceOf: EvidenceOf): Weigher {
  const base = evidenceOf(BASELINE)?.rr_short
  const bounds = definition.weight as { min: number; max: number }
  return {
    weigh: (_, { rr_short }) => ({
      weight: weightOf(rr_short, base, bounds),
      edge: rr_short - (base ?? rr_short),
      trust: 1,
      error: null,
    }),
    market: null,
    spread: null,
  }
}

/** Exponents end here: far beyond the bounds of any multiplier, and products of weights stay finite. */
const FARTHEST = 20

export const weightOfEdge = (edge: number, scale: number): number =>
  Math.exp(Math.min(FARTHEST, Math.max(-FARTHEST, edge / scale)))

const NOTHING: Weighed = { weight: 1, edge: 0, trust: 0, error: null }

function shrunkWeigher(model: Model, evidenceOf: EvidenceOf): Weigher {
  const parameters = model.definition as typeof model.definition & ShrunkParameters
  const all = evidenceOf(BASELINE)
  const squares = evidenceOf(SQUARES)
  if (!all || !squares) return { weigh: () => NOTHING, market: null, spread: null }
  const base = shrunkBaseline(all, squares.rr_long, parameters)
  const weighed = (edge: Edge): Weighed => ({ ...edge, weight: weightOfEdge(edge.edge, base.scale) })
  const longs = (group: Group) => {
    const evidence = evidenceOf(group)
    return evidence ? longOf(evidence, base, parameters) : 0
  }
  return {
    weigh: (group, evidence) =>
      weighed(
        group.scope === 'interaction'
          ? interactionEdge(
              evidence,
              base,
              model.members(group).reduce((sum, member) => sum + longs(member), 0),
              parameters,
            )
          : leverEdge(evidence, base, parameters),
      ),
    market: weighed(base.market),
    spread: base.sigma > 0 ? base.sigma : null,
  }
}

/** What is learned of each factor of an allocation, by the model's rule. Pure. */
import { BASELINE, type Group, type LeverSource, type Model } from '../learning/model.ts'
import { createWeigher, type EvidenceOf } from '../learning/weigher.ts'
import type { CoefficientKey, FactorKey, LearnedFactor } from './allocation.ts'
import { leastDifference, temperature } from './temperature.ts'

export const MARKET: FactorKey = { scope: 'market', name: 'market', key: '' }

/** Coefficients that an entry context touches: levers in the model's order, then interactions. */
export const coefficientKeys = (model: Model, source: LeverSource): CoefficientKey[] =>
  model.groups(model.leverValues(source)).filter((group) => group.scope !== 'global') as CoefficientKey[]

/** The factors of these coefficients: by the rule shrunk the market goes before them. */
export const factorKeys = ({ definition }: Model, keys: readonly CoefficientKey[]): FactorKey[] =>
  definition.rule === 'shrunk' ? [MARKET, ...keys] : [...keys]

/** Those of the factors of which something is learned. */
export function learnedFactors(model: Model, keys: readonly FactorKey[], evidenceOf: EvidenceOf): LearnedFactor[] {
  const weigher = createWeigher(model, evidenceOf)
  const least = leastDifference(model.definition, weigher.spread)
  return keys.flatMap(({ scope, name, key }) => {
    const group: Group = scope === 'market' ? BASELINE : { scope, name, key }
    const evidence = evidenceOf(group)
    const weighed = evidence && (scope === 'market' ? weigher.market : weigher.weigh(group, evidence))
    if (!evidence || !weighed) return []
    const { rr_short, rr_long, n } = evidence
    return [{ scope, name, key, ...weighed, rr_short, rr_long, n, temperature: temperature(rr_short, rr_long, least) }]
  })
}

/** What of a model its sums depend on: two models that agree in it make the same sums of the same log, whatever they read in them. Pure. */
import { MAX_RR } from '../validation.ts'
import type { ModelDefinition } from './model.ts'
import { learnedOutcome } from './outcome.ts'

/** The rule and its parameters are missing: they say what is made of sums. */
export type SumsDefinition = Pick<
  ModelDefinition,
  'sources' | 'tau_days' | 'outcome' | 'clamp' | 'levers' | 'interactions'
>

export function sumsDefinition(definition: ModelDefinition): SumsDefinition {
  const { sources, tau_days, clamp, levers, interactions } = definition
  const outcome = learnedOutcome(definition)
  // no R/R beyond these bounds is ever learned
  const bounds = clamp ?? (outcome === 'rr' ? { min: -MAX_RR, max: MAX_RR } : undefined)
  return { ...(sources && { sources }), tau_days, outcome, ...(bounds && { clamp: bounds }), levers, interactions }
}

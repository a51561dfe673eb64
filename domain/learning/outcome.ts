/** What a model learns of a trade: one number of its event, or that for each unit of a measure known at entry. Pure. */
import { type LearnedNumbers, learnedNumbersOf } from '../trade-numbers.ts'

export type OutcomeName = 'rr' | 'return' | 'net_return'
/** One of the event's numbers, or that for each unit of a measure that is known at entry (`risk_at_entry`, or one of the entry context). */
export type OutcomeDefinition = OutcomeName | { of: OutcomeName; per: string }

/** What a model learns. */
export const learnedOutcome = ({ outcome = 'rr' }: { outcome?: OutcomeDefinition }): OutcomeDefinition => outcome

/** What of an event may be an outcome, or what one is divided by; ratios, finite. null: the event has none. */
export interface OutcomeSource extends LearnedNumbers {
  rr: number | null
  measure(name: string): number | undefined
}

/** A smaller outcome is none: it comes from no prices, and PostgreSQL refuses products that underflow. */
export const LEAST_OUTCOME = 1e-100

/** null where the trade has no such number, or the measure is not above 0. */
export function createOutcomeReader({
  outcome = 'rr',
  clamp,
}: {
  outcome?: OutcomeDefinition
  clamp?: { min: number; max: number }
}): (source: OutcomeSource) => number | null {
  const name: OutcomeName = typeof outcome === 'string' ? outcome : outcome.of
  const per = typeof outcome === 'string' ? undefined : outcome.per
  const { min, max } = clamp ?? { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY }
  return (source) => {
    let value = source[name]
    if (value === null) return null
    if (per !== undefined) {
      const unit = (per === 'risk_at_entry' ? source.risk_at_entry : undefined) ?? source.measure(per)
      if (unit === undefined || !(unit > 0)) return null
      value /= unit
    }
    value = Math.min(max, Math.max(min, value))
    if (!Number.isFinite(value)) return null
    return Math.abs(value) < LEAST_OUTCOME ? 0 : value
  }
}

/** What an event has that may be an outcome. */
export const outcomeSource = (
  event: { rr: number | null; measures: Record<string, number> } & LearnedNumbers,
): OutcomeSource => ({
  rr: event.rr,
  ...learnedNumbersOf(event),
  measure: (name) => (Object.hasOwn(event.measures, name) ? event.measures[name] : undefined),
})

/**
 * Numbers of an event that a producer may leave out, and which of them are none. What is none costs itself, never the trade: whoever publishes leaves it out and says
 * so (limits.ts), and whoever learns takes it for one that nobody said. Pure.
 */
import type { PositionClosed } from './event.ts'

/** Ratios that are learned, or that an outcome is divided by. Units: schemas/position-closed.avsc. */
export type LearnedNumbers = Pick<PositionClosed, 'return' | 'net_return' | 'risk_at_entry'>

export const OPTIONAL_NUMBERS = ['net_return', 'fees', 'stake', 'risk_at_entry'] as const

/** What is wrong with the number ("is …, not …"), or null. */
export function problemOfNumber(name: (typeof OPTIONAL_NUMBERS)[number], value: number): string | null {
  if (!Number.isFinite(value)) return `is ${value}, not a finite number`
  if (name === 'stake' && value <= 0) return `is ${value}, not above 0`
  if (name === 'risk_at_entry' && !isRisk(value))
    return `is ${value}, not a fraction of the entry price (above 0, up to 1; 0.05 is 5 %)`
  return null
}

const isRisk = (value: number) => value > 0 && value <= 1

export const finiteOrNull = (value: number | null): number | null => (Number.isFinite(value) ? value : null)

/** @param value risk_at_entry as somebody wrote it */
export const riskOrNull = (value: number | null): number | null => (value !== null && isRisk(value) ? value : null)

/** Of an event as it was decoded. */
export const learnedNumbersOf = ({ return: gross, net_return, risk_at_entry }: LearnedNumbers): LearnedNumbers => ({
  return: finiteOrNull(gross),
  net_return: finiteOrNull(net_return),
  risk_at_entry: riskOrNull(risk_at_entry),
})

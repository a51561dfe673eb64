/** What a model learns, and its numbers, in a person's words. Pure. */
import type { OutcomeDefinition, OutcomeName } from '../domain/learning/outcome.ts'
import { number } from './table.ts'

export interface OutcomeText {
  /** R/R, return, net return; for each unit of a measure: `return per risk_at_entry`. */
  title: string
  /** The same with its article: an R/R, a return. */
  one: string
  /** A number with its unit; –: there is none. */
  value(value: number | null): string
  /** The same without the unit, for a column whose heading says it. */
  cell(value: number | null): string
  /** Of a column: the title, or which of its numbers it is (short, long, edge), with the unit. */
  heading(which?: string): string
}

const TITLES: Record<OutcomeName, string> = { rr: 'R/R', return: 'return', net_return: 'net return' }

/** Below it three decimals would show nothing of what is for each unit of something large. */
const SMALL = 0.01

export function outcomeText(outcome: OutcomeDefinition): OutcomeText {
  const { of, per } = typeof outcome === 'string' ? { of: outcome, per: undefined } : outcome
  const title = per === undefined ? TITLES[of] : `${TITLES[of]} per ${per}`
  const isPercent = per === undefined && of !== 'rr'
  const cell = (value: number | null) => {
    if (value === null) return number(null)
    if (isPercent) return number(value * 100)
    return per === undefined || value === 0 || Math.abs(value) >= SMALL ? number(value) : value.toPrecision(3)
  }
  const unit = isPercent ? ' %' : ''
  return {
    title,
    one: `${of === 'rr' ? 'an' : 'a'} ${title}`,
    value: (value) => (value === null ? number(null) : `${cell(value)}${unit}`),
    cell,
    heading: (which) => `${which ?? title}${unit}`,
  }
}

/** `+0.123`: where the direction is what matters. */
export const signed = (value: number, text: string): string => (value > 0 ? `+${text}` : text)

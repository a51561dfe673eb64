/**
 * How large the next position should be, given what is learned. Pure; formula: DESIGN.md, *Allocation*.
 * `base`, `min`, `max` and the answer are in one unit that the caller chooses: percent of the portfolio, or USD.
 */
import { StrandlineError } from '../../core/errors.ts'
import { shown } from '../shown.ts'
import { type Temperature, temperature } from './temperature.ts'

/** What names a coefficient: a lever and its value, or an interaction and its key. */
export interface CoefficientKey {
  scope: 'lever' | 'interaction'
  name: string
  key: string
}

/** A row of `learning_coefficients`. */
export interface Coefficient extends CoefficientKey {
  weight: number
  rr_short: number
  rr_long: number
  n: number
}

export interface Sizing {
  base: number
  min: number
  max: number
}

/** One factor of the multiplier, with the row that it comes from. */
export interface Factor extends CoefficientKey {
  /** As learned; 1 where nothing is learned of it. */
  weight: number
  /** What enters the product: `weight`, moved toward 1 where the interaction speaks for itself. */
  adjusted_weight: number
  /** Effective trades behind the row; 0: not learned. */
  n: number
  rr_short: number | null
  rr_long: number | null
  temperature: Temperature | 'unknown'
}

export interface Allocation extends Sizing {
  /** clamp(base × multiplier, min, max), in the unit of `base`. */
  allocation: number
  multiplier: number
  /** Which bound cut the allocation, if one did. */
  bounded_by: 'min' | 'max' | null
  /** Whether the lever weights were moved toward 1 because an interaction's weight differs from 1. */
  levers_damped: boolean
  /** In the order given. */
  factors: Factor[]
}

/** An interaction that differs from 1 by this much already holds what its levers say: */
const INTERACTION_SPEAKS = 0.1
/** so that this part of each lever's effect is taken back. */
const DAMPING = 0.2
/** 1 − 0.9 is a hair less than 0.1 in binary. */
const ROUNDING = 1e-9

const nameOf = (k: CoefficientKey) => JSON.stringify([k.scope, k.name, k.key])

/** @throws StrandlineError USAGE */
export function checkSizing({ base, min, max }: Sizing): void {
  for (const [name, value] of Object.entries({ base, min, max }))
    if (!Number.isFinite(value) || value < 0)
      throw new StrandlineError('USAGE', `${name} is ${shown(value)}.`, {
        todo: `Give ${name} as a number, 0 or more.`,
      })
  if (min > max)
    throw new StrandlineError('USAGE', `min ${min} is greater than max ${max}.`, { todo: 'Give min ≤ max.' })
}

/**
 * @param keys the coefficients that the entry context touches, levers and interactions
 * @param rows what is learned of them; a key without a row weighs 1
 * @throws StrandlineError USAGE for a base, min or max that is negative, not finite, or min > max
 */
export function allocation(keys: CoefficientKey[], rows: Coefficient[], { base, min, max }: Sizing): Allocation {
  checkSizing({ base, min, max })
  const learned = new Map(rows.map((row) => [nameOf(row), row]))
  const interactions = keys.filter((k) => k.scope === 'interaction').map((k) => learned.get(nameOf(k))?.weight ?? 1)
  const levers_damped = interactions.some((w) => Math.abs(w - 1) >= INTERACTION_SPEAKS - ROUNDING)
  const factors = keys.map((k) => factor(k, learned.get(nameOf(k)), levers_damped))
  const multiplier = factors.reduce((product, f) => product * f.adjusted_weight, 1)
  const wanted = base * multiplier
  const bounded_by = wanted < min ? 'min' : wanted > max ? 'max' : null
  return {
    allocation: Math.min(Math.max(wanted, min), max),
    base,
    min,
    max,
    multiplier,
    bounded_by,
    levers_damped,
    factors,
  }
}

function factor({ scope, name, key }: CoefficientKey, row: Coefficient | undefined, damped: boolean): Factor {
  const weight = row?.weight ?? 1
  return {
    scope,
    name,
    key,
    weight,
    adjusted_weight: scope === 'lever' && damped ? weight + DAMPING * (1 - weight) : weight,
    n: row?.n ?? 0,
    rr_short: row?.rr_short ?? null,
    rr_long: row?.rr_long ?? null,
    temperature: row ? temperature(row.rr_short, row.rr_long) : 'unknown',
  }
}

/**
 * How large the next position should be, given what is learned. Pure; formula: DESIGN.md, *Allocation*.
 * `base`, `min`, `max` and the answer are in one unit that the caller chooses: percent of the portfolio, or USD.
 */
import { StrandlineError } from '../../core/errors.ts'
import type { ModelDefinition } from '../learning/model.ts'
import type { Weighed } from '../learning/weigher.ts'
import { shown } from '../shown.ts'
import type { Temperature } from './temperature.ts'

/** What names a coefficient: a lever and its value, or an interaction and its key. */
export interface CoefficientKey {
  scope: 'lever' | 'interaction'
  name: string
  key: string
}

/** The same, or how all trades go lately, of which a model with the rule shrunk makes a factor as well. */
export interface FactorKey {
  scope: 'market' | CoefficientKey['scope']
  name: string
  key: string
}

/** What is learned of a factor. */
export interface LearnedFactor extends FactorKey, Weighed {
  /** Decayed means of the model's outcome, whatever it learns. */
  rr_short: number
  rr_long: number
  n: number
  temperature: Temperature
}

export interface Sizing {
  base: number
  min: number
  max: number
}

/** One factor of the multiplier, with the row that it comes from. */
export interface Factor extends FactorKey {
  /** Whether anything is learned of it. */
  known: boolean
  /** What its trades say beyond the baseline, in the unit of the outcome: believed as far as `trust` (shrunk), or at its word (v4). */
  edge: number
  /** As learned; 1 where nothing is learned of it. */
  weight: number
  /** What enters the product: `weight`, moved toward 1 where the interaction speaks for itself. */
  adjusted_weight: number
  /** Effective trades behind the row; 0: not learned. */
  n: number
  /** How far its trades are believed, 0 to 1. */
  trust: number
  /** Standard deviation of the edge; null: not known. */
  error: number | null
  /** Decayed means of the model's outcome, whatever it learns. */
  rr_short: number | null
  rr_long: number | null
  temperature: Temperature | 'unknown'
}

/** What all factors together come to. */
export interface Product {
  /** Of all factors. */
  multiplier_unclamped: number
  /** Within the model's bounds, where it has any. */
  multiplier: number
  /** Whether the lever weights were moved toward 1 because an interaction's weight differs from 1. */
  levers_damped: boolean
  /** In the order given. */
  factors: Factor[]
}

export interface Allocation extends Sizing, Product {
  /** clamp(base × multiplier, min, max), in the unit of `base`. */
  allocation: number
  /** Which bound cut the allocation, if one did. */
  bounded_by: 'min' | 'max' | null
}

/** An interaction that differs from 1 by this much already holds what its levers say: */
const INTERACTION_SPEAKS = 0.1
/** so that this part of each lever's effect is taken back. */
const DAMPING = 0.2
/** 1 − 0.9 is a hair less than 0.1 in binary. */
const ROUNDING = 1e-9

/** Whether an interaction of this weight moves the levers toward 1 (rule v4). */
export const isDamping = (weight: number): boolean => Math.abs(weight - 1) >= INTERACTION_SPEAKS - ROUNDING
export const towardOne = (weight: number): number => weight + DAMPING * (1 - weight)

const nameOf = (k: FactorKey) => JSON.stringify([k.scope, k.name, k.key])

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
 * @param keys the factors that the entry context touches, in the model's order
 * @param rows what is learned of them; a key without a row weighs 1
 * @param definition of the model; null: none ever learned
 */
export function product(
  keys: readonly FactorKey[],
  rows: readonly LearnedFactor[],
  definition: Pick<ModelDefinition, 'rule' | 'multiplier'> | null,
): Product {
  const learned = new Map(rows.map((row) => [nameOf(row), row]))
  const interactions = keys.filter((k) => k.scope === 'interaction').map((k) => learned.get(nameOf(k))?.weight ?? 1)
  // by the rule shrunk an interaction says only what its levers do not
  const levers_damped = definition?.rule !== 'shrunk' && interactions.some(isDamping)
  const factors = keys.map((k) => factor(k, learned.get(nameOf(k)), levers_damped))
  const multiplier_unclamped = factors.reduce((product, f) => product * f.adjusted_weight, 1)
  const { min, max } = definition?.multiplier ?? { min: 0, max: Number.POSITIVE_INFINITY }
  return {
    multiplier_unclamped,
    multiplier: Math.min(max, Math.max(min, multiplier_unclamped)),
    levers_damped,
    factors,
  }
}

/** @throws StrandlineError USAGE for a base, min or max that is negative, not finite, or min > max */
export function allocation(product: Product, { base, min, max }: Sizing): Allocation {
  checkSizing({ base, min, max })
  const wanted = base * product.multiplier
  const bounded_by = wanted < min ? 'min' : wanted > max ? 'max' : null
  return { allocation: Math.min(Math.max(wanted, min), max), base, min, max, bounded_by, ...product }
}

function factor({ scope, name, key }: FactorKey, row: LearnedFactor | undefined, damped: boolean): Factor {
  const weight = row?.weight ?? 1
  return {
    scope,
    name,
    key,
    known: row !== undefined,
    edge: row?.edge ?? 0,
    weight,
    adjusted_weight: scope === 'lever' && damped ? towardOne(weight) : weight,
    n: row?.n ?? 0,
    trust: row?.trust ?? 0,
    error: row?.error ?? null,
    rr_short: row?.rr_short ?? null,
    rr_long: row?.rr_long ?? null,
    temperature: row?.temperature ?? 'unknown',
  }
}

/** Randomness from the run's seed: a stream for each purpose, so that what one of them draws changes nothing for the others. */
import { seeded } from '../core/random.ts'

export interface Dice {
  /** Uniform in [0, 1). */
  next(): number
  /** A whole number from 0 to below `n`. */
  below(n: number): number
  between(low: number, high: number): number
  pick<T>(list: readonly T[]): T
  chance(share: number): boolean
}

export function createDice(seed: number, purpose: string): Dice {
  let mixed = seed >>> 0
  for (const char of purpose) mixed = Math.imul(mixed ^ char.charCodeAt(0), 0x01000193) >>> 0
  const next = seeded(mixed)
  const below = (n: number) => Math.floor(next() * n)
  return {
    next,
    below,
    between: (low, high) => low + next() * (high - low),
    pick: (list) => list[below(list.length)] as (typeof list)[number],
    chance: (share) => next() < share,
  }
}

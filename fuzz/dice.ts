/** Randomness from the run's seed, of its own for each case: case 712,345 of a seed is the same alone as in its row, so that one that failed can be made again. */
import { seeded } from '../core/random.ts'

export interface Dice {
  /** Uniform in [0, 1). */
  next(): number
  /** A whole number from 0 to below `n`. */
  below(n: number): number
  pick<T>(list: readonly T[]): T
  chance(share: number): boolean
  /** One of the names, each as often as its number says beside the others'. */
  weighed<Name extends string>(weights: Record<Name, number>): Name
}

/** @param number of the case, within its part of the run */
export function createDice(seed: number, part: string, number: number): Dice {
  let mixed = (seed ^ 0x9e3779b9) >>> 0
  for (const char of part) mixed = Math.imul(mixed ^ char.charCodeAt(0), 0x01000193) >>> 0
  mixed = Math.imul(mixed ^ number, 0x85ebca6b) >>> 0
  const next = seeded(mixed ^ (mixed >>> 15))
  const below = (n: number) => Math.floor(next() * n)
  return {
    next,
    below,
    pick: (list) => list[below(list.length)] as (typeof list)[number],
    chance: (share) => next() < share,
    weighed<Name extends string>(weights: Record<Name, number>) {
      const all = Object.entries(weights) as [Name, number][]
      let at = next() * all.reduce((sum, [, weight]) => sum + weight, 0)
      for (const [name, weight] of all) {
        at -= weight
        if (at < 0) return name
      }
      return all.at(-1)![0]
    },
  }
}

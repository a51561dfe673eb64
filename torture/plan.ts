/** Which faults a run has, when, and what each one hits: all of it follows from the seed before anything is started. */
import { createDice, type Dice } from './dice.ts'
import type { Fault } from './faults/index.ts'

export interface PlannedFault {
  number: number
  fault: Fault
  /** After the start of the load, ms. It waits where what it hits is being hit already. */
  at: number
  /** How long it lasts, ms. */
  lasts: number
  /** Its own: which target, and whatever else it leaves open. */
  dice: Dice
}

/** `count` faults in `ms`. Each kind comes before any of them comes again. */
export function planFaults(seed: number, faults: readonly Fault[], count: number, ms: number): PlannedFault[] {
  const dice = createDice(seed, 'plan')
  let deck: Fault[] = []
  return Array.from({ length: count }, () => dice.next() * ms)
    .sort((a, b) => a - b)
    .map((at, number) => {
      if (deck.length === 0) deck = [...faults]
      const [fault] = deck.splice(dice.below(deck.length), 1) as [Fault]
      return { number, fault, at, lasts: dice.between(...fault.lasts), dice: createDice(seed, `fault ${number}`) }
    })
}

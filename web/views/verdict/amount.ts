/** An outcome by the name of what is learned: returns are percent. Pure. */

import type { Interval } from '../../../domain/verdict/statistics.ts'
import { number } from '../../numbers.ts'

export const amountText =
  (learns: string) =>
  (value: number | null): string =>
    value === null ? '–' : learns === 'return' || learns === 'net_return' ? `${number(value * 100)} %` : number(value)

export const intervalText = (found: Interval | null, learns: string): string => {
  const amount = amountText(learns)
  return found === null ? '–' : `${amount(found.mean)} [${amount(found.low)}, ${amount(found.high)}]`
}

/** As the other views call it: R/R, return, net return, or one of them per a measure. */
export const titleOf = (learns: string): string => learns.replace(/^rr\b/, 'R/R').replace(/^net_return\b/, 'net return')

/**
 * Whether a case takes longer than its size allows. No limit of milliseconds holds on a machine that does other things as well: a case is compared with the
 * others of its run, and one that stands out is measured again alone, of which the quickest time counts.
 */

export interface CostWatch {
  /** @param size bytes of the case */
  add(number: number, size: number, ms: number): void
  /** Cases that stand out, the worst first; to be measured again. */
  suspects(): { number: number; size: number }[]
  /** How many times the median's cost a measurement is. */
  factor(size: number, ms: number): number
}

/** What a case costs without any bytes, as bytes. */
const BASE_BYTES = 300
const SUSPICIOUS = 20
const MOST_SUSPECTS = 20
/** Beyond this, measured alone, it is no accident. */
export const MOST_FACTOR = 20

export function createCostWatch(): CostWatch {
  /** ms for each byte: of a sample of the cases, which is enough for a median. */
  const costs: number[] = []
  const worst: { number: number; size: number; cost: number }[] = []
  let seen = 0
  const costOf = (size: number, ms: number) => ms / (size + BASE_BYTES)
  const median = () => costs.toSorted((a, b) => a - b)[costs.length >> 1] ?? 0
  return {
    add(number, size, ms) {
      const cost = costOf(size, ms)
      if (costs.length < 20_000) costs.push(cost)
      else costs[seen++ % costs.length] = cost
      if (worst.length < MOST_SUSPECTS || cost > worst.at(-1)!.cost) {
        worst.push({ number, size, cost })
        worst.sort((a, b) => b.cost - a.cost)
        worst.length = Math.min(worst.length, MOST_SUSPECTS)
      }
    },
    suspects() {
      const usual = median()
      return worst.filter((w) => w.cost > SUSPICIOUS * usual)
    },
    factor: (size, ms) => costOf(size, ms) / median(),
  }
}

/**
 * Which commits write the baseline. All of them would queue on one row, so those that are sure to be followed by another one leave it out, but for one every
 * quarter of a second. A commit with nothing behind it in hand writes it always: it may be the one that brings the lag to 0, and then nobody else would.
 */

const EVERY_MS = 250

export interface BaselineTurns {
  /** @param more another commit of the same partition follows: while it has not come, the lag is not 0 */
  take(more: boolean | undefined): boolean
  /** The commit did not happen: the next one writes it. */
  giveBack(): void
}

export function createBaselineTurns(now: () => number): BaselineTurns {
  let last = Number.NEGATIVE_INFINITY
  return {
    take(more) {
      const at = now()
      if (more && Math.abs(at - last) < EVERY_MS) return false // a clock that was set back is no reason to wait
      last = at
      return true
    },
    giveBack() {
      last = Number.NEGATIVE_INFINITY
    },
  }
}

/** A moment of a log: which of its records count, and which of the trades that they amount to. Pure. */

/** What is not given cuts nothing. */
export interface Cut {
  /** Trades that were closed up to then, each as its newest revision has it: what had happened. ms since 1970-01-01 UTC */
  closedUntil?: number
  /** Records that the log took in up to then, by their own time: what was known. ms since 1970-01-01 UTC */
  takenUntil?: number
  /** Records below these offsets, by partition; a partition that is not named counts as a whole. */
  below?: ReadonlyMap<number, number>
}

export const NOW: Cut = {}

/** Sizes of model versions for whoever asks every few seconds: every row is counted for them, so an answer is kept for a while. */
import type { Clock } from '../../core/clock.ts'
import type { VersionSize } from '../../services/learner/version-sizes.ts'

type Sizes = Map<number, VersionSize>

/** As many times as long as the counting took: no more than a tenth of the time is spent on it. */
const KEPT_SHARE = 9

/** Whoever asks while it is counted gets the same answer. */
export function createKeptSizes(read: () => Promise<Sizes>, clock: Pick<Clock, 'now'>): () => Promise<Sizes> {
  let kept: { sizes: Promise<Sizes>; until: number } | null = null
  return () => {
    if (kept && clock.now() < kept.until) return kept.sizes
    const began = clock.now()
    const mine = { sizes: read(), until: Number.POSITIVE_INFINITY }
    kept = mine
    mine.sizes.then(
      () => {
        mine.until = clock.now() + KEPT_SHARE * (clock.now() - began)
      },
      () => {
        mine.until = 0
      },
    )
    return mine.sizes
  }
}

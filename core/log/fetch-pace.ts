/**
 * While records keep coming, so long lies between two fetches, and what comes meanwhile is one transaction of its partition. What comes after a quiet time is
 * read at once, and who is behind is never held up.
 */
import type { Clock } from '../clock.ts'

export interface FetchPace {
  /** A batch is done; resolves when the log may be asked for more. All batches of one fetch rest until the same moment. */
  rest(behind: boolean): Promise<void>
}

/** @param ms between two fetches */
export function createFetchPace(ms: number, clock: Pick<Clock, 'monotonic' | 'sleep'>): FetchPace {
  let until = Number.NEGATIVE_INFINITY
  let hurryUntil = Number.NEGATIVE_INFINITY
  let resting = new AbortController()
  return {
    async rest(behind) {
      const now = clock.monotonic()
      if (behind) {
        // the next fetch brings more of this partition: the others of the same fetch must not keep it waiting
        hurryUntil = now + ms
        resting.abort()
        resting = new AbortController()
      }
      if (now < hurryUntil) return
      // the second: a clock that was set back
      if (now >= until || until - now > ms) until = now + ms
      await clock.sleep(until - now, resting.signal)
    },
  }
}

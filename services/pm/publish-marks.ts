/**
 * Marks rows as published, in batches beside the publishing, and tries again until it is done. The first mark after a quiet tenth of a second goes at once; what is
 * published meanwhile is marked by one call, unless somebody waits for it. A crash in that time publishes a few events twice, which changes nothing.
 */
import type { Clock } from '../../core/clock.ts'
import { explain } from '../../core/errors.ts'
import type { Loop } from '../../core/liveness.ts'
import type { Logger } from '../../core/logger.ts'
import type { Mark, Outbox } from '../../core/store/outbox-store.ts'

const BATCH_ROWS = 500
const LAST_ATTEMPTS = 3
const REST_MS = 500
const EVERY_MS = 100

export interface Marker {
  add(marks: Mark[]): void
  /** Resolves when everything added so far is marked, or was given up. Whoever asks is not kept waiting for a batch to fill. */
  idle(): Promise<void>
}

/** @param stopping once aborted, a few attempts remain; rows that they do not mark are published again, which changes nothing */
export function createMarker(
  outbox: Outbox,
  topic: string,
  clock: Clock,
  logger: Logger,
  stopping: AbortSignal,
  loop?: Loop,
): Marker {
  let waiting: Mark[] = []
  let running = false
  let added = 0
  let settled = 0
  let hurry = new AbortController()
  let idlers: { until: number; resolve: () => void }[] = []

  async function run(): Promise<void> {
    running = true
    for (let attempt = 1; waiting.length > 0; ) {
      loop?.beat()
      const { signal } = hurry
      const marks = waiting.splice(0, BATCH_ROWS)
      try {
        const { refused } = await outbox.published(topic, marks)
        attempt = 1
        if (refused.length > 0) await giveBack(refused)
        settle(settled + marks.length)
        if (marks.length < BATCH_ROWS) await clock.sleep(EVERY_MS, signal)
      } catch (err) {
        waiting.unshift(...marks)
        if (stopping.aborted && attempt >= LAST_ATTEMPTS) {
          logger.warn(
            { err },
            `${waiting.length} published events could not be marked; they are published again, which changes nothing.`,
          )
          waiting = []
          settle(added)
          break
        }
        if (attempt === 1) logger.warn({ err }, `Published events are not marked yet: ${explain(err)}`)
        await clock.sleep(Math.min(5_000, 100 * 2 ** attempt++), stopping)
      }
    }
    loop?.rest()
    running = false
  }

  function settle(count: number): void {
    settled = count
    for (const { until, resolve } of idlers) if (until <= settled) resolve()
    idlers = idlers.filter(({ until }) => until > settled)
  }

  /** The log said that these are written, but not where: they count as not published. */
  async function giveBack(ids: number[]): Promise<void> {
    const reason = `The log did not say where the event lies in ${topic}: it is published again.`
    logger.error({ ids }, `${ids.length} events are not marked as published. ${reason}`)
    // The database is away: their lease runs out by itself.
    await outbox.release(ids, reason, REST_MS, false).catch((err) => logger.debug({ err, ids }, 'rows not given back'))
  }

  return {
    add(marks) {
      waiting.push(...marks)
      added += marks.length
      if (waiting.length > 0 && !running) void run()
    },
    async idle() {
      if (settled === added) return
      hurry.abort()
      hurry = new AbortController()
      await new Promise<void>((resolve) => idlers.push({ until: added, resolve }))
    },
  }
}

/** What only grows, made small once it is old: beside everything else, in pieces that lock little and end soon (supabase/migrations/…_retention.sql). */
import type { Retention } from '../../core/config.ts'
import { explain } from '../../core/errors.ts'
import { type Liveness, type Loop, MAX_SILENCE_MS } from '../../core/liveness.ts'
import type { Portfolio } from './portfolio.ts'
import { RETAINED_TABLES, type RetainedTable, type RetentionStore } from './retention-store.ts'

/** Rows of one call. */
const PIECE = 500
const PAUSE_MS = 200
const FIRST_MS = 60_000
const EVERY_MS = 3_600_000

const daysOf = (table: RetainedTable, { days, outboxDays }: Retention) => (table === 'pm_outbox' ? outboxDays : days)

/**
 * One pass over a table; resolves to the number of rows that were made small or deleted.
 * @param between called after each piece; false ends the pass
 * Errors: STORE_UNREACHABLE, STORE_REJECTED.
 */
export async function retain(
  store: RetentionStore,
  table: RetainedTable,
  days: number,
  between: () => Promise<boolean> = async () => true,
): Promise<number> {
  let done = 0
  for (let after: string | null = ''; after !== null; ) {
    const piece = await store.shrink(table, days, after, PIECE)
    done += piece.done
    after = (await between()) ? piece.next : null
  }
  return done
}

/** Soon after the start and then every hour. What fails is said, and tried again with the next hour. */
export function startRetention(
  { store, clock, logger }: { store: RetentionStore } & Pick<Portfolio, 'clock' | 'logger'>,
  retention: Retention,
  liveness?: Liveness,
): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const { signal } = stopping
  const name = 'The retention'
  const loop = liveness?.loop(name, EVERY_MS + MAX_SILENCE_MS)

  async function pass(table: RetainedTable, days: number, loop?: Loop): Promise<void> {
    const between = async () => {
      loop?.beat()
      await clock.sleep(PAUSE_MS, signal)
      return !signal.aborted
    }
    try {
      const done = await retain(store, table, days, between)
      if (done > 0) logger.info({ table, rows: done, days }, `${done} old rows of ${table} were made small`)
    } catch (err) {
      if (!signal.aborted) logger.warn({ err, table }, `Old rows of ${table} stay as they are: ${explain(err)}`)
    }
  }

  const running = (async () => {
    loop?.beat()
    await clock.sleep(FIRST_MS, signal)
    while (!signal.aborted) {
      for (const table of RETAINED_TABLES) {
        const days = daysOf(table, retention)
        if (days !== null && !signal.aborted) await pass(table, days, loop)
      }
      loop?.beat()
      await clock.sleep(EVERY_MS, signal)
    }
  })()
  liveness?.keeps(name, running, signal)
  return {
    async stop() {
      stopping.abort()
      await running
    },
  }
}

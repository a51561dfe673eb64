/**
 * The history of the old system into the outbox: closed trades of strands (queued or not), then those of lowcap_positions.completed_trades. Strands first,
 * because they have each trade's own context, and its id where the list has none.
 *
 * Pages by key; how far a run is lies in the database (strandline.backfill_runs) and moves in the transaction that takes a page's trades. So a run that is
 * broken off, wherever, is gone on with by the next one and its sums stay right; and the outbox takes each trade once, whoever brings it.
 */
import type { Clock } from '../../../core/clock.ts'
import { explain, findStrandlineError } from '../../../core/errors.ts'
import type { Store } from '../../../core/store/store.ts'
import { portfolioStores } from '../portfolio.ts'
import { type BackfillStores, readPage, stepsOf } from './backfill-page.ts'
import { noteUnusable } from './backfill-report.ts'
import { beginRun, dryRun } from './backfill-run.ts'
import { createBackfillStore, type RunState, type Source } from './backfill-store.ts'

export type { BackfillStores } from './backfill-page.ts'
export type { Source } from './backfill-store.ts'

/** Rows of one page, and trades of one transaction. */
const PAGE: Record<Source, number> = { strands: 1_000, positions: 500 }
const STEP = 1_000
const SMALLEST = 25
/** A database that does not answer is asked again for this long. Milliseconds. */
const RETRY_FOR_MS = 60_000
const RETRY_MS = 1_000

export interface BackfillState extends Omit<RunState, 'after'> {
  resumed: boolean
}

export interface BackfillOptions {
  stores: BackfillStores
  clock: Clock
  /** Only trades that closed at or after this, ms. */
  since?: number
  /** Counts only: nothing is written. */
  dryRun?: boolean
  /** Who runs it, distinct for each process. */
  owner: string
  /** Ends it after the step under way. */
  signal?: AbortSignal
  progress?: (state: BackfillState, sizes: Record<Source, number>) => void
  /** A run that was broken off is at its end, and a fresh one follows. */
  again?: () => void
}

export interface Backfilled extends BackfillState {
  /** Everything was read, by one run from its first row to its last; false: it was stopped. */
  done: boolean
  /** Rows that were read, of both. */
  read: Record<Source, number>
  /** The newest row of the outbox that may be one of them; null where nothing was written. */
  last_outbox: number | null
}

/** Over the database's functions. */
export const backfillStores = (store: Store): BackfillStores => ({
  ...portfolioStores(store),
  backfill: createBackfillStore(store),
})

/**
 * A run that was broken off does not look behind where it stood, however long ago that was: a fresh one follows it, to which what the log has is a look-up.
 * The sums are those of both, each trade once; what is unusable is as the fresh one finds it.
 * Errors: STORE_UNREACHABLE, STORE_REJECTED (what was taken is; the next run goes on), STACK_BUSY where another process took the run over.
 */
export async function backfill(options: BackfillOptions): Promise<Backfilled> {
  let sum = await oneRun(options)
  for (let last = sum; last.done && last.resumed; sum = together(sum, last)) {
    if (options.signal?.aborted) return { ...sum, done: false, last_outbox: null }
    options.again?.()
    last = await oneRun(options)
  }
  return sum
}

function together(before: Backfilled, fresh: Backfilled): Backfilled {
  const published = before.published + fresh.published
  // what the first one published is known to the fresh one
  const known = Math.max(before.known, fresh.known - before.published)
  if (!fresh.done) return { ...before, published, known, done: false, last_outbox: null }
  return { ...fresh, resumed: true, published, known }
}

async function oneRun(options: BackfillOptions): Promise<Backfilled> {
  const { stores, owner, since, signal, progress } = options
  const sizes = await stores.backfill.sizes()
  const run = options.dryRun ? dryRun(stores.backfill) : await beginRun(stores.backfill, owner, since)
  const state = (): BackfillState => ({ ...run.state, resumed: run.resumed })
  const read: Record<Source, number> = { strands: 0, positions: 0 }
  let limit = STEP
  while (!signal?.aborted) {
    const { source, after, visited } = run.state
    read[source] = visited
    progress?.(state(), sizes)
    const outcome = await retryWhileUnreachable(options, async () => {
      try {
        const page = await readPage(stores, run.state, Math.min(limit, PAGE[source]), since)
        return { page, steps: stepsOf(page, limit) }
      } catch (error) {
        if (!isTimeout(error) || limit <= SMALLEST) throw error
        limit = Math.max(SMALLEST, limit >> 2)
        return null
      }
    })
    if (!outcome) continue
    const { page, steps } = outcome
    const behind = page.last ?? after // an empty page is behind the last row
    for (const [i, { trades, unusable, before_since, last }] of steps.entries()) {
      const whole = i === steps.length - 1
      const finished = whole && !page.more
      const report = structuredClone(run.state.report)
      for (const example of unusable) noteUnusable(report, example)
      report.before_since += before_since
      const to = {
        source: finished && source === 'strands' ? ('positions' as const) : source,
        after: finished && source === 'strands' ? null : whole ? behind : last,
        visited: whole ? (finished && source === 'strands' ? 0 : visited + page.visited) : visited,
        report,
      }
      if (whole) read[source] = visited + page.visited
      const taken = await retryWhileUnreachable(options, async () => {
        try {
          return await run.step(trades, to)
        } catch (error) {
          if (!isTimeout(error) || limit <= SMALLEST) throw error
          limit = Math.max(SMALLEST, limit >> 2)
          return false
        }
      })
      if (!taken) break
      if (finished && source === 'positions') {
        progress?.(state(), sizes)
        return { ...state(), read, done: true, last_outbox: await retryWhileUnreachable(options, () => run.end()) }
      }
      if (signal?.aborted) break
    }
  }
  return { ...state(), read, done: false, last_outbox: null }
}

const isTimeout = (error: unknown) => /statement timeout/i.test(explain(error))

async function retryWhileUnreachable<T>({ clock, signal }: BackfillOptions, ask: () => Promise<T>): Promise<T> {
  for (const started = clock.now(); ; ) {
    try {
      return await ask()
    } catch (error) {
      const unreachable = findStrandlineError(error)?.code === 'STORE_UNREACHABLE'
      if (!unreachable || signal?.aborted || clock.now() - started > RETRY_FOR_MS) throw error
      await clock.sleep(RETRY_MS, signal)
    }
  }
}

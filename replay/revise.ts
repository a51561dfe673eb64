/** Corrections by a person: the newest revision of a trade is read from the log, and the next one takes the way of every event: outbox, relay, log. */
import { DecodeError } from '../core/codec/codec.ts'
import { createCodec } from '../core/codec/position-closed-codec.ts'
import { AT_ONCE } from '../core/codec/unknown-schemas.ts'
import { StrandlineError } from '../core/errors.ts'
import type { LogRecord } from '../core/log/log.ts'
import { readAll } from '../core/log/read-all.ts'
import type { ServiceDeps } from '../core/service.ts'
import type { Side } from '../domain/closing/rr.ts'
import { eventUuid, type PositionClosed } from '../domain/event.ts'
import {
  isRrOfPerson,
  type Revised,
  rescoredOn,
  retracted,
  revisedBy,
  sideOf,
  withExitPrice,
  withRr,
} from '../domain/revision.ts'
import { checkEvent } from '../domain/validation.ts'
import { createBarStore } from '../services/pm/bar-store.ts'
import { readBars } from '../services/pm/bars.ts'
import { createPostedTradeStore } from '../services/pm/posted-trade-store.ts'
import { importEvents } from '../services/pm/sources/import-events.ts'

/** `side`: of a trade that does not show it (`sideOf`). */
export type Correction = { rr: number } | { exit_price: number; side?: Side }

/** What the next revision would be. Errors: EVENT_INVALID, POSITION_INVALID, and those of log, registry and database. */
export async function correction(deps: ServiceDeps, event_id: string, to: Correction, by: string): Promise<Revised> {
  const before = await newestOf(deps, event_id)
  if ('rr' in to) return { before, after: withRr(before, to.rr, by) }
  const bars = await readBars(createBarStore(deps.store), before)
  return { before, after: withExitPrice(before, to.exit_price, bars, by, to.side) }
}

/** Errors: as correction. */
export async function retraction(deps: ServiceDeps, event_id: string, by: string): Promise<Revised> {
  const before = await newestOf(deps, event_id)
  return { before, after: retracted(before, by) }
}

export interface RescoreFilter {
  /** Exits from then on, ms. */
  since?: number
  timeframe?: string
}

export interface Rescoring {
  /** Trades that were looked at. */
  looked: number
  /** Those of them of which the database has no bars: they stay as they are. */
  without_bars: number
  /** Those that have bars, and do not show whether they were long or short: likewise. */
  without_side: number
  /** Those whose R/R a person gave (`correct --rr`): likewise. */
  of_persons: number
  changed: Revised[]
}

/** Trades whose bars are read at once: a hosted project ends a statement after 8 s. */
const PAGE = 50

/** Scores all trades of the log again, on the bars that are there now; nothing is published yet. Errors: those of log, registry and database. */
export async function rescoring(
  deps: ServiceDeps,
  filter: RescoreFilter,
  by: string,
  progress?: (done: number, total: number) => void,
): Promise<Rescoring> {
  const bars = createBarStore(deps.store)
  const log = await newestEvents(deps, (event) => matches(event, filter))
  const result: Rescoring = { looked: 0, without_bars: 0, without_side: 0, of_persons: 0, changed: [] }
  for (let at = 0; at < log.count; at += PAGE) {
    const page = (await log.page(at, PAGE)).filter((event) => !event.voided)
    result.looked += page.length
    for (const [i, rows] of (await bars.readAll(page)).entries()) {
      const before = page[i] as PositionClosed
      if (rows.length === 0) {
        result.without_bars++
        continue
      }
      if (isRrOfPerson(before)) {
        result.of_persons++
        continue
      }
      if (sideOf(before) === null) {
        result.without_side++
        continue
      }
      const after = rescoredOn(before, rows, by)
      if (after) result.changed.push({ before, after })
    }
    progress?.(Math.min(at + PAGE, log.count), log.count)
  }
  return result
}

/**
 * Resolves when all of them are in the log, also those that we had added before and had no answer of.
 * @param waiting hears every ten seconds what they wait for
 * Errors: REVISION_TAKEN where somebody else has published such a revision meanwhile (the others are published), and those of importEvents.
 */
export async function publishRevisions(
  deps: ServiceDeps,
  revised: readonly Revised[],
  waiting?: (sentence: string) => void,
): Promise<void> {
  const { taken = 0 } = await importEvents(
    deps,
    revised.map((r) => r.after),
    { asTheyAre: true, waiting },
  )
  if (taken === 0) return
  const [first] = revised
  throw new StrandlineError(
    'REVISION_TAKEN',
    revised.length === 1
      ? `Revision ${first?.after.revision} of the trade ${first?.after.event_id} was made by somebody else before: nothing was published.`
      : `${taken} of ${revised.length} trades were revised by somebody else meanwhile; the others are published.`,
    { todo: 'Look at what it is now, and run it again where it is still wrong.' },
  )
}

const matches = (event: PositionClosed, { since, timeframe }: RescoreFilter) =>
  (since === undefined || event.closed_at >= since) && (timeframe === undefined || event.timeframe === timeframe)

async function newestOf(deps: ServiceDeps, event_id: string): Promise<PositionClosed> {
  const id = eventUuid(event_id)
  const [found] = await (await newestEvents(deps, (event) => eventUuid(event.event_id) === id)).page(0, 1)
  if (found) return found
  const known = await createPostedTradeStore(deps.store).event(event_id)
  if (known && known.event_id !== event_id)
    throw new StrandlineError(
      'EVENT_UNKNOWN',
      `The log has the trade ${event_id} under another name: ${known.event_id}.`,
      {
        todo: 'Name that one.',
      },
    )
  throw new StrandlineError('EVENT_UNKNOWN', `The log has no trade ${event_id}.`, {
    todo: './strandline trades lists them with their ids.',
  })
}

export interface NewestEvents {
  count: number
  page(from: number, count: number): Promise<PositionClosed[]>
}

/**
 * The newest revision of each trade that the log has and consumers take; a trade whose newest revision is not wanted is left out. Kept as the bytes of their
 * records, as a million events as objects would be gigabytes.
 */
export async function newestEvents(
  { log, config }: Pick<ServiceDeps, 'log' | 'config'>,
  wanted: (event: PositionClosed) => boolean,
): Promise<NewestEvents> {
  const codec = createCodec(config, undefined, AT_ONCE)
  /** null: it is not wanted. */
  const newest = new Map<string, { revision: number; value: Buffer | null; revised_by: string }>()

  async function eventOf({ value }: LogRecord): Promise<PositionClosed | null> {
    try {
      return value === null ? null : await codec.decode(value)
    } catch (error) {
      if (error instanceof DecodeError) return null
      throw error
    }
  }

  await readAll(log, config.topic, async (record) => {
    const event = await eventOf(record)
    if (!event || checkEvent(event, record.key, record.timestamp)) return
    const id = eventUuid(event.event_id)
    const known = newest.get(id)
    if (known && known.revision >= event.revision) return
    const value = wanted(event) && record.value ? Buffer.from(record.value) : null // a slice would keep its whole fetch
    if (value || known) newest.set(id, { revision: event.revision, value, revised_by: revisedBy(record.headers) })
  })
  const found = [...newest.values()].filter(({ value }) => value !== null)
  return {
    count: found.length,
    page: (from, count) =>
      Promise.all(
        found.slice(from, from + count).map(async ({ value, revised_by }) => {
          const event = await codec.decode(value as Buffer)
          return revised_by ? { ...event, revised_by } : event
        }),
      ),
  }
}

/**
 * The outbox's tables in memory: events on their way to the log, and the names under which trades are known (`strandline.name_trade`). The PM writes them,
 * the audit reads them.
 */
import type { PositionClosed } from '../../../domain/event.ts'
import { hasEntry, type NamedTrade, SAME_EXIT_MS } from '../../../domain/foreign/trade-names.ts'
import { asJson, keyOf, type MemoryDatabase } from './database.ts'

export interface MemoryOutboxRow {
  id: number
  event_id: string
  revision: number
  /** null: published long ago. */
  payload: PositionClosed | null
  traceparent: string | null
  /** ISO 8601. */
  created_at: string
  claimed_by: string | null
  /** ms; nobody else takes the row before this. */
  claimed_until: number | null
  /** ms */
  published_at: number | null
  topic: string | null
  partition: number | null
  offset: number | null
  attempts: number
  /** It is the event that cannot be published. */
  refused: boolean
  last_error: string | null
}

/** Who publishes a new row at once; null: whoever polls. */
export interface OutboxClaim {
  relay: string | null
  leaseMs: number
}

export const outboxOf = (db: MemoryDatabase) => db.table<MemoryOutboxRow>('pm_outbox')
export const outboxKey = (event_id: string, revision: number) => keyOf(event_id, revision)

/** As a relay gets a row that is not published. */
export const handedOut = ({ id, payload, traceparent, created_at }: MemoryOutboxRow) =>
  asJson({ id, payload: payload as PositionClosed, traceparent, recorded_at: created_at })

/** The row with the newest revision of an event. */
export function newestOf(db: MemoryDatabase, event_id: string): MemoryOutboxRow | undefined {
  return outboxOf(db)
    .rows()
    .filter((row) => row.event_id === event_id)
    .reduce<MemoryOutboxRow | undefined>((a, b) => (a && a.revision > b.revision ? a : b), undefined)
}

/** A row whose revision the outbox does not have yet; null: it has it. */
export function addRow(
  db: MemoryDatabase,
  event: PositionClosed,
  { relay, leaseMs }: OutboxClaim = { relay: null, leaseMs: 0 },
  traceparent: string | null = null,
): MemoryOutboxRow | null {
  const outbox = outboxOf(db)
  const id = db.nextId('pm_outbox') // also where it is not needed, as in PostgreSQL
  const key = outboxKey(event.event_id, event.revision)
  if (outbox.get(key)) return null
  const row: MemoryOutboxRow = {
    id,
    event_id: event.event_id,
    revision: event.revision,
    payload: asJson(event),
    traceparent,
    created_at: new Date(db.now()).toISOString(),
    claimed_by: relay,
    claimed_until: relay === null ? null : db.now() + leaseMs,
    published_at: null,
    topic: null,
    partition: null,
    offset: null,
    attempts: 0,
    refused: false,
    last_error: null,
  }
  outbox.put(key, row)
  return row
}

/** An event into the outbox, unless the log has that revision of the trade, also under its other name: then null (`strandline.pm_outbox_insert`). */
export function insertEvent(
  db: MemoryDatabase,
  event: PositionClosed,
  claim: OutboxClaim,
  traceparent: string | null,
): MemoryOutboxRow | null {
  return nameTrade(db, event) === event.event_id ? addRow(db, event, claim, traceparent) : null
}

interface TradeName {
  trade_id: string
  event_id: string
  closed_at: number
  /** The event of the trade that this is another name of; null: a trade of its own. */
  same_as: string | null
}

const namesOf = (db: MemoryDatabase) => ({
  /** The first name of each entry, by position and entry. */
  entries: db.table<TradeName>('trade_entries'),
  /** The others, by position and entry. */
  others: db.table<{ names: TradeName[] }>('trade_names'),
})

/** The event under which the log has, or would have, this trade (`strandline.event_of_trade`). */
export function eventOfTrade(db: MemoryDatabase, event: NamedTrade): string {
  const { entries, others } = namesOf(db)
  const key = keyOf(event.position_id, event.opened_at)
  const first = hasEntry(event) ? entries.get(key) : undefined
  if (!first || first.trade_id === event.trade_id) return event.event_id
  const names = others.get(key)?.names ?? []
  const known = names.find((n) => n.trade_id === event.trade_id)
  return (known ? known.same_as : sameTrade(event, first, names)) ?? event.event_id
}

/** The same, noted from now on. */
export function nameTrade(db: MemoryDatabase, event: NamedTrade): string {
  const of = eventOfTrade(db, event)
  if (!hasEntry(event)) return of
  const { event_id, position_id, trade_id, opened_at, closed_at } = event
  const { entries, others } = namesOf(db)
  const key = keyOf(position_id, opened_at)
  const first = entries.get(key)
  if (!first) entries.put(key, { trade_id, event_id, closed_at, same_as: null })
  else if (first.trade_id !== trade_id) {
    const names = others.get(key)?.names ?? []
    const same_as = of === event_id ? null : of
    if (!names.some((n) => n.trade_id === trade_id))
      others.put(key, { names: [...names, { trade_id, event_id, closed_at, same_as }] })
  }
  return of
}

/** Another name of one of those that are known, the nearest exit first; a nameless trade is one of them at most. */
function sameTrade(
  { trade_id, opened_at, closed_at }: NamedTrade,
  first: TradeName,
  names: TradeName[],
): string | null {
  const nameless = `entry-${opened_at}`
  const claimed = new Set(names.map((n) => n.same_as))
  const [nearest] = [first, ...names.filter((n) => n.same_as === null)]
    .filter((n) => (n.trade_id === nameless) !== (trade_id === nameless) && !claimed.has(n.event_id))
    .map((n) => ({ ...n, away: Math.abs(n.closed_at - closed_at) }))
    .filter((n) => n.away <= SAME_EXIT_MS)
    .sort((a, b) => a.away - b.away || Buffer.compare(Buffer.from(a.trade_id), Buffer.from(b.trade_id)))
  return nearest?.event_id ?? null
}

/**
 * The events under which the log has, or would have, each of many trades, noted at once: of those that come first with their entry the named ones go before the
 * nameless; of the others, those whose exit is nearest choose first.
 */
export function nameTrades(db: MemoryDatabase, events: readonly NamedTrade[]): string[] {
  const { entries } = namesOf(db)
  const key = ({ position_id, opened_at }: NamedTrade) => keyOf(position_id, opened_at)
  const withEntry = events.filter(hasEntry)
  const nameless = (e: NamedTrade) => Number(e.trade_id === `entry-${e.opened_at}`)
  for (const { position_id, opened_at, trade_id, event_id, closed_at } of withEntry.toSorted(
    (a, b) => nameless(a) - nameless(b),
  )) {
    const place = keyOf(position_id, opened_at)
    if (!entries.get(place)) entries.put(place, { trade_id, event_id, closed_at, same_as: null })
  }
  const away = (e: NamedTrade) => Math.abs(e.closed_at - (entries.get(key(e)) as TradeName).closed_at)
  for (const event of withEntry.toSorted((a, b) => away(a) - away(b)))
    if (entries.get(key(event))?.trade_id !== event.trade_id) nameTrade(db, event)
  return events.map((event) => (hasEntry(event) ? otherName(db, event) : null) ?? event.event_id)
}

/** The event of which this trade is noted as another name. */
export function otherName(db: MemoryDatabase, { position_id, opened_at, trade_id }: NamedTrade): string | null {
  const noted = namesOf(db).others.get(keyOf(position_id, opened_at))
  return noted?.names.find((n) => n.trade_id === trade_id)?.same_as ?? null
}

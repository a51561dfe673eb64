/**
 * The outbox's tables in memory: events on their way to the log, and the names under which trades are known (`strandline.name_trade`). The PM writes them,
 * the audit reads them.
 */
import type { PositionClosed } from '../../../domain/event.ts'
import { hasEntry, type NamedTrade, SAME_EXIT_MS, tradeName } from '../../../domain/foreign/trade-names.ts'
import type { KnownEvent } from '../outbox-store.ts'
import { asJson, keyOf, type MemoryDatabase } from './database.ts'
import { learnedTables } from './learned.ts'
import { strandTables } from './strands.ts'

export interface MemoryOutboxRow {
  id: number
  event_id: string
  revision: number
  /** null: published long ago. */
  payload: PositionClosed | null
  /** Of one whose content is gone. */
  source: string | null
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
    source: null,
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

/** The newest revision of an event, or null, also by a trade's other name; of one whose content is past its retention what identifies it (`strandline_pm_outbox_event`). */
export function newestEvent(db: MemoryDatabase, event_id: string): KnownEvent | null {
  const row = newestOf(db, otherName(db, event_id) ?? event_id)
  if (!row) return null
  if (row.payload) return asJson(row.payload)
  return { event_id: row.event_id, revision: row.revision, ...(row.source === null ? {} : { source: row.source }) }
}

/** The newest revision of an event that consumers of this database have applied; null: none (`strandline.applied_revision`). */
export function appliedRevision(db: MemoryDatabase, event_id: string): { revision: number; voided: boolean } | null {
  const strand = strandTables(db).strands.get(event_id)
  const learned = learnedTables(db)
    .ledger.rows()
    .filter((row) => row.event_id === event_id)
  return [strand, ...learned].reduce<{ revision: number; voided: boolean } | null>(
    (newest, row) =>
      row && row.revision !== null && row.revision > (newest?.revision ?? -1)
        ? { revision: row.revision, voided: row.voided }
        : newest,
    null,
  )
}

/** They know a newer one than the outbox has, which was put back to an older state. */
export function isBehindLog(db: MemoryDatabase, { event_id, revision }: MemoryOutboxRow): boolean {
  return (appliedRevision(db, event_id)?.revision ?? -1) > revision
}

interface TradeName {
  /** tradeName() */
  name: string
  position_id: string
  opened_at: number
  event_id: string
  closed_at: number
  /** The event of the trade that this is another name of; null: a trade of its own. */
  same_as: string | null
}

const namesOf = (db: MemoryDatabase) => ({
  /** The first name of each entry, by position and entry. */
  entries: db.table<TradeName>('trade_entries'),
  /** The others, by event. */
  others: db.table<TradeName>('trade_names'),
})

const firstName = (event: NamedTrade): TradeName => {
  const { position_id, opened_at, event_id, closed_at } = event
  return { name: tradeName(event), position_id, opened_at, event_id, closed_at, same_as: null }
}

const entryOf = (t: { position_id: string; opened_at: number }) => keyOf(t.position_id, t.opened_at)
const isKnown = (db: MemoryDatabase, event_id: string) => newestOf(db, event_id) !== undefined

/** The event under which the log has, or would have, this trade (`strandline.event_of_trade`). */
export function eventOfTrade(db: MemoryDatabase, event: NamedTrade): string {
  const { entries, others } = namesOf(db)
  const noted = others.get(event.event_id)
  if (noted) return noted.same_as ?? noted.event_id
  const first = hasEntry(event) ? entries.get(entryOf(event)) : undefined
  if (!first || first.name === tradeName(event) || isKnown(db, event.event_id)) return event.event_id
  const names = others.rows().filter((n) => entryOf(n) === entryOf(event))
  return sameTrade(event, first, names) ?? event.event_id
}

/** The same, noted from now on (`strandline.name_trade`). */
export function nameTrade(db: MemoryDatabase, event: NamedTrade): string {
  const { entries, others } = namesOf(db)
  const { event_id } = event
  const of = eventOfTrade(db, event)
  if (others.get(event_id) || !hasEntry(event) || (event.revision !== 0 && isKnown(db, event_id))) return of
  const name = firstName(event)
  const first = entries.get(entryOf(event))
  if (!first) entries.put(entryOf(event), name)
  else if (
    first.name !== name.name &&
    !others.rows().some((n) => entryOf(n) === entryOf(event) && n.name === name.name)
  )
    others.put(event_id, { ...name, same_as: of === event_id ? null : of })
  return of
}

/** Another name of one of those that are known, the nearest exit first; a nameless trade is one of them at most. */
function sameTrade(event: NamedTrade, first: TradeName, names: TradeName[]): string | null {
  const nameless = `entry-${event.opened_at}`
  const claimed = new Set(names.map((n) => n.same_as))
  const [nearest] = [first, ...names.filter((n) => n.same_as === null)]
    .filter((n) => (n.name === nameless) !== (tradeName(event) === nameless) && !claimed.has(n.event_id))
    .map((n) => ({ ...n, away: Math.abs(n.closed_at - event.closed_at) }))
    .filter((n) => n.away <= SAME_EXIT_MS)
    .sort((a, b) => a.away - b.away || Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
  return nearest?.event_id ?? null
}

/**
 * The events under which the log has, or would have, each of many trades, noted at once: of those that come first with their entry the named ones go before the
 * nameless; of the others, those whose exit is nearest choose first. Of the revisions of an event the first one names it.
 */
export function nameTrades(db: MemoryDatabase, events: readonly NamedTrade[]): string[] {
  const { entries, others } = namesOf(db)
  const first = new Map<string, NamedTrade>()
  for (const event of events) {
    const before = first.get(event.event_id)
    const names = event.revision === 0 || !isKnown(db, event.event_id)
    if (names && (!before || event.revision < before.revision)) first.set(event.event_id, event)
  }
  const withEntry = events.filter((e) => first.get(e.event_id) === e && hasEntry(e))
  const nameless = (e: NamedTrade) => Number(e.trade_id === `entry-${e.opened_at}`)
  for (const event of withEntry.toSorted((a, b) => nameless(a) - nameless(b)))
    if (!entries.get(entryOf(event)) && !others.get(event.event_id)) entries.put(entryOf(event), firstName(event))
  const away = (e: NamedTrade) => Math.abs(e.closed_at - (entries.get(entryOf(e))?.closed_at ?? 0))
  for (const event of withEntry.toSorted((a, b) => away(a) - away(b)))
    if (entries.get(entryOf(event))?.name !== tradeName(event)) nameTrade(db, event)
  return events.map((event) => otherName(db, event.event_id) ?? event.event_id)
}

/** The event of which this one is noted as another name. */
const otherName = (db: MemoryDatabase, event_id: string): string | null =>
  namesOf(db).others.get(event_id)?.same_as ?? null

interface RenamedRevision {
  event_id: string
  revision: number
  as: number
}
const renamedOf = (db: MemoryDatabase) => db.table<RenamedRevision>('renamed_revisions')

/** Whether this revision of the trade came by putRenamed() (`strandline.is_renamed`). */
export const isRenamed = (db: MemoryDatabase, event_id: string, revision: number): boolean =>
  renamedOf(db)
    .rows()
    .some((r) => r.as === revision && (r.event_id === event_id || otherName(db, r.event_id) === event_id))

/** A revision that has no number of its own in the count of `event_id`, as the next one there (`strandline.put_renamed`). */
export function putRenamed(
  db: MemoryDatabase,
  event: PositionClosed,
  event_id: string,
): { as: number; added: boolean } {
  const [noted] = renamedOf(db)
    .rows()
    .filter((r) => r.event_id === event.event_id && r.revision >= event.revision)
    .sort((a, b) => a.revision - b.revision)
  if (noted) return { as: noted.as, added: false }
  const newest = newestEvent(db, event_id)
  if (newest && 'voided' in newest && newest.voided && !event.voided) return { as: newest.revision, added: false }
  const applied = appliedRevision(db, event_id)
  const readSince = newest && applied && applied.revision > newest.revision ? applied : null
  if (readSince && (!event.voided || readSince.voided)) return { as: readSince.revision, added: false }
  const furthest = (readSince ?? newest)?.revision
  const isNewer = (row: MemoryOutboxRow) =>
    row.event_id === event_id && row.revision > event.revision && !isRenamed(db, event_id, row.revision)
  if (furthest !== undefined && event.event_id === event_id && outboxOf(db).rows().some(isNewer))
    return { as: furthest, added: false }
  const as = furthest === undefined ? event.revision : furthest + 1
  addRow(db, { ...event, event_id, revision: as, source: newest?.source ?? event.source })
  renamedOf(db).put(outboxKey(event.event_id, event.revision), {
    event_id: event.event_id,
    revision: event.revision,
    as,
  })
  return { as, added: true }
}

/** What the log says: which records are events, which are refused, and what counts of each trade (DESIGN.md, *Event* and *Corrections*). */
import { type ClosedTrade, fromBody } from '../load/event.ts'
import type { RawRecord } from './topic.ts'

export interface LoggedTrade {
  /** The revision that counts: the highest. */
  event: ClosedTrade
  /** Of every record of it. */
  places: string[]
}

export interface Log {
  records: number
  /** By event_id. */
  trades: Map<string, LoggedTrade>
  /** `partition/offset` of each record that must become a dead letter, and why. */
  refused: Map<string, string>
  /** Those of them that a PM wrote. */
  refusedOfPm: Set<string>
  /** `event_id/revision` of each record that is an event, by its place. */
  at: Map<string, string>
}

/** The clocks of producers may be five minutes ahead of the broker's. */
const SKEW_MS = 5 * 60_000
const MOST_RR = 10

export const placeOf = (partition: number, offset: number): string => `${partition}/${offset}`

export function readLog(records: RawRecord[], schemaIds: ReadonlySet<number>): Log {
  const log: Log = {
    records: records.length,
    trades: new Map(),
    refused: new Map(),
    refusedOfPm: new Set(),
    at: new Map(),
  }
  for (const record of records) {
    const place = placeOf(record.partition, record.offset)
    const event = eventOf(record, schemaIds)
    if (typeof event === 'string') {
      log.refused.set(place, event)
      if (record.headers.ce_id !== undefined) log.refusedOfPm.add(place) // others write no headers
      continue
    }
    log.at.set(place, `${event.event_id}/${event.revision}`)
    const known = log.trades.get(event.event_id)
    if (!known) log.trades.set(event.event_id, { event, places: [place] })
    else {
      known.places.push(place)
      if (event.revision > known.event.revision) known.event = event
    }
  }
  return log
}

/** Why a record is refused, where it is. */
function eventOf({ key, value, time }: RawRecord, schemaIds: ReadonlySet<number>): ClosedTrade | string {
  if (value === null) return 'no value'
  if (value.length < 5 || value[0] !== 0) return 'not in the wire format'
  if (!schemaIds.has(value.readInt32BE(1))) return 'of an unknown schema'
  let event: ClosedTrade
  try {
    event = fromBody(value.subarray(5))
  } catch {
    return 'not of its schema'
  }
  if (key === null || key.length === 0) return 'no key'
  if (event.event_id === '') return 'no event_id'
  if (event.revision < 0) return 'a negative revision'
  if (event.rr !== null && !(Math.abs(event.rr) <= MOST_RR)) return 'an R/R that is none'
  if (event.closed_at <= 0) return 'no exit time'
  if (event.closed_at > time + SKEW_MS) return 'an exit in the future'
  if (Object.values(event.measures).some((m) => !Number.isFinite(m))) return 'a measure that is no number'
  return event
}

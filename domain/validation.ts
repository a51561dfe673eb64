/** What every consumer of the topic refuses: the same answer for the learner, which dead-letters it, and the projector, which passes over it. */
import type { PositionClosed } from './event.ts'
import { byteLength, MAX_ID_BYTES, shortName } from './limits.ts'
import type { LearnedNumbers } from './trade-numbers.ts'

/** Of a value that is no event at all: the codec's. */
export type DecodeReason = 'empty_value' | 'bad_magic' | 'truncated' | 'unknown_schema' | 'not_avro'

export type RejectReason =
  | DecodeReason
  | 'batch_too_large'
  | 'null_key'
  | 'id_invalid'
  | 'text_invalid'
  | 'revision_invalid'
  | 'rr_not_finite'
  | 'rr_out_of_range'
  | 'measure_not_finite'
  | 'exit_time_invalid'
  | 'exit_in_future'

/** Every reason, so that what counts them can start each at 0. */
export const REJECT_REASONS = Object.keys({
  empty_value: true,
  bad_magic: true,
  truncated: true,
  unknown_schema: true,
  not_avro: true,
  batch_too_large: true,
  null_key: true,
  id_invalid: true,
  text_invalid: true,
  revision_invalid: true,
  rr_not_finite: true,
  rr_out_of_range: true,
  measure_not_finite: true,
  exit_time_invalid: true,
  exit_in_future: true,
} satisfies Record<RejectReason, true>) as RejectReason[]

export interface Rejection {
  reason: RejectReason
  detail: string
}

/** The fields that the check reads, and those of which a trade is made. */
export type CheckedEvent = Pick<
  PositionClosed,
  'event_id' | 'revision' | 'voided' | 'timeframe' | 'closed_at' | 'rr' | 'levers' | 'measures' | 'source'
> &
  LearnedNumbers

/** An exit may lie this far beyond its record's own time: clocks differ. Milliseconds. */
export const MAX_CLOCK_SKEW_MS = 5 * 60_000
/** No exit lies beyond this, even if its record, whose time a producer chooses, says so. Milliseconds: the year 2100. */
export const MAX_EXIT_MS = Date.UTC(2100, 0, 1)
/** No entry lies before the year 1: JavaScript, Postgres and ISO 8601 have the same years from there on. Milliseconds. */
export const MIN_ENTRY_MS = Date.parse('0001-01-01T00:00:00Z')
/** Avro's and PostgreSQL's largest `int`. Avro's decoders do not look: whoever writes bytes by hand can write a larger one, which no database takes. */
export const MAX_REVISION = 2 ** 31 - 1
/** R/R is clamped to ±10 where it is computed (DESIGN.md): anything beyond was not computed by it. */
export const MAX_RR = 10

/**
 * Why the event must not be applied, or null.
 * @param recordTime the record's own timestamp (ms); undefined where there is no log (offline fold)
 */
export function checkEvent(
  event: CheckedEvent,
  key: Buffer | null | undefined,
  recordTime: number | undefined,
): Rejection | null {
  return checkFields(event, key, recordTime) ?? checkContext(event.levers, event.measures)
}

/** The same, but for levers and measures. */
export function checkFields(
  event: Pick<CheckedEvent, 'event_id' | 'timeframe' | 'revision' | 'closed_at' | 'rr'>,
  key: Buffer | null | undefined,
  recordTime: number | undefined,
): Rejection | null {
  if (key === null || key?.length === 0)
    return { reason: 'null_key', detail: 'the record has no key; it must be the position_id' }
  const { event_id, revision, closed_at, rr } = event
  if (event_id === '' || byteLength(event_id) > MAX_ID_BYTES)
    return {
      reason: 'id_invalid',
      detail: `event_id has ${byteLength(event_id)} bytes, 1 to ${MAX_ID_BYTES} are allowed`,
    }
  if (event_id.includes('\0') || event.timeframe.includes('\0'))
    return { reason: 'text_invalid', detail: 'a NUL character in event_id or timeframe' }
  if (!(Number.isInteger(revision) && revision >= 0 && revision <= MAX_REVISION))
    return { reason: 'revision_invalid', detail: `revision is ${revision}, 0 to ${MAX_REVISION} are allowed` }
  if (rr !== null && !Number.isFinite(rr)) return { reason: 'rr_not_finite', detail: `rr is ${rr}` }
  if (rr !== null && Math.abs(rr) > MAX_RR)
    return { reason: 'rr_out_of_range', detail: `rr is ${rr}, beyond ±${MAX_RR}` }
  if (!(closed_at > 0 && closed_at <= MAX_EXIT_MS))
    return { reason: 'exit_time_invalid', detail: `closed_at is ${closed_at}` }
  if (recordTime !== undefined && closed_at > recordTime + MAX_CLOCK_SKEW_MS)
    return {
      reason: 'exit_in_future',
      detail: `closed_at is ${Math.round((closed_at - recordTime) / 1000)} s after the record's own time`,
    }
  return null
}

/** Lengths are no reason: what is too long has no value for a model (domain/limits.ts), and the rest of the trade counts. */
function checkContext(levers: Record<string, string>, measures: Record<string, number>): Rejection | null {
  for (const name in levers)
    if ((levers[name] as string).includes('\0') || name.includes('\0'))
      return { reason: 'text_invalid', detail: `a NUL character in lever ${shortName(name)}` }
  for (const name in measures) {
    const value = measures[name] as number
    if (!Number.isFinite(value))
      return { reason: 'measure_not_finite', detail: `measure ${shortName(name)} is ${value}` }
    if (name.includes('\0')) return { reason: 'text_invalid', detail: 'a NUL character in the name of a measure' }
  }
  return null
}

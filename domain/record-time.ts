/**
 * When the fact behind a record became true for us: the moment of the transaction that closed the position (or corrected the trade), by the database's
 * clock. It travels as CloudEvents' extension `recordedtime`. Not `ce_time`: that is the exit's own time, which for a backfill lies years back.
 */
export const RECORDED_TIME_HEADER = 'ce_recordedtime'

/** Milliseconds; the record's own timestamp where a producer says nothing, or nothing sensible. */
export function recordedAt(record: { headers: Record<string, unknown>; timestamp: number }): number {
  const header = record.headers[RECORDED_TIME_HEADER]
  const ms = header === undefined ? Number.NaN : Date.parse(String(header))
  return Number.isNaN(ms) ? record.timestamp : ms
}

/** Times as text: ISO 8601 with a zone, as JSON, Postgres and Freqtrade write them. */
const ISO =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s?(Z|z|[+-]\d{2}(?::?\d{2})?)|(?=$))$/

/**
 * Milliseconds since 1970-01-01 UTC of an ISO 8601 time (`2026-05-19T16:38:26.5Z`, `2026-05-19 16:38:26+00`), or null when the text is none.
 * A date alone is its midnight in UTC. A time of day without a zone is refused: what it means would depend on the machine that reads it.
 * Digits below the millisecond are cut off.
 */
export function parseTime(text: string): number | null {
  const match = ISO.exec(text.trim())
  if (!match) return null
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0)) as number[] as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  if (hour > 23 || minute > 59 || second > 59) return null
  const millis = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'))
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null
  return date.setUTCHours(hour, minute, second, millis) - offsetOf(match[8])
}

/** ISO 8601 in UTC; the number itself where it lies beyond all dates: producers choose the times of their records. @param ms since 1970-01-01 UTC */
export const timeText = (ms: number): string => (Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms))

/** `+05:30`, `+0530`, `+05` or `Z` in milliseconds. */
function offsetOf(zone: string | undefined): number {
  if (!zone || /^z$/i.test(zone)) return 0
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0')
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))
  return (zone[0] === '-' ? -minutes : minutes) * 60_000
}

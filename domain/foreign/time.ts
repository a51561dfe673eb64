/** Times as other programs write them. Pure. */
import { parseTime } from '../time.ts'
import { invalid, shown } from './json.ts'

/** Digits below the second, in an ISO 8601 time. */
const FRACTION = /(:\d{2})[.,](\d+)/
const ZONE = /\s*(?:utc|gmt)$/i
/** What seconds, milliseconds, microseconds and nanoseconds since 1970 stay below until the year 5138, and the microseconds that they are. */
const EPOCHS: [below: number, toMicroseconds: (n: number) => number][] = [
  [1e11, (n) => n * 1e6],
  [1e14, (n) => n * 1e3],
  [1e17, (n) => n],
  [1e20, (n) => n / 1e3],
]

/**
 * Milliseconds since 1970 of ISO 8601 (UTC where it names no zone: Python's utcnow() does not), or of seconds, milliseconds, microseconds or
 * nanoseconds since 1970, as number or text. null where there is none.
 * To the microsecond as PostgreSQL keeps it, then cut to the millisecond: so it is the time that a timestamp of the database written from the same text has.
 * Errors: EVENT_INVALID, naming what it is the time of.
 */
export function timeOf(value: unknown, name: string): number | null {
  if (value === undefined || value === null || value === '') return null
  const ms =
    typeof value === 'number'
      ? sinceEpoch(value)
      : typeof value === 'string'
        ? /^\s*-?\d+(\.\d+)?\s*$/.test(value)
          ? sinceEpoch(value.trim())
          : ofText(value.replace(ZONE, 'Z'))
        : null
  if (ms === null || !Number.isFinite(ms)) throw invalid(`the ${name} is ${shown(value)}, not a time`)
  return ms
}

function ofText(text: string): number | null {
  const [, second, digits] = FRACTION.exec(text) ?? []
  const whole = second ? text.replace(FRACTION, second) : text
  const ms = parseTime(whole) ?? parseTime(`${whole}Z`)
  if (ms === null || !digits) return ms
  return ms + Math.floor(Math.round(Number(`0.${digits}`) * 1e6) / 1e3)
}

function sinceEpoch(value: number | string): number | null {
  const number = Number(value)
  const microseconds = EPOCHS.find(([below]) => Math.abs(number) < below)?.[1]
  if (!microseconds) return null
  // Nanoseconds have more digits than a number, and a quotient of it is rounded once more.
  const exact = Math.abs(number) >= 1e17 && !String(value).includes('.')
  return Math.floor((exact ? Number((BigInt(value) + 500n) / 1000n) : Math.round(microseconds(number))) / 1e3)
}

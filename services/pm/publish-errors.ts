import { findStrandlineError } from '../../core/errors.ts'

/** What a broker says about the records of a request, not about itself. */
const REFUSED_RECORD = [
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'CORRUPT_MESSAGE',
  'INVALID_TIMESTAMP',
]

/** True when it is the event that cannot be published: trying again, or with another broker, would not help. */
export function isFaultOfEvent(error: unknown): boolean {
  for (let e: unknown = error, depth = 0; e instanceof Error && depth < 10; e = e.cause, depth++)
    if (REFUSED_RECORD.includes((e as { type?: string }).type ?? '')) return true
  const known = findStrandlineError(error)
  return known ? known.code === 'EVENT_INVALID' : error instanceof TypeError || error instanceof RangeError
}

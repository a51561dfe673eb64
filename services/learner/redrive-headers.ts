/**
 * What a redriven record carries beside its own headers: how often its record was published again by now, and the place that it is a copy of. The learner
 * notes both with a letter of the copy: that is how a record that fails again and again is told from one that fails for the first time.
 */
import type { LogRecord, OutgoingRecord } from '../../core/log/log.ts'
import type { Place } from './dead-letter-store.ts'
import { headerText } from './letter-headers.ts'

export const REDRIVES = 'strandline.redrives'
export const REDRIVE_OF = 'strandline.redrive.of'

/** @param redrives how often it had been published again before */
export const redriveHeaders = (
  of: Place,
  redrives: number,
): Record<string, string> & NonNullable<OutgoingRecord['headers']> => ({
  [REDRIVES]: String(redrives + 1),
  [REDRIVE_OF]: `${of.partition}:${of.offset}`,
})

/**
 * Of a record at a place. A copy lies in the partition of what it is one of, and behind it: headers that say something else are those of whoever wrote them
 * by hand, and the record is nobody's copy.
 */
export function readRedrive(headers: LogRecord['headers'], at: Place): { redrives: number; redrive_of: number | null } {
  const redrives = headerText(headers, REDRIVES) ?? ''
  const of = /^(\d{1,9}):(\d{1,15})$/.exec(headerText(headers, REDRIVE_OF) ?? '')
  const copied = of && Number(of[1]) === at.partition && Number(of[2]) < at.offset
  if (!copied || !/^[1-9]\d{0,5}$/.test(redrives)) return { redrives: 0, redrive_of: null }
  return { redrives: Number(redrives), redrive_of: Number(of[2]) }
}

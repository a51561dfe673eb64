/** Events of our own shape from a file: one JSON object a line (domain/offline-log.ts). All of them, or none. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { findStrandlineError, StrandlineError } from '../../../core/errors.ts'
import { unreadable } from '../../../core/unreadable.ts'
import { allWellFormed } from '../../../domain/context.ts'
import type { PositionClosed } from '../../../domain/event.ts'
import { type Excess, fitEvent } from '../../../domain/limits.ts'
import { parseOfflineLine } from '../../../domain/offline-log.ts'
import { checkEvent } from '../../../domain/validation.ts'

/**
 * @param now ms: an exit beyond it is refused, as the log's readers refuse it
 * Errors: FILE_UNREADABLE; FILE_INVALID naming the first bad line.
 */
export async function readJsonl(file: string, now: number): Promise<PositionClosed[]> {
  const events: PositionClosed[] = []
  let number = 0
  try {
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
      number++
      const text = number === 1 ? line.replace(/^\uFEFF/, '') : line
      if (text.trim() !== '') events.push(checked(parseOfflineLine(text, number), number, now))
    }
  } catch (cause) {
    if (cause instanceof StrandlineError) throw cause
    throw unreadable(file, cause, 'Give the path of a file with one event a line.')
  }
  return events
}

function checked(event: PositionClosed, line: number, now: number): PositionClosed {
  const invalid = (what: string) =>
    new StrandlineError('FILE_INVALID', `Line ${line}: ${what}.`, {
      todo: 'Correct it; nothing of the file was imported.',
    })
  const rejection = checkEvent(event, Buffer.from(event.position_id), now)
  if (rejection) throw invalid(rejection.detail)
  if (!allWellFormed(event)) throw invalid('a text that is not well-formed')
  const [first] = excessOf(event, invalid)
  if (first) throw invalid(`${first.field} ${first.problem}`)
  return event
}

/** A file has somebody who can correct it: here nothing is left out. */
function excessOf(event: PositionClosed, invalid: (what: string) => StrandlineError): Excess[] {
  try {
    return fitEvent(event).excess
  } catch (error) {
    const known = findStrandlineError(error)
    throw known ? invalid(known.message.replace(/\.$/, '')) : error
  }
}

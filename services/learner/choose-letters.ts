/** Which dead letters are worked on: by place, or by what they have in common. */
import { StrandlineError } from '../../core/errors.ts'
import { type DeadLetter, deadLettersAt, listDeadLetters } from './dead-letter-list.ts'
import type { DeadLetterStore, LetterFilter, Place } from './dead-letter-store.ts'
import { placeText } from './place.ts'
import type { LeftLetter } from './redrive.ts'

/** What to choose by where no place is named. */
export type Bulk = { filter?: LetterFilter } | undefined

export interface Choice {
  named: readonly Place[]
  bulk: Bulk
  /** At most so many. */
  max?: number
}

export interface Chosen {
  letters: DeadLetter[]
  /** Places that were named and have no letter. */
  unknown: LeftLetter[]
}

/** Errors: USAGE where it is not said which letters, or twice. Asked before any engine is. */
export function requireChoice({ named, bulk }: Choice, todo: string): void {
  if (named.length > 0 && bulk)
    throw new StrandlineError('USAGE', 'Places are named, and letters are chosen by an option as well.', { todo })
  if (named.length === 0 && !bulk) throw new StrandlineError('USAGE', 'Which dead letters?', { todo })
}

/** Letters that were named, in whatever state; else the open ones that fit. Errors: STORE_UNREACHABLE. */
export async function chooseLetters(store: DeadLetterStore, topic: string, { named, bulk }: Choice): Promise<Chosen> {
  if (bulk) return { letters: await listDeadLetters(store, topic, bulk), unknown: [] }
  const places = [...new Map(named.map((p) => [placeText(p), p])).values()]
  const letters = await deadLettersAt(store, topic, places)
  const known = new Set(letters.map(placeText))
  const unknown = places.filter((p) => !known.has(placeText(p)))
  return {
    letters,
    unknown: unknown.map((p) => ({ ...p, code: 'unknown', why: 'there is no dead letter of this place' })),
  }
}

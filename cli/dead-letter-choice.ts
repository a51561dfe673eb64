/** Which dead letters a command works on: by name, or by what they have in common. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import { POSITION_CLOSED } from '../domain/event-type.ts'
import { REJECT_REASONS } from '../domain/validation.ts'
import { type DeadLetter, deadLettersAt, listDeadLetters } from '../services/learner/dead-letter-list.ts'
import type { DeadLetterStore, LetterFilter, Place } from '../services/learner/dead-letter-store.ts'
import type { LeftLetter } from '../services/learner/redrive.ts'
import { placeText } from './dead-letters-text.ts'
import { time } from './moment.ts'
import { wholeNumber } from './numbers.ts'
import type { OpenStack } from './shared.ts'

export interface FilterOptions {
  reason?: string[]
  partition?: number[]
  /** ms */
  since?: number
  /** ms */
  until?: number
}

/** @param byReason how the option for reasons is called, where `--reason` means something else */
export function filterOptions(command: Command, byReason = '--reason'): Command {
  return command
    .addOption(new Option(`${byReason} <reasons...>`, 'refused for one of these reasons').choices(REJECT_REASONS))
    .option('--since <time>', 'refused from then on, e.g. 2026-05-01T00:00Z', time)
    .option('--until <time>', 'refused before then', time)
    .option('--partition <partitions...>', 'of these partitions', partitions)
}

/** undefined: nothing was chosen by. */
export function filterOf({ reason, partition, since, until }: FilterOptions): LetterFilter | undefined {
  const chosen = [reason, partition, since, until].some((option) => option !== undefined)
  return chosen ? { reasons: reason, partitions: partition, since, until } : undefined
}

/** Neither brokers nor registry are needed to know it. */
export const topicOf = (stack: OpenStack): string => stack.env.STRANDLINE_TOPIC?.trim() || POSITION_CLOSED.topic

export interface Chosen {
  letters: DeadLetter[]
  /** Places that were named and have no letter. */
  unknown: LeftLetter[]
}

/** What to choose by where no place is named. */
export type Bulk = { filter?: LetterFilter } | undefined

/** Errors: USAGE where it is not said which letters, or twice. Asked before any engine is. */
export function requireChoice(named: readonly Place[], bulk: Bulk, todo: string): void {
  if (named.length > 0 && bulk)
    throw new StrandlineError('USAGE', 'Places are named, and letters are chosen by an option as well.', { todo })
  if (named.length === 0 && !bulk) throw new StrandlineError('USAGE', 'Which dead letters?', { todo })
}

/** Letters that were named, in whatever state; else the open ones that fit. Errors: STORE_UNREACHABLE. */
export async function choose(
  store: DeadLetterStore,
  topic: string,
  named: readonly Place[],
  bulk: Bulk,
): Promise<Chosen> {
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

/** For commander: `3:17`. */
export function place(value: string): Place {
  const match = /^(\d{1,9}):(\d{1,15})$/.exec(value)
  if (!match) throw new InvalidArgumentError('Write partition:offset, e.g. 3:17.')
  return { partition: Number(match[1]), offset: Number(match[2]) }
}

/** For commander, which calls it for each. */
export const places = (value: string, before: Place[] = []): Place[] => [...before, place(value)]
const partitions = (value: string, before: number[] = []): number[] => [...before, wholeNumber(value)]

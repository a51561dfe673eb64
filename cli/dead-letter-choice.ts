/** How one says to a command which dead letters it works on. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { POSITION_CLOSED } from '../domain/event-type.ts'
import { REJECT_REASONS } from '../domain/validation.ts'
import type { LetterFilter, Place } from '../services/learner/dead-letter-store.ts'
import { parsePlace } from '../services/learner/place.ts'
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

/** For commander: `3:17`. */
export function place(value: string): Place {
  const found = parsePlace(value)
  if (!found) throw new InvalidArgumentError('Write partition:offset, e.g. 3:17.')
  return found
}

/** For commander, which calls it for each. */
export const places = (value: string, before: Place[] = []): Place[] => [...before, place(value)]
const partitions = (value: string, before: number[] = []): number[] => [...before, wholeNumber(value)]

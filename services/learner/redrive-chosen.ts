/** A redrive as it is asked for: chosen by place or in bulk, looked at first or done, and what is said of it. */
import type { EventLog } from '../../core/log/log.ts'
import { type Choice, chooseLetters } from './choose-letters.ts'
import type { DeadLetter } from './dead-letter-list.ts'
import type { FoundRecord } from './dead-letter-record.ts'
import type { DeadLetterStore, Place } from './dead-letter-store.ts'
import { type LeftLetter, previewRedrive, type Redriven, redrivable, redrive, type WouldPublish } from './redrive.ts'

export interface RedriveChoice extends Choice {
  /** In bulk: also those that were redriven before and refused again. */
  again?: boolean
  /** Those that are named, however often they were. */
  force?: boolean
  /** Hears how many of how many letters were looked at. */
  progress?: (done: number, total: number) => void
}

export interface RedrivePreview {
  topic: string
  would: WouldPublish[]
  skipped: LeftLetter[]
}

export interface RedriveAnswer {
  topic: string
  redriven: Redriven[]
  skipped: LeftLetter[]
}

export interface WouldRedrive extends Place, Pick<DeadLetter, 'reason' | 'redrives'> {
  from: FoundRecord['from']
  to: { topic: string; partition: number }
}

export interface RedrivePreviewAnswer {
  topic: string
  would_redrive: WouldRedrive[]
  skipped: LeftLetter[]
}

interface Deps {
  store: DeadLetterStore
  log: EventLog
}

/** Changes nothing. Errors: STORE_UNREACHABLE, LOG_UNREACHABLE, LOG_TOPIC_MISSING. */
export async function previewChosen(deps: Deps, topic: string, choice: RedriveChoice): Promise<RedrivePreview> {
  const { taken, left, progress } = await takenOf(deps, topic, choice)
  const found = await previewRedrive(deps.log, topic, taken, progress)
  return { topic, would: found.would, skipped: [...left, ...found.left] }
}

/** Errors: those of `redrive`. */
export async function redriveChosen(deps: Deps, topic: string, choice: RedriveChoice): Promise<RedriveAnswer> {
  const { taken, left, progress } = await takenOf(deps, topic, choice)
  const done = await redrive(deps, topic, taken, progress)
  return { topic, redriven: done.redriven, skipped: [...left, ...done.left] }
}

/** For a program. */
export const previewJson = ({ topic, would, skipped }: RedrivePreview): RedrivePreviewAnswer => ({
  topic,
  would_redrive: would.map(({ letter: { partition, offset, reason, redrives }, from, partition: to }) => ({
    partition,
    offset,
    reason,
    redrives,
    from,
    to: { topic, partition: to },
  })),
  skipped,
})

async function takenOf({ store }: Deps, topic: string, choice: RedriveChoice) {
  const { named, again, force, max = Number.POSITIVE_INFINITY, progress } = choice
  const { letters, unknown } = await chooseLetters(store, topic, choice)
  const able = redrivable(letters, { named: named.length > 0, again, force })
  const taken = able.letters.slice(0, max)
  return {
    taken,
    left: [...unknown, ...able.left],
    progress: (done: number) => progress?.(done, taken.length),
  }
}

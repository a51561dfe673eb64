/** A moment of the log, as a person names it: by exits, by when the log took records in, or by their offsets. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import type { Cut } from '../domain/history/cut.ts'
import { parseTime } from '../domain/time.ts'

export interface MomentOptions {
  /** ms */
  asOf?: number
  /** ms */
  atTime?: number
  atOffset?: AtOffset
}

/** One offset for every partition, or one for each that is named. */
type AtOffset = number | Map<number, number>

/** A moment in JSON; null where it is not by this that it was named. */
export interface Moment {
  as_of: string | null
  at_time: string | null
  at_offset: Record<string, number> | null
}

export function momentOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--as-of <time>',
        'as of then: only trades that were closed by then, each as it is known now',
      ).argParser(time),
    )
    .addOption(
      new Option('--at-time <time>', 'what was known then: only what the log had taken in by then').argParser(time),
    )
    .addOption(
      new Option(
        '--at-offset <offset>',
        'only records below this offset of each partition, or, as 0:120,3:88, of these partitions',
      ).argParser(offsets),
    )
}

export function time(text: string): number {
  const ms = parseTime(text)
  if (ms === null) throw new InvalidArgumentError('Write an ISO 8601 time with a zone, e.g. 2026-05-01T00:00Z.')
  return ms
}

export function offsets(text: string): AtOffset {
  if (/^\d+$/.test(text)) return Number(text)
  const pairs = text.split(',').map((part) => /^(\d+):(\d+)$/.exec(part))
  if (pairs.some((p) => p === null))
    throw new InvalidArgumentError('Write an offset (1200), or one for each partition (0:1200,1:988).')
  return new Map(pairs.map((p) => [Number(p?.[1]), Number(p?.[2])]))
}

/** Whether a moment other than now was named. Error: USAGE where two were. */
export function namesMoment({ asOf, atTime, atOffset }: MomentOptions): boolean {
  const named = [asOf, atTime, atOffset].filter((m) => m !== undefined).length
  if (named > 1)
    throw new StrandlineError('USAGE', 'More than one moment is named.', {
      todo: 'Give one of --as-of, --at-time and --at-offset.',
    })
  return named === 1
}

/**
 * @param ends of the log, by partition
 * Error: USAGE for a partition that the topic does not have.
 */
export function cutOf({ asOf, atTime, atOffset }: MomentOptions, ends: ReadonlyMap<number, number>): Cut {
  if (atOffset === undefined) return { closedUntil: asOf, takenUntil: atTime }
  if (typeof atOffset === 'number')
    return { below: new Map([...ends.keys()].map((partition) => [partition, atOffset])) }
  for (const partition of atOffset.keys())
    if (!ends.has(partition))
      throw new StrandlineError('USAGE', `The topic has no partition ${partition}: it has ${ends.size}.`, {
        todo: 'Name partitions from 0 up.',
      })
  return { below: atOffset }
}

export function momentJson(options: MomentOptions, cut: Cut): Moment {
  return {
    as_of: isoOrNull(options.asOf),
    at_time: isoOrNull(options.atTime),
    at_offset: cut.below ? Object.fromEntries(cut.below) : null,
  }
}

/** For a person; undefined: now. */
export function momentText({ asOf, atTime, atOffset }: MomentOptions): string | undefined {
  if (asOf !== undefined) return `as of ${isoOrNull(asOf)}: trades that were closed by then`
  if (atTime !== undefined) return `as known at ${isoOrNull(atTime)}: what the log had taken in by then`
  if (typeof atOffset === 'number') return `below offset ${atOffset} of each partition`
  if (atOffset) return `below ${[...atOffset].map(([p, o]) => `offset ${o} of partition ${p}`).join(', ')}`
  return undefined
}

const isoOrNull = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString())

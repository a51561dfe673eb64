/** A moment of the log: by exits, by when the log took records in, or by their offsets. */
import { StrandlineError } from '../core/errors.ts'
import type { Cut } from '../domain/history/cut.ts'

/** None: now. */
export interface NamedMoment {
  /** ms */
  asOf?: number
  /** ms */
  atTime?: number
  atOffset?: AtOffset
}

/** One offset for every partition, or one for each that is named. */
export type AtOffset = number | Map<number, number>

/** A moment in JSON; null where it is not by this that it was named. */
export interface Moment {
  as_of: string | null
  at_time: string | null
  at_offset: Record<string, number> | null
}

/** `1200`, or `0:1200,1:988`; null: it is neither. */
export function parseOffsets(text: string): AtOffset | null {
  if (/^\d+$/.test(text)) return Number(text)
  const pairs = text.split(',').map((part) => /^(\d+):(\d+)$/.exec(part))
  return pairs.some((p) => p === null) ? null : new Map(pairs.map((p) => [Number(p?.[1]), Number(p?.[2])]))
}

/** Whether a moment other than now was named. Error: USAGE where two were. @param names of the three, as they are given */
export function namesMoment(
  { asOf, atTime, atOffset }: NamedMoment,
  names: readonly [string, string, string] = ['--as-of', '--at-time', '--at-offset'],
): boolean {
  const named = [asOf, atTime, atOffset].filter((m) => m !== undefined).length
  if (named > 1)
    throw new StrandlineError('USAGE', 'More than one moment is named.', {
      todo: `Give one of ${names[0]}, ${names[1]} and ${names[2]}.`,
    })
  return named === 1
}

/**
 * @param ends of the log, by partition
 * Error: USAGE for a partition that the topic does not have.
 */
export function cutOf({ asOf, atTime, atOffset }: NamedMoment, ends: ReadonlyMap<number, number>): Cut {
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

export function momentJson(options: NamedMoment, cut: Cut): Moment {
  return {
    as_of: isoOrNull(options.asOf),
    at_time: isoOrNull(options.atTime),
    at_offset: cut.below ? Object.fromEntries(cut.below) : null,
  }
}

/** For a person; undefined: now. */
export function momentText({ asOf, atTime, atOffset }: NamedMoment): string | undefined {
  if (asOf !== undefined) return `as of ${isoOrNull(asOf)}: trades that were closed by then`
  if (atTime !== undefined) return `as known at ${isoOrNull(atTime)}: what the log had taken in by then`
  if (typeof atOffset === 'number') return `below offset ${atOffset} of each partition`
  if (atOffset) return `below ${[...atOffset].map(([p, o]) => `offset ${o} of partition ${p}`).join(', ')}`
  return undefined
}

const isoOrNull = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString())

/** What several questions have in common: which model, and of which moment. */
import type { Asked, Parameter } from '../core/api/operation.ts'
import { StrandlineError } from '../core/errors.ts'
import { parseTime } from '../domain/time.ts'
import { type NamedMoment, namesMoment, parseOffsets } from '../replay/moment.ts'

export const MODEL: Parameter = {
  description: 'the name of one model or version, also where readers see another one; without it: the active one.',
  // a command takes a file as well; whoever asks the page must not read files of its machine
  schema: { minLength: 1, pattern: '^(?![\\s\\S]*[.]json$)[^/\\\\]+$' },
  example: 'lowcap-v4',
}

export const MOMENT: Record<'as_of' | 'at_time' | 'at_offset', Parameter> = {
  as_of: {
    description: 'an ISO 8601 time with a zone: only trades that were closed by then, each as it is known now.',
    example: '2026-05-01T00:00Z',
  },
  at_time: {
    description: 'an ISO 8601 time with a zone: only what the log had taken in by then.',
    example: '2026-05-01T00:00Z',
  },
  at_offset: {
    description: 'an offset of each partition (1200), or of some (0:1200,1:988): only records below it.',
    example: '0:1200,1:988',
  },
}

/** Error: USAGE for a moment that is none, or two of them. */
export function momentOf({ as_of, at_time, at_offset }: Asked['query']): NamedMoment {
  const moment: NamedMoment = {
    asOf: timeOf('as_of', as_of),
    atTime: timeOf('at_time', at_time),
    atOffset: at_offset === undefined ? undefined : (parseOffsets(at_offset) ?? invalid('at_offset', at_offset)),
  }
  namesMoment(moment, ['as_of', 'at_time', 'at_offset'])
  return moment
}

export function timeOf(
  name: 'as_of' | 'at_time' | 'from' | 'to' | 'since' | 'until' | 'against_as_of',
  text: string | undefined,
): number | undefined {
  if (text === undefined) return undefined
  return parseTime(text) ?? invalid(name, text)
}

const invalid = (name: string, text: string): never => {
  const { example } = MOMENT[name as keyof typeof MOMENT] ?? MOMENT.as_of
  throw new StrandlineError('USAGE', `${name} is ${JSON.stringify(text)}.`, { todo: `Write it like ${example}.` })
}

/** A whole number of a query. Error: USAGE. */
export function wholeOf(
  name: string,
  text: string | undefined,
  fallback: number,
  most = Number.MAX_SAFE_INTEGER,
): number {
  if (text === undefined) return fallback
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > most)
    throw new StrandlineError('USAGE', `${name} is ${JSON.stringify(text)}.`, {
      todo: `Give a whole number from 0 to ${most}.`,
    })
  return value
}

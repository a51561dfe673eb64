/** A moment of the log, as the options of a command name it. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseTime } from '../domain/time.ts'
import { type AtOffset, type NamedMoment, parseOffsets } from '../replay/moment.ts'

export { cutOf, type Moment, momentJson, momentText, namesMoment } from '../replay/moment.ts'

export type MomentOptions = NamedMoment

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
  const found = parseOffsets(text)
  if (found === null)
    throw new InvalidArgumentError('Write an offset (1200), or one for each partition (0:1200,1:988).')
  return found
}

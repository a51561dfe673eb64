import { CommanderError } from 'commander'
import { describe, expect, test } from 'vitest'
import { StrandlineError } from '../core/errors.ts'
import { failureOf, wantsJson } from './failure.ts'

describe('a failure, for a program', () => {
  test('has code, sentence and what to do', () => {
    const error = new StrandlineError('FILE_UNREADABLE', 'x cannot be read.', { todo: 'Give another.' })
    expect(failureOf(new Error('around it', { cause: error }))).toEqual({
      exitCode: 1,
      error: { code: 'FILE_UNREADABLE', message: 'x cannot be read.', todo: 'Give another.' },
    })
  })

  test('of the usage is one too, with exit code 2', () => {
    expect(failureOf(new CommanderError(1, 'commander.unknownOption', "error: unknown option '--jsno'"))).toEqual({
      exitCode: 2,
      error: { code: 'USAGE', message: "Unknown option '--jsno'.", todo: 'See ./strandline --help.' },
    })
    expect(failureOf(new StrandlineError('USAGE', 'No.'))).toMatchObject({ exitCode: 2 })
  })

  test('is not what help ends with', () => {
    expect(failureOf(new CommanderError(0, 'commander.help', '(outputHelp)'))).toBe(null)
  })

  test('that nobody foresaw is INTERNAL; what still waits is 3', () => {
    expect(failureOf(new TypeError('x is not a function'))).toMatchObject({ exitCode: 1, error: { code: 'INTERNAL' } })
    expect(failureOf(new StrandlineError('STILL_WAITING', 'Wait.'))).toMatchObject({ exitCode: 3 })
  })
})

test.each([
  [['audit', '--json'], true],
  [['audit', '--jsno'], false],
  [['test', '--', '--json'], false],
])('%j asks for JSON: %s', (args, json) => {
  expect(wantsJson(args)).toBe(json)
})

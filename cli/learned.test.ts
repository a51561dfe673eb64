/** What `allocate` and `coefficients` refuse before they ask any database. */
import { Command, CommanderError } from 'commander'
import { describe, expect, test } from 'vitest'
import { StrandlineError } from '../core/errors.ts'
import { register as allocate } from './allocate.ts'
import { register as coefficients } from './coefficients.ts'

/** What the command threw. */
async function refusal(...args: string[]): Promise<unknown> {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} })
  allocate(program)
  coefficients(program)
  return program.parseAsync(args, { from: 'user' }).then(
    () => undefined,
    (error) => error,
  )
}

describe('a command that makes no sense', () => {
  test.each([
    [['allocate'], /^The entry context is missing, or given twice/],
    [['allocate', '--context', '{}', '--context-file', 'x.json'], /given twice/],
    [['allocate', '--context', '{'], /^--context is not JSON/],
    [['allocate', '--context-file', 'no/such.json'], /^no\/such\.json cannot be read: there is no such file/],
  ])('%j is refused with what to do', async (args, message) => {
    const error = await refusal(...args)
    expect(error).toBeInstanceOf(StrandlineError)
    expect(error).toMatchObject({ message: expect.stringMatching(message), todo: expect.any(String) })
  })

  test.each([
    [['allocate', '--context', '{}', '--base', 'much'], /--base.*Write a number/],
    [['allocate', '--context', '{}', '--max', '-1'], /--max.*Write a number/],
    [['coefficients', '--scope', 'everything'], /--scope.*lever, interaction/],
    [['coefficients', '--limit', '-1'], /--limit.*whole number/],
    [['coefficients', '--min-n', '1.5'], /--min-n.*whole number/],
  ])('%j has an option with a wrong value', async (args, message) => {
    const error = await refusal(...args)
    expect(error).toBeInstanceOf(CommanderError)
    expect((error as Error).message).toMatch(message)
  })
})

/** What can be said wrongly about dead letters is told before any engine is asked. */
import { expect, test } from 'vitest'
import { REJECT_REASONS } from '../domain/validation.ts'
import { ADVICE, adviceOn } from '../services/learner/reject-advice.ts'
import { failureOf } from './failure.ts'
import { createProgram } from './program.ts'

const outcome = async (args: string[]) => {
  const program = await createProgram()
  const silent = { outputError: () => undefined, writeErr: () => undefined }
  for (const command of [program, ...program.commands, ...program.commands.flatMap((c) => c.commands)])
    command.configureOutput(silent)
  return program.parseAsync(['dead-letters', ...args], { from: 'user' }).then(
    () => 'nothing was wrong',
    (error) => {
      const { message, todo } = failureOf(error)!.error
      return { exitCode: failureOf(error)!.exitCode, told: `${message} ${todo}` }
    },
  )
}

test.each<[args: string[], sentence: RegExp]>([
  [['redrive', 'first'], /Write partition:offset, e\.g\. 3:17/],
  [['redrive'], /^Which dead letters\? Name their places .* --all/],
  [['redrive', '0:1', '--all'], /^Places are named, and letters are chosen by an option as well/],
  [['redrive', '0:1', '--partition', '0'], /^Places are named, and letters are chosen by an option as well/],
  [['redrive', '--all', '--force'], /^--force takes letters that are named/],
  [['redrive', '--reason', 'nonsense'], /bad_magic/],
  [['redrive', '--reason', 'bad_magic', '0:1'], /bad_magic/],
  [['redrive', '--all', '--max', 'x'], /whole number/],
  [['list', '--since', 'yesterday'], /ISO 8601/],
  [['--partition', 'x'], /whole number/],
  [['discard', '0:1'], /--reason/],
  [['discard', '--reason', 'why'], /^Which dead letters\?/],
  [['discard', '--partition', '0', '--reason', 'bad_magic'], /^--reason says why .* --refused-for/],
  [['discard', '0:1', '--reason', ' '], /^--reason says why/],
  [['reopen'], /partition:offset/],
  [['show'], /partition:offset/],
  [['show', '0:1:2'], /Write partition:offset/],
])('%j', async (args, sentence) => {
  expect(await outcome(args)).toEqual({ exitCode: 2, told: expect.stringMatching(sentence) })
})

test('what can be done about each reason is one line', () => {
  expect(Object.keys(ADVICE)).toEqual(REJECT_REASONS)
  for (const { what, todo } of Object.values(ADVICE))
    for (const text of [what, todo]) expect(text).toMatch(/^[A-Z].{10,125}\.$/)
  expect(adviceOn('toString').what).toContain('does not know')
})

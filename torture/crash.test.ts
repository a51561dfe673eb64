import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { crashOf } from './crash.ts'

/** What Node itself writes of a program that ends so. */
const outputOf = (program: string) => spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' }).stderr

test('an error of an idle connection that nobody hears is a crash', () => {
  const program = `new (require('node:events'))().emit('error', new Error('Connection terminated unexpectedly'))`
  expect(crashOf(outputOf(program), null)).toBe('crashed: Error: Connection terminated unexpectedly')
})

test('so are a promise that nobody awaits, what should not have happened, and a signal that is not ours', () => {
  expect(crashOf(outputOf(`Promise.reject(new TypeError('x is not a function'))`), null)).toContain(
    'TypeError: x is not',
  )
  const told =
    'This should not have happened. What went wrong:\nRangeError: Invalid time value\n    at iso (x.ts:1:1)\n'
  expect(crashOf(told, null)).toBe('crashed: RangeError: Invalid time value')
  expect(crashOf('', 'SIGSEGV')).toBe('ended by SIGSEGV')
})

test('who ends with a sentence has not crashed', () => {
  const sentence = 'PostgreSQL at 127.0.0.1:5432 does not answer. Check DATABASE_URL and that it is up.\n'
  expect(crashOf(sentence, null)).toBeNull()
  expect(crashOf('', null)).toBeNull()
})

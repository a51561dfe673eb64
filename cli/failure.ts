/** How a command that failed says so: one sentence on standard error and, with --json, one object on standard output. */
import { CommanderError } from 'commander'
import { explain, findStrandlineError } from '../core/errors.ts'
import { usageSentence } from './program.ts'

export interface Failure {
  exitCode: number
  /** What a program gets. */
  error: { code: string; message: string; todo: string | null }
}

/** Exit codes: 1 failed, 2 wrong usage, 3 something still waits. null: nothing failed (help, version). */
export function failureOf(error: unknown): Failure | null {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return null
    const todo = 'See ./strandline --help.'
    return { exitCode: 2, error: { code: 'USAGE', message: usageSentence(error.message), todo } }
  }
  const known = findStrandlineError(error)
  if (known) {
    const { code, message, todo = null } = known
    return { exitCode: code === 'USAGE' ? 2 : code === 'STILL_WAITING' ? 3 : 1, error: { code, message, todo } }
  }
  return { exitCode: 1, error: { code: 'INTERNAL', message: explain(error), todo: null } }
}

/** Says it. What is wrong with the usage commander has said itself, on standard error. */
export function tellFailure(error: unknown, json: boolean): number {
  const failure = failureOf(error)
  if (!failure) return 0
  if (json) console.log(JSON.stringify({ error: failure.error }))
  if (failure.error.code === 'INTERNAL') {
    console.error('This should not have happened. What went wrong:')
    console.error(error)
  } else if (!(error instanceof CommanderError)) console.error(explain(error))
  return failure.exitCode
}

/** Whether the command line asks for JSON, however wrong the rest of it is. */
export const wantsJson = (args: string[]): boolean => args.slice(0, endOfOptions(args)).includes('--json')

const endOfOptions = (args: string[]) => (args.includes('--') ? args.indexOf('--') : args.length)

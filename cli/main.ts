/** The command line. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 something still waits. Results go to standard output, everything else to standard error. */
import { CommanderError } from 'commander'
import { explain, findStrandlineError } from '../core/errors.ts'
import { createProgram } from './program.ts'

const LEFT_OPEN_MS = 2_000

async function main(): Promise<void> {
  // `| head` closes our output early: that is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  process.stderr.on('error', () => {}) // a terminal that is gone, a full disk: what cannot be said must not end what runs
  const args = process.argv.slice(2)
  try {
    await createProgram().parseAsync(args.length > 0 ? args : ['--help'], { from: 'user' })
  } catch (error) {
    process.exitCode = exitCode(error)
    // What a failed command left open must not keep its process: nobody would know that it is one.
    setTimeout(() => process.exit(), LEFT_OPEN_MS).unref()
  }
}

/** Says what went wrong, and how bad it is. */
function exitCode(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  const known = findStrandlineError(error)
  if (known) {
    console.error(explain(error))
    return known.code === 'USAGE' ? 2 : known.code === 'STILL_WAITING' ? 3 : 1
  }
  console.error('This should not have happened. What went wrong:')
  console.error(error)
  return 1
}

await main()

/** The command line. Exit codes: 0 done, 1 failed, 2 wrong usage. Results go to standard output, everything else to standard error. */
import { CommanderError } from 'commander'
import { explain, findStrandlineError } from '../core/errors.ts'
import { createProgram } from './program.ts'

async function main(): Promise<void> {
  // `| head` closes our output early: that is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  const args = process.argv.slice(2)
  try {
    await createProgram().parseAsync(args.length > 0 ? args : ['--help'], { from: 'user' })
  } catch (error) {
    process.exitCode = exitCode(error)
  }
}

/** Says what went wrong, and how bad it is. */
function exitCode(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  const known = findStrandlineError(error)
  if (known) {
    console.error(explain(error))
    return known.code === 'USAGE' ? 2 : 1
  }
  console.error('This should not have happened. What went wrong:')
  console.error(error)
  return 1
}

await main()

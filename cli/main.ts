/** The command line. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 something still waits. Results go to standard output, everything else to standard error. */
import { tellFailure, wantsJson } from './failure.ts'
import { outliveReader } from './output.ts'
import { createProgram } from './program.ts'

const LEFT_OPEN_MS = 2_000

async function main(): Promise<void> {
  outliveReader()
  process.stderr.on('error', () => {}) // a terminal that is gone, a full disk: what cannot be said must not end what runs
  const args = process.argv.slice(2)
  try {
    const program = await createProgram(args)
    await program.parseAsync(args.length > 0 ? args : ['--help'], { from: 'user' })
  } catch (error) {
    process.exitCode = tellFailure(error, wantsJson(args))
    // What a failed command left open must not keep its process: nobody would know that it is one.
    setTimeout(() => process.exit(), LEFT_OPEN_MS).unref()
  }
}

await main()

/** `node bench/run.ts`: the same as `./strandline bench`. */
import { Command } from 'commander'
import { register } from '../cli/bench.ts'
import { explain } from '../core/errors.ts'

const program = new Command()
register(program)
try {
  await program.parseAsync(['bench', ...process.argv.slice(2)], { from: 'user' })
} catch (error) {
  console.error(explain(error))
  process.exitCode = 1
}

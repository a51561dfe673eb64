/** A person's yes, where a command changes what others read. */
import { createInterface } from 'node:readline/promises'
import { StrandlineError } from '../core/errors.ts'

/** Resolves when it may go on. Errors: USAGE where nobody said yes, or there is nobody to ask. */
export async function confirm(question: string, { yes }: { yes?: boolean }): Promise<void> {
  if (yes) return
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new StrandlineError('USAGE', 'There is no terminal to ask on: nothing was changed.', {
      todo: 'Look at it with --dry-run, then say --yes.',
    })
  const asking = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await asking.question(`${question} [y/N] `)
  asking.close()
  if (!/^y(es)?$/i.test(answer.trim())) throw new StrandlineError('USAGE', 'Nothing was changed.')
}

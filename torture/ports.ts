/** Ports of a stack that is killed and started again: below those that the system gives to whoever connects, so that nobody takes one meanwhile. */
import { StrandlineError } from '../core/errors.ts'
import { isPortFree } from '../core/ports.ts'

const FIRST = 12_000
const LAST = 30_000

/** @param start where to look first, so that two runs at the same moment do not meet */
export async function findPorts(count: number, start = process.pid * count): Promise<number[]> {
  const found: number[] = []
  for (let i = 0; i < LAST - FIRST; i++) {
    const port = FIRST + ((start + i) % (LAST - FIRST))
    if (await isPortFree(port)) found.push(port)
    if (found.length === count) return found
  }
  throw new StrandlineError('PORT_TAKEN', `There are no ${count} free ports from ${FIRST} to ${LAST}.`, {
    todo: 'Stop some of the programs that listen on this machine.',
  })
}

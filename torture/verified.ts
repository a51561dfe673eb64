/** `./strandline verify` on the stack that was hurt, as a person would run it: beside the oracle, which shares no code with it. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { NODE_FLAGS } from '../core/node-flags.ts'

export interface Verified {
  coefficients: number
  /** The same to the last bit. */
  identical: number
  /** Within 1e-12: what the order of reading decides. */
  within_tolerance: number
  different: number
}

const MAIN = fileURLToPath(new URL('../cli/main.ts', import.meta.url))
/** The log is not read for longer. */
const END_MS = 300_000
const MOST_BYTES = 64 << 20

/** What it says; a sentence where it says nothing. @param env points it at the engines */
export async function verifyByCommand(env: Record<string, string>): Promise<Verified | string> {
  const ran = promisify(execFile)(process.execPath, [...NODE_FLAGS, MAIN, 'verify', '--json'], {
    env,
    timeout: END_MS,
    maxBuffer: MOST_BYTES,
  })
  // with exit code 1 it has found something, or could not look
  const { stdout, stderr } = await ran.catch((error: { stdout?: string; stderr?: string }) => error)
  try {
    const { coefficients, identical, within_tolerance, differences } = JSON.parse(stdout ?? '')
    return { coefficients, identical, within_tolerance, different: differences.length }
  } catch {
    return (stdout || stderr || 'it was ended').trim().split('\n').at(-1) as string
  }
}

/** Why that is a failure; undefined: it is none. */
export function faultOf(verified: Verified | string): string | undefined {
  if (typeof verified === 'string') return `verify could not look: ${verified}`
  if (verified.coefficients === 0) return 'verify found nothing to compare.'
  return verified.different > 0
    ? `verify finds ${verified.different} coefficients that differ from the log.`
    : undefined
}

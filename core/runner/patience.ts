/** Waiting for an engine that gives no answer, without ever giving up while the work is still ours. */
import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import { type ErrorCode, StrandlineError } from '../errors.ts'

const BACKOFF_MS = [50, 100, 250, 500, 1_000, 2_000]
/** A person is told of the first failure, and then of every so many. */
const TELL_EVERY = 20

export const backoff = (attempt: number) => BACKOFF_MS[Math.min(attempt, BACKOFF_MS.length - 1)] as number
export const tells = (attempt: number) => attempt % TELL_EVERY === 0

/** Only a person can put these right, and must know. */
const FINAL: ErrorCode[] = ['LOG_POSITION_LOST', 'LOG_TRUNCATED']

/** A failure that may pass: an engine that is away or refuses. Anything else is a fault of ours, or final. */
export function mayPass(error: unknown): error is StrandlineError {
  return error instanceof StrandlineError && !FINAL.includes(error.code)
}

export type Patience = <T>(
  what: string,
  work: () => Promise<T>,
  active: () => boolean,
  heartbeat?: () => Promise<void>,
) => Promise<T | undefined>

/** Repeats `work` until it is answered; undefined when it is not ours any more. */
export function createPatience(clock: Clock, logger: Logger): Patience {
  return async (what, work, active, heartbeat) => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work()
      } catch (error) {
        if (!mayPass(error)) throw error
        if (tells(attempt)) logger.warn({ code: error.code, attempt }, `${what}: ${error.message}`)
        if (!active()) return undefined
        await clock.sleep(backoff(attempt))
        await heartbeat?.()
        if (!active()) return undefined
      }
    }
  }
}

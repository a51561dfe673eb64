/** Waiting for an engine that gives no answer, without ever giving up while the work is still ours. */
import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import { type ErrorCode, StrandlineError } from '../errors.ts'

const BACKOFF_MS = [50, 100, 250, 500, 1_000, 2_000]
/** The first failure is logged, and then every so many. */
const LOG_EVERY = 20

export const backoff = (attempt: number) => BACKOFF_MS[Math.min(attempt, BACKOFF_MS.length - 1)] as number
export const shouldLog = (attempt: number) => attempt % LOG_EVERY === 0

/** Only a person can put these right, and must know. */
const FINAL: ErrorCode[] = ['LOG_CHECKPOINT_LOST', 'LOG_TRUNCATED']

/** A failure that may pass: an engine that is away or refuses. Anything else is a fault of ours, or final. */
export function isTransient(error: unknown): error is StrandlineError {
  return error instanceof StrandlineError && !FINAL.includes(error.code)
}

export type Retry = <T>(
  what: string,
  work: () => Promise<T>,
  active: () => boolean,
  heartbeat?: () => Promise<void>,
) => Promise<T | undefined>

/** Repeats `work` until it is answered; undefined when it is not ours any more. */
export function createRetry(clock: Clock, logger: Logger): Retry {
  return async (what, work, active, heartbeat) => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work()
      } catch (error) {
        if (!isTransient(error)) throw error
        if (shouldLog(attempt)) logger.warn({ code: error.code, attempt }, `${what}: ${error.message}`)
        if (!active()) return undefined
        await clock.sleep(backoff(attempt))
        await heartbeat?.()
        if (!active()) return undefined
      }
    }
  }
}

/**
 * Keeps a part of the stack running: when it ends without being asked to, or lives and does not do its job for long, it is started again, later each
 * time.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { explain } from '../core/errors.ts'
import { type Condition, type Trouble, untilUnwell } from './wellness.ts'

export interface Running {
  pid: number
  /** Resolves when it is gone, wanted or not. */
  exited: Promise<void>
  stop(): Promise<void>
  /** How it does; without it, living is enough. */
  check?(): Promise<Condition>
}

export interface Supervised<T extends Running> {
  /** The one that runs now, or ran last. */
  current(): T
  /** false while it is being started again. */
  up(): boolean
  stop(): Promise<void>
}

export interface SuperviseOptions<T extends Running> {
  name: string
  /** `first`: somebody waits for it, an error is theirs. Gives up when the signal aborts, and then leaves nothing running. */
  start(signal: AbortSignal, first: boolean): Promise<T>
  /** Hears every end and every return, as one sentence. */
  say(sentence: string): void
  restarted?(running: T): void
  /** Gives the first start up. */
  signal?: AbortSignal
  /** What it needs is away: see wellness.ts. */
  excused?(): boolean
  firstDelayMs?: number
  longestDelayMs?: number
  checkEveryMs?: number
  deadAfterMs?: number
  /** Doubles each time that starting it again did not help. */
  notReadyAfterMs?: number
}

type Ended = { state: 'ended'; what: string }

const ENDED: Ended = { state: 'ended', what: 'ended by itself' }
/** One that ran this long is taken for well: the next crash waits the first delay again. */
const WELL_AFTER_MS = 60_000
const LONGEST_NOT_READY = 16

/** Starts it; an error of the first start is the caller's, later ones are tried again. */
export async function supervise<T extends Running>(options: SuperviseOptions<T>): Promise<Supervised<T>> {
  const { name, start, say, restarted, signal, excused } = options
  const { firstDelayMs = 500, longestDelayMs = 30_000 } = options
  const { checkEveryMs = 5_000, deadAfterMs = 60_000, notReadyAfterMs = 180_000 } = options
  const stopping = new AbortController()
  const giveUp = () => stopping.abort(signal?.reason)
  signal?.addEventListener('abort', giveUp, { once: true })
  signal?.throwIfAborted()
  let running = await start(stopping.signal, true).finally(() => signal?.removeEventListener('abort', giveUp))
  let up = true
  let slowness = 1

  /** What is wrong with the running one, once something is; undefined when it is to stop. */
  async function trouble(): Promise<Trouble | Ended | undefined> {
    const over = new AbortController()
    const end = () => over.abort()
    stopping.signal.addEventListener('abort', end, { once: true })
    const { check } = running
    const ended = running.exited.then(() => ENDED)
    const unwell = check
      ? untilUnwell(
          {
            async check() {
              const now = await check()
              if (now.state === 'well') slowness = 1
              return now
            },
            excused,
            everyMs: checkEveryMs,
            deadAfterMs,
            notReadyAfterMs: notReadyAfterMs * slowness,
          },
          over.signal,
        )
      : ended
    const found = await Promise.race([ended, unwell])
    stopping.signal.removeEventListener('abort', end)
    over.abort()
    if (found?.state === 'not ready') slowness = Math.min(slowness * 2, LONGEST_NOT_READY)
    return stopping.signal.aborted ? undefined : found
  }

  const watch = (async () => {
    let delay = firstDelayMs
    for (;;) {
      const since = Date.now()
      const found = await trouble()
      if (found === undefined) return
      up = false
      if (Date.now() - since > WELL_AFTER_MS) delay = firstDelayMs
      say(`${name} (process ${running.pid}) ${found.what}; it is started again in ${delay / 1000} s.`)
      if (found.state !== 'ended') await running.stop().catch((error) => say(explain(error)))
      while (!up) {
        await sleep(delay, undefined, { signal: stopping.signal }).catch(() => {})
        if (stopping.signal.aborted) return
        delay = Math.min(delay * 2, longestDelayMs)
        try {
          running = await start(stopping.signal, false)
          up = true
        } catch (error) {
          if (stopping.signal.aborted) return
          say(`${name} did not come back: ${explain(error)} The next try is in ${delay / 1000} s.`)
        }
      }
      if (stopping.signal.aborted) return
      say(`${name} is back (process ${running.pid}).`)
      restarted?.(running)
    }
  })()
  return {
    current: () => running,
    up: () => up,
    async stop() {
      stopping.abort()
      await running.stop()
      await watch
      await running.stop() // it may have come back in between
    },
  }
}

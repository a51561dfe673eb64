/** Keeps a part of the stack running: when it ends without being asked to, it is started again, later each time. */
import { setTimeout as sleep } from 'node:timers/promises'
import { explain } from '../core/errors.ts'

export interface Running {
  pid: number
  /** Resolves when it is gone, wanted or not. */
  exited: Promise<void>
  stop(): Promise<void>
}

export interface Supervised<T extends Running> {
  /** The one that runs now, or ran last. */
  current(): T
  stop(): Promise<void>
}

export interface SuperviseOptions<T extends Running> {
  name: string
  start(): Promise<T>
  /** Hears every end and every return, as one sentence. */
  say(sentence: string): void
  restarted?(running: T): void
  firstDelayMs?: number
  longestDelayMs?: number
}

/** One that ran this long is taken for well: the next crash waits the first delay again. */
const WELL_AFTER_MS = 60_000

/** Starts it; an error of the first start is the caller's, later ones are tried again. */
export async function supervise<T extends Running>(options: SuperviseOptions<T>): Promise<Supervised<T>> {
  const { name, start, say, restarted, firstDelayMs = 500, longestDelayMs = 30_000 } = options
  const stopping = new AbortController()
  let running = await start()
  const watch = (async () => {
    let delay = firstDelayMs
    for (;;) {
      const since = Date.now()
      await running.exited
      if (stopping.signal.aborted) return
      if (Date.now() - since > WELL_AFTER_MS) delay = firstDelayMs
      say(`${name} (process ${running.pid}) ended by itself; it is started again in ${delay / 1000} s.`)
      for (let back = false; !back; ) {
        await sleep(delay, undefined, { signal: stopping.signal }).catch(() => {})
        if (stopping.signal.aborted) return
        delay = Math.min(delay * 2, longestDelayMs)
        try {
          running = await start()
          back = true
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
    async stop() {
      stopping.abort()
      await running.stop()
      await watch
      await running.stop() // it may have come back in between
    },
  }
}

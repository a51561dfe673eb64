/**
 * Whether the loops of a process still move. A loop that ended or hangs is seen by nobody from outside: the port answers, the work stands still. So each
 * one beats, and a process with one that does not ends itself: whoever watches it (`up`, Docker, systemd) starts it again.
 */

/** Every await on an engine ends sooner than this, also behind another one. Milliseconds. */
export const MAX_SILENCE_MS = 300_000
const EVERY_MS = 5_000

export interface Loop {
  /** It moves: from now on it has its patience again. */
  beat(): void
  /** It has nothing to do: until the next beat nothing is expected of it. */
  rest(): void
}

export interface Liveness {
  /** @param maxSilenceMs longest time between two beats; its own period and `MAX_SILENCE_MS` for a loop that sleeps */
  loop(name: string, maxSilenceMs?: number): Loop
  /** A loop that only `stopping` may end: when it ends otherwise it is dead at once, whatever it beat before. */
  keeps(name: string, work: Promise<unknown>, stopping: AbortSignal): void
  /** Time went by, in which the process was able to run. Milliseconds. */
  passed(ms: number): void
  /** One sentence about a loop that ended or stands still; null while there is none. */
  failure(): string | null
}

export function createLiveness(): Liveness {
  const loops: { name: string; maxSilenceMs: number; silentMs: number | null }[] = []
  let ended: string | null = null
  return {
    loop(name, maxSilenceMs = MAX_SILENCE_MS) {
      const state = { name, maxSilenceMs, silentMs: null as number | null }
      loops.push(state)
      return {
        beat() {
          state.silentMs = 0
        },
        rest() {
          state.silentMs = null
        },
      }
    },
    keeps(name, work, stopping) {
      const end = (why: string) => {
        if (!stopping.aborted) ended ??= `${name} ended unasked${why}.`
      }
      work.then(
        () => end(''),
        (error) => end(`: ${error instanceof Error ? error.message : String(error)}`),
      )
    },
    passed(ms) {
      for (const state of loops) if (state.silentMs !== null) state.silentMs += ms
    },
    failure() {
      if (ended) return ended
      const still = loops.find((l) => l.silentMs !== null && l.silentMs > l.maxSilenceMs)
      return still ? `${still.name} has not moved for ${Math.round(still.silentMs! / 1000)} s.` : null
    },
  }
}

/**
 * Looks every few seconds; `died` hears of the first failure, once. What passes while the whole process is frozen (SIGSTOP, a laptop asleep) is not
 * held against its loops.
 */
export function startWatchdog(
  liveness: Liveness,
  died: (sentence: string) => void,
  everyMs = EVERY_MS,
): { stop(): void } {
  let last = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    liveness.passed(Math.min(now - last, 2 * everyMs))
    last = now
    const failure = liveness.failure()
    if (failure === null) return
    clearInterval(timer)
    died(failure)
  }, everyMs)
  timer.unref()
  return { stop: () => clearInterval(timer) }
}

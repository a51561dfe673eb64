/** Time and waiting behind a narrow port, so that a simulation can own both. Times are milliseconds since 1970-01-01 UTC. */
export interface Clock {
  now(): number
  /** Milliseconds since some moment, with their fractions: never goes back, whoever sets the clock. */
  monotonic(): number
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const done = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal?.addEventListener('abort', done, { once: true })
    }),
}

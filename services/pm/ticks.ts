/** The ticks of a running PM: one loop per timeframe, its period the timeframe itself, the first at start. */
import { explain } from '../../core/errors.ts'
import { type Liveness, type Loop, MAX_SILENCE_MS } from '../../core/liveness.ts'
import { OTHERS, timeframeMs } from '../../domain/timeframe.ts'
import { type Portfolio, withBeats } from './portfolio.ts'
import { type TickResult, tick, tickOthers } from './tick.ts'

/** A tick that failed, or met a row that is held, is tried again after this, not after four hours. Milliseconds. */
const RETRY_MS = 5_000
const OTHERS_MS = 900_000

/** A loop that runs until it is stopped. */
export interface Background {
  /** Since when it fails and why, as a sentence; undefined while it does its work. */
  failure(): string | undefined
  stop(): Promise<void>
}

export function startTicks(pm: Portfolio, timeframes: readonly string[], liveness?: Liveness): Background {
  const stopping = new AbortController()
  const failures = new Map<string, string>()
  const loops = timeframes.map((timeframe) => {
    const name = `The tick of ${timeframe}`
    const period = timeframe === OTHERS ? OTHERS_MS : timeframeMs(timeframe)
    const loop = liveness?.loop(name, period + MAX_SILENCE_MS)
    const living = withBeats(pm, loop)
    const work = () => (timeframe === OTHERS ? tickOthers(living, timeframes) : tick(living, timeframe))
    const running = run(living, { timeframe, period, work }, stopping.signal, failures, loop)
    liveness?.keeps(name, running, stopping.signal)
    return running
  })
  return {
    failure: () => failures.values().next().value,
    async stop() {
      stopping.abort()
      await Promise.all(loops)
    },
  }
}

interface Look {
  /** As metrics and logs call it. */
  timeframe: string
  /** Milliseconds. */
  period: number
  work(): Promise<TickResult>
}

async function run(
  pm: Portfolio,
  { timeframe, period, work }: Look,
  signal: AbortSignal,
  failures: Map<string, string>,
  loop?: Loop,
): Promise<void> {
  const { clock, logger, metrics } = pm
  let refused = new Set<string>()
  let since: string | undefined
  while (!signal.aborted) {
    let wait = period
    loop?.beat()
    try {
      const result = await work()
      for (const { position_id, reason } of result.refused)
        if (!refused.has(position_id))
          logger.error({ position_id, timeframe }, `A position cannot be closed: ${reason}`)
      refused = new Set(result.refused.map((r) => r.position_id)) // said once, until it is mended
      metrics?.refusedCloses.set({ timeframe }, refused.size)
      metrics?.provisional.set({ timeframe }, result.provisional)
      metrics?.ticks.inc({ timeframe, outcome: 'done' })
      if (result.soon) wait = Math.min(period, RETRY_MS)
      since = undefined
      failures.delete(timeframe)
    } catch (err) {
      if (since === undefined) logger.warn({ err, timeframe }, `A tick failed: ${explain(err)}`)
      since ??= new Date(clock.now()).toISOString()
      failures.set(timeframe, `The tick of ${timeframe} has failed since ${since}: ${explain(err)}`)
      metrics?.ticks.inc({ timeframe, outcome: 'failed' })
      wait = Math.min(period, RETRY_MS)
    }
    loop?.beat()
    await clock.sleep(wait, signal)
  }
}

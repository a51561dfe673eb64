/** The ticks of a running PM: one loop per timeframe, its period the timeframe itself, the first at start. */
import { explain } from '../../core/errors.ts'
import { type Liveness, type Loop, PATIENCE_MS } from '../../core/liveness.ts'
import { beatingStore } from '../../core/store/beating-store.ts'
import type { Portfolio } from './portfolio.ts'
import { tick } from './tick.ts'
import { timeframeMs } from './timeframe.ts'

/** A tick that failed is tried again after this, not after four hours. Milliseconds. */
const RETRY_MS = 5_000

export function startTicks(
  pm: Portfolio,
  timeframes: readonly string[],
  liveness?: Liveness,
): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const loops = timeframes.map((timeframe) => {
    const name = `The tick of ${timeframe}`
    const loop = liveness?.loop(name, timeframeMs(timeframe) + PATIENCE_MS)
    const running = run({ ...pm, store: beatingStore(pm.store, loop) }, timeframe, stopping.signal, loop)
    liveness?.keeps(name, running, stopping.signal)
    return running
  })
  return {
    async stop() {
      stopping.abort()
      await Promise.all(loops)
    },
  }
}

async function run(pm: Portfolio, timeframe: string, signal: AbortSignal, loop?: Loop): Promise<void> {
  const { clock, logger, metrics } = pm
  const period = timeframeMs(timeframe)
  let refused = new Set<string>()
  let failing = false
  while (!signal.aborted) {
    let wait = period
    loop?.beat()
    try {
      const result = await tick(pm, timeframe)
      for (const { position_id, reason } of result.refused)
        if (!refused.has(position_id))
          logger.error({ position_id, timeframe }, `A position cannot be closed: ${reason}`)
      refused = new Set(result.refused.map((r) => r.position_id)) // said once, until it is mended
      metrics?.refusedCloses.set({ timeframe }, refused.size)
      metrics?.ticks.inc({ timeframe, outcome: 'done' })
      failing = false
    } catch (err) {
      if (!failing) logger.warn({ err, timeframe }, `A tick failed: ${explain(err)}`)
      metrics?.ticks.inc({ timeframe, outcome: 'failed' })
      failing = true
      wait = Math.min(period, RETRY_MS)
    }
    loop?.beat()
    await clock.sleep(wait, signal)
  }
}

/** The portfolio manager: takes executions, closes positions, publishes what closed. */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { explain } from '../../core/errors.ts'
import { ensureLoopTopics } from '../../core/log/loop-topics.ts'
import type { ServiceDeps, StartService } from '../../core/service.ts'
import { OTHERS, TIMEFRAMES } from '../../domain/timeframe.ts'
import { pmMetrics, relayMetrics } from './metrics.ts'
import { createOutbox } from './outbox.ts'
import type { Portfolio } from './portfolio.ts'
import { type Relay, startRelay } from './relay.ts'
import { startRetention } from './retention.ts'
import { pmRoutes } from './routes.ts'
import { startBridge } from './sources/learning-queue.ts'
import { startTicks } from './ticks.ts'

export { type Closed, closePosition } from './close-position.ts'
export { type OpenedPosition, openPosition } from './open-position.ts'
export type { Portfolio } from './portfolio.ts'
export { type ExecutionResult, reportExecution } from './report-execution.ts'
export { type TickResult, tick } from './tick.ts'

/** A claimed row that nobody published is taken by another relay after this. Milliseconds. */
export const LEASE_MS = 30_000

/** A relay on a service's dependencies, and how the PM's functions hand rows to it. */
export function serviceRelay(deps: ServiceDeps, pollMs?: number): Relay & NonNullable<Portfolio['relay']> {
  const { config, log, store, codec, clock, logger, metrics, liveness } = deps
  const id = `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`
  const relay = startRelay({
    outbox: createOutbox(store, id, LEASE_MS),
    log,
    codec,
    clock,
    logger,
    metrics: relayMetrics(metrics),
    topic: config.topic,
    pollMs,
    liveness,
    prepare: async () => void (await ensureLoopTopics(log, config, logger)),
  })
  return { ...relay, id, leaseMs: LEASE_MS }
}

export const startPm: StartService = async (deps) => {
  const { store, clock, logger, metrics, liveness } = deps
  const relay = serviceRelay(deps)
  const pm: Portfolio = { store, clock, logger, metrics: pmMetrics(metrics), relay }
  const ticks = startTicks(pm, [...TIMEFRAMES, OTHERS], liveness)
  const bridge = startBridge(pm, undefined, liveness)
  const retention = startRetention(pm, deps.config.retention, liveness)

  return {
    name: 'pm',
    routes: (app) => pmRoutes(app, pm),
    async ready() {
      try {
        await store.rpc('strandline_pm_outbox_state', {})
      } catch (error) {
        return { ok: false, reason: explain(error) }
      }
      const failure = relay.failure()
      const reason = failure ? `Closed trades wait in the outbox: ${failure}` : (bridge.failure() ?? ticks.failure())
      return reason ? { ok: false, reason } : { ok: true }
    },
    async stop() {
      await Promise.all([ticks.stop(), bridge.stop(), retention.stop()])
      await relay.stop()
    },
  }
}

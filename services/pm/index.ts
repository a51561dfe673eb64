/** The portfolio manager: takes executions, closes positions, publishes what closed. */
import { explain } from '../../core/errors.ts'
import { systemIds } from '../../core/ids.ts'
import { ensureLoopTopics } from '../../core/log/loop-topics.ts'
import type { Service, ServiceDeps } from '../../core/service.ts'
import { createOutbox, type Outbox } from '../../core/store/outbox-store.ts'
import type { Store } from '../../core/store/store.ts'
import { OTHERS, TIMEFRAMES } from '../../domain/timeframe.ts'
import { requireKnownLog, requireOwnTopic } from './known-log.ts'
import { pmMetrics, relayMetrics } from './metrics.ts'
import { type Portfolio, type PortfolioStores, portfolioStores } from './portfolio.ts'
import { type Relay, startRelay } from './relay.ts'
import { startRetention } from './retention.ts'
import { createRetentionStore, type RetentionStore } from './retention-store.ts'
import { pmRoutes } from './routes.ts'
import { startBridge } from './sources/learning-queue.ts'
import { startTicks } from './ticks.ts'

export { type Closed, closePosition } from './close-position.ts'
export { type OpenedPosition, openPosition } from './open-position.ts'
export { type Portfolio, type PortfolioStores, portfolioStores } from './portfolio.ts'
export { type ExecutionResult, reportExecution } from './report-execution.ts'
export { type TickResult, tick } from './tick.ts'

/** A claimed row that nobody published is taken by another relay after this. Milliseconds. */
export const LEASE_MS = 30_000

export interface PmStores extends PortfolioStores {
  /** Of a relay: as createOutbox. */
  outbox(relay: string, leaseMs: number): Outbox
  /** What only grows is made small once it is old. */
  retention: RetentionStore
}

const databaseStores = (store: Store): PmStores => ({
  ...portfolioStores(store),
  outbox: (relay, leaseMs) => createOutbox(store, relay, leaseMs),
  retention: createRetentionStore(store),
})

/** A relay on a service's dependencies, and how the PM's functions hand rows to it. */
export function serviceRelay(
  deps: ServiceDeps,
  pollMs?: number,
  { outbox }: Pick<PmStores, 'outbox'> = databaseStores(deps.store),
): Relay & NonNullable<Portfolio['relay']> {
  const { config, log, codec, clock, logger, metrics, liveness, ids = systemIds } = deps
  const id = `${ids.process}/${ids.uuid().slice(0, 8)}`
  const rows = outbox(id, LEASE_MS)
  const relay = startRelay({
    outbox: rows,
    log,
    codec,
    clock,
    logger,
    metrics: relayMetrics(metrics),
    topic: config.topic,
    pollMs,
    liveness,
    async prepare() {
      const known = await requireKnownLog(log, rows, config)
      await ensureLoopTopics(log, config, logger)
      return known
    },
    check: () => requireOwnTopic(rows, config, { leave: false }),
  })
  return { ...relay, id, leaseMs: LEASE_MS }
}

/** A running PM, and what its own functions (openPosition, reportExecution, …) work on. */
export interface PmService extends Service {
  portfolio: Portfolio
}

export async function startPm(deps: ServiceDeps, stores: PmStores = databaseStores(deps.store)): Promise<PmService> {
  const { clock, logger, metrics, liveness } = deps
  const relay = serviceRelay(deps, undefined, stores)
  const outbox = stores.outbox('', 0) // to look at, not to claim
  const pm: Portfolio = { ...stores, clock, logger, metrics: pmMetrics(metrics), relay }
  const ticks = startTicks(pm, [...TIMEFRAMES, OTHERS], liveness)
  const bridge = startBridge(pm, undefined, liveness)
  const { retention: store } = stores
  const retention = startRetention({ store, clock, logger }, deps.config.retention, liveness)

  return {
    name: 'pm',
    portfolio: pm,
    routes: (app) => pmRoutes(app, pm),
    async ready() {
      try {
        await outbox.state()
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

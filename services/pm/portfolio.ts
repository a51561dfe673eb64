/** What the PM's functions need from outside. The service makes one; a command or a test makes its own. */
import type { Clock } from '../../core/clock.ts'
import type { Loop } from '../../core/liveness.ts'
import type { Logger } from '../../core/logger.ts'
import { beatingPort } from '../../core/store/beating-port.ts'
import type { OutboxRow } from '../../core/store/outbox-store.ts'
import type { Store } from '../../core/store/store.ts'
import { type BarStore, createBarStore } from './bar-store.ts'
import type { PmMetrics } from './metrics.ts'
import { createPositionStore, type PositionStore, type RelayClaim } from './position-store.ts'
import { createPostedTradeStore, type PostedTradeStore } from './posted-trade-store.ts'
import { createQueueStore, type QueueStore } from './sources/queue-store.ts'

export interface PortfolioStores {
  positions: PositionStore
  bars: BarStore
  /** Trades that a bot posts. */
  posted: PostedTradeStore
  /** Strands of others that wait to become events. */
  queue: QueueStore
}

export interface Portfolio extends PortfolioStores {
  clock: Clock
  logger: Logger
  metrics?: PmMetrics
  /** Who publishes what is closed here. Without one, a relay that polls finds it. */
  relay?: { id: string; leaseMs: number; offer(row: OutboxRow): void }
}

/** By which the database claims a new outbox row for our relay. */
export function claimOf({ relay }: Portfolio): RelayClaim {
  return { relay: relay?.id ?? null, leaseMs: relay?.leaseMs ?? 0 }
}

/** Over the database's functions. */
export const portfolioStores = (store: Store): PortfolioStores => ({
  positions: createPositionStore(store),
  bars: createBarStore(store),
  posted: createPostedTradeStore(store),
  queue: createQueueStore(store),
})

/** Every answer of the database is a sign of life of a loop. */
export const withBeats = (pm: Portfolio, loop: Loop | undefined): Portfolio => ({
  ...pm,
  positions: beatingPort(pm.positions, loop),
  bars: beatingPort(pm.bars, loop),
  queue: beatingPort(pm.queue, loop),
})

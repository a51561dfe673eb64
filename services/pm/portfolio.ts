/** What the PM's functions need from outside. The service makes one; a command or a test makes its own. */
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import type { Store } from '../../core/store/store.ts'
import type { PmMetrics } from './metrics.ts'
import type { OutboxRow } from './outbox.ts'

export interface Portfolio {
  store: Store
  clock: Clock
  logger: Logger
  metrics?: PmMetrics
  /** Who publishes what is closed here. Without one, a relay that polls finds it. */
  relay?: { id: string; leaseMs: number; offer(row: OutboxRow): void }
}

/** The two arguments by which the database claims a new outbox row for our relay. */
export function claimArgs({ relay }: Portfolio): { p_relay: string | null; p_lease_ms: number } {
  return { p_relay: relay?.id ?? null, p_lease_ms: relay?.leaseMs ?? 0 }
}

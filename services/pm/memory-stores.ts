/** All that the PM needs of a database, in memory. */
import type { MemoryDatabase } from '../../core/store/memory/database.ts'
import type { PmStores } from './index.ts'
import { createMemoryBars } from './memory-bars.ts'
import { createMemoryOutbox } from './memory-outbox.ts'
import { createMemoryPositions } from './memory-positions.ts'
import { createMemoryPostedTrades } from './memory-posted-trades.ts'
import { createMemoryRetention } from './memory-retention.ts'
import { createMemoryQueue } from './sources/memory-queue.ts'

export const createMemoryPmStores = (db: MemoryDatabase): PmStores => ({
  positions: createMemoryPositions(db),
  bars: createMemoryBars(db),
  posted: createMemoryPostedTrades(db),
  queue: createMemoryQueue(db),
  outbox: (relay, leaseMs) => createMemoryOutbox(db, relay, leaseMs),
  retention: createMemoryRetention(db),
})

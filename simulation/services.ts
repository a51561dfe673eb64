/** The real services, each over the memory stores, every call of which travels. */
import { PROJECTOR_CONSUMER } from '../core/runner/consumer-names.ts'
import type { Service, ServiceDeps } from '../core/service.ts'
import { createMemoryCheckpoints } from '../core/store/memory/checkpoints.ts'
import type { MemoryDatabase } from '../core/store/memory/database.ts'
import type { DecayedSums } from '../domain/learning/sums.ts'
import { tableOf } from '../domain/learning/sums-table.ts'
import type { Trade } from '../domain/learning/trade.ts'
import { selectionOf } from '../domain/learning/trade-table.ts'
import type { DirtySums, LearnerCommit } from '../services/learner/commit.ts'
import { startLearner } from '../services/learner/index.ts'
import type { LearnerStore } from '../services/learner/learner-store.ts'
import { createMemoryLearnerStores } from '../services/learner/memory-stores.ts'
import { type PmService, startPm } from '../services/pm/index.ts'
import { createMemoryPmStores } from '../services/pm/memory-stores.ts'
import { startProjector } from '../services/projector/index.ts'
import { createMemoryStrands } from '../services/projector/memory-strands.ts'
import { type Call, remote } from './network.ts'

export interface Surroundings {
  deps: ServiceDeps
  db: MemoryDatabase
  call: Call
  /** Hears of every commit of a consumer. */
  committed(): void
}

/** By the beginning of its machine's name. */
export function startService(name: string, surroundings: Surroundings): Promise<Service | PmService> {
  if (name.startsWith('pm')) return pm(surroundings)
  return name.startsWith('learner') ? learner(surroundings) : projector(surroundings)
}

function pm({ deps, db, call }: Surroundings): Promise<PmService> {
  const stores = createMemoryPmStores(db)
  return startPm(deps, {
    positions: remote(call, 'positions', stores.positions),
    bars: remote(call, 'bars', stores.bars),
    posted: remote(call, 'posted', stores.posted),
    queue: remote(call, 'queue', stores.queue),
    outbox: (relay, leaseMs) => remote(call, 'outbox', stores.outbox(relay, leaseMs)),
    retention: remote(call, 'retention', stores.retention),
  })
}

function learner({ deps, db, call, committed }: Surroundings): Promise<Service> {
  const stores = createMemoryLearnerStores(db, deps.config.topic, false)
  const travelling = {
    checkpoints: remote(call, 'checkpoints', stores.checkpoints),
    versions: remote(call, 'versions', stores.versions),
    letters: remote(call, 'letters', stores.letters),
    learner: (...of: Parameters<typeof stores.learner>) => sent(call, counting(stores.learner(...of), committed)),
  }
  return startLearner(deps, {}, travelling)
}

/** Rows of tables are sent as what is in them. */
function sent(call: Call, store: LearnerStore): LearnerStore {
  type Sent = Omit<LearnerCommit, 'fresh' | 'dirty'> & {
    fresh: Trade[]
    dirty: (Omit<DirtySums, 'table' | 'row'> & { sums: DecayedSums })[]
  }
  const travelling = remote(call, 'learner', {
    ...store,
    commit: ({ fresh, dirty, ...c }: Sent) =>
      store.commit({
        ...c,
        fresh: selectionOf(fresh),
        dirty: dirty.map(({ sums, ...d }) => ({ ...d, ...tableOf(sums) })),
      }),
  })
  return {
    ...travelling,
    commit: ({ fresh, dirty, ...c }) =>
      travelling.commit({
        ...c,
        fresh: fresh.rows.map((row) => fresh.table.read(row)),
        dirty: dirty.map(({ table, row, ...d }) => ({ ...d, sums: table.read(row) })),
      }),
  }
}

function projector({ deps, db, call, committed }: Surroundings): Promise<Service> {
  return startProjector(deps, {
    checkpoints: remote(call, 'checkpoints', createMemoryCheckpoints(db)),
    strands: remote(call, 'strands', counting(createMemoryStrands(db, PROJECTOR_CONSUMER, false), committed)),
  })
}

function counting<Commit, Store extends { commit(c: Commit): Promise<{ status: string }> }>(
  store: Store,
  committed: () => void,
): Store {
  return {
    ...store,
    async commit(c: Commit) {
      const answer = await store.commit(c)
      if (answer.status === 'ok') committed()
      return answer
    },
  }
}

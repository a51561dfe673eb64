/** The loop over the memory adapters, without any engine: from a reported exit to coefficients and strands, each trade once, also after a crash of the database. */
import { expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { createDecoder } from '../../core/codec/decoder.ts'
import { positionClosedType } from '../../core/codec/position-closed-codec.ts'
import { loadModel } from '../../core/load-model.ts'
import { PROJECTOR_CONSUMER } from '../../core/runner/consumer-names.ts'
import { createPartitionRunner } from '../../core/runner/partition-runner.ts'
import { readAllCoefficients } from '../../core/store/learned.ts'
import { createMemoryCheckpoints } from '../../core/store/memory/checkpoints.ts'
import { createMemoryCoefficients } from '../../core/store/memory/coefficients.ts'
import { createMemoryDatabase, type MemoryDatabase } from '../../core/store/memory/database.ts'
import { countStrands } from '../../core/store/memory/strands.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { createOfflineFold } from '../../domain/learning/offline.ts'
import { createMemoryLearnerStores } from '../../services/learner/memory-stores.ts'
import { openPosition, type Portfolio, reportExecution } from '../../services/pm/index.ts'
import { insertBar } from '../../services/pm/memory-bars.ts'
import { createMemoryPmStores } from '../../services/pm/memory-stores.ts'
import { startRelay } from '../../services/pm/relay.ts'
import { createMemoryStrands } from '../../services/projector/memory-strands.ts'
import { createProjection } from '../../services/projector/projection.ts'
import { createFeed, recordsOf } from '../support/feed.ts'
import { createTestLearner, TOPIC } from '../support/learner.ts'
import { createMemoryLog } from '../support/memory-log.ts'
import { at, fullExit, logger, T0, testCodec } from '../support/pm.ts'

const TRADES = 40
const model = loadModel('lowcap-v4')
const registry = { register: async () => 1, writerType: async () => positionClosedType }

/** Trades that are closed and published. */
async function published(db: MemoryDatabase) {
  const log = createMemoryLog()
  const stores = createMemoryPmStores(db)
  const relay = { id: 'r', leaseMs: 60_000 }
  const running = startRelay({
    outbox: stores.outbox(relay.id, relay.leaseMs),
    log,
    codec: testCodec,
    clock: systemClock,
    logger,
    topic: TOPIC,
    pollMs: 3_600_000,
  })
  const pm: Portfolio = { ...stores, clock: systemClock, logger, relay: { ...relay, offer: running.offer } }
  const events: PositionClosed[] = []
  for (let i = 0; i < TRADES; i++) {
    const id = `p${i}`
    const token = { token_chain: 'base', token_contract: `0x${id}` }
    await openPosition(pm, { id, ...token, timeframe: '15m', entry_context: { curator: `c${i % 3}` } })
    const bar = {
      token_contract: `0x${id}`,
      chain: 'base',
      timeframe: '15m',
      start: T0,
      low_usd: 90,
      high_usd: 120 + i,
    }
    db.transaction(() => insertBar(db, bar))
    await reportExecution(pm, id, { id: `${id}-buy`, kind: 'buy', quantity: 10, price: 100, executed_at: at(0) })
    const { closed } = await reportExecution(pm, id, fullExit(id, { price: 100 + i }))
    events.push(closed as PositionClosed)
  }
  await running.stop()
  return { events, log }
}

test('every trade counts once in coefficients and strands, also when the newest commits are lost and the log is read again', async () => {
  const db = createMemoryDatabase()
  const { events, log } = await published(db)
  expect(new Set(events.map((e) => e.event_id)).size).toBe(TRADES)
  expect(await createMemoryPmStores(db).outbox('r', 0).state()).toMatchObject({ depth: 0 })
  const records = recordsOf(
    log.records.map(({ key, value }) => ({ key: key === null ? null : String(key), value: value as Buffer })),
  )
  const learn = async (upTo: number) => {
    const store = createMemoryLearnerStores(db, TOPIC, false)
    const { runner } = await createTestLearner({ store, model, registry, maxChunk: 7 })
    await createFeed(TOPIC, 0, records.slice(0, upTo)).run(runner)
  }
  const project = () =>
    createFeed(TOPIC, 0, records).run(
      createPartitionRunner({
        consumer: PROJECTOR_CONSUMER,
        topic: TOPIC,
        holder: 'test',
        checkpoints: createMemoryCheckpoints(db),
        log: {
          offsets: async () => [{ partition: 0, start: 0, end: records.length }],
          topicId: async () => null,
          recordsAt: async () => new Map(),
        },
        clock: systemClock,
        logger,
        processor: createProjection(
          createMemoryStrands(db, PROJECTOR_CONSUMER, false),
          createDecoder<PositionClosed>(registry, positionClosedType),
        ),
        maxChunk: 7,
      }),
    )
  await learn(20)
  expect(db.crash()).toBe(3) // three chunks of at most seven records
  await learn(records.length)
  await learn(records.length)
  await project()
  expect(db.crash()).toBeGreaterThan(0) // they come again
  await learn(records.length)
  await project()

  const fold = createOfflineFold(model)
  await fold.add(events)
  const rows = await readAllCoefficients(createMemoryCoefficients(db))
  expect(rows).toEqual(fold.result().coefficients.map((c) => ({ ...c, ...close(c) })))
  expect(countStrands(db)).toEqual({ events: TRADES, rows: TRADES, voided: 0, adopted: 0 })
})

const close = ({ rr_short, rr_long, weight }: { rr_short: number; rr_long: number; weight: number }) => ({
  rr_short: expect.closeTo(rr_short, 9),
  rr_long: expect.closeTo(rr_long, 9),
  weight: expect.closeTo(weight, 9),
})

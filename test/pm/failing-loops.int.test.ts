/** What the PM says of a loop of its own that does not do its work. */
import { Registry } from 'prom-client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../core/clock.ts'
import type { ServiceDeps } from '../../core/service.ts'
import type { Store } from '../../core/store/store.ts'
import { type Portfolio, portfolioStores, startPm } from '../../services/pm/index.ts'
import { startBridge } from '../../services/pm/sources/learning-queue.ts'
import { startTicks } from '../../services/pm/ticks.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createMemoryLog } from '../support/memory-log.ts'
import { logger, testCodec, testPortfolio, until } from '../support/pm.ts'

let db: TestDatabase
let pm: Portfolio
beforeAll(async () => {
  db = await createTestDatabase()
  pm = testPortfolio(db)
})
afterAll(() => db.drop())

describe('a loop that keeps failing', () => {
  let fails = true
  beforeEach(() => {
    fails = true
  })
  const failing = (fn: string): Store => ({
    rpc: (name, args) =>
      name === fn && fails ? Promise.reject(new Error('no such column')) : db.store.rpc(name, args),
  })
  const broken = (fn: string): Portfolio => ({ ...pm, ...portfolioStores(failing(fn)) })

  test('says since when and why: the bridge, the tick', async () => {
    const bridge = startBridge(broken('strandline_bridge_page'), 10)
    await until(
      async () => bridge.failure(),
      (f) => f !== undefined,
    )
    expect(bridge.failure()).toMatch(/^The bridge from learning_queue has failed since 2\S+Z: no such column$/)
    fails = false
    await until(
      async () => bridge.failure(),
      (f) => f === undefined,
    )
    await bridge.stop()

    fails = true
    const ticks = startTicks(broken('strandline_pm_flat_trades'), ['15m'])
    await until(
      async () => ticks.failure(),
      (f) => f !== undefined,
    )
    expect(ticks.failure()).toMatch(/^The tick of 15m has failed since 2\S+Z: no such column$/)
    await ticks.stop()
  })

  test('makes the PM not ready', async () => {
    const clock: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 50), signal) }
    const deps = {
      config: { topic: 'closed', deadLetterTopic: 'dead', partitions: 1, retention: { outboxDays: null, days: null } },
      log: createMemoryLog(),
      store: failing('strandline_bridge_page'),
      codec: testCodec,
      clock,
      logger,
      metrics: new Registry(),
    } as unknown as ServiceDeps
    const service = await startPm(deps)
    const state = await until(
      () => service.ready(),
      (r) => !r.ok,
    )
    expect(state.reason).toContain('The bridge from learning_queue has failed since')
    await service.stop()
  })
})

/** Containers killed under load: the broker and the database each lose power while trades close. Nothing is lost, nothing counts twice. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { readAll } from '../../core/log/read-all.ts'
import { createCoefficientStore } from '../../core/store/coefficient-store.ts'
import { readAllCoefficients } from '../../core/store/learned.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { createOfflineFold } from '../../domain/learning/offline.ts'
import { actOnEngine } from '../support/ask-engine.ts'
import { type Loop, startLoop } from '../support/loop.ts'
import { closeTrade, insertPaths, someTrades } from '../support/trades.ts'

let loop: Loop
beforeAll(async () => {
  loop = await startLoop()
})
afterAll(() => loop?.stop())

const COUNT = 240

async function count(what: string): Promise<number> {
  return Number((await loop.db.sql<{ n: string }>(`select count(*) as n from ${what}`))[0]?.n)
}

describe('killed containers', () => {
  test('broker, database and broker again: every trade is in the log, the ledger, the strands and the coefficients once', async () => {
    const trades = someTrades(COUNT, 'crash')
    await insertPaths(loop.db.store, trades)
    const closing = (async () => {
      for (const trade of trades) {
        await closeTrade(loop.post, trade)
        await sleep(20)
      }
    })()
    for (const engine of ['kafka', 'postgres', 'kafka'] as const) {
      await sleep(1_500)
      await actOnEngine(engine, 'crash')
    }
    await closing

    const patient = { interval: 500 }
    await expect.poll(() => count('pm_outbox where published_at is null').catch(() => -1), patient).toBe(0)
    await expect.poll(() => count('learner_ledger').catch(() => -1), patient).toBe(COUNT)
    await expect.poll(() => count('position_closed_strands').catch(() => -1), patient).toBe(COUNT)

    // What must be learned, from the topic itself.
    const inLog = new Set<string>()
    const fold = createOfflineFold(loadModel('lowcap-v4'))
    await readAll(loop.deps.log, loop.deps.config.topic, async (record, partition) => {
      const event: PositionClosed = await loop.deps.codec.decode(record.value as Buffer)
      inLog.add(event.event_id)
      expect(await fold.add([event], partition)).toEqual([])
    })
    const learned = await readAllCoefficients(createCoefficientStore(loop.db.store))
    const audit = {
      closed: await count(`lowcap_positions where status = 'watchlist'`),
      in_log: inLog.size,
      in_ledger: await count('(select distinct event_id from learner_ledger) x'),
      in_ad_strands: await count('(select distinct position_id from position_closed_strands) x'),
    }
    expect(audit).toEqual({ closed: COUNT, in_log: COUNT, in_ledger: COUNT, in_ad_strands: COUNT })
    const expected = fold.result()
    expect(learned.map((c) => [c.name, c.key, c.n])).toEqual(expected.coefficients.map((c) => [c.name, c.key, c.n]))
    for (const [i, row] of expected.coefficients.entries()) {
      expect(learned[i]?.rr_short).toBeCloseTo(row.rr_short, 9)
      expect(learned[i]?.rr_long).toBeCloseTo(row.rr_long, 9)
      expect(learned[i]?.weight).toBeCloseTo(row.weight, 9)
    }
    expect(expected.global_rr.n).toBe(COUNT)
  })
})

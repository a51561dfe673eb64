import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { createStage, type Stage } from '../support/kafka-learner.ts'
import { emptyLearner, expectClose, folded, learned } from '../support/learned.ts'
import { until } from '../support/pm.ts'

let db: TestDatabase
let kafka: TestKafka
const model = loadModel('lowcap-v4')
beforeAll(async () => {
  ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
})
afterAll(async () => {
  await kafka.close()
  await db.drop()
})
beforeEach(() => emptyLearner(db))

const trades = (prefix: string, count: number): PositionClosed[] =>
  Array.from({ length: count }, (_, i) => closedTrade({ position_id: `${prefix}${i}`, rr: (i % 7) - 2 }))

/** One transaction of a producer that uses them, to its control record, which the broker writes behind the producer's back. */
async function transaction(stage: Stage, events: PositionClosed[], outcome: 'commit' | 'abort'): Promise<void> {
  const producer = kafka.client.producer({
    transactionalId: kafka.name('tx'),
    maxInFlightRequests: 1,
    idempotent: true,
  })
  const end = async () => (await kafka.log.offsets(stage.topic))[0]!.end
  const before = await end()
  await producer.connect()
  const tx = await producer.transaction()
  await tx.send({ topic: stage.topic, messages: await stage.records(events) })
  await tx[outcome]()
  await producer.disconnect()
  await expect.poll(end).toBe(before + events.length + 1)
}

describe('events of a transactional producer', () => {
  it('count when they are committed, never when they are aborted, and the control records are passed over', async () => {
    const stage = await createStage(db, kafka)
    const learner = await stage.start()
    await transaction(stage, trades('a', 5), 'commit')
    await transaction(stage, trades('b', 5), 'abort')
    await transaction(stage, trades('c', 3), 'commit')
    await stage.caughtUp()
    await learner.stop()
    expectClose(await learned(db), await folded(model, [[...trades('a', 5), ...trades('c', 3)]]))
    expect(await stage.checkpoints()).toEqual([{ partition: 0, checkpoint: 16, group: 16 }])
  })

  it('that were aborted in numbers, more than one request brings, do not stop what follows', async () => {
    const stage = await createStage(db, kafka)
    await stage.publish(trades('a', 2))
    for (let i = 0; i < 3; i++) await transaction(stage, trades(`b${i}-`, 400).map(large), 'abort')
    await stage.publish(trades('c', 2))
    const learner = await stage.start({ maxChunk: 1 })
    await stage.caughtUp()
    await learner.stop()
    expectClose(await learned(db), await folded(model, [[...trades('a', 2), ...trades('c', 2)]]))
  })

  it('that were aborted while we read do not stop what follows', async () => {
    const stage = await createStage(db, kafka)
    const learner = await stage.start()
    const applied: PositionClosed[] = []
    for (let i = 0; i < 3; i++) {
      const [before, after] = [trades(`a${i}-`, 2), trades(`c${i}-`, 2)]
      await stage.publish(before)
      await stage.caughtUp()
      await transaction(stage, trades(`b${i}-`, 2), 'abort')
      await sleep(400) // long enough for a request that brings nothing but aborted events
      await stage.publish(after)
      await stage.caughtUp()
      applied.push(...before, ...after)
    }
    await learner.stop()
    expectClose(await learned(db), await folded(model, [applied]))
  })

  it('regression: that were aborted at the very end do not hold back the checkpoint, and all who wait for it are done', async () => {
    const stage = await createStage(db, kafka)
    await stage.publish(trades('a', 2))
    await transaction(stage, trades('b', 3), 'abort')
    const learner = await stage.start()
    await stage.caughtUp()
    expect(await stage.checkpoints()).toMatchObject([{ partition: 0, checkpoint: 6 }])
    await transaction(stage, trades('c', 3), 'abort')
    await stage.caughtUp()
    await stage.publish(trades('d', 1))
    await stage.caughtUp()
    await learner.stop()
    expect(await stage.checkpoints()).toEqual([{ partition: 0, checkpoint: 11, group: 11 }])
    expectClose(await learned(db), await folded(model, [[...trades('a', 2), ...trades('d', 1)]]))
  })

  it('regression: alone in a partition are passed, and an import that waits for the end of the log is done', async () => {
    const stage = await createStage(db, kafka)
    await transaction(stage, trades('a', 3), 'abort')
    expect(await stage.catchUp()).toMatchObject({ records: 4 })
    expect((await learned(db)).global_rr.n).toBe(0)
  })

  it('regression: that are still open are not called learned by an import', async () => {
    const stage = await createStage(db, kafka)
    const producer = kafka.client.producer({
      transactionalId: kafka.name('tx'),
      maxInFlightRequests: 1,
      idempotent: true,
    })
    await producer.connect()
    const tx = await producer.transaction()
    await tx.send({ topic: stage.topic, messages: await stage.records(trades('a', 1)) })
    await stage.publish(trades('b', 1))
    const said: string[] = []
    let done = false
    const waiting = stage
      .catchUp((sentence) => said.push(sentence))
      .then(() => {
        done = true
      })
    await until(
      async () => said,
      (all) => all.some((s) => s.includes('transaction is open')),
    )
    expect(done).toBe(false)
    await tx.commit()
    await waiting
    await producer.disconnect()
    expect((await learned(db)).global_rr.n).toBe(2)
  })

  it('that are still open hold back what follows, until they are done', async () => {
    const stage = await createStage(db, kafka)
    const producer = kafka.client.producer({
      transactionalId: kafka.name('tx'),
      maxInFlightRequests: 1,
      idempotent: true,
    })
    await producer.connect()
    const tx = await producer.transaction()
    await tx.send({ topic: stage.topic, messages: await stage.records(trades('a', 1)) })
    await stage.publish(trades('b', 1))
    const learner = await stage.start()
    await sleep(1_000)
    expect((await learned(db)).global_rr.n).toBe(0)
    await tx.commit()
    await stage.caughtUp()
    await producer.disconnect()
    await learner.stop()
    expect((await learned(db)).global_rr.n).toBe(2)
  })
})

/** An event of 20 kB. */
const large = (event: PositionClosed): PositionClosed => ({
  ...event,
  regime_context: { note: 'x'.repeat(20_000) },
})

import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { createStage, type Stage } from '../support/kafka-learner.ts'
import { expectClose, folded, learned } from '../support/learned.ts'

// The topic is not to be compacted: it would lose the earlier trades of a checkpoint. But where someone set it so, reading must not end at a hole.

let db: TestDatabase
let kafka: TestKafka
beforeAll(async () => {
  ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
})
afterAll(async () => {
  await kafka.close()
  await db.drop()
})

const trade = (position_id: string, trade_id: string) => closedTrade({ position_id, trade_id })

/** Offsets that the log still has. */
async function offsetsOf(stage: Stage): Promise<number[]> {
  const consumer = kafka.client.consumer({ groupId: kafka.name() })
  const offsets: number[] = []
  await consumer.connect()
  await consumer.subscribe({ topic: stage.topic, fromBeginning: true })
  await consumer.run({ eachMessage: async ({ message }) => void offsets.push(Number(message.offset)) })
  await sleep(1_500)
  await consumer.disconnect()
  return offsets
}

it('a compacted log is learned across its holes', async () => {
  // Given a log of which the cleaner has taken the first record of all, and some in the middle
  const stage = await createStage(db, kafka, {
    config: {
      'cleanup.policy': 'compact',
      'segment.ms': '300',
      'min.cleanable.dirty.ratio': '0.001',
      'max.compaction.lag.ms': '500',
    },
  })
  const batches = [
    [trade('p', '1')],
    [trade('q', '1'), trade('p', '2')],
    [trade('q', '2'), trade('p', '3'), trade('r', '1')],
    [trade('s', '1')],
  ]
  for (const batch of batches) {
    await stage.publish(batch)
    await sleep(400) // then the next batch begins a new segment, and this one can be cleaned
  }
  const all = batches.flat()
  let left: number[] = []
  do left = await offsetsOf(stage)
  while (left.length === all.length)
  expect(left).not.toContain(0)

  // When it is learned
  const learner = await stage.start({ config: { acceptLogSettings: true } })
  await stage.caughtUp()
  await learner.stop()

  // Then what is left of it counts
  const events = left.map((offset) => all[offset] as PositionClosed)
  expectClose(await learned(db), await folded(loadModel('lowcap-v4'), [events]))
})

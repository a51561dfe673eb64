import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import type { Service } from '../../core/service.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { createStage, type Stage } from '../support/kafka-learner.ts'
import { bits, emptyLearner, expectClose, folded, learned } from '../support/learned.ts'
import { learnerGroup } from '../support/learner-group.ts'
import { until } from '../support/pm.ts'

let db: TestDatabase
let kafka: TestKafka
const model = loadModel('lowcap-v4')
const group = learnerGroup('lowcap-v4')
beforeAll(async () => {
  ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
})
afterAll(async () => {
  await kafka.close()
  await db.drop()
})
beforeEach(() => emptyLearner(db))

const trades = (from: number, count: number): PositionClosed[] =>
  Array.from({ length: count }, (_, i) => closedTrade({ position_id: `p${from + i}`, rr: ((from + i) % 7) - 2 }))

async function learnAll(stage: Stage): Promise<void> {
  const learner = await stage.start({ maxChunk: 3 })
  await stage.caughtUp()
  await learner.stop()
}

async function setGroup(stage: Stage, offset: string): Promise<void> {
  const admin = kafka.client.admin()
  await admin.connect()
  await admin.setOffsets({ groupId: group, topic: stage.topic, partitions: [{ partition: 0, offset }] })
  await admin.disconnect()
}

async function deleteBelow(stage: Stage, offset: string): Promise<void> {
  const admin = kafka.client.admin()
  await admin.connect()
  await admin.fetchTopicOffsets(stage.topic) // which tells it where the topic lies
  await admin.deleteTopicRecords({ topic: stage.topic, partitions: [{ partition: 0, offset }] })
  await admin.disconnect()
}

/** What the operator is told to type where the beginning of the log is gone. */
function acceptedLoss(topic: string, start: number): string {
  const text = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')
  const found = /^ {4}update strandline\.consumer_checkpoints set checkpoint = 6, .*;$/m.exec(text)?.[0]
  if (!found) throw new Error('docs/operations.md has no such statement')
  return found.replaceAll('pm.position-closed.v1', topic).replaceAll(/\b6\b/g, String(start))
}

/** The reason why the learner is not ready. */
async function reasonOf(learner: Service): Promise<string> {
  const { reason } = await until(
    async () => learner.ready(),
    (now) => /records are gone|not the log/.test(now.reason ?? ''),
  )
  return reason as string
}

describe("the group's offset", () => {
  it('moved back makes the learner read again, which changes no bit', async () => {
    const stage = await createStage(db, kafka)
    await stage.publish(trades(0, 10))
    await learnAll(stage)
    const before = await bits(db)
    await setGroup(stage, '2')
    const learner = await stage.start({ maxChunk: 3 })
    await expect.poll(async () => (await stage.checkpoints())[0]?.group).toBe(10)
    await learner.stop()
    expect(await bits(db)).toEqual(before)
    expect((await stage.checkpoints())[0]).toMatchObject({ checkpoint: 10, group: 10 })
    expect(await db.sql('select count(*)::int as n from learner_ledger')).toEqual([{ n: 10 }])
  })

  it.each([
    ['ahead of the database', '7'],
    ['at the end of the log', '10'],
    ['reset to the latest', '-1'],
    ['reset to the earliest', '-2'],
  ])('%s hides nothing: the learner starts at its own checkpoint', async (_, offset) => {
    const stage = await createStage(db, kafka)
    await stage.publish(trades(0, 10))
    await setGroup(stage, offset)
    await learnAll(stage)
    expectClose(await learned(db), await folded(model, [trades(0, 10)]))
    expect((await stage.checkpoints())[0]).toMatchObject({ checkpoint: 10, group: 10 })
  })

  it('ahead of a database that was restored from a backup is put right, and what is missing is learned again', async () => {
    const stage = await createStage(db, kafka)
    await stage.publish(trades(0, 6))
    await learnAll(stage)
    const tables = ['learner_ledger', 'learner_partials', 'consumer_checkpoints']
    for (const t of tables) await db.sql(`create table backup_${t} as table ${t}`)
    await stage.publish(trades(6, 6))
    await learnAll(stage)
    for (const t of tables) {
      await db.sql(`truncate ${t}`)
      await db.sql(`insert into ${t} select * from backup_${t}`)
      await db.sql(`drop table backup_${t}`)
    }
    expect((await stage.checkpoints())[0]).toMatchObject({ checkpoint: 6, group: 12 })
    await learnAll(stage)
    expectClose(await learned(db), await folded(model, [trades(0, 12)]))
    expect((await stage.checkpoints())[0]).toMatchObject({ checkpoint: 12, group: 12 })
  })

  it('regression: an older state restored under a running learner is noticed, though nothing comes that it would read', async () => {
    const stage = await createStage(db, kafka)
    await stage.publish(trades(0, 6))
    const learner = await stage.start({ maxChunk: 3 })
    await stage.caughtUp()
    const tables = ['learner_ledger', 'learner_partials', 'consumer_checkpoints']
    for (const t of tables) await db.sql(`create table backup_${t} as table ${t}`)
    await stage.publish(trades(6, 6))
    await stage.caughtUp()
    await db.sql(
      tables
        .map((t) => `delete from ${t}; insert into ${t} select * from backup_${t}; drop table backup_${t}`)
        .join(';'),
    )
    await stage.caughtUp()
    await learner.stop()
    expectClose(await learned(db), await folded(model, [trades(0, 12)]))
    expect(await db.sql('select count(*)::int as n from learner_ledger')).toEqual([{ n: 12 }])
  })

  it('does not matter when the state was thrown away: everything is learned again', async () => {
    const stage = await createStage(db, kafka)
    await stage.publish(trades(0, 8))
    await learnAll(stage)
    const before = await bits(db)
    await emptyLearner(db)
    await learnAll(stage)
    expect(await bits(db)).toEqual(before)
  })
})

describe('a log that lost what the learner needs', () => {
  it('stops it with a clear sentence, when its beginning was deleted', async () => {
    const stage = await createStage(db, kafka)
    await stage.publish(trades(0, 4))
    await learnAll(stage)
    await stage.publish(trades(4, 4))
    await deleteBelow(stage, '6')
    const learner = await stage.start()
    expect(await reasonOf(learner)).toContain(`${stage.topic}/0 starts at offset 6, but learner/lowcap-v4/`)
    await learner.stop()
    expect((await learned(db)).global_rr.n).toBe(4)
  })

  it('goes on where the log starts once the operator has accepted the loss, by the statement of docs/operations.md', async () => {
    const stage = await createStage(db, kafka)
    await stage.publish(trades(0, 4))
    await learnAll(stage)
    await stage.publish(trades(4, 4))
    await deleteBelow(stage, '6')
    const before = await stage.checkpoints()
    await db.sql(acceptedLoss('another-topic', 6))
    await db.sql(acceptedLoss(stage.topic, 3)) // it stands behind that
    expect(await stage.checkpoints()).toEqual(before)
    await db.sql(acceptedLoss(stage.topic, 6))
    await learnAll(stage)
    expectClose(await learned(db), await folded(model, [[...trades(0, 4), ...trades(6, 2)]]))
    expect((await stage.checkpoints())[0]?.checkpoint).toBe(8)
  })

  it('stops it when it is another log with the same name', async () => {
    const own = await createTestKafka() // kafkajs' admin is of no use once a topic that it knows is gone
    const stage = await createStage(db, own)
    await stage.publish(trades(0, 9))
    await learnAll(stage)
    const admin = kafka.client.admin()
    await admin.connect()
    await admin.deleteTopics({ topics: [stage.topic] })
    await admin.disconnect()
    await kafka.log.ensureTopics([{ topic: stage.topic, partitions: 1 }])
    await stage.publish(trades(0, 3))
    const learner = await stage.start()
    expect(await reasonOf(learner)).toMatch(
      /ends at offset 3, but .* stands at 9: this is not the log that the database knows/,
    )
    await learner.stop()
    await own.close()
  })

  it('does not stop it when only what it has learned is gone', async () => {
    const stage = await createStage(db, kafka)
    await stage.publish(trades(0, 4))
    await learnAll(stage)
    await stage.publish(trades(4, 4))
    await deleteBelow(stage, '4')
    await learnAll(stage)
    expectClose(await learned(db), await folded(model, [trades(0, 8)]))
  })
})

/** Four learner processes on twelve partitions, one of them killed (SIGKILL) every ten seconds while trades keep coming. */
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { eventStream } from '../../bench/generate.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import { readConfig } from '../../core/config.ts'
import { loadModel } from '../../core/load-model.ts'
import { createKafkaLog } from '../../core/log/kafka-log.ts'
import { readAll } from '../../core/log/read-all.ts'
import { createOfflineFold } from '../../domain/learning/offline.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { expectClose, learned } from '../support/learned.ts'
import { learnerGroup } from '../support/learner-group.ts'
import { PATIENT } from '../support/patience.ts'
import { type RunningCommand, startCommand } from '../support/strandline.ts'

const PARTITIONS = 12
const LEARNERS = 4
const KILLS = 3
const KILL_EVERY_MS = 10_000
const PER_SECOND = 200

let db: TestDatabase
let kafka: TestKafka
let env: Record<string, string>
const running = new Set<RunningCommand>()
beforeAll(async () => {
  ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
  env = {
    KAFKA_BROKERS: kafka.brokers,
    SCHEMA_REGISTRY_URL: kafka.registryUrl,
    ...db.env,
    STRANDLINE_TOPIC: await kafka.createTopic({ partitions: PARTITIONS }),
    STRANDLINE_DEAD_LETTER_TOPIC: await kafka.createTopic(),
  }
})
afterAll(async () => {
  for (const learner of running) learner.child.kill('SIGKILL')
  await Promise.all([...running].map((l) => l.ended))
  await kafka?.close()
  await db?.drop()
})

function startOne(): RunningCommand {
  const learner = startCommand(['learner', '--port', '0'], { env })
  running.add(learner)
  void learner.ended.then(() => running.delete(learner))
  return learner
}

test('lag returns to 0, and the topic itself, folded again, agrees with every coefficient', async () => {
  const config = readConfig(env)
  const log = createKafkaLog(config, pino({ level: 'silent' }))
  const codec = createCodec(config)
  const learners = Array.from({ length: LEARNERS }, startOne)
  let producing = true
  let sent = 0
  const producer = (async () => {
    const events = eventStream(1_000_000, 'few', 11, Date.now() - 60_000)
    while (producing) {
      const batch = Array.from({ length: PER_SECOND / 10 }, () => events.next().value!)
      // every tenth is published twice: what a relay does that died before it marked its row
      const doubled = [...batch, ...batch.filter((_, i) => i % 10 === 0)]
      await log.produce(
        config.topic,
        await Promise.all(doubled.map(async (e) => ({ key: e.position_id, value: await codec.encode(e) }))),
      )
      sent += batch.length
      await sleep(100)
    }
  })()
  // the first kill hits a learner at work, not one that is starting
  await vi.waitFor(async () => expect(await db.sql('select 1 from learner_ledger limit 1')).toHaveLength(1), PATIENT)
  for (let i = 0; i < KILLS; i++) {
    await sleep(KILL_EVERY_MS)
    learners[i % LEARNERS]!.child.kill('SIGKILL')
    learners[i % LEARNERS] = startOne()
  }
  await sleep(KILL_EVERY_MS)
  producing = false
  await producer

  const group = learnerGroup(config.model)
  await vi.waitFor(async () => {
    const committed = await log.committed(group, config.topic)
    const behind = (await log.offsets(config.topic)).filter(
      (o) => o.end > 0 && (committed.get(o.partition) ?? 0) < o.end,
    )
    expect(behind).toEqual([])
  }, PATIENT)
  const fold = createOfflineFold(loadModel(config.model))
  await readAll(log, config.topic, async (record, partition) => {
    await fold.add([await codec.decode(record.value as Buffer)], partition)
  })
  const expected = fold.result()
  expect(expected.global_rr.n).toBe(sent)
  expectClose(await learned(db), expected)
  const claims = await db.sql<{ epoch: string }>('select max(epoch) as epoch from consumer_checkpoints')
  expect(Number(claims[0]?.epoch)).toBeGreaterThan(1) // partitions did change hands
  await log.close()
})

/** A history that is followed is at each moment what a new reading of the log gives. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../core/clock.ts'
import { DecodeError } from '../../core/codec/codec.ts'
import { StrandlineError } from '../../core/errors.ts'
import { loadModel } from '../../core/load-model.ts'
import { coefficientsAt } from '../../domain/history/coefficients-at.ts'
import type { TradeHistory } from '../../domain/history/trade-history.ts'
import { type FollowedHistory, followHistory } from '../../replay/follow-history.ts'
import { sourceOf } from '../../replay/open-history.ts'
import { readHistory } from '../../replay/read-history.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { createStage, type Stage } from '../support/kafka-learner.ts'
import { expectClose } from '../support/learned.ts'
import { PATIENT } from '../support/patience.ts'

const model = loadModel('lowcap-v4')
/** Looks as often as it can. */
const hasty: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 20), signal) }
const version = { model, build: 1, active: true, model_version: null, topic: undefined, consumer: undefined }

let db: TestDatabase
let kafka: TestKafka
let stage: Stage
let dir: string
let followed: FollowedHistory
beforeAll(async () => {
  ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
  dir = await mkdtemp(join(tmpdir(), 'strandline-follow-'))
  stage = await createStage(db, kafka, { partitions: 2 })
  followed = followHistory(source(join(dir, 'followed')), model, { clock: hasty, id: 'follow-test' })
})
afterAll(async () => {
  await followed?.stop()
  await kafka?.close()
  await db?.drop()
  await rm(dir, { recursive: true, force: true })
})

const source = (cacheDir: string) =>
  sourceOf({ store: db.store, log: kafka.log, config: stage.config, cacheDir }, version)
const coefficients = (history: TradeHistory) => coefficientsAt(history, history.effective({}), model)
const trades = (first: number, n: number, change = {}) =>
  Array.from({ length: n }, (_, i) =>
    closedTrade({
      position_id: `follow-${first + i}`,
      rr: ((first + i) % 7) - 2,
      levers: { curator: `c${i % 3}` },
      ...change,
    }),
  )

/** Both have the same trades in the end, and the same coefficients. */
async function expectSame(records: number): Promise<void> {
  const [mine, anew] = await Promise.all([followed.read(), readHistory(source(join(dir, 'anew')), model)])
  expect([...mine.ends.values()].reduce((a, b) => a + b, 0)).toBe(records)
  expect(mine.ends).toEqual(anew.ends)
  expect(mine.history.length).toBe(anew.history.length)
  expectClose(coefficients(mine.history), coefficients(anew.history))
}

test('of an empty log, and as it grows', async () => {
  await expectSame(0)
  const events = trades(0, 30)
  await stage.publish(events)
  await expectSame(30)
  await stage.publish(events.slice(0, 5).map((e, i) => ({ ...e, revision: 1, voided: i === 0, rr: 4 })))
  await stage.publish(trades(30, 10))
  await expectSame(45)
})

test('as partitions are added to the topic', async () => {
  const admin = kafka.client.admin()
  await admin.connect()
  await admin.createPartitions({ topicPartitions: [{ topic: stage.topic, count: 4 }] })
  await admin.disconnect()
  await stage.publish(trades(50, 5), 3)
  await stage.publish(trades(60, 5), 0)
  await expectSame(55)
})

test('regression: trades that come between an answer of the log and the look at it are no cut of the log', async () => {
  let [decoded, joins, coming] = [0, 0, 500]
  const { log, codec, ...rest } = source(join(dir, 'growing'))
  const growing = {
    ...rest,
    codec: {
      decode(...args: Parameters<typeof codec.decode>) {
        decoded++
        return codec.decode(...args)
      },
    },
    log: {
      ...log,
      consume(...args: Parameters<typeof log.consume>) {
        joins++
        return log.consume(...args)
      },
      async offsets(topic: string) {
        const ranges = await log.offsets(topic)
        if (joins > 0) {
          const before = decoded
          coming += 2
          await stage.publish(trades(coming, 2), 1)
          await expect.poll(() => decoded).toBeGreaterThanOrEqual(before + 2) // the first of them is read for certain
        }
        return ranges
      },
    },
  }
  const history = followHistory(growing, model, { clock: hasty, id: 'growing-test' })
  try {
    await expect.poll(() => joins).toBe(1)
    for (const least of [55, 57, 59]) expect((await history.read()).history.length).toBeGreaterThan(least)
    const looks = coming
    await expect.poll(() => coming).toBeGreaterThan(looks + 4) // whether the log still has what was read is asked too
    expect(joins).toBe(1)
  } finally {
    await history.stop()
  }
})

test('regression: what failed before somebody asks is no answer: the next try is waited for', async () => {
  await stage.publish(trades(90, 1), 0)
  const { log, ...rest } = source(join(dir, 'failing'))
  let tries = 0
  const failing = {
    ...rest,
    log: {
      ...log,
      async consume(...args: Parameters<typeof log.consume>) {
        if (tries++ === 0) throw new StrandlineError('LOG_UNREACHABLE', 'The broker was away.')
        return log.consume(...args)
      },
    },
  }
  const gate = Promise.withResolvers<void>()
  let looks = 0
  const BETWEEN_TRIES_MS = 1_000
  const waits: Clock = {
    ...hasty,
    sleep(ms, signal) {
      if (ms === BETWEEN_TRIES_MS) return gate.promise
      looks++
      return hasty.sleep(ms, signal)
    },
  }
  const following = followHistory(failing, model, { clock: waits, id: 'failing-test' })
  try {
    await expect.poll(() => tries).toBe(1)
    const asked = following.read()
    const before = looks
    await Promise.race([asked, expect.poll(() => looks).toBeGreaterThan(before + 2)])
    gate.resolve()
    expect((await asked).history.length).toBeGreaterThan(0)
  } finally {
    gate.resolve()
    await following.stop()
  }
})

test('regression: a trade whose schema the registry denies for a moment is read once it knows it', async () => {
  await stage.publish(trades(95, 2), 0)
  const { codec, ...rest } = source(join(dir, 'denied'))
  let [denies, opened] = [true, 0]
  const lagging = {
    ...rest,
    log: {
      ...rest.log,
      consume(...args: Parameters<typeof rest.log.consume>) {
        opened++
        return rest.log.consume(...args)
      },
    },
    codec: {
      async decode(...args: Parameters<typeof codec.decode>) {
        if (denies) throw new DecodeError('unknown_schema', 'the registry does not know schema 1')
        return codec.decode(...args)
      },
    },
  }
  const history = followHistory(lagging, model, { clock: hasty, id: 'denied-test' })
  try {
    expect((await history.read()).history.length).toBe(0)
    let checks = 0
    await expect.poll(() => checks++, { interval: 200 }).toBeGreaterThan(10)
    expect(opened).toBe(1) // for as long as it denies it nothing else would come of reading it all again
    denies = false
    const anew = await readHistory(source(join(dir, 'anew')), model)
    await expect.poll(async () => (await history.read()).history.length, PATIENT).toBe(anew.history.length)
  } finally {
    await history.stop()
  }
})

test('of another topic of the same name, of which less is written', async () => {
  const admin = kafka.client.admin()
  await admin.connect()
  await admin.deleteTopics({ topics: [stage.topic] })
  await expect.poll(async () => (await admin.listTopics()).includes(stage.topic)).toBe(false)
  await kafka.log.ensureTopics([{ topic: stage.topic, partitions: 4 }])
  await admin.disconnect()
  await stage.publish(trades(100, 3), 0)
  await expectSame(3)
})

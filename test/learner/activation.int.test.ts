import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { loadModel } from '../../core/load-model.ts'
import { createCoefficientStore } from '../../core/store/coefficient-store.ts'
import { readAllCoefficients, readCoefficients } from '../../core/store/learned.ts'
import { createModelVersionStore } from '../../core/store/model-versions.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { foldTrades } from '../../domain/learning/fold.ts'
import { decayOf } from '../../domain/learning/sums.ts'
import { sourceOf, TradeTable } from '../../domain/learning/trade-table.ts'
import { allocate, createDecisionMaker } from '../../services/decision/decide.ts'
import { createChunkState } from '../../services/learner/chunk-state.ts'
import { createLearnerStore, openVersion } from '../../services/learner/learner-store.ts'
import { planPromotion } from '../../services/learner/plan-promotion.ts'
import { promote, rollback } from '../../services/learner/promote.ts'
import { createSumsCache } from '../../services/learner/sums-cache.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { createStage, deadLettersOf, type Stage } from '../support/kafka-learner.ts'
import { expectClose, folded, LEARNER_TABLES, learned, activate as see } from '../support/learned.ts'
import { openSession, type Session } from '../support/session.ts'
import { runCommand } from '../support/strandline.ts'

let db: TestDatabase
let kafka: TestKafka
const lowcap = loadModel('lowcap-v4')
const freqtrade = loadModel('freqtrade')
beforeAll(async () => {
  ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
})
afterAll(async () => {
  await kafka.close()
  await db.drop()
})
beforeEach(() => db.sql(`truncate ${LEARNER_TABLES}, model_versions`))

const trades = (from: number, count: number, changes: Partial<PositionClosed> = {}): PositionClosed[] =>
  Array.from({ length: count }, (_, i) =>
    closedTrade({ position_id: `p${from + i}`, rr: ((from + i) % 7) - 2, ...changes }),
  )
const imported = (from: number, count: number) =>
  trades(from, count, { source: 'import:freqtrade', levers: { pair: 'ETH/BTC', enter_tag: 'dip' }, measures: {} })
const activeNow = async () =>
  (await db.sql<{ model: string; topic: string }>('select model, topic from model_versions where active'))[0]
const FREQTRADE = { config: { model: 'freqtrade' }, seen: false }

/** Learns what the log has under the stage's model, or another one, and changes nothing about who is active. */
async function learnAll(stage: Stage, options: Parameters<Stage['start']>[0] = { seen: false }): Promise<void> {
  const learner = await stage.start(options)
  await stage.caughtUp()
  await learner.stop()
}

/** Until the learner of a model has applied all that the log has. */
async function freqtradeCaughtUp(stage: Stage): Promise<void> {
  const [{ end = 0 } = {}] = await kafka.log.offsets(stage.topic)
  await expect
    .poll(async () =>
      Number(
        (
          await db.sql<{ checkpoint: string }>(
            `select checkpoint from consumer_checkpoints where topic = $1 and consumer like 'learner/freqtrade/%'`,
            [stage.topic],
          )
        )[0]?.checkpoint ?? 0,
      ),
    )
    .toBe(end)
}

describe('a learner that starts', () => {
  it('is the active one where nothing is', async () => {
    const stage = await createStage(db, kafka)
    await (await stage.start({ seen: false })).stop()
    expect(await activeNow()).toEqual({ model: 'lowcap-v4', topic: stage.topic })
  })

  it('regression: does not switch readers to its model, neither empty nor full', async () => {
    const stage = await createStage(db, kafka)
    await stage.publish(trades(0, 6))
    await learnAll(stage)
    const before = await allocate(db.store, { entry_context: {}, base: 4, min: 1, max: 10 })
    await stage.publish(imported(6, 3))
    const second = await stage.start(FREQTRADE)
    await freqtradeCaughtUp(stage)
    await second.stop()
    expect(await activeNow()).toEqual({ model: 'lowcap-v4', topic: stage.topic })
    const after = await allocate(db.store, { entry_context: {}, base: 4, min: 1, max: 10 })
    expect(after).toEqual(before)
    expect(after).toMatchObject({ model: 'lowcap-v4', active: true, global_rr: { n: 6 } })
  })

  it('sends dead letters from the moment on that its model becomes the active one', async () => {
    const stage = await createStage(db, kafka)
    await (await stage.start({ seen: false })).stop()
    const learner = await stage.start(FREQTRADE)
    const bad = [{ key: 'k', value: Buffer.from('no event') }]
    await kafka.log.produce(stage.topic, bad)
    await freqtradeCaughtUp(stage)
    expect(await deadLettersOf(stage, kafka)).toHaveLength(0)
    await promote({ store: db.store, log: kafka.log, clock: systemClock }, { name: 'freqtrade', force: true })
    await kafka.log.produce(stage.topic, bad)
    await freqtradeCaughtUp(stage)
    await learner.stop()
    expect(await deadLettersOf(stage, kafka)).toHaveLength(1)
    expect(await db.sql('select dead_topic from dead_letters order by "offset"')).toEqual([
      { dead_topic: null },
      { dead_topic: stage.config.deadLetterTopic },
    ])
  })
})

describe('a switch to another model', () => {
  const deps = () => ({ store: db.store, log: kafka.log, clock: systemClock })

  it('is refused for one that never learned, with the list of those that have', async () => {
    await learnAll(await createStage(db, kafka))
    await expect(promote(deps(), { name: 'freqtrade' })).rejects.toMatchObject({
      code: 'USAGE',
      message: "Nothing was ever learned under a model 'freqtrade': there are lowcap-v4.",
    })
  })

  it('is refused for one that is empty while the log is not, and for one that lags, unless it is forced', async () => {
    const stage = await createStage(db, kafka)
    await stage.publish([...trades(0, 4), ...imported(4, 2)])
    await learnAll(stage)
    await openVersion(createModelVersionStore(db.store), freqtrade, stage.topic)
    const soon = { ...deps(), clock: { ...systemClock, now: () => 0, sleep: async () => {} } }
    let now = 0
    soon.clock.now = () => (now += 20_000)
    await expect(promote(soon, { name: 'freqtrade' })).rejects.toMatchObject({
      code: 'MODEL_BEHIND',
      message: `freqtrade has learned no trade, while ${stage.topic} holds 6 records.`,
    })
    const learner = await stage.start(FREQTRADE)
    await freqtradeCaughtUp(stage)
    await learner.stop()
    await stage.publish(imported(6, 3))
    await expect(promote(soon, { name: 'freqtrade' })).rejects.toMatchObject({
      code: 'MODEL_BEHIND',
      message: `freqtrade has not applied all of ${stage.topic} yet: 3 to go.`,
    })
    expect(await activeNow()).toMatchObject({ model: 'lowcap-v4' })
    expect(await promote(soon, { name: 'freqtrade', force: true })).toMatchObject({ n: 2, lag_records: 3 })
    expect(await activeNow()).toMatchObject({ model: 'freqtrade' })
  })

  it('regression: is refused where the log that is asked is another one than its learner has read, however short it is', async () => {
    const stage = await createStage(db, kafka)
    await stage.publish(trades(0, 4))
    await learnAll(stage)
    await openVersion(createModelVersionStore(db.store), freqtrade, stage.topic)
    const short = (id: string | null) => ({
      ...deps(),
      log: { offsets: async () => [{ partition: 0, start: 0, end: 1 }], topicId: async () => id },
    })
    const refused = {
      code: 'LOG_CHECKPOINT_LOST',
      message: expect.stringMatching(
        new RegExp(
          `its topic ${stage.topic} has the id another-id, and .+ lowcap-v4 has read the one with the id [0-9a-f-]{36}\\.$`,
        ),
      ),
    }
    await expect(promote(short('another-id'), { name: 'lowcap-v4' })).rejects.toMatchObject(refused)
    expect(await planPromotion(short('another-id'), { name: 'lowcap-v4' })).toMatchObject({ n: 4, lag_records: null })
    await promote(deps(), { name: 'freqtrade', force: true })
    await expect(rollback(short('another-id'))).rejects.toMatchObject(refused)
    expect(await activeNow()).toMatchObject({ model: 'freqtrade' })
    expect(await rollback(short('another-id'), { force: true })).toMatchObject({ name: 'lowcap-v4', lag_records: null })
    // a broker without ids is believed, unless its log ends before what was read
    const whole = await kafka.log.offsets(stage.topic)
    const without = { ...deps(), log: { offsets: async () => whole, topicId: async () => null } }
    expect(await promote(without, { name: 'lowcap-v4' })).toMatchObject({ lag_records: 0 })
    await expect(promote(short(null), { name: 'lowcap-v4' })).rejects.toMatchObject({
      code: 'LOG_CHECKPOINT_LOST',
      message: expect.stringMatching(
        /ends at offset 1 of partition 0, and the learner of lowcap-v4 has read it up to 4/,
      ),
    })
  })

  it('through the command changes baseline and readers at once, also those that run', async () => {
    const stage = await createStage(db, kafka)
    await stage.publish([...trades(0, 4), ...imported(4, 2)])
    await learnAll(stage)
    const learner = await stage.start(FREQTRADE)
    await freqtradeCaughtUp(stage)
    const reader = createDecisionMaker(createCoefficientStore(db.store))
    const ask = (model?: string) =>
      reader.allocate({ entry_context: { pair: 'ETH/BTC' }, base: 5, min: 1, max: 10, model })
    expect(await ask()).toMatchObject({ model: 'lowcap-v4', active: true })
    expect(await ask('freqtrade')).toMatchObject({ model: 'freqtrade', active: false, global_rr: { n: 2 } })

    const env = {
      KAFKA_BROKERS: kafka.brokers,
      SCHEMA_REGISTRY_URL: kafka.registryUrl,
      SUPABASE_URL: db.supabaseUrl,
      SUPABASE_SERVICE_ROLE_KEY: db.key,
    }
    const seen = await runCommand(['coefficients', '--model', 'freqtrade', '--json'], { env })
    expect(JSON.parse(seen.stdout)).toMatchObject({
      model: { name: 'freqtrade', hash: freqtrade.hash, build: 1, active: false },
      global_rr: { n: 2 },
    })
    const done = await runCommand(['promote', 'freqtrade', '--json'], { env })
    expect(done).toMatchObject({ code: 0 })
    expect(JSON.parse(done.stdout)).toEqual({
      name: 'freqtrade',
      hash: freqtrade.hash,
      build: 1,
      topic: stage.topic,
      n: 2,
      lag_records: 0,
      previous: { name: 'lowcap-v4', hash: lowcap.hash, build: 1, topic: stage.topic },
    })
    expect(await ask()).toMatchObject({ model: 'freqtrade', active: true, global_rr: { n: 2 } })
    expect((await learned(db)).global_rr.n).toBe(2)
    await stage.publish(imported(6, 1)) // the learner, which runs, keeps the baseline from here on
    await freqtradeCaughtUp(stage)
    await learner.stop()
    expect((await learned(db)).global_rr.n).toBe(3)

    const listed = JSON.parse((await runCommand(['models', '--json'], { env })).stdout)
    expect(listed.models).toMatchObject([
      { name: 'freqtrade', hash: freqtrade.hash, active: true, state: 'active', events: 3, lag: 0, previous: false },
      { name: 'lowcap-v4', hash: lowcap.hash, active: false, state: 'kept', events: 4, lag: 1, previous: true },
    ])
    expect(listed.models[0].coefficients).toBeGreaterThan(0)
    const planned = await runCommand(['promote', lowcap.hash.slice(0, 8), '--dry-run', '--json'], { env })
    expect(JSON.parse(planned.stdout)).toMatchObject({ to: { name: 'lowcap-v4' }, lag_records: 1, n: 4, both: 1 })
    expect((await activeNow())?.model).toBe('freqtrade')
    const behind = await runCommand(['rollback', '--json'], { env })
    expect([behind.code, JSON.parse(behind.stdout)]).toMatchObject([1, { error: { code: 'MODEL_BEHIND' } }])
    const back = await runCommand(['rollback', '--force'], { env })
    expect(back.stdout).toContain('They lack 1 records of the log until its learner has applied them.')
    expect(await ask()).toMatchObject({ model: 'lowcap-v4', active: true, global_rr: { n: 4 } })

    const wrong = await runCommand(['allocate', '--context', '{}', '--model', 'nobody'], { env })
    expect(wrong.code).toBe(2)
    expect(wrong.stderr).toContain("Nothing was ever learned under a model 'nobody': there are lowcap-v4, freqtrade.")
  })
})

it('a rebuild through the command is a second build of what readers see, which can be dropped again', async () => {
  const stage = await createStage(db, kafka)
  await stage.publish(trades(0, 4))
  await learnAll(stage)
  const env = {
    KAFKA_BROKERS: kafka.brokers,
    SCHEMA_REGISTRY_URL: kafka.registryUrl,
    SUPABASE_URL: db.supabaseUrl,
    SUPABASE_SERVICE_ROLE_KEY: db.key,
    STRANDLINE_TOPIC: stage.topic,
  }
  const built = await runCommand(['rebuild', '--json'], { env })
  expect(JSON.parse(built.stdout)).toMatchObject({
    hash: lowcap.hash,
    build: 2,
    complete: true,
    begun: false,
    records: 4,
  })
  expect(built.stderr).toContain('4 of 4 records')
  expect(await activeNow()).toMatchObject({ model: 'lowcap-v4' })
  const name = `${lowcap.hash.slice(0, 12)}.r2`
  const dropped = await runCommand(['drop', name], { env })
  expect(dropped).toMatchObject({ code: 0, stdout: expect.stringContaining(`lowcap-v4 (${name}) is dropped: `) })
  const seen = await runCommand(['drop', 'lowcap-v4', '--json'], { env }) // the only one that is left
  expect([seen.code, JSON.parse(seen.stdout).error.message]).toEqual([
    2,
    `lowcap-v4 (${lowcap.hash.slice(0, 12)}) is what readers see: it is not dropped.`,
  ])
})

describe('regression: the baseline after a switch', () => {
  /** The commit of one trade under a model that is not active, in a session of its own. */
  async function oneTrade(session: Session, topic: string, partition: number): Promise<() => Promise<string>> {
    const modelVersion = await openVersion(createModelVersionStore(db.store), freqtrade, topic)
    const store = createLearnerStore(session.store, freqtrade, modelVersion, topic)
    const claim = await db.store.rpc<{ epoch: number; version: number }>('strandline_claim', {
      p_consumer: modelVersion.consumer,
      p_topic: topic,
      p_partition: partition,
      p_holder: 'test',
    })
    const [event] = imported(partition, 1)
    const trades = new TradeTable()
    trades.add(freqtrade, sourceOf(event as PositionClosed), partition, 0)
    const state = createChunkState(store, partition, createSumsCache(), decayOf(freqtrade.definition.tau_days), trades)
    await state.prepare([])
    foldTrades(state, 0, 1, decayOf(freqtrade.definition.tau_days))
    return async () =>
      (
        await store.commit({
          claim: { topic, partition, checkpoint: null, ...claim },
          commitId: randomUUID(),
          next: 1,
          fresh: state.fresh(),
          changed: [],
          dirty: state.dirty(),
          foreign: [],
          dead: [],
          seen: '{}',
        })
      ).status
  }
  const storedN = async () =>
    Number(
      (
        await db.sql<{ n: string }>(
          `select config_data -> 'global_rr' ->> 'n' as n from learning_configs where module = 'decision_maker'`,
        )
      )[0]?.n,
    )
  async function stage() {
    await openVersion(createModelVersionStore(db.store), lowcap, 't') // the active one
    const { model_version: id } = await openVersion(createModelVersionStore(db.store), freqtrade, 't')
    return { id, sessions: await Promise.all([openSession(db), openSession(db), openSession(db)]) }
  }
  const switchTo = (session: Session, id: number) =>
    session.store.rpc('strandline_learner_activate', { p_model_version: id })
  /** Until the work has ended, or its session waits for another one. */
  async function settled(session: Session, work: Promise<unknown>): Promise<void> {
    let ended = false
    void work.finally(() => {
      ended = true
    })
    await expect.poll(async () => ended || (await session.waits())).toBe(true)
  }

  it('has what was committed while the switch was under way', async () => {
    const { id, sessions } = await stage()
    const [learner, person] = sessions as [Session, Session, Session]
    const commit = await oneTrade(learner, 't', 0)
    await person.begin()
    await switchTo(person, id)
    const committing = commit()
    await settled(learner, committing)
    await person.commit()
    expect(await committing).toBe('ok')
    expect(await storedN()).toBe(1)
    await Promise.all(sessions.map((s) => s.end()))
  })

  it('has what was about to be committed when the switch came, of two partitions', async () => {
    const { id, sessions } = await stage()
    const [one, two, person] = sessions as [Session, Session, Session]
    const commits = [await oneTrade(one, 't', 0), await oneTrade(two, 't', 1)] as const
    await one.begin()
    await two.begin()
    expect(await commits[0]()).toBe('ok')
    expect(await commits[1]()).toBe('ok')
    const switching = switchTo(person, id)
    await settled(person, switching)
    await one.commit()
    await two.commit()
    await switching
    expect(await storedN()).toBe(2)
    await Promise.all(sessions.map((s) => s.end()))
  })
})

it('regression: two topics under one model have sums, ledger and baseline of their own, and readers see the active one', async () => {
  const [a, b] = [await createStage(db, kafka), await createStage(db, kafka)]
  const ofA = trades(0, 5)
  // the same trades among them, as in a topic that was copied, and others
  const ofB = [...trades(0, 2), ...trades(20, 6)]
  await a.publish(ofA)
  await learnAll(a)
  await b.publish(ofB)
  await learnAll(b)
  expect(await activeNow()).toEqual({ model: 'lowcap-v4', topic: a.topic })
  expectClose(await learned(db), await folded(lowcap, [ofA]))
  const more = trades(40, 3)
  await a.publish(more)
  await learnAll(a)
  expectClose(await learned(db), await folded(lowcap, [[...ofA, ...more]]))

  const deps = { store: db.store, log: kafka.log, clock: systemClock }
  await expect(promote(deps, { name: 'lowcap-v4' })).rejects.toMatchObject({
    message: expect.stringContaining('learns from several topics'),
  })
  await promote(deps, { name: 'lowcap-v4', topic: b.topic })
  expectClose(await learned(db), await folded(lowcap, [ofB]))
  const { global_rr } = await readCoefficients(createCoefficientStore(db.store), [])
  expect(global_rr.n).toBe(8)
  expect(await readAllCoefficients(createCoefficientStore(db.store))).toMatchObject((await learned(db)).coefficients)
  await see(db, a.topic)
  expectClose(await learned(db), await folded(lowcap, [[...ofA, ...more]]))
})

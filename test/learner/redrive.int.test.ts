/** Dead letters as an operator works on them: redriven, discarded, looked at; on a real log and a real database. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { frame, positionClosedSchema, positionClosedType } from '../../core/codec/position-closed-codec.ts'
import { createRegistryClient } from '../../core/codec/registry.ts'
import { StrandlineError } from '../../core/errors.ts'
import { createLagStore } from '../../core/lag/lag-store.ts'
import type { EventLog, OutgoingRecord } from '../../core/log/log.ts'
import type { Service } from '../../core/service.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { type DeadLetter, listDeadLetters } from '../../services/learner/dead-letter-list.ts'
import { createDeadLetterStore, type DeadLetterStore } from '../../services/learner/dead-letter-store.ts'
import { describeDeadLetter } from '../../services/learner/describe-dead-letter.ts'
import { discardLetters } from '../../services/learner/discard.ts'
import { previewRedrive, type RedriveRules, redrivable, redrive } from '../../services/learner/redrive.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { createStage, deadLettersOf, type Stage } from '../support/kafka-learner.ts'
import { emptyLearner, learned } from '../support/learned.ts'
import { learnerGroup } from '../support/learner-group.ts'

let db: TestDatabase
let kafka: TestKafka
let letters: DeadLetterStore
beforeAll(async () => {
  ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
  letters = createDeadLetterStore(db.store)
})
afterAll(async () => {
  await kafka.close()
  await db.drop()
})
let stage: Stage
let learner: Service | undefined
beforeEach(async () => {
  await emptyLearner(db)
  stage = await createStage(db, kafka)
  return async () => {
    await learner?.stop()
    learner = undefined
  }
})

const body = (changes: Partial<PositionClosed> = {}) => positionClosedType.toBuffer(closedTrade(changes))
const deps = () => ({ store: letters, log: kafka.log })
const open = (all = false) => listDeadLetters(letters, stage.topic, { all })
const offsetsOf = (found: { offset: number }[]) => found.map((l) => l.offset)
const end = async () => (await kafka.log.offsets(stage.topic))[0]!.end

/** The log has these records, and all of them are applied or refused. */
async function written(...records: OutgoingRecord[]): Promise<void> {
  await kafka.log.produce(stage.topic, records)
  learner ??= await stage.start()
  await stage.caughtUp()
}

/** What `redrive --all` does, or, of places, `redrive 0:3 …`; until the learner has come to what was published. */
async function redriven(rules: RedriveRules & { only?: number[] } = {}, by = deps()) {
  const { only } = rules
  const wanted = (await open()).filter((l) => only?.includes(l.offset) ?? true)
  const able = redrivable(wanted, { named: only !== undefined, ...rules })
  const done = await redrive(by, stage.topic, able.letters)
  await stage.caughtUp()
  return { ...done, left: [...able.left, ...done.left] }
}

/** A schema of a producer that is ahead of the registry. */
async function aheadOfRegistry() {
  const post = async (schema: object) => {
    const response = await fetch(`${kafka.registryUrl}/subjects/${stage.topic}-ahead/versions`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      body: JSON.stringify({ schema: JSON.stringify(schema) }),
    })
    return ((await response.json()) as { id: number }).id
  }
  const ours = JSON.parse(positionClosedSchema)
  const field = (n: number) => ({ name: `venue_${stage.topic.replace(/\W/g, '_')}_${n}`, type: 'string', default: '' })
  const schema = (n: number) => ({ ...ours, fields: [...ours.fields, field(n)] })
  const id = (await post(schema(0))) + 1
  return {
    id,
    encode: (position_id: string) => frame(id, Buffer.concat([body({ position_id }), Buffer.from([2, 0x78])])),
    register: async () => expect(await post(schema(1))).toBe(id),
  }
}

/** A log, or a store, of which one call fails once, before or after its effect: what an operator who is interrupted leaves. */
function interrupted(what: 'before publishing' | 'after publishing') {
  const away = () => new StrandlineError('STORE_UNREACHABLE', 'away')
  const produce: EventLog['produce'] = async (topic, records) => {
    if (what === 'before publishing') throw away()
    return kafka.log.produce(topic, records)
  }
  const redriven = () => Promise.reject(away())
  return { log: { ...kafka.log, produce }, store: { ...letters, redriven } }
}

describe('records of a schema that was registered later', () => {
  it.each(['before publishing', 'after publishing'] as const)(
    'are redriven and count once, also where the redrive was interrupted %s, and are published once',
    async (when) => {
      const producer = await aheadOfRegistry()
      await written(
        { key: 'a', value: producer.encode('a') },
        { key: 'b', value: producer.encode('b') },
        { key: 'a', value: producer.encode('a') }, // the same once more
      )
      await learner?.stop() // it takes a while to ask for a schema again
      learner = undefined
      expect(await open()).toMatchObject(Array(3).fill({ reason: 'unknown_schema', state: 'open', redrives: 0 }))
      await producer.register()

      const wanted = await open()
      await expect(redrive(interrupted(when), stage.topic, wanted)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
      expect(await end()).toBe(when === 'before publishing' ? 3 : 6)
      expect(await open()).toMatchObject(Array(3).fill({ state: 'open', redriving_from: 3 }))
      learner = await stage.start()
      const { redriven: done, left } = await redriven()
      expect({ left, end: await end() }).toEqual({ left: [], end: 6 })
      expect(done.map((r) => r.published)).toEqual(Array(3).fill(when === 'before publishing'))
      expect(done.map((r) => r.to.offset).sort()).toEqual([3, 4, 5])
      expect(await redriven()).toEqual({ redriven: [], left: [] })

      expect((await learned(db)).global_rr.n).toBe(2)
      expect(await open()).toEqual([])
      expect(await open(true)).toMatchObject(Array(3).fill({ state: 'redriven', redriving_from: null }))
    },
  )
})

describe('a record that can never be applied', () => {
  it('is redriven once by whoever redrives everything, however often; then by name, and five times at most', async () => {
    await written({ key: 'k', value: Buffer.from('no event'), headers: { own: 'x', 'strandline.redrives': 'many' } })
    expect(await redriven()).toMatchObject({ redriven: [{ offset: 0, to: { offset: 1 }, published: true }], left: [] })
    for (let i = 0; i < 2; i++)
      expect(await redriven()).toMatchObject({ redriven: [], left: [{ offset: 1, code: 'failed_again' }] })
    expect(await end()).toBe(2)
    expect(await open()).toMatchObject([{ offset: 1, redrives: 1, redrive_of: { partition: 0, offset: 0 } }])

    expect((await redriven({ only: [1] })).redriven).toMatchObject([{ offset: 1, to: { offset: 2 } }])
    for (let i = 2; i < 9; i++) await redriven({ again: true })
    expect(await end()).toBe(6)
    const tooOften = [{ offset: 5, code: 'too_often', why: expect.stringContaining('5 times') }]
    expect(await redriven({ again: true })).toMatchObject({ redriven: [], left: tooOften })
    expect(await redriven({ only: [5] })).toMatchObject({ redriven: [], left: tooOften })
    expect((await redriven({ only: [5], force: true })).redriven).toMatchObject([{ to: { offset: 6 } }])

    const last = (await deadLettersOf(stage, kafka)).at(-1)
    expect(last).toMatchObject({
      value: Buffer.from('no event'),
      headers: { own: 'x', 'strandline.redrives': '6', 'strandline.redrive.of': '0:5' },
    })
    const described = await describeDeadLetter(describing(), stage.topic, { partition: 0, offset: 3 })
    expect(described?.history.map((l) => [l.offset, l.state, l.redrives])).toEqual([
      ...[0, 1, 2, 3, 4, 5].map((n) => [n, 'redriven', n]),
      [6, 'open', 6],
    ])
    expect(described?.copies).toEqual([])
  })
})

describe('letters that are discarded', () => {
  it('are open nowhere, are not redriven, and stay so when the log is read again from its start, which sends no second one', async () => {
    await written({ key: 'k', value: null }, ...(await stage.records([closedTrade()])), {
      key: 'k',
      value: body({ rr: 9 }),
    })
    expect(offsetsOf(await discardLetters(letters, stage.topic, await open(), 'ann@desk', 'a test'))).toEqual([0, 2])
    expect(await open()).toEqual([])
    expect(await redriven()).toEqual({ redriven: [], left: [] })
    const discarded = await open(true)
    expect(discarded).toMatchObject(
      Array(2).fill({ state: 'discarded', discarded: { by: 'ann@desk', reason: 'a test', at: expect.any(String) } }),
    )
    expect(redrivable(discarded, { named: true }).left).toMatchObject(Array(2).fill({ code: 'discarded' }))
    const lag = await createLagStore(db.store).read(stage.topic)
    expect(lag.dead_letters).toEqual([])

    const sent = await deadLettersOf(stage, kafka)
    await learner?.stop()
    const admin = kafka.client.admin()
    await admin.connect()
    const groupId = learnerGroup('lowcap-v4')
    await admin.setOffsets({ groupId, topic: stage.topic, partitions: [{ partition: 0, offset: '0' }] })
    await admin.disconnect()
    learner = await stage.start()
    await expect.poll(async () => (await kafka.log.committed(groupId, stage.topic)).get(0)).toBe(3)
    expect(await open(true)).toEqual(discarded)
    expect(await deadLettersOf(stage, kafka)).toEqual(sent)
    expect((await learned(db)).global_rr.n).toBe(1)
  })
})

const describing = (registryUrl: string | null = kafka.registryUrl) => ({
  store: letters,
  lag: createLagStore(db.store),
  log: kafka.log,
  registry: registryUrl === null ? null : createRegistryClient({ url: registryUrl, unknownAfterMs: 0 }),
})
const described = async (offset: number, registryUrl?: string) => {
  const found = await describeDeadLetter(describing(registryUrl), stage.topic, { partition: 0, offset })
  if (!found) throw new Error(`there is no letter 0:${offset}`)
  return found
}

describe('everything about a letter', () => {
  it('is there for every kind of record that is refused: decoded as far as it goes', async () => {
    const [good] = await stage.records([closedTrade()])
    const ours = good!.value.readInt32BE(1)
    const cases: [OutgoingRecord, reason: string, value: object][] = [
      [{ key: 'k', value: null }, 'empty_value', { format: 'none' }],
      [{ key: 'k', value: Buffer.from('{"a":\u001b[2J}') }, 'bad_magic', { format: 'text', text: '{"a":\u001b[2J}' }],
      [{ key: 'k', value: Buffer.from([0, 0, 0]) }, 'truncated', { format: 'frame' }],
      [
        { key: 'k', value: good!.value.subarray(0, 70) },
        'truncated',
        { schema: { id: ours, problem: null, guessed: false }, stopped: { field: expect.any(String) } },
      ],
      [
        { key: 'k', value: Buffer.concat([good!.value, Buffer.from([7])]) },
        'not_avro',
        { stopped: null, end: good!.value.length },
      ],
      [
        { key: 'k', value: frame(900_001, body()) },
        'unknown_schema',
        { schema: { id: 900_001, name: null, problem: 'the registry does not know it', guessed: true }, stopped: null },
      ],
      [
        { key: 'k', value: frame(ours, body({ rr: 99 })) },
        'rr_out_of_range',
        { fields: expect.arrayContaining([expect.objectContaining({ field: 'rr', value: 99 })]) },
      ],
      [
        { key: 'k', value: frame(ours, body({ rr: Number.NaN })) },
        'rr_not_finite',
        { fields: expect.arrayContaining([expect.objectContaining({ field: 'rr', value: Number.NaN })]) },
      ],
      [{ key: 'k', value: frame(ours, body({ revision: -1 })) }, 'revision_invalid', { stopped: null }],
      [{ key: null, value: good!.value, partition: 0 }, 'null_key', { stopped: null }],
    ]
    await written(...cases.map(([record]) => record))
    for (const [offset, [record, reason, value]] of cases.entries()) {
      const found = await described(offset)
      expect(found).toMatchObject({
        letter: { reason, state: 'open', dead_letter: { topic: stage.config.deadLetterTopic } },
        refusals: [{ reason, consumer: expect.stringMatching(/^learner\/lowcap-v4/) }],
        record: { from: 'topic', value: record.value, key: record.key === null ? null : Buffer.from('k') },
        value,
      })
      expect(found.letter.record_ms).toBe(found.record?.timestamp)
    }
    expect(await describeDeadLetter(describing(), stage.topic, { partition: 0, offset: 99 })).toBeNull()
    const away = await described(6, 'http://127.0.0.1:1')
    expect(away.value).toMatchObject({
      schema: {
        id: ours,
        name: null,
        problem: expect.stringContaining('No answer from the schema registry'),
        guessed: true,
      },
      stopped: null,
    })
  })

  it('regression: is there where the topic does not have it any more, also after another version has refused it, which sent no copy', async () => {
    await written({ key: 'k', value: Buffer.from('no event') })
    const [first] = await open()
    const config = { model: 'freqtrade' }
    const second = await stage.start({ seen: false, config })
    try {
      await expect.poll(async () => (await open())[0]?.consumer).not.toBe(first?.consumer)
    } finally {
      await second.stop()
    }
    const admin = kafka.client.admin()
    await admin.connect()
    await admin.fetchTopicOffsets(stage.topic) // which tells it where the topic lies
    await admin.deleteTopicRecords({ topic: stage.topic, partitions: [{ partition: 0, offset: '1' }] })
    await admin.disconnect()
    expect(await deadLettersOf(stage, kafka)).toHaveLength(1)
    expect((await described(0)).record).toMatchObject({ from: 'dead-letter topic', value: Buffer.from('no event') })
    const done = await redrive(deps(), stage.topic, await open())
    expect(done).toMatchObject({ redriven: [{ offset: 0, to: { offset: 1 } }], left: [] })
  })

  it('regression: published into a topic that was made anew by a redrive that was interrupted, is known there', async () => {
    await written({ key: 'k', value: Buffer.from('no event') }, { key: 'l', value: Buffer.from('nor this') })
    await learner?.stop()
    learner = undefined
    const admin = kafka.client.admin()
    await admin.connect()
    await admin.deleteTopics({ topics: [stage.topic] })
    await admin.createTopics({ topics: [{ topic: stage.topic, numPartitions: 1 }], waitForLeaders: true })
    await admin.disconnect()
    await expect.poll(() => end().catch(() => -1)).toBe(0)
    const wanted = await open()
    await expect(redrive(interrupted('after publishing'), stage.topic, wanted)).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
    })
    expect(await end()).toBe(2)
    const done = await redrive(deps(), stage.topic, await open())
    expect(done.redriven.map((r) => r.published)).toEqual([false, false])
    expect(await end()).toBe(2)
  })

  it('is there where the topic does not have the record any more: of its copy, from which it is redriven, too', async () => {
    const producer = await aheadOfRegistry()
    const headers = { own: 'x' }
    await written({ key: 'a', value: producer.encode('a'), headers }, { key: 'k', value: Buffer.from('no event') })
    const admin = kafka.client.admin()
    await admin.connect()
    await admin.fetchTopicOffsets(stage.topic) // which tells it where the topic lies
    await admin.deleteTopicRecords({ topic: stage.topic, partitions: [{ partition: 0, offset: '2' }] })
    await admin.disconnect()
    const before = await described(0)
    expect(before.record).toMatchObject({ from: 'dead-letter topic', incomplete: null, key: Buffer.from('a') })
    expect(before.record?.value).toEqual(producer.encode('a'))
    expect(Object.entries(before.record!.headers).map(([name, v]) => [name, String(v)])).toEqual([['own', 'x']])

    await learner?.stop()
    await producer.register()
    learner = await stage.start()
    const { would } = await previewRedrive(kafka.log, stage.topic, await open())
    expect(would.map(({ letter, from }) => [letter.offset, from])).toEqual([
      [0, 'dead-letter topic'],
      [1, 'dead-letter topic'],
    ])
    expect(await redriven({ only: [0] })).toMatchObject({ redriven: [{ offset: 0, to: { offset: 2 } }], left: [] })
    expect((await learned(db)).global_rr.n).toBe(1)
    const after = await described(0)
    expect(after).toMatchObject({ letter: { state: 'redriven' }, copies: [{ partition: 0, offset: 2, taken: true }] })

    // a record of another topic of that name, or another time, is not the letter's
    const [other] = await open()
    const foreign: DeadLetter = { ...(other as DeadLetter), offset: 2, dead_letter: null }
    expect((await previewRedrive(kafka.log, stage.topic, [foreign])).left).toMatchObject([{ offset: 2, code: 'gone' }])

    // and where even that topic is gone, what the database knows is all there is
    await learner?.stop()
    await admin.connect()
    await admin.deleteTopics({ topics: [stage.config.deadLetterTopic] })
    await admin.disconnect()
    expect(await described(1)).toMatchObject({
      record: null,
      value: { format: 'none' },
      letter: { reason: 'bad_magic' },
    })
    expect((await redriven()).left).toMatchObject([
      { offset: 1, code: 'gone', why: expect.stringContaining('gone, too') },
    ])
  })
})

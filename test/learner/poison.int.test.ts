import { randomBytes } from 'node:crypto'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { frame, positionClosedType } from '../../core/codec/position-closed-codec.ts'
import { loadModel } from '../../core/load-model.ts'
import { MAX_EXPANDED_BYTES } from '../../core/log/compression.ts'
import type { OutgoingRecord } from '../../core/log/log.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { createStage, deadLettersOf, type Stage } from '../support/kafka-learner.ts'
import { emptyLearner, expectClose, folded, learned } from '../support/learned.ts'

const { CompressionTypes, Kafka, logLevel } = kafkajs
const model = loadModel('lowcap-v4')
let db: TestDatabase
let kafka: TestKafka
beforeAll(async () => {
  ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
})
afterAll(async () => {
  await kafka.close()
  await db.drop()
})
beforeEach(() => emptyLearner(db))

const MINUTE = 60_000
const EXIT = closedTrade().closed_at
/** What a field of the schema cannot hold, as bytes: avsc would refuse to write it. */
const trade = (changes: Partial<PositionClosed> = {}) => positionClosedType.toBuffer(closedTrade(changes))

/** The id under which the registry knows our schema. */
async function schemaIdOf(stage: Stage): Promise<number> {
  const [record] = await stage.records([closedTrade()])
  return record!.value.readInt32BE(1)
}

/** A schema that is in the registry, but is none of a closed trade. */
async function foreignSchema(schema: object): Promise<number> {
  const response = await fetch(`${kafka.registryUrl}/subjects/${kafka.name('other')}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema: JSON.stringify(schema) }),
  })
  return ((await response.json()) as { id: number }).id
}

describe('every kind of bad record', () => {
  it('ends in the dead-letter topic with its reason, reaches no sum, and the partition goes on', async () => {
    // Given a log in which each of them lies between two good trades
    const stage = await createStage(db, kafka)
    const ours = await schemaIdOf(stage)
    const other = await foreignSchema({ type: 'record', name: 'Order', fields: [{ name: 'id', type: 'string' }] })
    const good = trade()
    const text = positionClosedType.toBuffer(closedTrade({ levers: { curator: `${'x'.repeat(1 << 20)}\0` } }))
    const bad: [reason: string, record: OutgoingRecord][] = [
      ['empty_value', { key: 'k', value: null }],
      ['empty_value', { key: 'k', value: Buffer.alloc(0) }],
      ['truncated', { key: 'k', value: Buffer.from([0, 0, 0]) }],
      ['truncated', { key: 'k', value: frame(ours, good.subarray(0, good.length - 7)) }],
      ['bad_magic', { key: 'k', value: Buffer.concat([Buffer.from([1]), frame(ours, good).subarray(1)]) }],
      ['bad_magic', { key: 'k', value: Buffer.from('{"event_id": "json"}') }],
      ['unknown_schema', { key: 'k', value: frame(987_654, good) }],
      ['unknown_schema', { key: 'k', value: frame(-1, good) }],
      ['unknown_schema', { key: 'k', value: frame(other, Buffer.from([2, 97])) }],
      ['not_avro', { key: 'k', value: frame(ours, Buffer.concat([good, Buffer.from([7])])) }],
      ['rr_not_finite', { key: 'k', value: frame(ours, trade({ rr: Number.NaN })) }],
      ['rr_not_finite', { key: 'k', value: frame(ours, trade({ rr: Number.POSITIVE_INFINITY })) }],
      ['rr_not_finite', { key: 'k', value: frame(ours, trade({ rr: Number.NEGATIVE_INFINITY })) }],
      ['rr_out_of_range', { key: 'k', value: frame(ours, trade({ rr: 1e300 })) }],
      ['exit_in_future', { key: 'k', value: frame(ours, good), timestamp: EXIT - 5 * MINUTE - 1 }],
      ['exit_in_future', { key: 'k', value: frame(ours, trade({ closed_at: Date.UTC(2099, 0, 1) })) }],
      ['exit_time_invalid', { key: 'k', value: frame(ours, trade({ closed_at: 0 })) }],
      ['measure_not_finite', { key: 'k', value: frame(ours, trade({ measures: { mcap_at_entry: Number.NaN } })) }],
      ['text_invalid', { key: 'k', value: frame(ours, text) }],
      ['text_invalid', { key: 'k', value: frame(ours, trade({ levers: { curator: 'a\0b' } })) }],
      ['revision_invalid', { key: 'k', value: frame(ours, trade({ revision: -1 })) }],
      ['id_invalid', { key: 'k', value: frame(ours, trade({ event_id: '' })) }],
      ['null_key', { key: null, value: frame(ours, good), partition: 0 }],
      ['bad_magic', { key: 'k', value: Buffer.concat([Buffer.from([255]), randomBytes(900_000)]) }],
      ['truncated|not_avro', { key: 'k', value: frame(ours, randomBytes(900_000)) }],
    ]
    const trades = bad.map((_, i) => closedTrade({ position_id: `p${i}`, rr: (i % 7) - 3 }))
    for (const [i, [, record]] of bad.entries()) {
      const headers = { traceparent: `00-trace-${i}` }
      await kafka.log.produce(stage.topic, [{ ...record, headers }])
      await stage.publish([trades[i]!])
    }

    // When it is learned
    const learner = await stage.start()
    await stage.caughtUp()
    await learner.stop()

    // Then the good ones count, and nothing else
    expectClose(await learned(db), await folded(model, [trades]))
    const dead = await deadLettersOf(stage, kafka)
    expect(dead.map((d) => d.headers['__connect.errors.offset'])).toEqual(bad.map((_, i) => String(2 * i)))
    for (const [i, [reason, record]] of bad.entries()) {
      const { headers, key, value } = dead[i]!
      expect(reason.split('|'), `record ${i}`).toContain(headers['strandline.reason'])
      expect(headers).toMatchObject({
        traceparent: `00-trace-${i}`,
        '__connect.errors.topic': stage.topic,
        '__connect.errors.partition': '0',
        '__connect.errors.exception.class.name': headers['strandline.reason'],
      })
      expect(headers['__connect.errors.exception.message']).not.toBe('')
      expect(key?.toString() ?? null).toBe(record.key)
      expect(value?.length ?? null).toBe(record.value?.length ?? null)
      if (record.value) expect(value?.equals(record.value)).toBe(true)
    }
    const rows = await db.sql<{ offset: string; reason: string }>(
      'select "offset", reason from dead_letters order by "offset"',
    )
    expect(rows.map((r) => [Number(r.offset), r.reason])).toEqual(
      dead.map((d) => [Number(d.headers['__connect.errors.offset']), d.headers['strandline.reason']]),
    )
  })

  it('also where its batch would expand to more than there is memory', async () => {
    const stage = await createStage(db, kafka)
    const producer = new Kafka({ brokers: [kafka.brokers], logLevel: logLevel.NOTHING }).producer()
    await producer.connect()
    const huge = { key: 'k', value: Buffer.alloc(MAX_EXPANDED_BYTES) }
    await producer.send({ topic: stage.topic, compression: CompressionTypes.ZSTD, messages: [huge] })
    await producer.disconnect()
    await stage.publish([closedTrade()])
    const learner = await stage.start()
    await stage.caughtUp()
    await learner.stop()
    const dead = await deadLettersOf(stage, kafka)
    expect(dead.map((d) => [d.headers['strandline.reason'], d.value])).toEqual([['batch_too_large', null]])
    expect((await learned(db)).global_rr.n).toBe(1)
  })

  it('and every good one moves the checkpoint, whatever its headers say of its id', async () => {
    const stage = await createStage(db, kafka)
    const trades = ['a', 'b'].map((position_id) => closedTrade({ position_id }))
    const records = await stage.records(trades)
    const ids = [`${'x'.repeat(99)}😀/0`, 'a\0b'] // half of a character where it is cut, and what no text of a database holds
    const learner = await stage.start()
    for (const [i, ce_id] of ids.entries()) {
      // each is the last of its chunk
      await kafka.log.produce(stage.topic, [{ ...records[i]!, headers: { ce_id } }])
      await stage.caughtUp()
      await kafka.log.produce(stage.topic, [{ key: 'k', value: Buffer.from('bad'), headers: { ce_id } }])
      await stage.caughtUp()
    }
    await learner.stop()
    expectClose(await learned(db), await folded(model, [trades]))
    expect(await deadLettersOf(stage, kafka)).toHaveLength(2)
  })

  it('of any time that its producer may write', async () => {
    const times = { 'message.timestamp.type': 'CreateTime', 'message.timestamp.after.max.ms': '9223372036854775807' }
    const stage = await createStage(db, kafka, { config: times })
    const producer = kafka.client.producer()
    await producer.connect()
    const messages = [{ key: 'k', value: Buffer.from('bad'), timestamp: '9223372036854775807' }]
    await producer.send({ topic: stage.topic, messages })
    await producer.disconnect()
    // whoever claims next compares the last record, its time among it
    for (const position_id of ['a', 'b']) {
      const learner = await stage.start()
      await stage.caughtUp()
      await learner.stop()
      await stage.publish([closedTrade({ position_id })])
    }
    const rows = await db.sql('select "offset"::int, reason, record_ms::text from dead_letters')
    expect(rows).toEqual([{ offset: 0, reason: 'bad_magic', record_ms: String(Number.MAX_SAFE_INTEGER) }])
  })

  it('is not sent again by a learner that reads the log again', async () => {
    const stage = await createStage(db, kafka)
    await kafka.log.produce(stage.topic, [{ key: 'k', value: Buffer.from('bad') }])
    await stage.publish([closedTrade()])
    for (let i = 0; i < 2; i++) {
      const learner = await stage.start()
      await stage.caughtUp()
      await learner.stop()
      await db.sql('update consumer_checkpoints set checkpoint = 0 where topic = $1', [stage.topic])
    }
    expect(await deadLettersOf(stage, kafka)).toHaveLength(1)
  })

  it('in great numbers, and large, goes through a dead-letter topic that takes 1 MB at once', async () => {
    const stage = await createStage(db, kafka, { deadLetters: { 'max.message.bytes': '1048588' } })
    const bad = Array.from({ length: 12 }, () => ({ key: 'k', value: randomBytes(300_000) }))
    await kafka.log.produce(stage.topic, [...bad, { key: 'k', value: randomBytes(1_048_400) }])
    await stage.publish([closedTrade()])
    const learner = await stage.start()
    await stage.caughtUp()
    await learner.stop()
    const dead = await deadLettersOf(stage, kafka)
    expect(dead.map((d) => d.value?.length ?? null)).toEqual([...bad.map(() => 300_000), null])
    expect(dead.at(-1)?.headers['strandline.kept']).toBe('without its value (1048400 bytes)')
    expect((await learned(db)).global_rr.n).toBe(1)
  })
})

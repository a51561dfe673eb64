import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findStrandlineError } from '../../core/errors.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'

// What brokers take by default, and managed ones at most: 1 MB for all records of a partition in one request.
const SMALL = { 'max.message.bytes': '1048588' }

let kafka: TestKafka
beforeAll(async () => {
  kafka = await createTestKafka()
})
afterAll(() => kafka.close())

const records = (count: number, bytes: number, partition?: number) =>
  Array.from({ length: count }, (_, i) => ({ key: `k${i}`, value: Buffer.alloc(bytes, i), partition }))

describe('more records than fit into one request', () => {
  it('are written in several, and each answer says where its record lies', async () => {
    const topic = await kafka.createTopic({ partitions: 2, config: SMALL })
    const placed = await kafka.log.produce(topic, records(3_000, 1_000))
    expect(placed).toHaveLength(3_000)
    for (const partition of [0, 1]) {
      const offsets = placed.filter((p) => p.partition === partition).map((p) => p.offset)
      expect(offsets).toEqual(offsets.map((_, i) => i))
    }
    expect(await kafka.log.offsets(topic)).toEqual([
      { partition: 0, start: 0, end: placed.filter((p) => p.partition === 0).length },
      { partition: 1, start: 0, end: placed.filter((p) => p.partition === 1).length },
    ])
  })

  it('from many callers at once neither fail together nor lose their order', async () => {
    const topic = await kafka.createTopic({ config: SMALL })
    const calls = await Promise.all(Array.from({ length: 40 }, () => kafka.log.produce(topic, records(4, 90_000))))
    expect(calls.flat().map((p) => p.offset)).toEqual(Array.from({ length: 160 }, (_, i) => i))
  })

  it('are nearly a request each', async () => {
    const topic = await kafka.createTopic({ config: SMALL })
    expect((await kafka.log.produce(topic, records(5, 900_000, 0))).map((p) => p.offset)).toEqual([0, 1, 2, 3, 4])
  })
})

describe('one caller that cannot be served', () => {
  it('does not fail those who write to other topics', async () => {
    const topic = await kafka.createTopic({ config: SMALL })
    const [missing, good, tooLarge, alsoGood] = await Promise.allSettled([
      kafka.log.produce(kafka.name('missing'), records(1, 10)),
      kafka.log.produce(topic, records(2, 10)),
      kafka.log.produce(topic, records(1, 2_000_000)),
      kafka.log.produce(topic, records(3, 10)),
    ])
    expect(missing.status === 'rejected' && findStrandlineError(missing.reason)?.code).toBe('LOG_TOPIC_MISSING')
    expect(tooLarge.status === 'rejected' && findStrandlineError(tooLarge.reason)?.code).toBe('LOG_RECORD_TOO_LARGE')
    expect([good.status, alsoGood.status]).toEqual(['fulfilled', 'fulfilled'])
    expect(await kafka.log.offsets(topic)).toEqual([{ partition: 0, start: 0, end: 5 }])
  })
})

describe('after a request of which one partition was refused', () => {
  it('what is written next is not taken for a repetition of what the others got', async () => {
    const topic = await kafka.createTopic({ partitions: 2, config: { 'max.message.bytes': '2000' } })
    const small = (text: string) => ({ key: 'k', value: Buffer.from(text), partition: 0 })
    const refused = { key: 'k', value: Buffer.alloc(5_000), partition: 1 }
    await expect(kafka.log.produce(topic, [small('first'), refused])).rejects.toThrow()
    const [placed] = await kafka.log.produce(topic, [small('other')])
    const [first] = await kafka.log.offsets(topic)
    expect(first?.end, 'the first record was written with the request that failed').toBe(2)
    expect(placed).toEqual({ partition: 0, offset: 1 })
  })
})

/** Whatever lies in a topic, reading it once comes to an end, or says what it waits for. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readAll } from '../../core/log/read-all.ts'
import { readAt } from '../../core/log/read-at.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { until } from '../support/pm.ts'

let kafka: TestKafka
beforeAll(async () => {
  kafka = await createTestKafka()
})
afterAll(() => kafka.close())

/** Writes within a transaction, and leaves it open. */
async function openTransaction(topic: string, values: string[]) {
  const producer = kafka.client.producer({
    transactionalId: kafka.name('tx'),
    maxInFlightRequests: 1,
    idempotent: true,
  })
  await producer.connect()
  const tx = await producer.transaction()
  await tx.send({ topic, messages: values.map((value) => ({ key: 'k', value })) })
  return {
    async end(how: 'commit' | 'abort') {
      await tx[how]()
      await producer.disconnect()
      // its markers are written a moment later
      await until(
        () => kafka.log.offsets(topic),
        (all) => all.every((r) => r.written === undefined),
      )
    },
  }
}

async function textsOf(topic: string): Promise<{ texts: string[]; unread: number }> {
  const texts: string[] = []
  const { unread } = await readAll(kafka.log, topic, ({ value }) => void texts.push(String(value)))
  return { texts, unread }
}

describe('regression: a topic that ends in an aborted transaction', () => {
  it('of which nothing else is there is read to its end', async () => {
    const topic = await kafka.createTopic()
    await (await openTransaction(topic, ['a', 'b'])).end('abort')
    expect(await kafka.log.offsets(topic)).toEqual([{ partition: 0, start: 0, end: 3 }])
    expect(await textsOf(topic)).toEqual({ texts: [], unread: 0 })
  })

  it('behind records is read to its end, and places in it are passed over', async () => {
    const topic = await kafka.createTopic()
    await kafka.log.produce(topic, [{ key: 'k', value: Buffer.from('x') }])
    await (await openTransaction(topic, ['a', 'b'])).end('abort')
    expect(await textsOf(topic)).toEqual({ texts: ['x'], unread: 0 })
    const found: number[] = []
    await readAt(kafka.log, topic, new Map([[0, [0, 2, 3]]]), async (_, records) => {
      found.push(...records.map((r) => r.offset))
    })
    expect(found).toEqual([0])
  })
})

describe('a topic that ends in an open transaction', () => {
  it('is read up to it, and how much is left is said', async () => {
    const topic = await kafka.createTopic()
    await kafka.log.produce(topic, [{ key: 'k', value: Buffer.from('x') }])
    const transaction = await openTransaction(topic, ['a', 'b'])
    expect(await kafka.log.offsets(topic)).toEqual([{ partition: 0, start: 0, end: 1, written: 3 }])
    expect(await textsOf(topic)).toEqual({ texts: ['x'], unread: 2 })
    await transaction.end('commit')
    expect(await textsOf(topic)).toEqual({ texts: ['x', 'a', 'b'], unread: 0 })
  })
})

describe('regression: a visitor that throws', () => {
  it('ends the reading with what it threw', async () => {
    const topic = await kafka.createTopic()
    await kafka.log.produce(topic, [{ key: 'k', value: Buffer.from('x') }])
    const visited = readAll(kafka.log, topic, () => {
      throw new Error('the registry is away')
    })
    await expect(visited).rejects.toThrow('the registry is away')
  })
})

describe('a reading that waits', () => {
  /** A log in which nothing ever comes. */
  const silent = {
    offsets: async () => [{ partition: 0, start: 0, end: 5 }],
    consume: async () => ({
      stop: async () => {},
      seek: () => {},
      partitions: () => [],
      joined: () => false,
      failure: () => undefined,
    }),
  }

  it('says every ten seconds what it waits for, and ends when it is told to', async () => {
    vi.useFakeTimers()
    const said: string[] = []
    const stop = new AbortController()
    const reading = readAll(silent, 't', () => {}, { waiting: (s) => said.push(s), signal: stop.signal })
    const ended = expect(reading).rejects.toThrow('enough')
    await vi.advanceTimersByTimeAsync(120_000)
    expect(said).toHaveLength(12)
    expect(said[0]).toBe('Nothing has come from t for 10 s; still to be read: 5 of partition 0.')
    stop.abort(new Error('enough'))
    await ended
    vi.useRealTimers()
  })

  it('ends after a minute where nobody listens', async () => {
    vi.useFakeTimers()
    const ended = expect(readAll(silent, 't', () => {})).rejects.toMatchObject({ code: 'LOG_UNREACHABLE' })
    await vi.advanceTimersByTimeAsync(61_000)
    await ended
    vi.useRealTimers()
  })
})

import type { Kafka, Message, ProducerBatch, ProducerConfig } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { createLogProducer } from './kafka-producer.ts'

interface Answer {
  partition: number
  baseOffset?: string
}

/** A kafkajs whose topic has `partitions`; `answers` says what it makes of each request, by the partitions in it. Every client is a new one. */
function kafka(
  partitions: (client: number) => number,
  answers: (client: number, asked: Map<number, number>) => Answer[],
) {
  const sent: string[][] = []
  let clients = 0
  const producer = ({ createPartitioner }: ProducerConfig) => {
    const client = clients++
    const partitioner = createPartitioner?.()
    return {
      connect: async () => {},
      disconnect: async () => {},
      async sendBatch({ topicMessages = [] }: ProducerBatch) {
        const [{ topic, messages }] = topicMessages as [{ topic: string; messages: Message[] }]
        const partitionMetadata = Array.from({ length: partitions(client) }, (_, partitionId) => ({
          partitionErrorCode: 0,
          partitionId,
          leader: 1,
          replicas: [],
          isr: [],
        }))
        sent.push(messages.map((m) => String(m.key)))
        const asked = new Map<number, number>()
        for (const message of messages) {
          const partition = partitioner?.({ topic, partitionMetadata, message }) ?? -1
          asked.set(partition, (asked.get(partition) ?? 0) + 1)
        }
        return answers(client, asked).map((a) => ({ topicName: topic, errorCode: 0, ...a }))
      },
    }
  }
  return { sent, kafka: () => ({ producer }) as unknown as Kafka, clients: () => clients }
}

const SOON = { againMs: [0, 0, 0], answerMs: 10_000 }
const record = (key: string, partition?: number) => ({ key, value: Buffer.from(key), partition })

describe('regression: an answer that leaves a partition out', () => {
  it('is no acknowledgement of what went there: that is sent again by a new client, and the rest keeps its place', async () => {
    const world = kafka(
      () => 2,
      (client, asked) =>
        client === 0
          ? [{ partition: 0, baseOffset: '7' }]
          : [...asked.keys()].map((p) => ({ partition: p, baseOffset: '40' })),
    )
    const producer = createLogProducer(world.kafka, SOON)
    expect(await producer.produce('t', [record('a', 0), record('b', 1), record('c', 0), record('d', 1)])).toEqual([
      { partition: 0, offset: 7 },
      { partition: 1, offset: 40 },
      { partition: 0, offset: 8 },
      { partition: 1, offset: 41 },
    ])
    expect(world.sent).toEqual([
      ['a', 'b', 'c', 'd'],
      ['b', 'd'],
    ])
    expect(world.clients()).toBe(2)
  })

  it.each<[string, Answer[]]>([
    ['nothing', []],
    ['no offset', [{ partition: 0 }]],
    ['an offset below zero', [{ partition: 0, baseOffset: '-1' }]],
    ['an offset that is no number', [{ partition: 0, baseOffset: 'x' }]],
  ])('again and again, with %s, fails the call and says so', async (_, answer) => {
    const world = kafka(
      () => 1,
      () => answer,
    )
    await expect(createLogProducer(world.kafka, SOON).produce('t', [record('a')])).rejects.toMatchObject({
      code: 'LOG_UNACKNOWLEDGED',
    })
    expect(world.clients()).toBeGreaterThan(2)
  })

  it('fails those whose records it concerns, not those that were acknowledged', async () => {
    const world = kafka(
      () => 2,
      () => [{ partition: 0, baseOffset: '0' }],
    )
    const producer = createLogProducer(world.kafka, SOON)
    const [good, bad] = await Promise.allSettled([
      producer.produce('t', [record('a', 0)]),
      producer.produce('t', [record('b', 1)]),
    ])
    expect(good).toEqual({ status: 'fulfilled', value: [{ partition: 0, offset: 0 }] })
    expect(bad.status).toBe('rejected')
  })
})

describe('regression: a topic that has fewer partitions than before', () => {
  it('gets what went to one that is gone in another one', async () => {
    // kafkajs remembers six, the broker has two: what it answers is what it has
    const world = kafka(
      (client) => (client === 0 ? 6 : 2),
      (_, asked) => [...asked.keys()].filter((p) => p < 2).map((p) => ({ partition: p, baseOffset: '0' })),
    )
    const keys = Array.from({ length: 40 }, (_, i) => `k${i}`)
    const placed = await createLogProducer(world.kafka, SOON).produce(
      't',
      keys.map((k) => record(k)),
    )
    expect(placed.every(({ partition, offset }) => partition < 2 && Number.isInteger(offset))).toBe(true)
    expect(world.sent[1]?.length).toBeGreaterThan(0)
  })

  it('refuses what asks for one that is gone, by its name', async () => {
    const world = kafka(
      () => 2,
      (_, asked) => [...asked.keys()].filter((p) => p < 2).map((p) => ({ partition: p, baseOffset: '0' })),
    )
    await expect(createLogProducer(world.kafka, SOON).produce('t', [record('a', 5)])).rejects.toMatchObject({
      code: 'LOG_PARTITION_MISSING',
      message: 't has no partition 5, only 2: the record was not written.',
    })
  })
})

describe('regression: kafkajs, trying a request again, knows more partitions than before', () => {
  it('and still sends every record to the one that was chosen', async () => {
    const chosen: number[][] = []
    const producer = ({ createPartitioner }: ProducerConfig) => {
      const partitioner = createPartitioner?.()
      return {
        connect: async () => {},
        disconnect: async () => {},
        async sendBatch({ topicMessages = [] }: ProducerBatch) {
          const [{ topic, messages }] = topicMessages as [{ topic: string; messages: Message[] }]
          for (const count of [1, 12])
            chosen.push(
              messages.map(
                (message) =>
                  partitioner?.({
                    topic,
                    message,
                    partitionMetadata: Array.from({ length: count }, (_, partitionId) => ({
                      partitionErrorCode: 0,
                      partitionId,
                      leader: 1,
                      replicas: [],
                      isr: [],
                    })),
                  }) ?? -1,
              ),
            )
          return [{ topicName: topic, partition: 0, errorCode: 0, baseOffset: '0' }]
        },
      }
    }
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)
    await createLogProducer(() => ({ producer }) as unknown as Kafka, SOON).produce(
      't',
      keys.map((k) => record(k)),
    )
    expect(chosen[1]).toEqual(chosen[0])
  })
})

describe('regression: a record that is none', () => {
  it('fails its own call, and others are written', async () => {
    const world = kafka(
      () => 1,
      () => [{ partition: 0, baseOffset: '0' }],
    )
    const producer = createLogProducer(world.kafka, SOON)
    const [bad, good] = await Promise.allSettled([
      producer.produce('t', [{ key: 'k' } as never]),
      producer.produce('t', [record('a')]),
    ])
    expect([bad.status, good.status]).toEqual(['rejected', 'fulfilled'])
  })
})

describe('regression: kafkajs never answers, and does not let go of its connection', () => {
  it('fails the call, and the next one goes through a new client', async () => {
    let clients = 0
    const hanging = new Promise<never>(() => {})
    const producer = ({ createPartitioner }: ProducerConfig) => {
      const first = clients++ === 0
      const partitioner = createPartitioner?.()
      return {
        connect: async () => {},
        disconnect: () => (first ? hanging : Promise.resolve()),
        async sendBatch({ topicMessages = [] }: ProducerBatch) {
          const [{ topic, messages }] = topicMessages as [{ topic: string; messages: Message[] }]
          const leader = { partitionErrorCode: 0, partitionId: 0, leader: 1, replicas: [], isr: [] }
          for (const message of messages) partitioner?.({ topic, message, partitionMetadata: [leader] })
          return first ? hanging : [{ topicName: topic, partition: 0, errorCode: 0, baseOffset: '3' }]
        },
      }
    }
    const log = createLogProducer(() => ({ producer }) as unknown as Kafka, { againMs: [], answerMs: 20 })
    await expect(log.produce('t', [record('a')])).rejects.toThrow('no answer')
    expect(await log.produce('t', [record('b')])).toEqual([{ partition: 0, offset: 3 }])
  })
})

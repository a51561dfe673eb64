/** Fills a topic with generated events: encoded once, sent in large batches, cut into partitions by their key as the relay does. */
import kafkajs, { type Message, type PartitionMetadata } from 'kafkajs'
import { frame, positionClosedSchema, positionClosedType } from '../../core/codec/position-closed-codec.ts'
import { createRegistryClient } from '../../core/codec/registry.ts'
import { readKafkaConfig, readRegistryConfig } from '../../core/config.ts'
import { createKafkaClient } from '../../core/log/kafka-client.ts'
import { createLogger } from '../../core/logger.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { eventHeaders } from '../../services/pm/headers.ts'
import { type Cardinality, eventStream, NEWEST } from '../generate.ts'
import { serve } from './serve.ts'

export interface ProduceTask {
  topic: string
  partitions: number
  /** One part after the other. */
  parts: { cardinality: Cardinality; count: number; seed: number; curators?: number }[]
  /** With the CloudEvents headers that the PM writes. */
  headers: boolean
  /** So many of the events, evenly spread, are handed back. */
  sample?: number
}

export interface Produced {
  events: number
  bytes: number
  sample: PlacedEvent[]
}

export interface PlacedEvent {
  event: PositionClosed
  partition: number
}

const BATCH = 3_000
const IN_FLIGHT = 3
const partitioner = kafkajs.Partitioners.DefaultPartitioner()

const registry = createRegistryClient(readRegistryConfig(process.env))
const kafka = createKafkaClient(readKafkaConfig(process.env), createLogger({ level: 'warn' }))

/** Where the producer's partitioner puts a record of this key. */
function partitionOf(key: string, partitions: number): number {
  const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({ partitionId, leader: 0 }))
  return partitioner({
    topic: '',
    partitionMetadata: partitionMetadata as PartitionMetadata[],
    message: { key, value: null },
  })
}

serve({
  async produce({ topic, partitions, parts, headers, sample = 0 }: ProduceTask): Promise<Produced> {
    const id = await registry.register(`${topic}-value`, positionClosedSchema)
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic, numPartitions: partitions, configEntries: [{ name: 'retention.ms', value: '-1' }] }],
    })
    await admin.disconnect()
    const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
    await producer.connect()
    const under = new Set<Promise<unknown>>()
    let messages: Message[] = []
    let events = 0
    let bytes = 0
    const every = Math.max(1, Math.floor(parts.reduce((sum, part) => sum + part.count, 0) / sample))
    const sampled: PlacedEvent[] = []
    const send = async () => {
      const sent: Promise<unknown> = producer.send({ topic, acks: -1, messages }).finally(() => under.delete(sent))
      under.add(sent)
      messages = []
      if (under.size >= IN_FLIGHT) await Promise.race(under)
    }
    for (const { cardinality, count, seed, curators } of parts)
      for (const event of eventStream(count, cardinality, seed, NEWEST, curators)) {
        const value = frame(id, positionClosedType.toBuffer(event))
        messages.push({
          key: event.position_id,
          value,
          headers: headers ? eventHeaders(event, null) : undefined,
        })
        if (sampled.length < sample && events % every === 0)
          sampled.push({ event, partition: partitionOf(event.position_id, partitions) })
        events++
        bytes += value.length
        if (messages.length === BATCH) await send()
      }
    if (messages.length > 0) await send()
    await Promise.all(under)
    await producer.disconnect()
    return { events, bytes, sample: sampled }
  },
})

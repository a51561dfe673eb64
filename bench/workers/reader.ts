/** The bound that the learner is measured against: kafkajs, and avsc with the learner's own projection, and nothing else. */
import { createDecoder } from '../../core/codec/decoder.ts'
import { FLAT_FIELDS } from '../../core/codec/flat-event.ts'
import { projectionOf } from '../../core/codec/position-closed-codec.ts'
import { createRegistryClient } from '../../core/codec/registry.ts'
import { readKafkaConfig, readRegistryConfig } from '../../core/config.ts'
import { createKafkaClient } from '../../core/log/kafka-client.ts'
import { createLogger } from '../../core/logger.ts'
import type { CheckedEvent } from '../../domain/validation.ts'
import { instant, serve } from './serve.ts'

export interface ReadTask {
  topic: string
  group: string
  events: number
}

export interface ReadResult {
  events: number
  startedAt: number
  endedAt: number
}

const MB = 1 << 20
const registry = createRegistryClient(readRegistryConfig(process.env))
const kafka = createKafkaClient(readKafkaConfig(process.env), createLogger({ level: 'warn' }))

serve({
  async read({ topic, group, events }: ReadTask): Promise<ReadResult> {
    const decode = createDecoder<CheckedEvent>(registry, projectionOf(FLAT_FIELDS))
    // larger fetches than the learner's: it has nothing else to keep in memory
    const consumer = kafka.consumer({
      groupId: group,
      maxBytesPerPartition: 8 * MB,
      maxBytes: 32 * MB,
      minBytes: 1,
      maxWaitTimeInMs: 250,
    })
    let startedAt = 0
    let seen = 0
    consumer.on(consumer.events.FETCH_START, () => {
      startedAt ||= instant()
    })
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    const endedAt = await new Promise<number>((resolve, reject) => {
      consumer
        .run({
          autoCommit: false,
          partitionsConsumedConcurrently: 3,
          async eachBatch({ batch, resolveOffset, heartbeat }) {
            for (const message of batch.messages) {
              const event = decode(message.value)
              if (event instanceof Promise) await event
            }
            seen += batch.messages.length
            resolveOffset(batch.lastOffset())
            if (seen >= events) return resolve(instant())
            await heartbeat()
          },
        })
        .catch(reject)
    })
    await consumer.disconnect()
    return { events: seen, startedAt, endedAt }
  },
})

/** The topic as it lies in the broker, read from its beginning to its end by a plain kafkajs consumer. */
import { randomUUID } from 'node:crypto'
import type { Kafka } from 'kafkajs'
import { StrandlineError } from '../../core/errors.ts'

export interface RawRecord {
  partition: number
  offset: number
  /** ms, the broker's. */
  time: number
  key: Buffer | null
  value: Buffer | null
  headers: Record<string, string>
}

const STALLED_MS = 60_000

/** All records, by partition and offset. Errors: ENGINE_FAILED when nothing comes for a minute. */
export async function readTopic(kafka: Kafka, topic: string): Promise<RawRecord[]> {
  const admin = kafka.admin()
  await admin.connect()
  const ends = await admin.fetchTopicOffsets(topic).finally(() => admin.disconnect())
  const open = new Map(ends.filter((e) => Number(e.high) > Number(e.low)).map((e) => [e.partition, Number(e.high)]))
  const records: RawRecord[] = []
  if (open.size === 0) return records
  const consumer = kafka.consumer({ groupId: `torture-oracle-${randomUUID()}`, maxBytesPerPartition: 8 << 20 })
  await consumer.connect()
  try {
    await consumer.subscribe({ topic, fromBeginning: true })
    await new Promise<void>((resolve, reject) => {
      let moved = Date.now()
      const watch = setInterval(() => {
        if (Date.now() - moved < STALLED_MS) return
        clearInterval(watch)
        const message = `The oracle reads nothing more of ${topic}; it lacks ${JSON.stringify([...open])}.`
        reject(new StrandlineError('ENGINE_FAILED', message))
      }, 1_000)
      consumer
        .run({
          partitionsConsumedConcurrently: 4,
          async eachMessage({ partition, message: { offset, timestamp, key, value, headers = {} } }) {
            moved = Date.now()
            const end = open.get(partition)
            if (end === undefined || Number(offset) >= end) return
            const texts = Object.entries(headers).map(([name, text]) => [name, String(text)])
            records.push({
              partition,
              offset: Number(offset),
              time: Number(timestamp),
              key,
              value,
              headers: Object.fromEntries(texts),
            })
            if (Number(offset) !== end - 1) return
            open.delete(partition)
            if (open.size > 0) return
            clearInterval(watch)
            resolve()
          },
        })
        .catch(reject)
    })
  } finally {
    await consumer.disconnect().catch(() => {})
  }
  return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
}

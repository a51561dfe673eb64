/**
 * The producing half of the log. Idempotent, acks=all. Calls that arrive while a request is under way travel together in the next one:
 * one request at a time keeps kafkajs' sequence numbers in order, and batches by itself under load.
 *
 * kafkajs puts all messages of a partition into one record batch, and a broker refuses a batch above `max.message.bytes` whole. So what travels together
 * stays below what brokers take by default, and a large record travels alone: it fails alone.
 */
import kafkajs, { type Kafka, type Message, type Producer } from 'kafkajs'
import { within } from '../within.ts'
import type { OutgoingRecord, ProducedRecord } from './log.ts'

const { Partitioners, CompressionTypes } = kafkajs
/** Most bytes of one partition in one request: below 1,048,588, with room for what our estimate leaves out. */
const BATCH_BYTES = 900_000
/** Lengths, timestamp and offset of one record, and of one header, at most. */
const RECORD_OVERHEAD = 40
const HEADER_OVERHEAD = 10

/** One request with kafkajs' own retries: whoever waits behind it must get a turn. After that its outcome is unknown, and the producer is replaced. */
const SEND_MS = 30_000
const DROP_MS = 5_000

interface Call {
  topic: string
  records: OutgoingRecord[]
  placed: ProducedRecord[]
  failed: boolean
  resolve: (placed: ProducedRecord[]) => void
  reject: (error: unknown) => void
}

interface Item {
  call: Call
  index: number
  message: Message & { partition: number }
  bytes: number
}

export interface LogProducer {
  produce(topic: string, records: OutgoingRecord[]): Promise<ProducedRecord[]>
  close(): Promise<void>
}

export function createLogProducer(kafka: () => Kafka, partitionCount: (topic: string) => Promise<number>): LogProducer {
  const partitionOf = Partitioners.DefaultPartitioner() // Java's: murmur2 of the key
  let producer: Promise<Producer> | undefined
  let waiting: Call[] = []
  let sending: Promise<void> | undefined

  async function connect(): Promise<Producer> {
    const fresh = kafka().producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
    })
    await within(fresh.connect(), SEND_MS)
    return fresh
  }

  async function drop(): Promise<void> {
    const old = producer
    producer = undefined
    await within(Promise.resolve(old?.then((p) => p.disconnect())), DROP_MS).catch(() => undefined) // it failed already: what failed is reported to the caller
  }

  async function place(call: Call): Promise<Item[]> {
    const partitions = await within(partitionCount(call.topic), SEND_MS)
    const metadata = Array.from({ length: partitions }, (_, partitionId) => ({
      partitionErrorCode: 0,
      partitionId,
      leader: 0,
      replicas: [],
      isr: [],
    }))
    return call.records.map((record, index) => {
      const message: Message = { key: record.key, value: record.value, headers: record.headers }
      if (record.timestamp !== undefined) message.timestamp = String(record.timestamp)
      const partition = record.partition ?? partitionOf({ topic: call.topic, partitionMetadata: metadata, message })
      return { call, index, message: { ...message, partition }, bytes: bytesOf(record) }
    })
  }

  /** One request to one topic. After any failure the sequence numbers of this producer id may be taken for other records already: a new id. */
  async function send(topic: string, items: Item[]): Promise<void> {
    try {
      producer ??= connect()
      const sent = (await producer).sendBatch({
        acks: -1,
        compression: CompressionTypes.None,
        topicMessages: [{ topic, messages: items.map((i) => i.message) }],
      })
      const answers = await within(sent, SEND_MS)
      const next = new Map(answers.map((a) => [a.partition, Number(a.baseOffset ?? a.offset)]))
      const times = new Map(answers.map((a) => [a.partition, Number(a.logAppendTime ?? -1)]))
      for (const { call, index, message } of items) {
        const offset = next.get(message.partition) ?? Number.NaN
        const appendedAt = times.get(message.partition) ?? -1 // -1: the topic's records keep their producer's time
        next.set(message.partition, offset + 1)
        call.placed[index] = { partition: message.partition, offset, ...(appendedAt > 0 ? { appendedAt } : {}) }
      }
    } catch (error) {
      await drop()
      fail(
        items.map((i) => i.call),
        error,
      )
    }
  }

  function fail(calls: Call[], error: unknown): void {
    for (const call of calls) {
      call.failed = true
      call.reject(error)
    }
  }

  async function pump(): Promise<void> {
    while (waiting.length > 0) {
      const calls = waiting
      waiting = []
      for (const topic of new Set(calls.map((c) => c.topic))) {
        const items: Item[] = []
        for (const call of calls.filter((c) => c.topic === topic)) {
          try {
            items.push(...(await place(call)))
          } catch (error) {
            fail([call], error)
          }
        }
        for (const request of requestsOf(items)) {
          const open = request.filter((i) => !i.call.failed)
          if (open.length > 0) await send(topic, open)
        }
      }
      for (const call of calls) if (!call.failed) call.resolve(call.placed)
    }
    sending = undefined
  }

  return {
    produce: (topic, records) =>
      records.length === 0
        ? Promise.resolve([])
        : new Promise((resolve, reject) => {
            waiting.push({ topic, records, placed: [], failed: false, resolve, reject })
            sending ??= Promise.resolve().then(pump)
          }),
    async close() {
      await sending
      await drop()
    },
  }
}

/** Cuts records, in their order, where a partition's share would grow too large. */
function requestsOf(items: Item[]): Item[][] {
  const requests: Item[][] = []
  let bytes = new Map<number, number>()
  let alone = true
  for (const item of items) {
    const { partition } = item.message
    const large = item.bytes > BATCH_BYTES / 2
    const sum = (bytes.get(partition) ?? 0) + item.bytes
    if (alone || large || sum > BATCH_BYTES) {
      requests.push([])
      bytes = new Map()
    }
    requests.at(-1)!.push(item)
    bytes.set(partition, (bytes.get(partition) ?? 0) + item.bytes)
    alone = large
  }
  return requests
}

function bytesOf({ key, value, headers = {} }: OutgoingRecord): number {
  const size = (v: string | Buffer | null) => (v === null ? 0 : Buffer.byteLength(v))
  let bytes = RECORD_OVERHEAD + size(key) + size(value)
  for (const [name, header] of Object.entries(headers))
    for (const v of Array.isArray(header) ? header : [header]) bytes += HEADER_OVERHEAD + size(name) + size(v)
  return bytes
}

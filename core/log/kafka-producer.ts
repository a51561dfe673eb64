/**
 * The producing half of the log. Idempotent, acks=all. Calls that arrive while a request is under way travel together in the next one:
 * one request at a time keeps kafkajs' sequence numbers in order, and batches by itself under load.
 *
 * kafkajs puts all messages of a partition into one record batch, and a broker refuses a batch above `max.message.bytes` whole. So what travels together
 * stays below what brokers take by default, even if all of it goes to one partition, and a large record travels alone: it fails alone.
 *
 * kafkajs leaves out of its answer what it did not send (a partition that its metadata lacks, a leader that moved to a broker which it takes for served).
 * An acknowledgement without an offset is none: such a record is sent again by a new client, which asks for the topic's partitions anew.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, { type Kafka, type Message, type Producer } from 'kafkajs'
import { StrandlineError } from '../errors.ts'
import { within } from '../within.ts'
import { connected } from './kafka-cluster.ts'
import type { OutgoingRecord, ProducedRecord } from './log.ts'
import { createPartitionChoices, type PartitionChoices } from './partition-choice.ts'
import { bytesOf, requestsOf } from './request-size.ts'

/** kafkajs' default of five minutes is long for a topic that grows. */
const METADATA_MS = 30_000
const RETRY_POLICY: RetryPolicy = { againMs: [50, 250, 1_000, 2_000], answerMs: 30_000 }
/** So long a connection is waited for that is to end. */
const END_MS = 5_000

export interface RetryPolicy {
  /** Waits before what was not acknowledged is sent again: so often, and no more. Milliseconds. */
  againMs: readonly number[]
  /** One request with kafkajs' own retries: whoever waits behind it must get a turn. After that its outcome is unknown, and the client is replaced. */
  answerMs: number
}

interface Call {
  topic: string
  items: Item[]
  placed: ProducedRecord[]
  failed: boolean
  resolve: (placed: ProducedRecord[]) => void
  reject: (error: unknown) => void
}

interface Item {
  call: Call
  index: number
  message: Message
  bytes: number
}

export interface LogProducer {
  produce(topic: string, records: OutgoingRecord[]): Promise<ProducedRecord[]>
  close(): Promise<void>
}

interface Client {
  producer: Producer
  choices: PartitionChoices
}

export function createLogProducer(kafka: () => Kafka, { againMs, answerMs } = RETRY_POLICY): LogProducer {
  let client: Promise<Client> | undefined
  let waiting: Call[] = []
  let sending: Promise<void> | undefined
  const ending = new Set<Promise<void>>()

  async function connect(): Promise<Client> {
    const choices = createPartitionChoices()
    const producer = kafka().producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      metadataMaxAge: METADATA_MS,
      createPartitioner: choices.createPartitioner,
    })
    await connected(producer)
    return { producer, choices }
  }

  /** kafkajs ends a connection once all that was asked over it is answered: after a failure, that may be never. Nobody who writes waits for it. */
  function drop(): void {
    const old = client
    client = undefined
    if (!old) return
    const end = old
      .then((c) => c.producer.disconnect())
      .catch(() => undefined) // it failed already: what failed is reported to the caller
      .finally(() => ending.delete(end))
    ending.add(end)
  }

  /** One request to one topic, until all of it has a place. After any failure the sequence numbers of this producer id may be taken for other records already: a new id. */
  async function send(topic: string, items: Item[]): Promise<void> {
    for (let open = items, attempt = 0; ; attempt++) {
      try {
        client ??= connect()
        const refused = await within(request(client, topic, open), answerMs)
        if (refused.size === 0) return
        open = [...refused.keys()]
        drop()
        if (attempt === againMs.length) {
          for (const [{ call }, reason] of refused) fail([call], reason)
          return
        }
        await sleep(againMs[attempt])
      } catch (error) {
        drop()
        return fail(
          open.map((i) => i.call),
          error,
        )
      }
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
        const items = calls.filter((c) => c.topic === topic).flatMap((c) => c.items)
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
            const call: Call = { topic, items: [], placed: [], failed: false, resolve, reject }
            call.items = itemsOf(call, records) // what is wrong with a record is its caller's affair, and stops nobody else
            waiting.push(call)
            sending ??= Promise.resolve().then(pump)
          }),
    async close() {
      await sending
      drop()
      await within(Promise.all(ending), END_MS).catch(() => undefined) // it hangs: the process does not
    },
  }
}

/** Sends once. Resolves to the items that were not acknowledged, each with what that means. */
async function request(client: Promise<Client>, topic: string, items: Item[]): Promise<Map<Item, StrandlineError>> {
  const { producer, choices } = await client
  choices.clear()
  const answers = await producer.sendBatch({
    acks: -1,
    compression: kafkajs.CompressionTypes.None,
    topicMessages: [{ topic, messages: items.map((i) => i.message) }],
  })
  const next = new Map<number, number>()
  const times = new Map<number, number>()
  for (const { partition, baseOffset, offset, logAppendTime } of answers) {
    const first = Number(baseOffset ?? offset)
    if (Number.isSafeInteger(first) && first >= 0) next.set(partition, first)
    if (Number(logAppendTime) > 0) times.set(partition, Number(logAppendTime)) // -1: records keep their producer's time
  }
  const refused = new Map<Item, StrandlineError>()
  for (const item of items) {
    const choice = choices.of(item.message)
    const offset = choice && next.get(choice.partition)
    if (choice === undefined || offset === undefined) {
      refused.set(item, unacknowledged(topic, choice))
      continue
    }
    next.set(choice.partition, offset + 1)
    const { partition } = choice
    const appendedAt = times.get(partition)
    item.call.placed[item.index] = { partition, offset, ...(appendedAt === undefined ? {} : { appendedAt }) }
  }
  return refused
}

function unacknowledged(topic: string, choice: ReturnType<PartitionChoices['of']>): StrandlineError {
  if (choice && !choice.exists)
    return new StrandlineError(
      'LOG_PARTITION_MISSING',
      `${topic} has no partition ${choice.partition}, only ${choice.partitions}: the record was not written.`,
      { todo: 'Write it to a partition that the topic has.' },
    )
  return new StrandlineError(
    'LOG_UNACKNOWLEDGED',
    `Kafka has not said where a record of ${topic}${choice ? `, for partition ${choice.partition},` : ''} lies: it counts as not written.`,
    { todo: 'Look whether that partition has a leader. What waits is written again by itself.' },
  )
}

function itemsOf(call: Call, records: OutgoingRecord[]): Item[] {
  return records.map((record, index) => {
    const message: Message = { key: record.key, value: record.value, headers: record.headers }
    if (record.timestamp !== undefined) message.timestamp = String(record.timestamp)
    if (record.partition !== undefined) message.partition = record.partition
    return { call, index, message, bytes: bytesOf(record) }
  })
}

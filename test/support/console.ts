/**
 * Redpanda Console as broker and registry see it. Each function sends the requests that Console's backend sends for one action of a person, in its
 * order and with its checks (redpanda-data/console, backend/pkg/console: list_messages, consumer_group_offsets, edit_consumer_group_offsets,
 * produce_records, schema_registry; franz-go's kadm and sr below it).
 */
import avro from 'avsc'
import { type IHeaders, Partitioners } from 'kafkajs'
import Cluster from 'kafkajs/src/cluster/index.js'
import socketFactory from 'kafkajs/src/network/socketFactory.js'
import type { TestKafka } from './kafka.ts'

const LATEST = -1
const EARLIEST = -2
/** Console does not ask for committed records only. */
const READ_UNCOMMITTED = 0
const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json'

export interface ConsoleMessage {
  partition: number
  offset: number
  timestamp: number
  key: string | null
  headers: Record<string, string>
  /** The bytes, for publishing them again. */
  raw: { key: Buffer | null; value: Buffer | null; headers: IHeaders }
  /** The value as Console shows it: Avro decoded with the registry's schema; null where it shows bytes. */
  value: Record<string, unknown> | null
  schemaId: number | null
}

export type RedpandaConsole = Awaited<ReturnType<typeof openConsole>>

export async function openConsole({ brokers, registryUrl, client }: TestKafka) {
  const cluster = new Cluster({
    logger: client.logger(),
    socketFactory: socketFactory(),
    brokers: [brokers],
    clientId: 'redpanda-console',
    connectionTimeout: 5_000,
    authenticationTimeout: 5_000,
    metadataMaxAge: 1_000,
    allowAutoTopicCreation: false,
    retry: {},
  })
  await cluster.connect()
  const schemas = new Map<number, Promise<avro.Type>>()

  async function registry(method: string, path: string, body?: object) {
    const response = await fetch(registryUrl + path, {
      method,
      headers: { accept: MEDIA_TYPE, ...(body ? { 'content-type': MEDIA_TYPE } : {}) },
      body: body && JSON.stringify(body),
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }

  /** SchemaByID. */
  function schema(id: number): Promise<avro.Type> {
    let found = schemas.get(id)
    if (!found) {
      found = registry('GET', `/schemas/ids/${id}`).then(({ status, body }) => {
        if (status !== 200) throw new Error(String(body.message))
        return avro.Type.forSchema(JSON.parse(String(body.schema)))
      })
      schemas.set(id, found)
    }
    return found
  }

  async function partitionsOf(topic: string) {
    await cluster.addTargetTopic(topic) // Metadata
    return cluster.findTopicPartitionMetadata(topic)
  }

  /** ListOffsets of all partitions: LATEST, EARLIEST, or the first record at or after a time (ms); -1 where there is none. */
  async function offsetsAt(topic: string, timestamp: number): Promise<Map<number, number>> {
    const found = new Map<number, number>()
    for (const { partitionId: partition, leader } of await partitionsOf(topic)) {
      const broker = await cluster.findBroker({ nodeId: leader })
      const { responses } = await broker.listOffsets({
        replicaId: -1,
        isolationLevel: READ_UNCOMMITTED,
        topics: [{ topic, partitions: [{ partition, timestamp: String(timestamp) }] }],
      })
      found.set(partition, Number(responses[0]!.partitions[0]!.offset))
    }
    return found
  }

  async function shown(value: Buffer | null): Promise<Pick<ConsoleMessage, 'value' | 'schemaId'>> {
    if (!value || value.length <= 5 || value[0] !== 0) return { value: null, schemaId: null }
    const schemaId = value.readUInt32BE(1)
    try {
      const decoded = (await schema(schemaId)).fromBuffer(value.subarray(5))
      return { value: JSON.parse(JSON.stringify(decoded)), schemaId }
    } catch {
      return { value: null, schemaId } // Console falls back to showing bytes, with the reason under "troubleshoot"
    }
  }

  /** Opens a topic from the oldest record on: Metadata, ListOffsets twice, Fetch without a group. The filter runs in Console, not in the broker. */
  async function messages(
    topic: string,
    filter: (m: ConsoleMessage) => boolean = () => true,
  ): Promise<ConsoleMessage[]> {
    const [starts, ends] = [await offsetsAt(topic, EARLIEST), await offsetsAt(topic, LATEST)]
    const found: ConsoleMessage[] = []
    for (const { partitionId: partition, leader } of await partitionsOf(topic)) {
      const broker = await cluster.findBroker({ nodeId: leader })
      for (let at = starts.get(partition)!; at < ends.get(partition)!; ) {
        const { responses } = await broker.fetch({
          replicaId: -1,
          isolationLevel: READ_UNCOMMITTED,
          maxWaitTime: 500,
          topics: [{ topic, partitions: [{ partition, fetchOffset: String(at), maxBytes: 5_000_000 }] }],
        })
        const fetched = responses[0]!.partitions[0]!.messages.filter((m) => Number(m.offset) >= at)
        if (fetched.length === 0) throw new Error(`nothing to fetch from ${topic}/${partition} at ${at}`)
        for (const { offset, timestamp, key, value, headers, isControlRecord } of fetched) {
          at = Number(offset) + 1
          if (isControlRecord) continue
          const message: ConsoleMessage = {
            partition,
            offset: Number(offset),
            timestamp: Number(timestamp),
            key: key?.toString() ?? null,
            headers: Object.fromEntries(Object.entries(headers).map(([name, v]) => [name, String(v)])),
            raw: { key, value, headers },
            ...(await shown(value)),
          }
          if (filter(message)) found.push(message)
        }
      }
    }
    return found
  }

  /** A group's page: DescribeGroups, ListOffsets, OffsetFetch (Console asks for all topics at once, which kafkajs cannot). */
  async function group(groupId: string) {
    const coordinator = await cluster.findGroupCoordinator({ groupId })
    const described = (await coordinator.describeGroups({ groupIds: [groupId] })).groups[0]!
    return {
      state: described.state,
      members: described.members.map((m) => m.clientId),
      /** Lag of a topic: partition → group offset, end and lag, as in getConsumerGroupOffsets. */
      async lag(topic: string) {
        const ends = await offsetsAt(topic, LATEST)
        const partitions = [...ends.keys()].map((partition) => ({ partition }))
        const { responses } = await coordinator.offsetFetch({ groupId, topics: [{ topic, partitions }] })
        const committed = new Map(responses[0]!.partitions.map((p) => [p.partition, Number(p.offset)]))
        return [...ends].map(([partition, end]) => {
          const groupOffset = committed.get(partition)
          return groupOffset === undefined || groupOffset < 0
            ? { partition, groupOffset: null, end, lag: 0 }
            : { partition, groupOffset, end, lag: Math.max(0, end - groupOffset) }
        })
      },
    }
  }

  /** OffsetCommit from outside of the group (generation -1, no member). */
  async function commitOffsets(groupId: string, topic: string, offsets: Map<number, number>): Promise<void> {
    const coordinator = await cluster.findGroupCoordinator({ groupId })
    const partitions = [...offsets].map(([partition, offset]) => ({ partition, offset: String(offset) }))
    await coordinator.offsetCommit({
      groupId,
      groupGenerationId: -1,
      memberId: '',
      topics: [{ topic, partitions }],
    })
  }

  /**
   * "Edit offsets" of a group: DescribeGroups, ListOffsets twice, OffsetCommit. Resolves to what Console shows as an error.
   * @param to offsets by partition; -2 and -1 stand for a partition's start and end
   */
  async function editOffsets(groupId: string, topic: string, to: Map<number, number>): Promise<string | null> {
    const { state } = await group(groupId)
    if (state.toLowerCase() !== 'empty')
      return `Consumer group is still active and therefore can't be edited. Current Group State is: ${state}`
    const [starts, ends] = [await offsetsAt(topic, EARLIEST), await offsetsAt(topic, LATEST)]
    const resolved = [...to].map(([partition, offset]): [number, number] => [
      partition,
      offset === LATEST ? ends.get(partition)! : offset === EARLIEST ? starts.get(partition)! : offset,
    ])
    await commitOffsets(groupId, topic, new Map(resolved))
    return null
  }

  const every = async (topic: string, offset: number) =>
    new Map([...(await partitionsOf(topic))].map((p) => [p.partitionId, offset]))

  /** "Publish record": idempotent, acks=all, in a transaction where the person chose that; the partition by the key unless one is chosen. */
  async function publish(
    topic: string,
    record: { key: Buffer | string | null; value: Buffer | null; headers?: IHeaders },
    { partition, transaction = false }: { partition?: number; transaction?: boolean } = {},
  ): Promise<{ partition: number; offset: number }> {
    const producer = client.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      ...(transaction ? { transactionalId: crypto.randomUUID() } : {}),
    })
    await producer.connect()
    try {
      const sender = transaction ? await producer.transaction() : producer
      const [at] = await sender.send({ topic, acks: -1, messages: [{ ...record, partition }] })
      if ('commit' in sender) await sender.commit()
      return { partition: at!.partition, offset: Number(at!.baseOffset) }
    } finally {
      await producer.disconnect()
    }
  }

  return {
    registry,
    schema,
    offsetsAt,
    messages,
    group,
    commitOffsets,
    editOffsets,
    every,
    publish,
    /** Console's Avro serde: JSON text in, Confluent wire format out. */
    async encode(schemaId: number, value: object): Promise<Buffer> {
      const type = await schema(schemaId)
      const header = Buffer.from([0, 0, 0, 0, 0])
      header.writeUInt32BE(schemaId, 1)
      return Buffer.concat([header, type.toBuffer(value)])
    },
    /** "Validate" of a new schema version: CheckCompatibility with the reasons. */
    validate: (subject: string, schemaText: string) =>
      registry('POST', `/compatibility/subjects/${subject}/versions/latest?verbose=true`, { schema: schemaText }),
    /** "Create" of a new schema version: RegisterSchema. */
    createSchema: (subject: string, schemaText: string) =>
      registry('POST', `/subjects/${subject}/versions`, { schema: schemaText }),
    close: () => cluster.disconnect(),
  }
}

/**
 * Looks at single records of a topic without joining any group: one fetch request per leader, answered at once.
 *
 * kafkajs' public interface only reads as a member of a group, which takes seconds and leaves a group behind. Its own cluster, which it
 * keeps behind a symbol, can fetch; the version is pinned, and test/lag/lag.int.test.ts reads through it.
 */
import type { Kafka } from 'kafkajs'

interface FetchedRecord {
  offset: string
  timestamp: string
  isControlRecord: boolean
}

interface Broker {
  fetch(request: object): Promise<{
    responses: { topicName: string; partitions: { partition: number; messages: FetchedRecord[] }[] }[]
  }>
}

interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addTargetTopic(topic: string): Promise<void>
  refreshMetadata(): Promise<void>
  refreshMetadataIfNecessary(): Promise<void>
  findLeaderForPartitions(topic: string, partitions: number[]): Record<string, number[]>
  findBroker(which: { nodeId: string }): Promise<Broker>
}

const READ_COMMITTED = 1
const METADATA_MS = 30_000

export interface Peek {
  /** Time (ms) of the first record at or above each offset; null where the log has none (yet), or only control records within reach. */
  timestamps(topic: string, offsets: Map<number, number>): Promise<Map<number, number | null>>
  close(): Promise<void>
}

export function createPeek(kafka: () => Kafka): Peek {
  let connecting: Promise<Cluster> | undefined

  async function connect(): Promise<Cluster> {
    const cluster = clusterOf(kafka())
    await cluster.connect()
    return cluster
  }

  async function drop(): Promise<void> {
    const old = connecting
    connecting = undefined
    await old?.then((c) => c.disconnect()).catch(() => undefined) // never connected, or lost: nothing to close
  }

  async function timestamps(topic: string, offsets: Map<number, number>): Promise<Map<number, number | null>> {
    connecting ??= connect()
    const cluster = await connecting
    await cluster.addTargetTopic(topic)
    await cluster.refreshMetadataIfNecessary()
    const found = new Map<number, number | null>([...offsets.keys()].map((partition) => [partition, null]))
    const leaders = cluster.findLeaderForPartitions(topic, [...offsets.keys()])
    for (const [nodeId, partitions] of Object.entries(leaders)) {
      const broker = await cluster.findBroker({ nodeId })
      const { responses } = await broker.fetch({
        isolationLevel: READ_COMMITTED,
        maxWaitTime: 0,
        minBytes: 0,
        maxBytes: 8 << 20,
        topics: [
          {
            topic,
            // Of each partition one record batch, whatever its size: a broker always gives the first one whole.
            partitions: partitions.map((partition) => ({
              partition,
              fetchOffset: String(offsets.get(partition)),
              maxBytes: 1,
            })),
          },
        ],
      })
      for (const response of responses)
        for (const { partition, messages } of response.partitions) {
          const asked = offsets.get(partition) ?? 0
          const first = messages.find((m) => Number(m.offset) >= asked && !m.isControlRecord)
          if (first) found.set(partition, Number(first.timestamp))
        }
    }
    return found
  }

  return {
    async timestamps(topic, offsets) {
      if (offsets.size === 0) return new Map()
      try {
        return await timestamps(topic, offsets)
      } catch {
        await drop() // a leader that moved, a connection that was lost: once more, from the start
      }
      try {
        return await timestamps(topic, offsets)
      } catch (error) {
        await drop()
        throw error
      }
    },
    close: drop,
  }
}

function clusterOf(kafka: Kafka): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find((s) => s.description === 'private:Kafka:createCluster')
  const create = symbol && (kafka as unknown as Record<symbol, (options: object) => Cluster>)[symbol]
  if (!create)
    throw new Error('This version of kafkajs keeps its cluster elsewhere: core/log/kafka-peek.ts has to follow.')
  return create({ metadataMaxAge: METADATA_MS, allowAutoTopicCreation: false, isolationLevel: READ_COMMITTED })
}

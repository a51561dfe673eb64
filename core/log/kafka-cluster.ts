/**
 * kafkajs' own cluster, for what its public interface does not offer: a fetch without a group, the offsets of partitions that were added a moment ago
 * (its admin believes its metadata for five minutes). It is kept behind a symbol; the version is pinned, and test/lag/lag.int.test.ts reads through it.
 */
import type { Kafka } from 'kafkajs'
import { createMutex } from '../runner/mutex.ts'
import { within } from '../within.ts'
import type { LogRecord } from './log.ts'

export const READ_UNCOMMITTED = 0
export const READ_COMMITTED = 1
const METADATA_MS = 30_000
/** So long an answer is waited for: a cluster that hangs is replaced. */
const ANSWER_MS = 50_000
const END_MS = 5_000

interface FetchedRecord {
  offset: string
  timestamp: string
  key: Buffer | null
  value: Buffer | null
  /** Those that an older broker kept may have none. */
  headers?: LogRecord['headers']
  isControlRecord: boolean
}

export interface Broker {
  fetch(request: object): Promise<{
    responses: { topicName: string; partitions: { partition: number; messages: FetchedRecord[] }[] }[]
  }>
  listOffsets(request: {
    isolationLevel: number
    topics: { topic: string; partitions: { partition: number; timestamp: number }[] }[]
  }): Promise<{ responses: { topic: string; partitions: { partition: number; offset: string }[] }[] }>
}

export interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addTargetTopic(topic: string): Promise<void>
  refreshMetadata(): Promise<void>
  refreshMetadataIfNecessary(): Promise<void>
  findTopicPartitionMetadata(topic: string): { partitionId: number }[]
  findLeaderForPartitions(topic: string, partitions: number[]): Record<string, number[]>
  findBroker(which: { nodeId: string }): Promise<Broker>
}

export interface SharedCluster {
  /** Hands over a connected cluster, to one at a time; after a failure, the next call gets a new one. */
  use<T>(work: (cluster: Cluster) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export function createSharedCluster(kafka: () => Kafka): SharedCluster {
  let connecting: Promise<Cluster> | undefined
  let closed = false
  /** Two that fetch the metadata at the same moment each make a broker of it, and kafkajs forgets the first one's connection, open, for ever. */
  const oneByOne = createMutex()

  async function connect(): Promise<Cluster> {
    const cluster = clusterOf(kafka())
    await connected(cluster)
    return cluster
  }

  async function end(old: Promise<Cluster> | undefined): Promise<void> {
    if (!old) return
    await within(
      old.then((c) => c.disconnect()),
      END_MS,
    ).catch(() => undefined) // never connected, lost, or it hangs
  }

  return {
    use: (work) =>
      oneByOne(async () => {
        connecting ??= connect()
        const using = connecting
        try {
          return await within(using.then(work), ANSWER_MS)
        } catch (error) {
          if (connecting === using) connecting = undefined
          void end(using)
          throw error
        } finally {
          if (closed) void end(using) // kafkajs connects again by itself where it was disconnected in the middle of something
        }
      }),
    async close() {
      closed = true
      const old = connecting
      connecting = undefined
      await end(old)
    },
  }
}

/** Connects, or leaves nothing behind: what failed half-way may have opened a connection. */
export async function connected(client: { connect(): Promise<void>; disconnect(): Promise<void> }): Promise<void> {
  try {
    await client.connect()
  } catch (error) {
    await client.disconnect().catch(() => undefined) // there may be nothing to end
    throw error
  }
}

function clusterOf(kafka: Kafka): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find((s) => s.description === 'private:Kafka:createCluster')
  const create = symbol && (kafka as unknown as Record<symbol, (options: object) => Cluster>)[symbol]
  if (!create)
    throw new Error('This version of kafkajs keeps its cluster elsewhere: core/log/kafka-cluster.ts has to follow.')
  return create({ metadataMaxAge: METADATA_MS, allowAutoTopicCreation: false, isolationLevel: READ_COMMITTED })
}

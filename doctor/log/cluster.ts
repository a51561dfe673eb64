/** The brokers, and how the topics lie on them. */
import type { Kafka } from 'kafkajs'
import type { Logger } from 'pino'
import type { Config } from '../../core/config.ts'
import { createKafkaClient } from '../../core/log/kafka-client.ts'
import { connected, createSharedCluster } from '../../core/log/kafka-cluster.ts'
import { logError } from '../../core/log/kafka-errors.ts'
import { within } from '../../core/within.ts'

export interface PartitionFacts {
  partition: number
  /** -1: none. */
  leader: number
  replicas: number
  /** Copies that are up to date. */
  in_sync: number
}

export interface ClusterFacts {
  brokers: number
  /** Newest version of the Fetch request that the broker knows; null: it does not say. */
  fetch: number | null
  /** Of those topics that exist. */
  topics: Map<string, PartitionFacts[]>
}

const FETCH = 1
const END_MS = 3_000

/** Errors: LOG_UNREACHABLE, LOG_AUTH. */
export async function inspectCluster(
  config: Pick<Config, 'kafka'>,
  topics: string[],
  logger: Logger,
): Promise<ClusterFacts> {
  const kafka = createKafkaClient(config.kafka, logger)
  const admin = kafka.admin()
  try {
    await connected(admin)
    const { brokers } = await admin.describeCluster()
    const existing = new Set(await admin.listTopics())
    // asked for by name, a topic that is missing would be an error
    const wanted = topics.filter((t) => existing.has(t))
    const metadata = wanted.length > 0 ? await admin.fetchTopicMetadata({ topics: wanted }) : { topics: [] }
    return {
      brokers: brokers.length,
      fetch: await newestFetch(kafka, brokers[0]?.nodeId),
      topics: new Map(
        metadata.topics.map((t) => [
          t.name,
          t.partitions.map((p) => ({
            partition: p.partitionId,
            leader: p.leader,
            replicas: p.replicas.length,
            in_sync: p.isr.length,
          })),
        ]),
      ),
    }
  } catch (error) {
    throw logError(error, config.kafka.brokers, 'describe the cluster')
  } finally {
    await within(admin.disconnect(), END_MS).catch(() => undefined)
  }
}

/** kafkajs asks every broker that it meets which requests it knows, and keeps the answer. */
async function newestFetch(kafka: Kafka, node: number | undefined): Promise<number | null> {
  if (node === undefined) return null
  const cluster = createSharedCluster(() => kafka)
  try {
    return await cluster.use(async (c) => {
      await c.refreshMetadata()
      const { versions } = (await c.findBroker({ nodeId: String(node) })) as {
        versions?: Record<number, { maxVersion?: number }>
      }
      return versions?.[FETCH]?.maxVersion ?? null
    })
  } catch {
    return null // it is said of the broker for whoever wants to know, and nothing depends on it
  } finally {
    await cluster.close()
  }
}

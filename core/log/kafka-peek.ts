/**
 * Looks at single records of a topic without joining any group: one fetch request per leader, answered at once.
 *
 * kafkajs' public interface only reads as a member of a group, which takes seconds and leaves a group behind.
 */
import { type Cluster, READ_COMMITTED } from './kafka-cluster.ts'
import type { PlacedRecord } from './log.ts'
import { logTime } from './log-time.ts'

/** The first record at or above each offset; null where the log has none (yet), or only control records within reach. */
export async function fetchRecords(
  cluster: Cluster,
  topic: string,
  offsets: Map<number, number>,
): Promise<Map<number, PlacedRecord | null>> {
  await cluster.addTargetTopic(topic)
  await cluster.refreshMetadataIfNecessary()
  const known = new Set(cluster.findTopicPartitionMetadata(topic).map((p) => p.partitionId))
  // a partition that was added since: whoever asks has heard of it
  if ([...offsets.keys()].some((partition) => !known.has(partition))) await cluster.refreshMetadata()
  const found = new Map<number, PlacedRecord | null>([...offsets.keys()].map((partition) => [partition, null]))
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
        if (!first) continue
        const { offset, timestamp, key, value, headers = {} } = first
        found.set(partition, { offset: Number(offset), timestamp: logTime(Number(timestamp)), key, value, headers })
      }
  }
  return found
}

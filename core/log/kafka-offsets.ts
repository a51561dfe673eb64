/** Where each partition of a topic starts and ends, of all the partitions that the broker has now. */
import { type Cluster, READ_COMMITTED, READ_UNCOMMITTED } from './kafka-cluster.ts'
import type { PartitionOffsets } from './log.ts'

const LATEST = -1
const EARLIEST = -2

export async function fetchOffsets(cluster: Cluster, topic: string): Promise<PartitionOffsets[]> {
  await cluster.addTargetTopic(topic)
  await cluster.refreshMetadata()
  const partitions = cluster.findTopicPartitionMetadata(topic).map((p) => p.partitionId)
  // in this order: what is stable is written, and what is written lies above the start
  const starts = await ask(cluster, topic, partitions, EARLIEST, READ_COMMITTED)
  const stable = await ask(cluster, topic, partitions, LATEST, READ_COMMITTED)
  const written = await ask(cluster, topic, partitions, LATEST, READ_UNCOMMITTED)
  return partitions
    .map((partition) => {
      const [start, end, high] = [starts, stable, written].map((answers) => answers.get(partition))
      if (start === undefined || end === undefined || high === undefined)
        throw new Error(`the broker did not say where ${topic}/${partition} ends`)
      return high > end ? { partition, start, end, written: high } : { partition, start, end }
    })
    .sort((a, b) => a.partition - b.partition)
}

async function ask(
  cluster: Cluster,
  topic: string,
  partitions: number[],
  timestamp: number,
  isolationLevel: number,
): Promise<Map<number, number>> {
  const leaders = Object.entries(cluster.findLeaderForPartitions(topic, partitions))
  const answers = await Promise.all(
    leaders.map(async ([nodeId, led]) => {
      const broker = await cluster.findBroker({ nodeId })
      const asked = led.map((partition) => ({ partition, timestamp }))
      return broker.listOffsets({ isolationLevel, topics: [{ topic, partitions: asked }] })
    }),
  )
  const found = answers.flatMap(({ responses }) => responses.flatMap((r) => r.partitions))
  return new Map(found.map(({ partition, offset }) => [partition, Number(offset)]))
}

/**
 * Which partition each record of a request goes to. kafkajs asks, with the partitions that it knows itself: whoever counted them through another client
 * would, after a topic has grown, choose some that kafkajs leaves out of the request without a word.
 *
 * A choice stays for as long as kafkajs tries the same request again. It may have learned of new partitions meanwhile; a record that moved then would be
 * sent under sequence numbers that the broker has seen for others, or to a broker that kafkajs takes for served.
 */
import kafkajs, { type ICustomPartitioner, type Message } from 'kafkajs'

interface Choice {
  partition: number
  /** false: the topic has no such partition, as far as kafkajs knows. */
  exists: boolean
  /** How many partitions kafkajs knew. */
  partitions: number
}

export interface PartitionChoices {
  createPartitioner: ICustomPartitioner
  /** What was chosen for a message since `clear`; undefined where kafkajs has not asked. */
  of(message: Message): Choice | undefined
  clear(): void
}

export function createPartitionChoices(): PartitionChoices {
  const byKey = kafkajs.Partitioners.DefaultPartitioner() // Java's: murmur2 of the key; a partition that is asked for goes before
  let chosen = new Map<Message, Choice>()
  return {
    createPartitioner: () => (args) => {
      const known = chosen.get(args.message)
      if (known) return known.partition
      const partition = byKey(args)
      const exists = args.partitionMetadata.some((p) => p.partitionId === partition)
      chosen.set(args.message, { partition, exists, partitions: args.partitionMetadata.length })
      return partition
    },
    of: (message) => chosen.get(message),
    clear() {
      chosen = new Map()
    },
  }
}

/**
 * Who in a group reads what. kafkajs' own assigner shares out the topics of the member that leads, among all members: where others have subscribed to
 * another topic (the learners of one model over two logs), they throw away what they were given, and theirs is given to nobody. Nobody would read it, and
 * nobody would say so. This one shares out each topic among those who have subscribed to it, in the same way, and under the same name: members of a
 * version before can be in the group.
 */
import kafkajs, { type PartitionAssigner } from 'kafkajs'

const { AssignerProtocol } = kafkajs

/** @param listCheckpoints asked for topics of others, which the leader's own client does not know; what it throws, the join throws, and is tried again */
export const createAssigner =
  (listCheckpoints: (topic: string) => Promise<number[]>): PartitionAssigner =>
  ({ cluster }) => ({
    name: 'RoundRobinAssigner',
    version: 0,
    async assign({ members, topics: own }) {
      const subscribers = new Map<string, string[]>()
      for (const { memberId, memberMetadata } of members)
        for (const topic of AssignerProtocol.MemberMetadata.decode(memberMetadata)?.topics ?? [])
          subscribers.set(topic, [...(subscribers.get(topic) ?? []), memberId])
      const assignments = new Map<string, Record<string, number[]>>(members.map((m) => [m.memberId, {}]))
      for (const [topic, among] of subscribers) {
        const partitions = own.includes(topic)
          ? cluster.findTopicPartitionMetadata(topic).map((p) => p.partitionId)
          : await listCheckpoints(topic)
        for (const [memberId, mine] of shareOut(partitions, among)) (assignments.get(memberId) ?? {})[topic] = mine
      }
      return [...assignments].map(([memberId, assignment]) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version: 0,
          assignment,
          userData: Buffer.alloc(0),
        }),
      }))
    },
    protocol({ topics }) {
      const metadata = AssignerProtocol.MemberMetadata.encode({ version: 0, topics, userData: Buffer.alloc(0) })
      return { name: 'RoundRobinAssigner', metadata }
    },
  })

/** In turn, in the order of the members' ids. */
export function shareOut(partitions: readonly number[], members: readonly string[]): Map<string, number[]> {
  const sorted = [...members].sort()
  const shares = new Map<string, number[]>()
  for (const [i, partition] of partitions.entries()) {
    const member = sorted[i % sorted.length] as string
    shares.set(member, [...(shares.get(member) ?? []), partition])
  }
  return shares
}

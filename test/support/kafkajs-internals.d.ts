/** What the tests' Redpanda Console uses of kafkajs below its public API: single requests to a broker, as franz-go sends them. */
declare module 'kafkajs/src/cluster/index.js' {
  interface TopicAnswer<P> {
    topic: string
    partitions: P[]
  }
  interface FetchedMessage {
    offset: string
    timestamp: string
    key: Buffer | null
    value: Buffer | null
    headers: Record<string, Buffer | Buffer[] | undefined>
    isControlRecord?: boolean
  }
  interface Broker {
    describeGroups(r: { groupIds: string[] }): Promise<{
      groups: { state: string; members: { memberId: string; clientId: string; memberAssignment: Buffer }[] }[]
    }>
    offsetFetch(r: {
      groupId: string
      topics: TopicAnswer<{ partition: number }>[]
    }): Promise<{ responses: TopicAnswer<{ partition: number; offset: string }>[] }>
    offsetCommit(r: {
      groupId: string
      groupGenerationId: number
      memberId: string
      topics: TopicAnswer<{ partition: number; offset: string }>[]
    }): Promise<void>
    listOffsets(r: {
      replicaId: number
      isolationLevel: number
      topics: TopicAnswer<{ partition: number; timestamp: string }>[]
    }): Promise<{ responses: TopicAnswer<{ partition: number; offset: string }>[] }>
    fetch(r: {
      replicaId: number
      isolationLevel: number
      maxWaitTime: number
      topics: TopicAnswer<{ partition: number; fetchOffset: string; maxBytes: number }>[]
    }): Promise<{ responses: TopicAnswer<{ partition: number; messages: FetchedMessage[] }>[] }>
  }
  export default class Cluster {
    constructor(options: object)
    connect(): Promise<void>
    disconnect(): Promise<void>
    addTargetTopic(topic: string): Promise<void>
    findTopicPartitionMetadata(topic: string): { partitionId: number; leader: number }[]
    findBroker(r: { nodeId: number }): Promise<Broker>
    findGroupCoordinator(r: { groupId: string }): Promise<Broker>
  }
}
declare module 'kafkajs/src/network/socketFactory.js' {
  export default function socketFactory(): unknown
}
declare module 'kafkajs/src/broker/index.js' {
  export default class Broker {
    heartbeat(request: object): Promise<void>
    joinGroup(request: object): Promise<object>
  }
}

/** The event log on a Kafka-compatible cluster, through kafkajs. */
import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, { type Admin, type Kafka, type KafkaJSDeleteGroupsError } from 'kafkajs'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { StrandlineError } from '../errors.ts'
import { Late, within } from '../within.ts'
import { createKafkaClient } from './kafka-client.ts'
import { connected, createSharedCluster } from './kafka-cluster.ts'
import { subscribe } from './kafka-consumer.ts'
import { isNamed, isOfType, logError } from './kafka-errors.ts'
import { fetchOffsets } from './kafka-offsets.ts'
import { fetchRecords } from './kafka-peek.ts'
import { createLogProducer } from './kafka-producer.ts'
import type { EventLog, GroupState, PlacedRecord } from './log.ts'
import { createTopicIds } from './topic-id.ts'
import { topicSettings } from './topic-settings.ts'

const { AssignerProtocol } = kafkajs
const STALE_LEADER = ['NOT_LEADER_FOR_PARTITION', 'LEADER_NOT_AVAILABLE']
const STALE = [...STALE_LEADER, 'UNKNOWN_TOPIC_OR_PARTITION']
/** Longer than any request is waited for. */
const REQUEST_MS = 40_000
/** Longer than kafkajs tries again while a broker refuses connections. */
const QUESTION_MS = 60_000
const END_MS = 5_000
/** While a group shares out its partitions, all of its members wait. */
const PARTITIONS_MS = 10_000
const LEADER_WAITS_MS = [50, 100, 250, 500, 1_000, 2_000]

export function createKafkaLog(config: Pick<Config, 'kafka'>, logger: Logger): EventLog {
  const { brokers } = config.kafka
  const client = createKafkaClient(config.kafka, logger)
  let closed = false
  let connecting: Promise<Admin> | undefined
  const replaced = new Set<Promise<Admin>>()

  /** Whatever opens a connection asks for it here: work that outlives `close` must not open one that nobody would end. */
  function kafka(): Kafka {
    if (closed) throw new StrandlineError('LOG_CLOSED', `The connection to Kafka at ${brokers.join(',')} is closed.`)
    return client
  }

  function admin(): Promise<Admin> {
    connecting ??= (async () => {
      const fresh = kafka().admin()
      await connected(fresh)
      return fresh
    })()
    connecting.catch(() => {
      connecting = undefined // the next call tries again
    })
    return connecting
  }

  async function attempt<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw logError(error, brokers, what)
    }
  }

  /** A question of the admin's, which has an end: one that hangs is replaced. */
  function question<T>(what: string, work: () => Promise<T>): Promise<T> {
    return attempt(what, async () => {
      try {
        return await within(work(), QUESTION_MS)
      } catch (error) {
        if (error instanceof Late) replaceAdmin()
        throw error
      }
    })
  }

  /** kafkajs connects again by itself where it was disconnected in the middle of something: then it is disconnected once more. */
  async function asking<T>(work: (a: Admin) => Promise<T>): Promise<T> {
    const using = admin()
    try {
      return await work(await using)
    } catch (error) {
      if (STALE.some((type) => isOfType(error, type))) replaceAdmin() // it asks after what it remembers, for good
      throw error
    } finally {
      if (closed) void end(using)
    }
  }

  /** The next call gets a new admin. The old one may be in the middle of something for somebody else: it ends a while later. */
  function replaceAdmin(): void {
    const stale = connecting
    connecting = undefined
    if (!stale) return
    replaced.add(stale)
    setTimeout(() => end(stale), REQUEST_MS).unref()
  }

  async function end(old: Promise<Admin>): Promise<void> {
    replaced.delete(old)
    await within(
      old.then((a) => a.disconnect()),
      END_MS,
    ).catch(() => undefined) // it never connected, failed already, or hangs
  }

  /** A partition may have no leader for a moment, or another one than a moment ago: whom to ask is asked anew. */
  async function untilLed<T>(work: () => Promise<T>, passing = STALE_LEADER): Promise<T> {
    for (let i = 0; ; i++) {
      try {
        return await work()
      } catch (error) {
        const passes = passing.some((type) => isOfType(error, type)) || isNamed(error, 'KafkaJSBrokerNotFound')
        if (i === LEADER_WAITS_MS.length || !passes) throw error
        await sleep(LEADER_WAITS_MS[i])
      }
    }
  }

  async function recordsAt(topic: string, offsets: Map<number, number>): Promise<Map<number, PlacedRecord | null>> {
    if (offsets.size === 0) return new Map()
    const ask = () => cluster.use((c) => fetchRecords(c, topic, offsets))
    return ask().catch(ask) // a leader that moved, a connection that was lost: once more, from the start
  }

  async function committed(group: string, topic: string): Promise<Map<number, number | null>> {
    const answer = await asking((a) => a.fetchOffsets({ groupId: group, topics: [topic] }))
    return new Map((answer[0]?.partitions ?? []).map((p) => [p.partition, p.offset === '-1' ? null : Number(p.offset)]))
  }

  /** Of a topic that another member of a group reads; none where there is no such topic for us. */
  async function listCheckpoints(topic: string): Promise<number[]> {
    try {
      const ask = () => asking((a) => a.fetchTopicMetadata({ topics: [topic] }))
      const { topics } = await within(ask(), PARTITIONS_MS)
      return topics.flatMap((t) => t.partitions.map((p) => p.partitionId))
    } catch (error) {
      const reason = logError(error, brokers, `share out ${topic}, which another member of our group reads`)
      if (!['LOG_TOPIC_MISSING', 'LOG_AUTH'].includes(reason.code)) throw error
      logger.warn({ err: reason, topic }, `Nobody is given a partition of ${topic}: ${reason.message}`)
      return []
    }
  }

  async function group(id: string, topic: string): Promise<GroupState> {
    const { groups } = await asking((a) => a.describeGroups([id]))
    const members = (groups[0]?.members ?? []).map((m) => ({
      id: m.memberId,
      client: m.clientId,
      host: m.clientHost,
      // a member that is still joining has no assignment
      partitions:
        m.memberAssignment.length > 0
          ? (AssignerProtocol.MemberAssignment.decode(m.memberAssignment)?.assignment[topic] ?? [])
          : [],
    }))
    return { state: groups[0]?.state ?? 'Dead', members }
  }

  async function deleteGroup(id: string): Promise<void> {
    try {
      await asking((a) => a.deleteGroups([id]))
    } catch (error) {
      const [failed] = (error as KafkaJSDeleteGroupsError).groups ?? []
      const { type } = (failed?.error ?? {}) as { type?: string }
      if (type === 'GROUP_ID_NOT_FOUND') return
      if (type !== 'NON_EMPTY_GROUP') throw failed?.error ?? error
      throw new StrandlineError('LOG_GROUP_IN_USE', `The consumer group ${id} has members: it is not deleted.`, {
        todo: 'Stop who reads under it.',
      })
    }
  }

  const producer = createLogProducer(kafka)
  const cluster = createSharedCluster(kafka)
  const topicId = createTopicIds(config.kafka, logger)

  return {
    produce: (topic, records) => attempt(`write to ${topic}`, () => producer.produce(topic, records)),
    consume: (options, handler) =>
      attempt(`read ${options.topic}`, async () => {
        await asking((a) => a.fetchTopicMetadata({ topics: [options.topic] })) // a missing topic is said at once
        return subscribe(
          kafka(),
          { ...options, brokers },
          () => committed(options.group, options.topic),
          handler,
          logger,
          listCheckpoints,
        )
      }),
    offsets: (topic) =>
      question(`read the offsets of ${topic}`, () => untilLed(() => cluster.use((c) => fetchOffsets(c, topic)))),
    committed: (group, topic) => question(`read the offsets of group ${group}`, () => committed(group, topic)),
    group: (id, topic) => question(`describe group ${id}`, () => group(id, topic)),
    deleteGroup: (id) => question(`delete group ${id}`, () => deleteGroup(id)),
    timestamps: (topic, offsets) =>
      question(`read from ${topic}`, async () => {
        const found = await recordsAt(topic, offsets)
        return new Map([...found].map(([partition, record]) => [partition, record?.timestamp ?? null]))
      }),
    recordsAt: (topic, offsets) => question(`read from ${topic}`, () => recordsAt(topic, offsets)),
    topicId,
    topicSettings: (topics) => question('read the settings of topics', () => asking((a) => topicSettings(a, topics))),
    ensureTopics: (topics) =>
      question('create topics', () =>
        // A topic that the admin knew and that is gone, or one that was just made and is not everywhere yet: neither is missing here.
        untilLed(
          () =>
            asking(async (a) => {
              const existing = new Set(await a.listTopics())
              const missing = topics.filter((t) => !existing.has(t.topic))
              if (missing.length === 0) return
              await a.createTopics({
                waitForLeaders: true,
                topics: missing.map((t) => ({
                  topic: t.topic,
                  numPartitions: t.partitions,
                  configEntries: Object.entries(t.config ?? {}).map(([name, value]) => ({ name, value })),
                })),
              })
            }),
          STALE,
        ),
      ),
    async close() {
      closed = true
      await producer.close()
      await cluster.close()
      replaceAdmin()
      await Promise.all([...replaced].map(end))
    },
  }
}

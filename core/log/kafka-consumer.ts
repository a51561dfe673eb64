/**
 * The consuming half of the log: kafkajs' group membership turned into assigned / batch / revoked, one call at a time for each partition.
 *
 * What kafkajs does not give, and what stands in for it here:
 * - no awaited assignment hook: GROUP_JOIN starts `assigned()`, and the partition is paused until that has said where to start. A fetch from the
 *   group's offset meanwhile would be for nothing, and where that lies beyond the end, kafkajs makes it -2, "from the earliest";
 * - the group's offset may have been set ahead of us by hand: it is put back, so that lag is shown as it is;
 * - it fetches no more until all that it fetched was worked on: a batch is taken from it at once, and waits in a queue of its partition (partition-feed.ts);
 * - what still runs after a rebalance may be somebody else's by then: every join makes a new assignment, and work under an old one is told to stop (held-partitions.ts);
 * - it may start at an offset that is not ours: the handler seeks (see partition-runner.ts);
 * - it may read on outside of its group, without a word: it is started again (heartbeat-watch.ts);
 * - it gives up for good on what it takes to be final (credentials, rights): an operator can put those right while we run, so it is started again.
 */
import type { Consumer, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs'
import type { Logger } from 'pino'
import { systemClock } from '../clock.ts'
import type { StrandlineError } from '../errors.ts'
import { within } from '../within.ts'
import { createAssigner } from './assigner.ts'
import { createFetchPace } from './fetch-pace.ts'
import { FetchedRecord } from './fetched-record.ts'
import { createGroupOffsets } from './group-offsets.ts'
import { watchHeartbeats } from './heartbeat-watch.ts'
import { createHeldPartitions } from './held-partitions.ts'
import { connected } from './kafka-cluster.ts'
import { logError } from './kafka-errors.ts'
import type { LogRecord, PartitionHandler, Subscription } from './log.ts'
import { logTime } from './log-time.ts'
import { UnreadableRecord } from './unreadable-record.ts'

export interface ConsumeOptions {
  group: string
  topic: string
  /** For what a person is told. */
  brokers: string[]
  /** Partitions worked on at the same time. */
  concurrency?: number
  /** While records keep coming, milliseconds between two fetches (fetch-pace.ts). */
  paceMs?: number
}

const HEARTBEAT_MS = 3_000
/** After this long without a heartbeat the others share out what a dead member held. A commit that takes longer is no death: see `beat`. */
const SESSION_MS = 10_000
/** kafkajs makes an object of every record of a fetch at once: larger fetches cost memory. */
const MAX_BYTES_PER_PARTITION = 1 << 20
/** Bytes of a partition that may wait while its handler works. */
const MAX_WAITING = 6 << 20
const RESTART_MS = 5_000
const ASK_AGAIN_MS = 1_000
/** So long whoever stops waits for the broker to take the last offsets. */
const LAST_OFFSETS_MS = 2_000

export async function subscribe(
  kafka: Kafka,
  { group, topic, brokers, concurrency = 3, paceMs }: ConsumeOptions,
  committed: () => Promise<Map<number, number | null>>,
  handler: PartitionHandler,
  logger: Logger,
  listCheckpoints: (topic: string) => Promise<number[]>,
): Promise<Subscription> {
  /** Ended by the handler: final. */
  let failure: Error | undefined
  /** The broker will not have us; over once the group is joined again. */
  let broken: StrandlineError | undefined
  let joined = false
  let stopping = false
  let joins = 0
  let restarting: NodeJS.Timeout | undefined
  /** Of the batch that was fetched last: kafkajs has no other. */
  let heartbeat: () => Promise<void> = async () => {}
  const consumer: Consumer = kafka.consumer({
    groupId: group,
    partitionAssigners: [createAssigner(listCheckpoints)],
    sessionTimeout: SESSION_MS,
    rebalanceTimeout: 60_000,
    heartbeatInterval: HEARTBEAT_MS,
    maxBytesPerPartition: MAX_BYTES_PER_PARTITION,
    maxBytes: 3 * MAX_BYTES_PER_PARTITION,
    minBytes: 1,
    maxWaitTimeInMs: 250,
    metadataMaxAge: 30_000,
    allowAutoTopicCreation: false,
    readUncommitted: false,
    retry: {
      initialRetryTime: 100,
      maxRetryTime: 2_000,
      retries: 8,
      restartOnFailure: async () => !stopping && !failure,
    },
  })

  function fail(error: Error): void {
    failure ??= error
    logger.error({ err: error, group }, `consumer of ${topic} stopped: ${error.message}`)
    void consumer.disconnect().catch(() => undefined) // reported above; the service's readiness says so from here on
  }

  const held = createHeldPartitions(
    handler,
    {
      seek: (partition, offset) => consumer.seek({ topic, partition, offset: String(offset) }),
      heartbeat: () => heartbeat(),
      commitOffset: (partition, offset) => groupOffsets.note(partition, offset),
      ended: () => stopping || failure !== undefined,
      fail,
    },
    concurrency,
  )

  function interrupted(error: unknown): void {
    const reason = logError(error, brokers, `read ${topic}`)
    if (broken?.message !== reason.message)
      logger.warn({ err: reason, group }, `reading ${topic} is interrupted: ${reason.message}`)
    broken = reason
  }

  function restartLater(): void {
    restarting = setTimeout(() => {
      if (stopping || failure) return
      consumer
        .connect()
        .then(() => (stopping ? consumer.disconnect() : run()))
        .catch((error) => {
          interrupted(error)
          restartLater()
        })
    }, RESTART_MS)
  }

  const groupOffsets = createGroupOffsets(commitOffsets, systemClock)
  const pace = paceMs === undefined ? undefined : createFetchPace(paceMs, systemClock)

  consumer.on(consumer.events.REBALANCING, () => {
    joined = false
    void groupOffsets.flush() // while the partitions are ours: whoever gets them need not read that again
  })

  /** Whatever comes of it, the group is joined again. */
  function letGo(): void {
    void held.release(held.partitions())
    groupOffsets.drop()
    joined = false
  }

  const heartbeats = watchHeartbeats(
    () => joined && !stopping && !failure,
    () => {
      letGo()
      interrupted(new Error('The group has dropped this member, which joins it anew'))
      consumer
        .disconnect()
        .catch(() => undefined) // it is connected anew in any case
        .then(() => stopping || restartLater())
    },
  )
  consumer.on(consumer.events.HEARTBEAT, heartbeats.heard)

  consumer.on(consumer.events.CRASH, ({ payload }) => {
    letGo()
    if (stopping || failure) return
    interrupted(payload.error)
    if (!payload.restart) restartLater()
  })

  consumer.on(consumer.events.START_BATCH_PROCESS, ({ payload: { partition, batchSize, firstOffset, lastOffset } }) => {
    const assignment = held.get(partition)
    if (!assignment || batchSize > 0) return
    const next = Number(lastOffset) + 1
    assignment.gapEnd = next
    if (firstOffset === null) return // not even control records: nothing is known of what lies between
    assignment.ready.then(
      () => assignment.feed.push({ gap: { partition, from: Number(firstOffset), next } }),
      () => undefined, // said where it failed
    )
  })

  /** The group's offsets: asked until there is an answer, as nothing can start without them. */
  async function committedOffsets(wanted: () => boolean): Promise<Map<number, number | null>> {
    for (;;) {
      try {
        const offsets = await committed()
        broken = undefined
        return offsets
      } catch (error) {
        if (!wanted()) throw error
        interrupted(error)
        await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS))
      }
    }
  }

  async function commitOffsets(offsets: Map<number, number>): Promise<void> {
    try {
      await consumer.commitOffsets(
        [...offsets].map(([partition, offset]) => ({ topic, partition, offset: String(offset) })),
      )
    } catch (error) {
      // Advisory: the truth is in the database. A rebalance under way is the usual cause.
      logger.debug({ err: error, offsets: [...offsets] }, 'offsets not committed to the group')
    }
  }

  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    if (broken) logger.info({ group }, `reading ${topic} goes on`)
    broken = undefined
    joined = true
    heartbeats.heard()
    groupOffsets.drop() // where one was not sent, the partition is read again from the last that was
    const mine = payload.memberAssignment[topic] ?? []
    void held.release(held.partitions().filter((partition) => !mine.includes(partition)))
    consumer.pause([{ topic, partitions: mine }])
    const current = ++joins
    const offsets = committedOffsets(() => joins === current && !stopping && !failure)
    offsets.catch(() => undefined) // each partition's own wait below sees it
    for (const partition of mine) {
      const assignment = held.hold(partition)
      const wanted = () => held.get(partition) === assignment && !stopping && !failure
      assignment.ready = offsets
        .then((all) => {
          if (!wanted()) return null
          const offset = all.get(partition)
          return handler.assigned(
            partition,
            offset === undefined || offset === null || offset === -1 ? null : offset === -2 ? 'earliest' : offset,
          )
        })
        .then(async (start) => {
          if (!wanted()) return
          if (start !== null) consumer.seek({ topic, partition, offset: String(start) })
          consumer.resume([{ topic, partitions: [partition] }])
          const shown = (await offsets).get(partition) ?? null
          if (start !== null && shown !== null && (shown < 0 || shown > start))
            await commitOffsets(new Map([[partition, start]]))
        })
      assignment.ready.catch((error) => {
        if (wanted()) fail(error as Error)
      })
    }
    logger.info(
      { group, partitions: mine, generation: payload.memberId },
      `joined ${group} with ${mine.length} partitions`,
    )
  })

  async function eachBatch({ batch, isRunning, isStale, resolveOffset, ...payload }: EachBatchPayload): Promise<void> {
    const { partition } = batch
    heartbeat = payload.heartbeat
    const assignment = held.get(partition)
    if (!assignment) return
    const isMine = () => isRunning() && !stopping && !failure && held.get(partition) === assignment
    const wait = async (what: Promise<void>) => {
      while (isMine() && !(await settledWithin(what, HEARTBEAT_MS))) await heartbeat()
    }
    await wait(assignment.ready)
    const { feed } = assignment
    while (isMine() && feed.waiting() > MAX_WAITING) await wait(feed.taken())
    const last = batch.messages.at(-1)
    if (!isMine() || isStale() || !last) return // the assignment's own seek, or the handler's, comes first
    const fetchedOffset = Number((batch as unknown as { fetchedOffset: string }).fetchedOffset)
    feed.push({
      batch: {
        topic,
        partition,
        fetchedOffset,
        afterGap: assignment.gapEnd === fetchedOffset,
        nextOffset: Number(batch.lastOffset()) + 1,
        highWatermark: Number(batch.highWatermark),
        records: batch.messages.map(recordOf),
      },
    })
    resolveOffset(last.offset)
    await pace?.rest(Number(batch.highWatermark) > Number(batch.lastOffset()) + 1)
  }

  const run = () =>
    consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: concurrency,
      eachBatch,
    })

  try {
    await connected(consumer)
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await run()
  } catch (error) {
    heartbeats.stop()
    throw error
  }

  return {
    seek(partition, offset) {
      if (held.get(partition)) consumer.seek({ topic, partition, offset: String(offset) })
    },
    partitions: held.partitions,
    joined: () => joined,
    failure: () => failure ?? broken,
    async stop() {
      stopping = true
      heartbeats.stop()
      clearTimeout(restarting)
      await held.idle()
      await within(groupOffsets.flush(), LAST_OFFSETS_MS).catch(() => {}) // the broker is away: what it does not know is read again
      await consumer.disconnect()
      await Promise.all(held.release(held.partitions()))
    },
  }
}

/** What kafkajs hands over is ours already, unless a broker keeps it in a format from before record batches. */
const recordOf = (m: KafkaMessage): LogRecord =>
  m instanceof FetchedRecord || m instanceof UnreadableRecord
    ? m
    : {
        offset: Number(m.offset),
        timestamp: logTime(Number(m.timestamp)),
        key: m.key,
        value: m.value,
        headers: (m.headers ?? {}) as Record<string, Buffer | undefined>,
      }

/** true when the promise has settled, false after `ms`. A rejection is rethrown. */
async function settledWithin(promise: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  try {
    return await Promise.race([promise.then(() => true), timeout])
  } finally {
    clearTimeout(timer)
  }
}

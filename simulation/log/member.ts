/**
 * A member of a group, as core/log/kafka-consumer.ts and kafkajs behave: it hears of a rebalance only by a heartbeat, runs an old batch until it asks, fetches ahead
 * while the handler works, goes on from the group's offset or from wherever it was sent, and passes over what nobody may read.
 */

import { createGroupOffsets } from '../../core/log/group-offsets.ts'
import { createHeldPartitions, type HeldPartition } from '../../core/log/held-partitions.ts'
import type { PartitionHandler, Subscription } from '../../core/log/log.ts'
import type { Call } from '../network.ts'
import type { Process } from '../process.ts'
import type { Stream } from '../streams.ts'
import type { Broker } from './broker.ts'
import type { GroupOffset, Groups, Joined } from './groups.ts'

export interface MemberOptions {
  process: Process
  call: Call
  broker: Broker
  groups: Groups
  chance: Stream
  /** Hears of every fault that happened. */
  happened(fault: string): void
  group: string
  topic: string
  /** Partitions worked on at the same time. */
  concurrency: number
}

const HEARTBEAT_MS = 3_000
const AGAIN_MS = 1_000
const MOST_RECORDS = 16
/** Bytes of a partition that may wait while its handler works: a few fetches. */
const MAX_WAITING = 16 << 10
/** How often kafkajs goes on from somewhere else than it was sent: a fetch that was under way, a reset of its own. */
const ELSEWHERE = 0.08

/** As kafkajs names what is its own affair. */
const kafkaJsError = (name: string, message: string) => Object.assign(new Error(message), { name: `KafkaJS${name}` })

export function joinGroup(options: MemberOptions, handler: PartitionHandler): Subscription {
  const { process, call, broker, groups, chance, happened, group, topic, concurrency } = options
  const { clock } = process
  const id = `${process.name}/${process.ids.uuid().slice(0, 8)}`
  /** Where the next fetch of each partition starts. */
  const positions = new Map<number, number>()
  let generation = -1
  let joined = false
  let joining = false
  let stopping = false
  let heartbeatAt = 0
  let failure: Error | undefined

  const ended = () => stopping || failure !== undefined
  const groupOffsets = createGroupOffsets(async (offsets) => {
    const of = generation
    await call(
      'log',
      'commitOffsets',
      () => groups.commit(group, id, of, offsets),
      `${group} ${JSON.stringify([...offsets])}`,
    ).catch(() => {})
  }, clock)

  const held = createHeldPartitions(
    handler,
    {
      seek: (partition, offset) => void positions.set(partition, offset),
      async heartbeat() {
        const known = joining ? 'rebalance' : clock.monotonic() - heartbeatAt < HEARTBEAT_MS ? 'ok' : await beat()
        if (known === 'lost') throw kafkaJsError('ConnectionError', 'no answer to a heartbeat')
        if (known !== 'ok') throw kafkaJsError('Rebalance', 'the group is rebalancing')
      },
      commitOffset: (partition, offset) => groupOffsets.note(partition, offset),
      ended,
      fail,
    },
    concurrency,
  )

  function fail(error: Error): void {
    failure ??= error
    void call('log', 'leave', () => groups.leave(group, id), group).catch(() => {})
  }

  async function insist<T>(what: string, work: () => T | Promise<T>, wanted: () => boolean): Promise<T | undefined> {
    while (wanted()) {
      try {
        return await call('log', what, work, group)
      } catch {
        await clock.sleep(AGAIN_MS)
      }
    }
  }

  async function join(): Promise<void> {
    if (joining || ended()) return
    joining = true
    joined = false
    void groupOffsets.flush()
    const answer = await insist(
      'join',
      () => groups.join(group, topic, id),
      () => !ended(),
    )
    joining = false
    if (answer && !ended()) takeOver(answer)
  }

  function takeOver(answer: Joined): void {
    generation = answer.generation
    joined = true
    heartbeatAt = clock.monotonic()
    groupOffsets.drop()
    void held.release(held.partitions().filter((partition) => !answer.partitions.includes(partition)))
    const offsets = insist(
      'committed',
      () => groups.committed(group),
      () => generation === answer.generation && !ended(),
    )
    for (const partition of answer.partitions) {
      const mine = held.hold(partition)
      start(partition, mine, offsets).catch((error) => {
        if (held.get(partition) === mine) fail(error as Error)
      })
    }
  }

  async function start(
    partition: number,
    mine: HeldPartition,
    offsets: Promise<Map<number, GroupOffset> | undefined>,
  ): Promise<void> {
    const wanted = () => held.get(partition) === mine && !ended()
    const committed = (await offsets)?.get(partition) ?? null
    if (!wanted()) return
    const at = await handler.assigned(partition, committed)
    if (!wanted()) return
    positions.set(partition, at ?? (typeof committed === 'number' ? committed : 0))
    const { end } = broker.offsets(topic)[partition]!
    if (end > 0 && chance.chance(ELSEWHERE)) {
      positions.set(partition, chance.between(0, end - 1)) // where there is something to read: a process that reads nothing ends itself, which is not modelled
      happened('read-elsewhere')
    }
    if (at !== null && (committed === 'earliest' || (committed ?? 0) > at)) groupOffsets.note(partition, at)
    await read(partition, mine, wanted)
  }

  async function read(partition: number, mine: HeldPartition, wanted: () => boolean): Promise<void> {
    const { feed } = mine
    while (wanted()) {
      if (joining) {
        await clock.sleep(AGAIN_MS)
        continue
      }
      const from = positions.get(partition)!
      const most = chance.between(1, MOST_RECORDS)
      const fetched = await insist('fetch', () => broker.fetch(topic, partition, from, most), wanted)
      while (wanted() && feed.waiting() > MAX_WAITING) await feed.taken()
      if (!wanted() || fetched === undefined || positions.get(partition) !== from) continue
      if (fetched === null) {
        positions.set(partition, 0) // "from the earliest"
        continue
      }
      const { records, next, end } = fetched
      if (next === from) continue
      if (records.length === 0) {
        mine.gapEnd = next
        positions.set(partition, next)
        feed.push({ gap: { partition, from, next } })
        continue
      }
      positions.set(partition, records.at(-1)!.offset + 1)
      const afterGap = mine.gapEnd === from
      feed.push({
        batch: { topic, partition, fetchedOffset: from, afterGap, nextOffset: next, highWatermark: end, records },
      })
    }
  }

  /** 'rebalance': this member has to join again. 'lost': there is no answer. */
  async function beat(): Promise<'ok' | 'rebalance' | 'lost'> {
    heartbeatAt = clock.monotonic()
    const of = generation
    const answer = await call('log', 'heartbeat', () => groups.heartbeat(group, id, of), group).catch(
      () => 'lost' as const,
    )
    if (answer === 'lost' || answer === 'ok' || of !== generation) return answer === 'lost' ? 'lost' : 'ok'
    void join()
    return 'rebalance'
  }

  void (async () => {
    await join()
    while (!ended()) {
      await clock.sleep(HEARTBEAT_MS)
      if (joined && !ended()) await beat()
    }
  })()

  return {
    seek(partition, offset) {
      if (held.get(partition)) positions.set(partition, offset)
    },
    partitions: held.partitions,
    joined: () => joined,
    failure: () => failure,
    async stop() {
      stopping = true
      await held.idle()
      await groupOffsets.flush()
      await call('log', 'leave', () => groups.leave(group, id), group).catch(() => {})
      await Promise.all(held.release(held.partitions()))
    },
  }
}

/**
 * A member of a group, as core/log/kafka-consumer.ts and kafkajs behave: it hears of a rebalance only by a heartbeat, runs an old batch until it asks, goes on
 * from the group's offset or from wherever it was sent, and passes over what nobody may read.
 */

import { createGroupOffsets } from '../../core/log/group-offsets.ts'
import type { BatchControl, PartitionHandler, Subscription } from '../../core/log/log.ts'
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
}

interface Assignment {
  position: number
  /** Where the log went on after it handed over nothing. */
  gapEnd?: number
}

const HEARTBEAT_MS = 3_000
const AGAIN_MS = 1_000
const MOST_RECORDS = 16
/** How often kafkajs goes on from somewhere else than it was sent: a fetch that was under way, a reset of its own. */
const ELSEWHERE = 0.08

/** As kafkajs names what is its own affair. */
class KafkaJSRebalance extends Error {
  override name = 'KafkaJSRebalance'
}

export function joinGroup(options: MemberOptions, handler: PartitionHandler): Subscription {
  const { process, call, broker, groups, chance, happened, group, topic } = options
  const { clock } = process
  const id = `${process.name}/${process.ids.uuid().slice(0, 8)}`
  const held = new Map<number, Assignment>()
  const batches = new Set<{ lost: boolean }>()
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
    for (const batch of batches) batch.lost = true
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
    for (const partition of [...held.keys()])
      if (!answer.partitions.includes(partition)) {
        held.delete(partition)
        void handler.revoked(partition)
      }
    const offsets = insist(
      'committed',
      () => groups.committed(group),
      () => generation === answer.generation && !ended(),
    )
    for (const partition of answer.partitions) {
      const assignment: Assignment = { position: -1 }
      held.set(partition, assignment)
      start(partition, assignment, offsets).catch((error) => {
        if (held.get(partition) === assignment) fail(error as Error)
      })
    }
  }

  async function start(
    partition: number,
    assignment: Assignment,
    offsets: Promise<Map<number, GroupOffset> | undefined>,
  ): Promise<void> {
    const wanted = () => held.get(partition) === assignment && !ended()
    const committed = (await offsets)?.get(partition) ?? null
    if (!wanted()) return
    const at = await handler.assigned(partition, committed)
    if (!wanted()) return
    assignment.position = at ?? (typeof committed === 'number' ? committed : 0)
    const { end } = broker.offsets(topic)[partition]!
    if (end > 0 && chance.chance(ELSEWHERE)) {
      assignment.position = chance.between(0, end - 1) // where there is something to read: a process that reads nothing ends itself, which is not modelled
      happened('read-elsewhere')
    }
    if (at !== null && (committed === 'earliest' || (committed ?? 0) > at)) groupOffsets.note(partition, at)
    await read(partition, assignment, wanted)
  }

  async function read(partition: number, assignment: Assignment, wanted: () => boolean): Promise<void> {
    while (wanted()) {
      const from = assignment.position
      const most = chance.between(1, MOST_RECORDS)
      const fetched = await insist('fetch', () => broker.fetch(topic, partition, from, most), wanted)
      if (!wanted() || fetched === undefined || assignment.position !== from) continue
      if (fetched === null) {
        assignment.position = 0 // "from the earliest"
        continue
      }
      const { records, next, end } = fetched
      if (next === from) continue
      if (records.length === 0) {
        assignment.gapEnd = next
        assignment.position = next
        const control = {
          isActive: wanted,
          seek(offset: number) {
            assignment.position = offset
          },
          commitOffset: async (offset: number) => groupOffsets.note(partition, offset),
        }
        handler.passed?.({ partition, from, next }, control).catch((error) => {
          if (wanted()) fail(error as Error)
        })
        continue
      }
      const running = { lost: false }
      let sought = false
      const control: BatchControl = {
        heartbeat: async () => {
          if (running.lost) throw new KafkaJSRebalance('the group is rebalancing')
          if (clock.monotonic() - heartbeatAt >= HEARTBEAT_MS && !(await beat()))
            throw new KafkaJSRebalance('the group is rebalancing')
        },
        isActive: () => !ended() && !sought && !running.lost && held.get(partition) === assignment,
        seek(offset) {
          sought = true
          assignment.position = offset
        },
        commitOffset: async (offset) => groupOffsets.note(partition, offset),
      }
      batches.add(running)
      try {
        const afterGap = assignment.gapEnd === from
        const batch = { topic, partition, fetchedOffset: from, afterGap, nextOffset: next, highWatermark: end, records }
        await handler.batch(batch, control)
        if (control.isActive()) assignment.position = records.at(-1)!.offset + 1
      } catch (error) {
        if (!(error instanceof KafkaJSRebalance)) return fail(error as Error)
        await clock.sleep(AGAIN_MS)
      } finally {
        batches.delete(running)
      }
    }
  }

  /** false: this member has to join again. */
  async function beat(): Promise<boolean> {
    heartbeatAt = clock.monotonic()
    const of = generation
    const answer = await call('log', 'heartbeat', () => groups.heartbeat(group, id, of), group).catch(() => 'ok')
    if (answer === 'ok' || of !== generation) return true
    void join()
    return false
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
      const assignment = held.get(partition)
      if (assignment) assignment.position = offset
    },
    partitions: () => [...held.keys()].sort((a, b) => a - b),
    joined: () => joined,
    failure: () => failure,
    async stop() {
      stopping = true
      await groupOffsets.flush()
      await call('log', 'leave', () => groups.leave(group, id), group).catch(() => {})
      await Promise.all([...held.keys()].map((partition) => handler.revoked(partition)))
      held.clear()
    },
  }
}

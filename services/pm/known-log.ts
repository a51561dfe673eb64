/** Is the log that the relay would write to the one that this database knows? */

import type { Config } from '../../core/config.ts'
import { findStrandlineError, StrandlineError } from '../../core/errors.ts'
import { type EventLog, type PartitionOffsets, writtenEnd } from '../../core/log/log.ts'
import { isRecord } from '../../core/runner/last-record.ts'
import type { FurthestReader, KnownTopic, Outbox } from '../../core/store/outbox-store.ts'

/**
 * An outbox goes into one topic: whoever takes a row publishes it into his own.
 * @param leave whether it may be moved here, from where STRANDLINE_LEAVE_TOPIC says
 * Resolves to what is known of the topic: nothing where consumers of the database have read none yet.
 * Errors: CONFIG_INVALID where they read others and not this one, or the outbox goes into another.
 */
export async function requireOwnTopic(
  outbox: Pick<Outbox, 'topics'>,
  { topic, leaveTopic }: Pick<Config, 'topic' | 'leaveTopic'>,
  { leave }: { leave: boolean },
): Promise<KnownTopic[]> {
  const { read, goes_to } = await outbox.topics(topic, (leave && leaveTopic) || null)
  const mine = read.filter(([name]) => name === topic)
  const others = [...new Set(read.map(([name]) => name))].join(', ')
  if (mine.length === 0 && read.length > 0)
    throw another(
      `No consumer of this database has read the topic ${topic}: they read ${others}.`,
      'make it (./strandline topics), and start a learner and a projector with it first',
    )
  if (goes_to !== null && goes_to !== topic)
    throw another(
      `The closed trades of this database go into the topic ${goes_to}, not ${topic}.`,
      `start one PM with STRANDLINE_LEAVE_TOPIC=${goes_to}`,
    )
  return mine
}

const another = (what: string, how: string) =>
  new StrandlineError('CONFIG_INVALID', `${what} Nothing is published.`, {
    todo: `Correct STRANDLINE_TOPIC, or take a database of its own for another topic. If it is to be another one from now on: ${how}.`,
  })

/**
 * What is published into another log counts as published, and no consumer of this database ever reads it: wrong brokers, another topic, or one that was made anew.
 * Consumers note which topic they read; where they have, it is not made here. A broker without ids (Redpanda, Kafka before 2.8) is known by how far they have read,
 * and by the record that was applied last.
 * Resolves to false while no consumer has read a topic: it has to be asked again. Errors: CONFIG_INVALID; LOG_CHECKPOINT_LOST; LOG_TOPIC_MISSING; LOG_UNREACHABLE.
 */
export async function requireKnownLog(
  log: Pick<EventLog, 'offsets' | 'recordsAt' | 'topicId'>,
  outbox: Pick<Outbox, 'topics' | 'furthest'>,
  config: Pick<Config, 'topic' | 'kafka' | 'leaveTopic'>,
): Promise<boolean> {
  const { topic, kafka } = config
  const known = await requireOwnTopic(outbox, config, { leave: true })
  const ids = known.flatMap(([, id]) => (id === null ? [] : [id]))
  if (ids.length === 0 && !known.some(([, , begun]) => begun)) return false
  const where = `${topic} at ${kafka.brokers.join(', ')}`
  const read = await outbox.furthest(topic) // before the log says where it ends: consumers go on reading
  const ranges = await log.offsets(topic).catch((error) => {
    throw findStrandlineError(error)?.code === 'LOG_TOPIC_MISSING' ? lost(where, error) : error
  })
  const id = await log.topicId(topic, true)
  const other =
    id !== null && ids.length > 0
      ? !ids.includes(id) && `its id is ${id}, and consumers have read the one with the id ${ids.join(', ')}`
      : (endsBefore(ranges, read) ?? (await hasOther(log, topic, ranges, read)))
  if (other) throw strange(where, other)
  return true
}

/** What a partition ends before, though a consumer has read it; undefined: none does. */
function endsBefore(ranges: PartitionOffsets[], read: FurthestReader[]): string | undefined {
  const ends = new Map(ranges.map((range) => [range.partition, writtenEnd(range)]))
  const beyond = read.find(({ partition, checkpoint }) => checkpoint > (ends.get(partition) ?? 0))
  if (!beyond) return undefined
  const { partition, consumer, checkpoint } = beyond
  return `its partition ${partition} ends at offset ${ends.get(partition) ?? 0}, and ${consumer} has read it up to ${checkpoint}`
}

/** Where another record lies than the one that a consumer has applied from there; undefined: nowhere, or what lies there is gone. */
async function hasOther(
  log: Pick<EventLog, 'recordsAt'>,
  topic: string,
  ranges: PartitionOffsets[],
  read: FurthestReader[],
): Promise<string | undefined> {
  const starts = new Map(ranges.map(({ partition, start }) => [partition, start]))
  const kept = read.flatMap(({ partition, consumer, last_record: last }) =>
    last && last.offset >= (starts.get(partition) ?? 0) ? [{ partition, consumer, last }] : [],
  )
  if (kept.length === 0) return undefined
  const records = await log.recordsAt(topic, new Map(kept.map(({ partition, last }) => [partition, last.offset])))
  const other = kept.find(({ partition, last }) => {
    const found = records.get(partition)
    return found?.offset === last.offset && !isRecord(found, last) // compaction takes single records: a hole says nothing
  })
  return (
    other &&
    `at offset ${other.last.offset} of partition ${other.partition} it has another record than the one that ${other.consumer} has applied`
  )
}

const BELONGING =
  'Name the brokers that belong to this database (KAFKA_BROKERS). If the topic was lost or restored: docs/operations.md, "The topic is lost".'

const strange = (where: string, what: string) =>
  new StrandlineError(
    'LOG_CHECKPOINT_LOST',
    `The topic ${where} is not the one that this database knows: ${what}. Nothing is published there.`,
    { todo: BELONGING },
  )

const lost = (where: string, cause: unknown) =>
  new StrandlineError(
    'LOG_TOPIC_MISSING',
    `The Kafka broker does not have the topic ${where}, though consumers of this database have read it. It is not made anew, and nothing is published.`,
    { todo: BELONGING, cause },
  )

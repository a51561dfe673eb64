/** Is the log that the relay would write to the one that this database knows? */

import type { Config } from '../../core/config.ts'
import { StrandlineError } from '../../core/errors.ts'
import type { EventLog } from '../../core/log/log.ts'
import type { KnownTopic, Outbox } from '../../core/store/outbox-store.ts'

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
 * Consumers note which topic they read; where they have, it is not made here. A broker without ids (Redpanda, Kafka before 2.8) is believed.
 * Resolves to false while no consumer has read a topic: it has to be asked again. Errors: CONFIG_INVALID; LOG_CHECKPOINT_LOST; LOG_TOPIC_MISSING; LOG_UNREACHABLE.
 */
export async function requireKnownLog(
  log: Pick<EventLog, 'offsets' | 'topicId'>,
  outbox: Pick<Outbox, 'topics'>,
  config: Pick<Config, 'topic' | 'kafka' | 'leaveTopic'>,
): Promise<boolean> {
  const { topic, kafka } = config
  const known = await requireOwnTopic(outbox, config, { leave: true })
  const ids = known.flatMap(([, id]) => (id === null ? [] : [id]))
  if (ids.length === 0) return known.some(([, , begun]) => begun)
  await log.offsets(topic)
  const id = await log.topicId(topic, true)
  if (id === null || ids.includes(id)) return true
  throw new StrandlineError(
    'LOG_CHECKPOINT_LOST',
    `The topic ${topic} at ${kafka.brokers.join(', ')} is not the one that this database knows: its id is ${id}, and consumers have read the one with the id ${ids.join(', ')}. Nothing is published there.`,
    {
      todo: 'Name the brokers that belong to this database (KAFKA_BROKERS). If the topic was lost or restored: docs/operations.md, "The topic is lost".',
    },
  )
}

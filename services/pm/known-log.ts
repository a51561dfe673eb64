/** Is the log that the relay would write to the one that this database knows? */

import type { Config } from '../../core/config.ts'
import { StrandlineError } from '../../core/errors.ts'
import type { EventLog } from '../../core/log/log.ts'
import type { Outbox } from '../../core/store/outbox-store.ts'

/**
 * What is published into another log counts as published, and no consumer of this database ever reads it: wrong brokers, or a topic that was made anew. Consumers
 * note which topic they read; where they have, it is not made here. A broker without ids (Redpanda, Kafka before 2.8) is believed.
 * Errors: LOG_CHECKPOINT_LOST; LOG_TOPIC_MISSING; LOG_UNREACHABLE.
 */
export async function requireKnownLog(
  log: Pick<EventLog, 'offsets' | 'topicId'>,
  outbox: Pick<Outbox, 'topicIds'>,
  { topic, kafka }: Pick<Config, 'topic' | 'kafka'>,
): Promise<void> {
  const known = await outbox.topicIds(topic)
  if (known.length === 0) return
  await log.offsets(topic)
  const id = await log.topicId(topic, true)
  if (id === null || known.includes(id)) return
  throw new StrandlineError(
    'LOG_CHECKPOINT_LOST',
    `The topic ${topic} at ${kafka.brokers.join(', ')} is not the one that this database knows: its id is ${id}, and consumers have read the one with the id ${known.join(', ')}. Nothing is published there.`,
    {
      todo: 'Name the brokers that belong to this database (KAFKA_BROKERS). If the topic was lost or restored: docs/operations.md, "The topic is lost".',
    },
  )
}

/** Is the log that is asked the one that a version has learned from? */
import { StrandlineError } from '../../core/errors.ts'
import type { EventLog } from '../../core/log/log.ts'
import { createCheckpointStore } from '../../core/store/checkpoint-store.ts'
import type { ModelVersion } from '../../core/store/model-versions.ts'
import type { Store } from '../../core/store/store.ts'

/**
 * The offsets of another log say nothing of how far the checkpoints are: those of a trial lie far below them, as if all were applied.
 * A broker without ids (Redpanda, Kafka before 2.8) is believed, and so is any log while no checkpoint says which topic was read.
 * Errors: LOG_CHECKPOINT_LOST, LOG_UNREACHABLE, STORE_UNREACHABLE.
 */
export async function requireOwnLog(
  store: Pick<Store, 'rpc'>,
  log: Pick<EventLog, 'topicId'>,
  { model, consumer, topic }: Pick<ModelVersion, 'model' | 'consumer' | 'topic'>,
): Promise<void> {
  const checkpoints = await createCheckpointStore(store).list(consumer, topic)
  const read = new Set(checkpoints.flatMap(({ topic_id }) => topic_id ?? []))
  if (read.size === 0) return
  const id = await log.topicId(topic, true)
  if (id !== null) read.delete(id)
  if (id === null || read.size === 0) return
  throw new StrandlineError(
    'LOG_CHECKPOINT_LOST',
    `This is another log than the one that was learned from: its topic ${topic} has the id ${id}, and the learner of ${model} has read the one with the id ${[...read].join(', ')}.`,
    {
      todo: 'Name the brokers that belong to this database (KAFKA_BROKERS, or --data-dir of its stack); --force switches all the same, whatever the log holds. If the topic was lost or restored: docs/operations.md, "The topic is lost".',
    },
  )
}

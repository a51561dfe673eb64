/** Is the log that is asked the one that a version has learned from? */
import { StrandlineError } from '../../core/errors.ts'
import type { EventLog, PartitionOffsets } from '../../core/log/log.ts'
import { createCheckpointStore } from '../../core/store/checkpoint-store.ts'
import type { ModelVersion } from '../../core/store/model-versions.ts'
import type { Store } from '../../core/store/store.ts'

/**
 * Where the log ends that a version has learned from. The offsets of another one say nothing of how far the checkpoints are: those of a trial lie far below them, as if
 * all were applied. Where either side knows no id (Redpanda, Kafka before 2.8), a log that ends before a checkpoint is another, or has lost what was read.
 * Errors: LOG_CHECKPOINT_LOST, LOG_UNREACHABLE, LOG_TOPIC_MISSING, STORE_UNREACHABLE.
 */
export async function endsOfOwnLog(
  store: Pick<Store, 'rpc'>,
  log: Pick<EventLog, 'offsets' | 'topicId'>,
  { model, consumer, topic }: Pick<ModelVersion, 'model' | 'consumer' | 'topic'>,
): Promise<PartitionOffsets[]> {
  const checkpoints = await createCheckpointStore(store).list(consumer, topic) // before the log says where it ends: learners go on
  const ends = await log.offsets(topic)
  const read = new Set(checkpoints.flatMap(({ topic_id }) => topic_id ?? []))
  const id = read.size > 0 ? await log.topicId(topic, true) : null
  if (id !== null) read.delete(id)
  if (id !== null && read.size > 0)
    throw strange(
      `its topic ${topic} has the id ${id}, and the learner of ${model} has read the one with the id ${[...read].join(', ')}`,
    )
  const endOf = new Map(ends.map(({ partition, end }) => [partition, end]))
  const beyond = checkpoints.find((c) => (c.checkpoint ?? 0) > (endOf.get(c.partition) ?? Number.POSITIVE_INFINITY))
  if (beyond)
    throw strange(
      `its topic ${topic} ends at offset ${endOf.get(beyond.partition)} of partition ${beyond.partition}, and the learner of ${model} has read it up to ${beyond.checkpoint}`,
    )
  return ends
}

const strange = (what: string) =>
  new StrandlineError('LOG_CHECKPOINT_LOST', `This is another log than the one that was learned from: ${what}.`, {
    todo: 'Name the brokers that belong to this database (KAFKA_BROKERS, or --data-dir of its stack). If the topic was lost or restored: docs/operations.md, "The topic is lost".',
  })

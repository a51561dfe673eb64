/** The topics of the loop. */
import type { Config } from '../core/config.ts'
import type { EventLog } from '../core/log/log.ts'

/** Creates what is missing: every closed trade is kept for ever, and so is what could not be applied. */
export async function ensureLoopTopics(
  log: EventLog,
  { topic, deadLetterTopic, partitions }: Pick<Config, 'topic' | 'deadLetterTopic' | 'partitions'>,
): Promise<string[]> {
  const config = { 'retention.ms': '-1' }
  await log.ensureTopics([topic, deadLetterTopic].map((name) => ({ topic: name, partitions, config })))
  return [topic, deadLetterTopic]
}

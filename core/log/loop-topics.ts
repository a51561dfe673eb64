/** The topics of the loop. */
import type { Config } from '../config.ts'
import type { EventLog } from './log.ts'

/** Every closed trade is kept for ever, and so is what could not be applied. */
const KEPT = { 'retention.ms': '-1' }
/** A record's time is the broker's: by it an exit is found to lie in the future, so its producer must not choose it. */
const EVENTS = { ...KEPT, 'message.timestamp.type': 'LogAppendTime' }

/** Creates what is missing; resolves to the names of both. Errors: as EventLog.ensureTopics. */
export async function ensureLoopTopics(
  log: EventLog,
  { topic, deadLetterTopic, partitions }: Pick<Config, 'topic' | 'deadLetterTopic' | 'partitions'>,
): Promise<string[]> {
  await log.ensureTopics([
    { topic, partitions, config: EVENTS },
    { topic: deadLetterTopic, partitions, config: KEPT },
  ])
  return [topic, deadLetterTopic]
}

/** The topics of the loop. */
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { EventLog } from './log.ts'
import { checkLogSettings } from './log-settings.ts'

/** Every closed trade is kept for ever, and so is what could not be applied. */
const KEPT = { 'retention.ms': '-1', 'retention.bytes': '-1' }
/** A record's time is the broker's: by it an exit is found to lie in the future, so its producer must not choose it. */
const EVENTS = { ...KEPT, 'cleanup.policy': 'delete', 'message.timestamp.type': 'LogAppendTime' }

/** Creates what is missing; resolves to the names of both. Errors: as EventLog.ensureTopics; LOG_SETTINGS where an existing topic loses records. */
export async function ensureLoopTopics(
  log: EventLog,
  config: Pick<Config, 'topic' | 'deadLetterTopic' | 'partitions'> & Partial<Pick<Config, 'acceptLogSettings'>>,
  logger?: Logger,
): Promise<string[]> {
  const { topic, deadLetterTopic, partitions } = config
  await log.ensureTopics([
    { topic, partitions, config: EVENTS },
    { topic: deadLetterTopic, partitions, config: KEPT },
  ])
  await checkLogSettings(log, config, logger)
  return [topic, deadLetterTopic]
}

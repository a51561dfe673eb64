/** A topic that is gone from the log, while the database knows what was read of it: made anew it would be another one, and empty. */
import { findStrandlineError } from '../errors.ts'
import type { Outbox } from '../store/outbox-store.ts'
import type { EventLog } from './log.ts'

/** Whether consumers of the database have read this topic, which the log does not have. Errors: STORE_UNREACHABLE, STORE_SCHEMA, LOG_UNREACHABLE, LOG_AUTH. */
export async function isLostTopic(
  log: Pick<EventLog, 'offsets'>,
  outbox: Pick<Outbox, 'topics'>,
  topic: string,
): Promise<boolean> {
  const { read } = await outbox.topics(null, null)
  if (!read.some(([name, , begun]) => name === topic && begun)) return false
  try {
    await log.offsets(topic)
    return false
  } catch (error) {
    if (findStrandlineError(error)?.code === 'LOG_TOPIC_MISSING') return true
    throw error
  }
}

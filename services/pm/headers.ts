import type { PositionClosed } from '../../domain/event.ts'
import { POSITION_CLOSED } from '../../domain/event-type.ts'
import { RECORDED_TIME_HEADER } from '../../domain/record-time.ts'
import { REVISED_BY_HEADER } from '../../domain/revision.ts'
import { traceparentOf } from './trace-context.ts'

/** Fields that are not in the event because they are too long, percent-encoded, separated by commas. */
export const LEFT_OUT_HEADER = 'strandline_left_out'

/**
 * Headers of a record: CloudEvents 1.0, Kafka binding, binary mode, and the W3C trace context. `ce_id` is event_id/revision, so that every
 * revision is an event of its own and a re-publication is the same one. `ce_time` is the exit's time, `ce_recordedtime` when it was closed here.
 */
export function eventHeaders(
  event: PositionClosed,
  traceparent: string | null,
  recordedAt?: string,
): Record<string, string> {
  return {
    ce_specversion: '1.0',
    ce_id: `${event.event_id}/${event.revision}`,
    ce_type: POSITION_CLOSED.type,
    ce_source: `/strandline/${encodeURI(event.source)}`,
    ce_subject: event.position_id,
    ce_time: timeOf(event.closed_at),
    'content-type': 'application/avro',
    ...(event.left_out ? { [LEFT_OUT_HEADER]: encodeURI(event.left_out.join(',').toWellFormed()) } : {}),
    ...(event.revised_by ? { [REVISED_BY_HEADER]: encodeURI(event.revised_by.toWellFormed()) } : {}),
    ...(recordedAt === undefined ? {} : { [RECORDED_TIME_HEADER]: new Date(recordedAt).toISOString() }),
    traceparent: traceparentOf(traceparent, event.event_id, event.revision),
  }
}

/** ISO 8601; a time that no calendar has (a foreign event may carry any number) becomes the nearest that one has. */
function timeOf(ms: number): string {
  return new Date(Math.min(Math.max(ms, 0), 253_402_300_799_999)).toISOString()
}

/** The publication of events, as spans of the traces that began with their closes. */
import { SpanKind } from '@opentelemetry/api'
import type { OutgoingRecord, ProducedRecord } from '../../core/log/log.ts'
import type { OutboxRow } from '../../core/store/outbox-store.ts'
import type { RecordSpans } from '../../core/telemetry.ts'

export function publishSpans(
  batch: { row: OutboxRow; record: OutgoingRecord }[],
  placed: ProducedRecord[],
  topic: string,
  started: number,
  ended: number,
): RecordSpans {
  const records = batch.map(({ row, record }, i) => ({
    traceparent: record.headers?.traceparent,
    attributes: {
      'strandline.event_id': row.payload.event_id,
      'messaging.system': 'kafka',
      'messaging.destination.name': topic,
      'messaging.destination.partition.id': String(placed[i]?.partition),
      'messaging.kafka.offset': placed[i]?.offset,
    },
  }))
  return { name: 'pm.publish', kind: SpanKind.PRODUCER, started, ended, records }
}

/** A chunk processor whose work shows in traces: one span for the chunk, and one in the trace of each record, from its close on. */
import { SpanKind } from '@opentelemetry/api'
import type { Clock } from '../clock.ts'
import { addRecordSpans, inSpan, tracing } from '../telemetry.ts'
import type { Applied, Chunk, ChunkProcessor, Claim } from './chunk-processor.ts'

/** @param name of the service: spans are `<name>.commit` for the chunk and `<name>.apply` for each record */
export function traced(name: string, processor: ChunkProcessor, clock: Pick<Clock, 'now'>): ChunkProcessor {
  async function apply(claim: Claim, chunk: Chunk): Promise<Applied> {
    if (!tracing()) return processor.apply(claim, chunk)
    const where = {
      'messaging.system': 'kafka',
      'messaging.destination.name': claim.topic,
      'messaging.destination.partition.id': String(claim.partition),
    }
    const attributes = {
      ...where,
      'messaging.batch.message_count': chunk.records.length,
      'strandline.epoch': claim.epoch,
    }
    return inSpan(`${name}.commit`, { kind: SpanKind.CONSUMER, attributes, root: true }, async (batch) => {
      const started = clock.now()
      const applied = await processor.apply(claim, chunk)
      if (applied.status === 'ok')
        addRecordSpans({
          name: `${name}.apply`,
          kind: SpanKind.CONSUMER,
          started,
          ended: clock.now(),
          batch,
          records: chunk.records.map((r) => ({
            traceparent: r.headers.traceparent,
            attributes: { ...where, 'messaging.kafka.offset': r.offset },
          })),
        })
      return applied
    })
  }
  return { apply, forget: (claim) => processor.forget(claim) }
}

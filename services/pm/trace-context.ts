/** W3C trace context of an event: what connects the close with the coefficient. */
import { createHash } from 'node:crypto'
import { isSpanContextValid, type Span } from '@opentelemetry/api'

/** `traceparent` of a span, or null when nobody traces. */
export function spanTraceparent(span: Span): string | null {
  const context = span.spanContext()
  if (!isSpanContextValid(context)) return null
  return `00-${context.traceId}-${context.spanId}-${context.traceFlags.toString(16).padStart(2, '0')}`
}

const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** The recorded traceparent where it is one; else one derived from the event, so that a re-publication belongs to the same trace. */
export function traceparentOf(recorded: string | null, eventId: string, revision: number): string {
  if (recorded && TRACEPARENT.test(recorded)) return recorded
  const hash = createHash('sha256').update(`${eventId}/${revision}`).digest('hex')
  return `00-${hash.slice(0, 32)}-${hash.slice(32, 48)}-01`
}

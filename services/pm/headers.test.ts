import { INVALID_SPAN_CONTEXT, trace } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import { type BarredFlatTrade, closingOf } from '../../domain/closing/closing.ts'
import { eventHeaders } from './headers.ts'
import { spanTraceparent } from './trace-context.ts'

const flat = {
  position_id: 'p1',
  trade_id: 't1',
  timeframe: '1h',
  side: 'long',
  entry_price: 1,
  exit_price: 2,
  opened_at: 0,
  now: 0,
  closed_at: 1_000,
  bars: [],
}
const { event } = closingOf(flat as unknown as BarredFlatTrade)

test('headers are those of CloudEvents, Kafka binding, binary mode', () => {
  expect(eventHeaders(event, null)).toMatchObject({
    ce_specversion: '1.0',
    ce_id: `${event.event_id}/0`,
    ce_type: 'strandline.pm.position-closed.v1',
    ce_source: '/strandline/pm',
    ce_subject: 'p1',
    ce_time: '1970-01-01T00:00:01.000Z',
    'content-type': 'application/avro',
  })
})

test('a recorded traceparent is passed on', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  expect(eventHeaders(event, traceparent).traceparent).toBe(traceparent)
})

test.each([
  null,
  '',
  'nonsense',
  '00-00000000000000000000000000000000-b7ad6b7169203331-01',
  '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01',
])('instead of %j there is a valid one, the same at every publication', (recorded) => {
  const { traceparent } = eventHeaders(event, recorded)
  expect(traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  expect(eventHeaders(event, recorded).traceparent).toBe(traceparent)
  expect(eventHeaders({ ...event, revision: 1 }, recorded).traceparent).not.toBe(traceparent)
})

test('a time that no calendar has does not stop the event', () => {
  expect(eventHeaders({ ...event, closed_at: 1e20 }, null).ce_time).toBe('9999-12-31T23:59:59.999Z')
})

test('the traceparent of a close is that of its span, and none where nobody traces', () => {
  const context = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 }
  expect(spanTraceparent(trace.wrapSpanContext(context))).toBe(
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  )
  expect(spanTraceparent(trace.wrapSpanContext(INVALID_SPAN_CONTEXT))).toBeNull()
})

test('tell when the trade was closed here, beside when its exit was', () => {
  const { ce_recordedtime, ce_time } = eventHeaders(event, null, '2026-11-01 10:00:00.123456+00')
  expect(ce_recordedtime).toBe('2026-11-01T10:00:00.123Z')
  expect(ce_time).not.toBe(ce_recordedtime)
  expect(eventHeaders(event, null)).not.toHaveProperty('ce_recordedtime')
})

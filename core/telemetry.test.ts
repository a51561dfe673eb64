import { context, propagation, SpanKind, trace } from '@opentelemetry/api'
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from './clock.ts'
import type { ChunkProcessor } from './runner/chunk-processor.ts'
import { traced } from './runner/traced-processor.ts'
import { addRecordSpans, inSpan, parentOf, startTelemetry, traceEndpoint, tracing } from './telemetry.ts'

const TRACE = 'a'.repeat(32)
const TRACEPARENT = `00-${TRACE}-${'b'.repeat(16)}-01`
let running: { stop(): Promise<void> } | undefined
afterEach(async () => {
  await running?.stop()
  running = undefined
  for (const api of [trace, context, propagation]) api.disable()
})

async function record(): Promise<InMemorySpanExporter> {
  const exporter = new InMemorySpanExporter()
  running = await startTelemetry('test', {}, new SimpleSpanProcessor(exporter))
  return exporter
}

const record0 = (headers: Record<string, Buffer | string>) => ({
  offset: 7,
  timestamp: 0,
  key: null,
  value: null,
  headers,
})
const claim = { topic: 't', partition: 3, epoch: 1, version: 1, checkpoint: 0 }
const processor: ChunkProcessor = { apply: async () => ({ status: 'ok' }), forget: () => {} }

test('nothing is traced, and no SDK loaded, where no exporter is configured', async () => {
  expect(await startTelemetry('test', {})).toBeUndefined()
  expect(tracing()).toBe(false)
  expect(traceEndpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x:4318', OTEL_SDK_DISABLED: 'true' })).toBeUndefined()
})

test('an endpoint that is no URL is named', async () => {
  await expect(startTelemetry('test', { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' })).rejects.toThrow(
    'OTEL_EXPORTER_OTLP_ENDPOINT is not an http(s) URL.',
  )
})

test('a configured exporter registers a tracer', async () => {
  running = await startTelemetry('test', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' })
  expect(tracing()).toBe(true)
})

test('a traceparent of a record is read, and nonsense is none', () => {
  expect(parentOf(Buffer.from(TRACEPARENT))).toMatchObject({ traceId: TRACE, spanId: 'b'.repeat(16), traceFlags: 1 })
  for (const bad of [
    undefined,
    '',
    'x',
    `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
  ])
    expect(parentOf(bad)).toBeUndefined()
})

test('each record of a chunk shows in the trace of its own close, linked to the chunk', async () => {
  const exporter = await record()
  const chunk = {
    records: [record0({ traceparent: Buffer.from(TRACEPARENT) }), record0({})],
    next: 8,
    replay: false,
    commitId: 'c',
  }
  await traced('learner', processor, systemClock).apply(claim, chunk)
  const spans = exporter.getFinishedSpans()
  const batch = spans.find((s) => s.name === 'learner.commit')!
  const applied = spans.filter((s) => s.name === 'learner.apply')
  expect(applied).toHaveLength(1) // the second names no trace
  expect(applied[0]).toMatchObject({ kind: SpanKind.CONSUMER, parentSpanContext: { spanId: 'b'.repeat(16) } })
  expect(applied[0]!.spanContext().traceId).toBe(TRACE)
  expect(applied[0]!.attributes).toMatchObject({ 'messaging.kafka.offset': 7, 'messaging.destination.name': 't' })
  expect(applied[0]!.links[0]!.context.spanId).toBe(batch.spanContext().spanId)
  expect(batch.resource.attributes['service.name']).toBe('strandline-test')
})

test('a chunk that fails has a span with an error, and no record is shown as applied', async () => {
  const exporter = await record()
  const failing: ChunkProcessor = { apply: () => Promise.reject(new Error('no answer')), forget: () => {} }
  const chunk = { records: [record0({ traceparent: TRACEPARENT })], next: 8, replay: false, commitId: 'c' }
  await expect(traced('learner', failing, systemClock).apply(claim, chunk)).rejects.toThrow('no answer')
  expect(exporter.getFinishedSpans()).toMatchObject([{ name: 'learner.commit', status: { message: 'no answer' } }])
})

test('a trace that was not sampled at the close is not shown further on', async () => {
  const exporter = await record()
  const records = [{ traceparent: `00-${TRACE}-${'b'.repeat(16)}-00`, attributes: {} }]
  addRecordSpans({ name: 'x', kind: SpanKind.CONSUMER, started: 1, ended: 2, records })
  expect(exporter.getFinishedSpans()).toEqual([])
})

test('a span ends whatever comes of its work', async () => {
  const exporter = await record()
  expect(await inSpan('good', {}, async () => 1)).toBe(1)
  expect(exporter.getFinishedSpans()).toMatchObject([{ name: 'good' }])
})

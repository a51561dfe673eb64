/**
 * Traces: one trace from the close of a position to its coefficient, through the record's `traceparent`.
 *
 * The code uses OpenTelemetry's API only, which does nothing until a tracer is registered. That happens where an exporter is configured
 * (OTEL_EXPORTER_OTLP_ENDPOINT, or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT); the SDK is loaded only then. Its other variables are read by it: OTEL_SERVICE_NAME,
 * OTEL_RESOURCE_ATTRIBUTES, OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER, OTEL_SDK_DISABLED.
 */
import {
  type Attributes,
  isSpanContextValid,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type SpanContext,
  type SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import type { SpanProcessor } from '@opentelemetry/sdk-trace-base'
import { StrandlineError } from './errors.ts'

const tracer = () => trace.getTracer('strandline')

/** Of one batch or chunk so many records get a span of their own: a trace shows single trades, not a backfill of millions. */
const MOST_SPANS = 500

type Env = Record<string, string | undefined>

/** Where traces go; undefined when nowhere. */
export function traceEndpoint(env: Env): string | undefined {
  if (env.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true') return undefined
  return env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?.trim() || env.OTEL_EXPORTER_OTLP_ENDPOINT?.trim() || undefined
}

/**
 * Registers a tracer for this process where an exporter is configured; resolves to what sends the rest and ends it, or undefined.
 * @param processor instead of the OTLP exporter: for tests
 * Errors: CONFIG_INVALID for an endpoint that is no URL.
 */
export async function startTelemetry(
  service: string,
  env: Env = process.env,
  processor?: SpanProcessor,
): Promise<{ stop(): Promise<void> } | undefined> {
  const endpoint = traceEndpoint(env)
  if (!processor && !endpoint) return undefined
  if (endpoint && !/^https?:\/\//.test(endpoint))
    throw new StrandlineError('CONFIG_INVALID', 'OTEL_EXPORTER_OTLP_ENDPOINT is not an http(s) URL.', {
      todo: 'Write it like http://127.0.0.1:4318.',
    })
  const { NodeTracerProvider, BatchSpanProcessor } = await import('@opentelemetry/sdk-trace-node')
  const { resourceFromAttributes, detectResources, envDetector } = await import('@opentelemetry/resources')
  const exporting =
    processor ??
    new BatchSpanProcessor(new (await import('@opentelemetry/exporter-trace-otlp-http')).OTLPTraceExporter())
  const provider = new NodeTracerProvider({
    // What the environment says comes last: it wins.
    resource: resourceFromAttributes({ 'service.name': `strandline-${service}` }).merge(
      detectResources({ detectors: [envDetector] }),
    ),
    spanProcessors: [exporting],
  })
  provider.register()
  return { stop: () => provider.shutdown() }
}

/** true when a tracer is registered: what would only feed a span need not be computed otherwise. */
export function tracing(): boolean {
  const provider = trace.getTracerProvider()
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer('strandline') !== undefined
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/** What a `traceparent` names; undefined when it is none. https://www.w3.org/TR/trace-context/#traceparent-header */
export function parentOf(traceparent: unknown): SpanContext | undefined {
  const match = TRACEPARENT.exec(String(traceparent ?? ''))
  if (!match) return undefined
  const [, traceId = '', spanId = '', flags = ''] = match
  const parent: SpanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true }
  return isSpanContextValid(parent) ? parent : undefined
}

export interface RecordSpans {
  name: string
  kind: SpanKind
  /** When the work on all of them began and ended; ms. */
  started: number
  ended: number
  records: readonly { traceparent: unknown; attributes: Attributes }[]
  /** The span of the whole batch. */
  batch?: SpanContext
}

/** Adds a span to the trace of each record that names one, after the fact. Does nothing when nobody traces. */
export function addRecordSpans({ name, kind, started, ended, records, batch }: RecordSpans): void {
  if (!tracing()) return
  for (const { traceparent, attributes } of records.slice(0, MOST_SPANS)) {
    const parent = parentOf(traceparent)
    if (!parent) continue
    const links = batch ? [{ context: batch }] : []
    const options = { kind, attributes, links, startTime: started }
    tracer().startSpan(name, options, trace.setSpanContext(ROOT_CONTEXT, parent)).end(ended)
  }
}

/** Runs `work` in a span; an error that it throws is the span's. */
export async function inSpan<T>(
  name: string,
  options: { kind?: SpanKind; attributes?: Attributes; root?: boolean },
  work: (span: SpanContext) => Promise<T>,
): Promise<T> {
  return tracer().startActiveSpan(name, options, async (span) => {
    try {
      return await work(span.spanContext())
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) })
      throw error
    } finally {
      span.end()
    }
  })
}

/** A consumer of the topic as a service: its group, what it reads of an event, what a chunk does. All else that consuming takes is here. */
import type avro from 'avsc'
import type { BodyReader } from '../codec/body-reader.ts'
import { createDecoder, type Decode } from '../codec/decoder.ts'
import { createRegistryClient } from '../codec/registry.ts'
import { unknownSchemaTimeout } from '../codec/unknown-schemas.ts'
import { systemIds } from '../ids.ts'
import { watchConsumer } from '../lag/consumer-watch.ts'
import { checkLogSettings } from '../log/log-settings.ts'
import type { Service, ServiceDeps } from '../service.ts'
import { type CheckpointStore, createCheckpointStore } from '../store/checkpoint-store.ts'
import type { ChunkProcessor } from './chunk-processor.ts'
import { createConsumerMetrics } from './metrics.ts'
import { createPartitionRunner } from './partition-runner.ts'
import { traced } from './traced-processor.ts'

export interface ConsumerDeclaration<Event> {
  service: string
  /** Under which its checkpoints are kept in the database. */
  consumer: string
  /** Kafka's. Two consumers never share one. */
  group: string
  /** Default: that of closed trades. */
  topic?: string
  /** What it reads of an event; the rest is skipped, not decoded. */
  reads: avro.Type | BodyReader<Event>
  /** Partitions worked on at the same time. */
  concurrency: number
  /** Most records of one transaction. */
  maxChunk: number
  /** Where nobody waits for it: while records keep coming, milliseconds between two fetches, so that several are one transaction. */
  paceMs?: number
  /** Where its checkpoints are kept; default: in the database of the service. */
  checkpoints?: CheckpointStore
  /** What a chunk does: one transaction that checks the claim, writes the effect and advances the checkpoint. */
  processor(decode: Decode<Event>): ChunkProcessor
}

/** Joins the group; resolves once it is subscribed. Errors: LOG_UNREACHABLE, LOG_AUTH, LOG_TOPIC_MISSING. */
export async function startConsumer<Event>(
  deps: ServiceDeps,
  declaration: ConsumerDeclaration<Event>,
): Promise<Service> {
  const { config, log, store, clock, logger, liveness, ids = systemIds } = deps
  const { service, consumer, group, reads, concurrency, maxChunk, paceMs, processor } = declaration
  const { checkpoints = createCheckpointStore(store) } = declaration
  const { topic = config.topic } = declaration
  const { registry = createRegistryClient(config.registry) } = deps
  const metrics = createConsumerMetrics(deps.metrics, clock, group)
  const shared = { consumer, topic, holder: ids.process, checkpoints, log, clock }
  const decode = createDecoder<Event>(registry, reads, {
    unknownSchemas: unknownSchemaTimeout(config.registry.unknownAfterMs),
    now: () => clock.now(),
  })
  const runner = createPartitionRunner({
    ...shared,
    ids,
    logger,
    processor: traced(service, processor(decode), clock),
    maxChunk,
    acceptTruncated: config.acceptTruncatedLog,
    admit: () => checkLogSettings(log, { ...config, topic }, logger),
    events: metrics.events,
  })
  const subscription = await log.consume({ group, topic, concurrency, paceMs }, runner)
  const { lag, measured } = metrics
  const watch = watchConsumer({ ...shared, group, subscription, runner, lag, measured, liveness })
  return {
    name: service,
    async ready() {
      const reason = watch.reason()
      return reason === null ? { ok: true } : { ok: false, reason }
    },
    async stop() {
      await watch.stop()
      await subscription.stop()
      metrics.close()
    },
  }
}

/** What every consumer of the topic shows on /metrics, by its group. Names and units as Prometheus' conventions ask. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { recordedAt } from '../../domain/record-time.ts'
import type { Clock } from '../clock.ts'
import { createHeldLag, type HeldLag } from '../lag/held-lag.ts'
import type { RunnerEvents } from './runner-options.ts'

export interface ConsumerMetrics {
  events: RunnerEvents
  lag: HeldLag
  /** To be called after each measurement of the lag, with the number of the topic's partitions. */
  measured(partitions: number): void
  /** The consumer has stopped: what it holds and how far it is behind is no longer told. */
  close(): void
}

const COMMITS = 'strandline_consumer_commits_total'

const DURATIONS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const LATENCIES = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800]
const SIZES = [1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000]
/** Of a large chunk so many records, evenly spread, tell the latencies. */
const SAMPLES = 100

/** Several consumers of a process share the metrics and differ by their group. */
type Metrics = ReturnType<typeof registerMetrics>
const registered = new WeakMap<Registry, Metrics>()

/** A registry that was cleared has forgotten them. */
function metricsOf(registry: Registry, clock: Clock): Metrics {
  const known = registered.get(registry)
  if (known && registry.getSingleMetric(COMMITS) === known.commits) return known
  const made = registerMetrics(registry, clock)
  registered.set(registry, made)
  return made
}

function registerMetrics(registry: Registry, clock: Clock) {
  const registers = [registry]
  /** What each group of this process holds. */
  const held = new Map<string, HeldLag>()
  const commits = new Counter({
    name: COMMITS,
    help: 'Transactions committed.',
    labelNames: ['group', 'partition'],
    registers,
  })
  const fences = new Counter({
    name: 'strandline_consumer_fences_total',
    help: 'Commits refused because another process had claimed the partition.',
    labelNames: ['group'],
    registers,
  })
  const unknown = new Counter({
    name: 'strandline_consumer_unknown_outcomes_total',
    help: 'Commits whose answer was lost, by what had become of them: committed, lost.',
    labelNames: ['group', 'outcome'],
    registers,
  })
  const seconds = new Histogram({
    name: 'strandline_consumer_commit_duration_seconds',
    help: 'From records in hand to the transaction committed.',
    labelNames: ['group'],
    buckets: DURATIONS,
    registers,
  })
  const sizes = new Histogram({
    name: 'strandline_consumer_batch_records',
    help: 'Records in one transaction.',
    labelNames: ['group'],
    buckets: SIZES,
    registers,
  })
  const recordLatency = new Histogram({
    name: 'strandline_consumer_record_latency_seconds',
    help: 'From the record in the log to its effect committed. Large transactions are sampled.',
    labelNames: ['group'],
    buckets: LATENCIES,
    registers,
  })
  const closeLatency = new Histogram({
    name: 'strandline_consumer_close_latency_seconds',
    help: 'From the close in the database to its effect committed (the coefficient, the strand). Large transactions are sampled.',
    labelNames: ['group'],
    buckets: LATENCIES,
    registers,
  })
  new Gauge({
    name: 'strandline_consumer_lag_records',
    help: 'Records between the checkpoint in the database and the end of the partition, of the partitions held.',
    labelNames: ['group', 'partition'],
    registers,
    collect() {
      this.reset() // a partition that another process holds now is that one's to report
      for (const [group, lag] of held)
        for (const partition of lag.partitions()) this.set({ group, partition }, lag.records(partition))
    },
  })
  new Gauge({
    name: 'strandline_consumer_lag_seconds',
    help: 'Age of the oldest record that is not applied, of the partitions held; 0 when all are.',
    labelNames: ['group', 'partition'],
    registers,
    collect() {
      this.reset()
      const now = clock.now()
      for (const [group, lag] of held)
        for (const partition of lag.partitions()) this.set({ group, partition }, lag.seconds(partition, now))
    },
  })
  const measuredAt = new Gauge({
    name: 'strandline_consumer_lag_measured_timestamp_seconds',
    help: 'When the end of the log was last read, in Unix time.',
    labelNames: ['group'],
    registers,
  })
  new Gauge({
    name: 'strandline_consumer_partitions',
    help: 'Partitions held.',
    labelNames: ['group'],
    registers,
    collect() {
      this.reset()
      for (const [group, lag] of held) this.set({ group }, lag.partitions().length)
    },
  })

  const topicPartitions = new Gauge({
    name: 'strandline_consumer_topic_partitions',
    help: 'Partitions of the topic: what all processes of the group hold together.',
    labelNames: ['group'],
    registers,
  })
  return {
    held,
    commits,
    fences,
    unknown,
    seconds,
    sizes,
    recordLatency,
    closeLatency,
    measuredAt,
    topicPartitions,
  }
}

export function createConsumerMetrics(registry: Registry, clock: Clock, group: string): ConsumerMetrics {
  const metrics = metricsOf(registry, clock)
  const { commits, fences, unknown, seconds, sizes, recordLatency, closeLatency, measuredAt, topicPartitions } = metrics
  const lag = createHeldLag()
  metrics.held.set(group, lag)
  // A counter that exists from the start has no first increment that rate() would miss.
  fences.inc({ group }, 0)
  for (const outcome of ['committed', 'lost']) unknown.inc({ group, outcome }, 0)
  for (const histogram of [seconds, sizes, recordLatency, closeLatency]) histogram.zero({ group })

  return {
    lag,
    close() {
      metrics.held.delete(group)
      measuredAt.remove({ group })
      topicPartitions.remove({ group })
    },
    measured(partitions) {
      topicPartitions.set({ group }, partitions)
      measuredAt.set({ group }, clock.now() / 1000)
      for (const partition of lag.partitions()) commits.inc({ group, partition }, 0)
    },
    events: {
      committed({ partition, records, next, highWatermark, ms }) {
        const now = clock.now()
        commits.inc({ group, partition })
        seconds.observe({ group }, ms / 1000)
        sizes.observe({ group }, records.length)
        lag.applied({ partition, next, end: highWatermark, timestamp: records.at(-1)?.timestamp ?? null, now })
        const stride = Math.max(1, Math.ceil(records.length / SAMPLES))
        for (let i = 0; i < records.length; i += stride) {
          const record = records[i] as (typeof records)[number]
          recordLatency.observe({ group }, Math.max(0, now - record.timestamp) / 1000)
          closeLatency.observe({ group }, Math.max(0, now - recordedAt(record)) / 1000)
        }
      },
      fenced: () => fences.inc({ group }),
      unknownOutcome: (_partition, happened) => unknown.inc({ group, outcome: happened ? 'committed' : 'lost' }),
    },
  }
}

/** What the benchmark aims at, and what of it is reached. Pure. */
import type { LatencyResult } from './latency.ts'
import type { LedgerResult } from './ledger.ts'
import type { ThroughputResult } from './throughput.ts'

export interface Aim {
  name: string
  /** e.g. "≥ 3 ×". */
  wanted: string
  /** In the unit of `wanted`; null: not measured. */
  value: number | null
  reached: boolean | null
}

export interface Measured {
  throughput?: Pick<ThroughputResult, 'rates' | 'cpu_us_per_event'>
  /** Peak resident memory of the learner by cardinality, bytes. */
  memory?: Record<string, number>
  latency?: LatencyResult
  ledger?: Pick<LedgerResult, 'ratio'>
}

export const MIB = 1 << 20

const HOLDS = {
  '≥': (value: number, bound: number) => value >= bound,
  '≤': (value: number, bound: number) => value <= bound,
  '<': (value: number, bound: number) => value < bound,
}

function aim(name: string, relation: keyof typeof HOLDS, bound: number, unit: string, value?: number | null): Aim {
  const known = value ?? null
  const reached = known === null || Number.isNaN(known) ? null : HOLDS[relation](known, bound)
  return { name, wanted: `${relation} ${bound} ${unit}`, value: known, reached }
}

/** Only the aims of what was measured. */
export function aimsOf({ throughput, memory, latency, ledger }: Measured): Aim[] {
  const aims: Aim[] = []
  if (throughput) aims.push(...ratesAims(throughput), ...processorAims(throughput))
  if (latency) aims.push(...latencyAims(latency))
  if (memory) aims.push(aim("learner's memory", '<', 400, 'MiB', Math.max(...Object.values(memory)) / MIB))
  if (ledger) aims.push(aim('an event, long ledger / short ledger', '≤', 1.1, '×', ledger.ratio.event))
  return aims
}

/** The learner by another contender. */
const RATIOS = [
  ['Kafka Streams', 'streams', { few: 3, distinct: 2.5 }],
  ['Streams without repartitioning', 'streams_local', { few: 0.8, distinct: 0.8 }],
  ['reader', 'reader', { few: 0.3, distinct: 0.25 }],
] as const

function ratesAims({ rates }: Pick<ThroughputResult, 'rates'>): Aim[] {
  const { learner } = rates
  return (['few', 'distinct'] as const).flatMap((c) =>
    RATIOS.map(([title, name, least]) => {
      const other = rates[name]
      const ratio = learner && other && learner[c].events_per_s / other[c].events_per_s
      return aim(`${c}: learner / ${title}`, '≥', least[c], '×', ratio)
    }),
  )
}

const processorAims = ({ cpu_us_per_event: us }: Pick<ThroughputResult, 'cpu_us_per_event'>): Aim[] => [
  aim('few: processor an event, all processes', '≤', 13, 'µs', us?.few),
  aim('distinct: processor an event, all processes', '≤', 22, 'µs', us?.distinct),
]

const latencyAims = (latency: LatencyResult): Aim[] => [
  aim('processor a close, at 100 a second', '≤', 5, 'ms', latency[100]?.cpu_ms_per_close),
  aim('close → coefficient at 10 a second, p50', '<', 8, 'ms', latency[10]?.p50),
  aim('close → coefficient at 10 a second, p99', '<', 15, 'ms', latency[10]?.p99),
  aim('close → coefficient at 100 a second, p99', '<', 40, 'ms', latency[100]?.p99),
  aim('close → coefficient at 200 a second, p99', '<', 80, 'ms', latency[200]?.p99),
]

/** What the benchmark aims at, and what of it is reached. Pure. */
import type { LatencyResult } from './latency.ts'
import type { LedgerResult } from './ledger/ledger.ts'
import type { ThroughputResult } from './throughput.ts'

export interface Aim {
  name: string
  /** e.g. "≥ 3 ×". */
  wanted: string
  /** null: not measured. */
  value: number | null
  reached: boolean | null
}

export interface Measured {
  throughput?: Pick<ThroughputResult, 'rates'>
  /** Peak resident memory of the learner by cardinality, bytes. */
  memory?: Record<string, number>
  latency?: Pick<LatencyResult, 'close_to_coefficient'>
  ledger?: Pick<LedgerResult, 'ratio'>
}

export const MIB = 1 << 20
/** A B-tree of a hundred times as many rows is one or two levels deeper. */
const FLAT = 1.25

const atLeast = (name: string, least: number, value: number | null): Aim => ({
  name,
  wanted: `≥ ${least} ×`,
  value,
  reached: value === null ? null : value >= least,
})
const below = (name: string, most: number, unit: string, value: number | null): Aim => ({
  name,
  wanted: `< ${most} ${unit}`,
  value,
  reached: value === null ? null : value < most,
})

/** Only the aims of what was measured. */
export function aimsOf({ throughput, memory, latency, ledger }: Measured): Aim[] {
  const aims: Aim[] = []
  if (throughput) {
    const { reader, learner, streams } = throughput.rates
    const ratio = (cardinality: 'few' | 'distinct', to: typeof streams) =>
      learner && to ? learner[cardinality].events_per_s / to[cardinality].events_per_s : null
    aims.push(
      atLeast('learner / Kafka Streams, few', 3, ratio('few', streams)),
      atLeast('learner / Kafka Streams, distinct', 2, ratio('distinct', streams)),
      atLeast('learner / reader, few', 0.4, ratio('few', reader)),
    )
  }
  if (latency) aims.push(below('close → coefficient, p99', 100, 'ms', latency.close_to_coefficient.p99))
  if (memory) aims.push(below("the learner's memory", 512, 'MiB', Math.max(...Object.values(memory)) / MIB))
  if (ledger)
    aims.push({
      name: 'one event, long ledger / short ledger',
      wanted: `≤ ${FLAT} ×`,
      value: ledger.ratio.event,
      reached: ledger.ratio.event <= FLAT,
    })
  return aims
}

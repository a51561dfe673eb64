/** The figures of a result, one a row, in the order in which they are printed. Pure. */
import { MIB } from './aims.ts'
import type { BenchResult } from './bench.ts'
import { CONTENDERS, type Contender } from './context.ts'
import type { Cardinality } from './generate.ts'

export const TITLES: Record<Contender, string> = {
  reader: 'reader',
  learner: 'learner',
  learner_postgrest: 'learner (PostgREST)',
  streams: 'Kafka Streams, exactly_once_v2',
  streams_second: 'Streams committing every second',
  streams_local: 'Streams without repartitioning',
}
export const CARDINALITIES: Cardinality[] = ['few', 'distinct']

export interface Figure {
  name: string
  unit: string
  value: number
  better: 'higher' | 'lower'
}

/** Results of earlier versions lack some, and so does a run of one part. */
export type PartialResult = Partial<BenchResult>

export function figuresOf({ throughput, latency, memory, ledger }: PartialResult): Figure[] {
  const figures: Figure[] = []
  const add = (name: string, unit: string, value: number | null | undefined, better: Figure['better'] = 'lower') => {
    if (typeof value === 'number' && Number.isFinite(value)) figures.push({ name, unit, value, better })
  }
  const rates = throughput?.rates ?? {}
  for (const contender of CONTENDERS)
    for (const c of CARDINALITIES) add(`${contender}, ${c}`, 'events/s', rates[contender]?.[c]?.events_per_s, 'higher')
  for (const contender of ['learner', 'learner_postgrest'] as const)
    for (const c of CARDINALITIES) {
      const { cpu_us_per_event = {}, wal_bytes_per_event } = rates[contender]?.[c] ?? {}
      for (const [process, us] of Object.entries(cpu_us_per_event))
        add(`${contender}, ${c}: ${process}`, 'µs/event', us)
      add(`${contender}, ${c}: WAL`, 'B/event', wal_bytes_per_event)
    }
  for (const c of CARDINALITIES) {
    add(`processor, ${c}`, 'µs/event', throughput?.cpu_us_per_event?.[c])
    for (const [stage, us] of Object.entries(throughput?.stages?.[c] ?? {})) add(`stage ${stage}, ${c}`, 'µs/event', us)
  }
  for (const [rate, one] of Object.entries(latency ?? {})) {
    const at = `${rate} closes/s`
    add(`${at}: p50`, 'ms', one?.p50)
    add(`${at}: p99`, 'ms', one?.p99)
    add(`${at}: closed, p99`, 'ms', one?.closed?.p99)
    add(`${at}: processor`, 'ms/close', one?.cpu_ms_per_close)
    for (const [process, ms] of Object.entries(one?.processes ?? {})) add(`${at}: ${process}`, 'ms/close', ms)
    add(`${at}: transactions`, '/close', one?.transactions_per_close)
    add(`${at}: WAL`, 'B/close', one?.wal_bytes_per_close)
  }
  for (const [of, bytes] of Object.entries(memory ?? {})) add(`learner's memory, ${of}`, 'MiB', bytes / MIB)
  for (const [i, { rows }] of (ledger?.sizes ?? []).entries()) {
    add(`event behind ${rows} trades`, 'ms', ledger?.event?.[i]?.p50)
    add(`correction behind ${rows} trades`, 'ms', ledger?.correction?.[i]?.p50)
  }
  return figures
}

/** What the sections of the benchmark share. */
import type { Config } from '../core/config.ts'
import type { Worker } from './worker.ts'
import type { DatabaseAddress, KafkaAddress } from './workers/engines.ts'

export const SECTIONS = ['latency', 'throughput', 'memory', 'ledger', 'replay'] as const
export type Section = (typeof SECTIONS)[number]

export const CONTENDERS = [
  'reader',
  'learner',
  'learner_postgrest',
  'streams',
  'streams_second',
  'streams_local',
] as const
export type Contender = (typeof CONTENDERS)[number]

export interface BenchOptions {
  /** Events of each topic. */
  events: number
  partitions: number
  rounds: number
  /** With the CloudEvents headers that the PM writes: about 330 bytes more a record. */
  headers: boolean
  /** Who takes part in the throughput. */
  contenders: Contender[]
  /** Closes a second of the latency, one rate after the other. */
  rates: number[]
  /** By which way the services of the latency call the database. */
  store: Config['store']
}

export interface Bench {
  options: BenchOptions
  engines: Worker
  kafka: KafkaAddress
  /** Temporary; removed at the end. */
  dataDir: string
  /** One line for a person who waits. */
  progress(text: string): void
}

/** The environment of a worker or a service that talks to these engines, as `./strandline up` makes it. */
export function environment(
  kafka: KafkaAddress,
  database?: DatabaseAddress,
  store: Config['store'] = 'direct',
): Record<string, string> {
  return {
    KAFKA_BROKERS: kafka.brokers,
    SCHEMA_REGISTRY_URL: kafka.registryUrl,
    ...(database && {
      STRANDLINE_STORE: store,
      DATABASE_URL: database.databaseUrl,
      SUPABASE_URL: database.supabaseUrl,
      SUPABASE_SERVICE_ROLE_KEY: database.key,
    }),
  }
}

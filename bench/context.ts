/** What the sections of the benchmark share. */
import type { Worker } from './worker.ts'
import type { DatabaseAddress, KafkaAddress } from './workers/engines.ts'

export interface BenchOptions {
  /** Events of each topic. */
  events: number
  partitions: number
  rounds: number
  /** With the CloudEvents headers that the PM writes: about 330 bytes more a record. */
  headers: boolean
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

/** The environment of a worker that talks to these engines, as `./strandline up` prints it. */
export function environment(kafka: KafkaAddress, database?: DatabaseAddress): NodeJS.ProcessEnv {
  return {
    KAFKA_BROKERS: kafka.brokers,
    SCHEMA_REGISTRY_URL: kafka.registryUrl,
    // a worker without a database is not asked for one
    SUPABASE_URL: database?.supabaseUrl ?? 'http://127.0.0.1:1',
    SUPABASE_SERVICE_ROLE_KEY: database?.key ?? 'none',
  }
}
